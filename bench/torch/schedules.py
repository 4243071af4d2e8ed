#!/usr/bin/env python3
"""Time one value of a schedule in PyTorch, optax and descent, in one run.

PyTorch's is scheduler.step() on an optimizer with one group; optax's is the
schedule called with a step, eager and jitted, the result brought to the host.
Each time is the median of rounds. Prints a Markdown table.

    CGO_ENABLED=0 go build -o /tmp/schedules ./cmd/schedules
    python3 torch/schedules.py --descent /tmp/schedules
"""

import argparse
import json
import os
import statistics
import subprocess
import time
import warnings

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["JAX_PLATFORMS"] = "cpu"

STEPS = 100_000
CALLS = 2000  # of one round
ROUNDS = 7


def torch_schedules(torch):
    s = torch.optim.lr_scheduler

    def of(make):
        def fresh():
            o = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3, momentum=0.9)
            o.step()
            scheduler = make(o)
            return scheduler.step

        return fresh

    return {
        "cosine": of(lambda o: s.CosineAnnealingLR(o, STEPS, 1e-5)),
        "warmup-cosine": of(
            lambda o: s.SequentialLR(
                o, [s.LinearLR(o, 1e-3, total_iters=1000), s.CosineAnnealingLR(o, STEPS - 1000)], [1000]
            )
        ),
        "one-cycle": of(lambda o: s.OneCycleLR(o, 1e-3, total_steps=STEPS)),
        "restarts": of(lambda o: s.CosineAnnealingWarmRestarts(o, 1000, 2)),
        "exponential": of(lambda o: s.ExponentialLR(o, 0.96 ** (1 / 1000))),
    }


def optax_schedules(optax, jnp):
    cosine = optax.cosine_decay_schedule(1e-3, STEPS)
    warmup = optax.warmup_cosine_decay_schedule(0.0, 1e-3, 1000, STEPS)
    return {
        "cosine": optax.cosine_decay_schedule(1e-3, STEPS, 0.01),
        "warmup-cosine": warmup,
        "one-cycle": optax.cosine_onecycle_schedule(STEPS, 1e-3),
        "restarts": optax.sgdr_schedule(
            [dict(init_value=0.0, peak_value=1e-3, decay_steps=1000 * 2**i, warmup_steps=0) for i in range(6)]
        ),
        "exponential": optax.exponential_decay(1e-3, 1000, 0.96),
        "six-deep": lambda t: 0.5 * jnp.clip(jnp.maximum(1e-6, warmup(t + 10)), 1e-6, 1.0),
    }


def timed(f, calls):
    start = time.perf_counter()
    f(calls)
    return (time.perf_counter() - start) / calls * 1e9


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--descent", required=True, help="the program built from cmd/schedules")
    p.add_argument("--rounds", type=int, default=ROUNDS)
    a = p.parse_args()
    warnings.filterwarnings("ignore")
    times = {}  # (name, by) → ns of each round

    contenders = []
    versions = []
    try:
        import torch

        versions.append(f"PyTorch {torch.__version__}")
        for name, fresh in torch_schedules(torch).items():

            def run(calls, fresh=fresh):
                step = fresh()
                for _ in range(calls):
                    step()

            contenders.append((name, "PyTorch", run))
    except ImportError as e:
        print(f"no PyTorch: {e}")
    try:
        import jax
        import optax

        versions.append(f"optax {optax.__version__}")
        for name, s in optax_schedules(optax, jax.numpy).items():
            jitted = jax.jit(s)

            def eager(calls, s=s):
                for t in range(calls // 10):
                    float(s(t))

            def compiled(calls, s=jitted):
                for t in range(calls):
                    float(s(t))

            contenders += [(name, "optax eager", lambda c, f=eager: f(c)), (name, "optax jit", compiled)]
    except ImportError as e:
        print(f"no optax: {e}")

    for r in range(a.rounds):
        for name, by, run in contenders:
            if r == 0:
                run(20)
            ns = timed(run, CALLS)
            times.setdefault((name, by), []).append(ns * 10 if by == "optax eager" else ns)
        out = json.loads(subprocess.run([a.descent], check=True, capture_output=True, text=True).stdout)
        for name, ns in out.items():
            times.setdefault((name, "descent"), []).append(ns)

    columns = ["descent", "PyTorch", "optax jit", "optax eager"]
    print(", ".join(versions), f"; {a.rounds} rounds; ns for a value")
    print()
    print("| schedule |", " | ".join(columns), "| least ratio |")
    print("|---|" + "--:|" * (len(columns) + 1))
    for name in sorted({n for n, _ in times}):
        row = {by: statistics.median(times[name, by]) for by in columns if (name, by) in times}
        others = [v for by, v in row.items() if by != "descent"]
        ratio = f"{min(others) / row['descent']:.0f}×" if others else ""
        print(f"| {name} |", " | ".join(f"{row[by]:.0f}" if by in row else "" for by in columns), f"| {ratio} |")


if __name__ == "__main__":
    main()
