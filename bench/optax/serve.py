#!/usr/bin/env python3
"""Answer requests for optax's works, as cmd/compare -serve does for descent's.

torch/compare.py starts one such process for each number of threads: XLA's are
as many as the processors that the process may use when jax is imported.
A request is a line

    work warm reps calls

and its answer a line of JSON. Parameters and state are donated to the compiled
function, which is how optax updates in place.
"""

import argparse
import json
import os
import sys
import time

RATE, DECAY = 1e-3, 0.01


def works(jax, optax, shapes):
    """The functions of each work, made when first asked for and kept."""
    import functools

    import numpy as np

    rng = np.random.default_rng(1)

    @functools.cache
    def normal(what):
        return [jax.numpy.asarray(rng.standard_normal(s, dtype=np.float32) * np.float32(0.02)) for s in shapes]

    def norm():
        f = jax.jit(optax.global_norm)
        return lambda: f(normal("gradients")).block_until_ready()

    def step(transform):
        grads = normal("gradients")
        kept = {"params": normal("parameters")}

        @functools.partial(jax.jit, donate_argnums=(0, 1))
        def f(params, state, grads):
            updates, state = transform.update(grads, state, params)
            return optax.apply_updates(params, updates), state

        # Copies: what is donated is gone.
        kept["params"] = [p.copy() for p in kept["params"]]
        kept["state"] = transform.init(kept["params"])

        def run():
            kept["params"], kept["state"] = f(kept["params"], kept["state"], grads)
            jax.block_until_ready(kept)

        return run

    adamw = optax.adamw(RATE, weight_decay=DECAY)
    made = {
        "norm": norm,
        "adamw": lambda: step(adamw),
        "norm-clip-adamw": lambda: step(optax.chain(optax.clip_by_global_norm(1.0), adamw)),
    }
    return {name: functools.cache(make) for name, make in made.items()}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--threads", type=int, required=True)
    p.add_argument("--shapes", required=True, help="JSON list of lists")
    a = p.parse_args()
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: a.threads])
    try:
        import jax
        import optax

        made = works(jax, optax, [tuple(s) for s in json.loads(a.shapes)])
        versions = f"optax {optax.__version__} on jax {jax.__version__}"
    except Exception as e:
        made, versions = {}, str(e)
    for line in sys.stdin:
        try:
            work, warm, reps, calls = line.split()
            if not made:
                raise ImportError(versions)
            run = made[work]()
            for _ in range(int(warm)):
                run()
            seconds = []
            for _ in range(int(reps)):
                start = time.perf_counter()
                for _ in range(int(calls)):
                    run()
                seconds.append((time.perf_counter() - start) / int(calls))
            answer = {"seconds": seconds, "versions": versions}
        except Exception as e:  # the next request is served
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
