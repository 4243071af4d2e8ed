#!/usr/bin/env python3
"""Time the same work in descent, PyTorch, optax, gonum, vek and plain C.

All contenders run in one go on one machine, in turn, round after round, so that
what slows the machine for a while slows all of them. A slot of a round is a few
repetitions of one work by one contender; its value is their median, and a
contender's time is the median of its slots. Prints Markdown tables and writes
them to compare.md, with compare.json beside it, after each round anew.

    CGO_ENABLED=0 go build -o /tmp/compare ./cmd/compare
    python3 torch/compare.py --descent /tmp/compare --out /tmp/results

Takes PyTorch 2.6 or later, timm, jax with optax, and gcc for the C loops; what is
missing is left out, and the tables say so. Only the processor is used.
"""

import argparse
import datetime
import json
import math
import os
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Each work: what PyTorch must be slower by with all processors and with one
# (None: no bound), and the C loops that move as many bytes.
WORKS = {
    "norm": ((10, 1.5), ["sumsq_float", "sumsq_double"]),
    "norm-clip-adamw": ((2.7, 1.7), ["clip_adamw"]),
    "adamw": ((1.1, 1.3), ["adamw"]),
    "accumulate-add": ((1.1, 1.1), ["axpy"]),
    "accumulate-write": (None, ["scale", "copy"]),
    "adamw-copy-average": ((2.5, 2.5), []),
    "adamw-bf16": (None, []),
    "adamw-fp8": (None, []),
    "sgd-momentum": ((1.2, 1.2), []),
    "lamb": ((1.2, 1.2), []),
    "lion": ((1.2, 1.2), []),
    "adafactor": ((1.2, 1.2), []),
    "muon": (None, []),
    "average": ((1, 1), ["axpy"]),
    "agc": ((5, 5), []),
    "cross-entropy": ((8, 4), ["scale", "copy"]),
    "linear-cross-entropy": ((2, None), []),
    "dropout": ((100, 15), ["scale", "copy"]),
    "dropout-in-place": (None, ["scale_in_place"]),
    "cast-bf16": ((1.3, 1.3), ["bf16"]),
    "cast-bf16-stochastic": (None, ["bf16"]),
    "cast-f16": ((1, 1), ["bf16"]),
    "cast-e4m3": ((1.4, 1.4), ["byte"]),
    "cast-e5m2": (None, ["byte"]),
    "sum-of-squares": (None, ["sumsq_float", "sumsq_double"]),
    "add": (None, ["axpy"]),
    "scale": (None, ["scale_in_place"]),
    "sgd": (None, ["axpy"]),
}

# How much more memory PyTorch must take at once, besides operands and gradients.
MEMORY = {"linear-cross-entropy": 10}

# What descent must reach of the best C loop's speed, for works in memory.
OF_C = 0.9

# The Go libraries' ways to do a work on one vector, and what descent must be
# faster by. They know one thread.
GO_PEERS = {
    "sum-of-squares": {"gonum-nrm2": 50, "gonum-dot": None, "vek-dot": 1},
    "add": {"gonum-axpy": None, "vek-add": None},
    "scale": {"gonum-scal": None, "vek-mulnumber": None},
    "sgd": {"gonum-axpy-sgd": None, "vek-mulnumber-sub": None},
}
# What optax does, compiled.
OPTAX = {"norm", "norm-clip-adamw", "adamw"}

# A repetition lasts at least this: shorter calls are repeated and averaged.
SHORTEST = 0.005  # s
# Repetitions of one slot.
MOST = 9
# A call longer than this needs no other before it to warm up.
LONG = 0.3  # s


def gpt2(layers, width, vocabulary, context):
    """The shapes of a GPT-2 with the output layer tied to the embedding."""
    norm = [(width,), (width,)]
    shapes = [(vocabulary, width), (context, width)]
    for _ in range(layers):
        shapes += norm
        shapes += [(width, 3 * width), (3 * width,), (width, width), (width,)]
        shapes += norm
        shapes += [(width, 4 * width), (4 * width,), (4 * width, width), (width,)]
    return shapes + norm


class Sizes:
    def __init__(self, small):
        layers, width, vocabulary, context = (2, 64, 1000, 64) if small else (12, 768, 50257, 1024)
        self.shapes = gpt2(layers, width, vocabulary, context)
        self.model = sum(math.prod(s) for s in self.shapes)
        self.rows, self.classes = (8, 1000) if small else (512, 50257)
        self.width = width
        self.logits = self.rows * self.classes
        self.vector = 10_000 if small else 10_000_000

    def elements(self, work):
        if work in GO_PEERS:
            return self.vector
        layer = 12 * self.width**2
        return {"cross-entropy": self.logits, "linear-cross-entropy": 4 * self.logits, "muon": layer}.get(work, self.model)


class Program:
    """A program that answers requests, one a line, with a line of JSON."""

    def __init__(self, *command):
        self.command = command
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def ask(self, *words):
        line = " ".join(str(w) for w in words)
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"{self.command[0]} ended with {self.process.wait()} on request '{line}'")
        answer = json.loads(answer)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Descent:
    """descent, or another Go library, in the compare program."""

    def __init__(self, program, work, elements):
        self.program, self.work, self.elements = program, work, elements
        self.last = {}

    def __call__(self, threads, warm, reps, calls):
        self.last = self.program.ask(self.work, threads, warm, reps, calls)
        for key, want in (("threads", threads), ("elements", self.elements)):
            if self.last[key] != want:
                raise RuntimeError(f"{self.work}: {self.last[key]} {key}, want {want}")
        return self.last["seconds"]


class Loop:
    """A C loop."""

    def __init__(self, program, loop, elements):
        self.program, self.loop, self.elements = program, loop, elements

    def __call__(self, threads, warm, reps, calls):
        return self.program.ask(self.loop, self.elements, threads, warm, reps, calls)["seconds"]


class Optax:
    """optax in its program, which has a number of threads of its own."""

    def __init__(self, program, work):
        self.program, self.work = program, work
        self.last = {}

    def __call__(self, threads, warm, reps, calls):
        self.last = self.program.ask(self.work, warm, reps, calls)
        return self.last["seconds"]


class Torch:
    """PyTorch's ways to do one work, each a function without arguments."""

    def __init__(self, torch, function):
        self.torch, self.function = torch, function

    def __call__(self, threads, warm, reps, calls):
        self.torch.set_num_threads(threads)
        for _ in range(warm):
            self.function()
        seconds = []
        for _ in range(reps):
            start = time.perf_counter()
            for _ in range(calls):
                self.function()
            seconds.append((time.perf_counter() - start) / calls)
        return seconds


def peak_memory(torch, function):
    """The most bytes that a call of PyTorch allocates at once."""
    function()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        function()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = least = peak = 0  # what the last call left is freed first
    for e in sorted(events, key=lambda e: e.start_ns()):
        now += e.nbytes()
        least = min(least, now)
        peak = max(peak, now - least)
    return peak


def torch_works(torch, sizes, only):
    """The functions of each work, by name. Where PyTorch has two forms the
    faster one counts. Tensors are kept for all rounds, as in the other
    programs; results that PyTorch allocates on each call, it allocates here."""
    import torch.nn.functional as F

    torch.manual_seed(1)
    works = {}

    model_works = {
        "norm", "norm-clip-adamw", "adamw", "accumulate-add", "accumulate-write", "adamw-copy-average", "adamw-bf16",
        "adamw-fp8", "sgd-momentum", "lamb", "lion", "adafactor", "average", "agc",
    }  # fmt: skip
    if model_works & only:
        params = []
        for shape in sizes.shapes:
            p = torch.nn.Parameter(torch.randn(*shape) * 0.02)
            p.grad = torch.randn(*shape) * 0.02
            params.append(p)
        grads = [p.grad for p in params]
        sums = [torch.zeros_like(g) for g in grads]
        optimizer = torch.optim.AdamW(params, lr=1e-3, weight_decay=0.01, fused=True)

        def clip_and_step():
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            optimizer.step()

        works["norm"] = {"get_total_norm": lambda: torch.nn.utils.get_total_norm(grads)}
        works["norm-clip-adamw"] = {"clip_grad_norm_, AdamW(fused)": clip_and_step}
        works["adamw"] = {"AdamW(fused)": optimizer.step}
        works["accumulate-add"] = {"_foreach_add_": lambda: torch._foreach_add_(sums, grads)}
        works["accumulate-write"] = {"_foreach_copy_": lambda: torch._foreach_copy_(sums, grads)}

        averages = [p.detach().clone() for p in params] if {"average", "adamw-copy-average"} & only else []
        copies = [p.detach().bfloat16() for p in params] if "adamw-copy-average" in only else []

        @torch.no_grad()
        def average():
            torch._foreach_lerp_(averages, params, 0.001)

        @torch.no_grad()
        def step_copy_average():
            optimizer.step()
            torch._foreach_copy_(copies, params)
            torch._foreach_lerp_(averages, params, 0.001)

        works["adamw-copy-average"] = {"AdamW(fused), _foreach_copy_, _foreach_lerp_": step_copy_average}
        works["adamw-bf16"] = works["adamw-fp8"] = works["adamw"]
        works["average"] = {"_foreach_lerp_": average}
        works["sgd-momentum"] = {
            f"SGD({how})": torch.optim.SGD(params, lr=1e-3, momentum=0.9, **{how: True}).step for how in ("foreach", "fused")
        } if "sgd-momentum" in only else {}
        works["adafactor"] = {
            f"Adafactor(foreach={how})": torch.optim.Adafactor(params, foreach=how).step for how in (True, False)
        } if "adafactor" in only else {}
        try:
            import timm.optim
            import timm.utils.agc

            works["lamb"] = {
                "timm Lamb": timm.optim.Lamb(params, lr=1e-3, weight_decay=0.01, max_grad_norm=None).step
            } if "lamb" in only else {}
            works["lion"] = {
                "timm Lion(foreach)": timm.optim.Lion(params, lr=1e-4, weight_decay=0.01, foreach=True).step
            } if "lion" in only else {}
            if "adafactor" in only:
                works["adafactor"]["timm Adafactor"] = timm.optim.Adafactor(params, lr=1e-2).step
            works["agc"] = {"timm adaptive_clip_grad": lambda: timm.utils.agc.adaptive_clip_grad(params, 0.01)}
        except ImportError as e:
            print(f"no timm: {e}", file=sys.stderr)
            works["lamb"] = works["lion"] = works["agc"] = {}

    if "muon" in only:
        w = sizes.width
        layer = [torch.nn.Parameter(torch.randn(*s) * 0.02) for s in ((w, 3 * w), (w, w), (w, 4 * w), (4 * w, w))]
        for p in layer:
            p.grad = torch.randn_like(p) * 0.02
        works["muon"] = {"Muon": torch.optim.Muon(layer, lr=1e-3, weight_decay=0).step}

    if "cross-entropy" in only:
        logits = (torch.randn(sizes.rows, sizes.classes) * 2).requires_grad_()
        targets = torch.randint(sizes.classes, (sizes.rows,))

        def cross_entropy():
            logits.grad = None
            F.cross_entropy(logits, targets, label_smoothing=0.1).backward()

        works["cross-entropy"] = {"cross_entropy, backward": cross_entropy}

    if "linear-cross-entropy" in only:
        tokens = 4 * sizes.rows
        hidden = torch.randn(tokens, sizes.width).requires_grad_()
        weight = (torch.randn(sizes.classes, sizes.width) / math.sqrt(sizes.width)).requires_grad_()
        bias = torch.zeros(sizes.classes).requires_grad_()
        words = torch.randint(sizes.classes, (tokens,))

        def linear_cross_entropy():
            hidden.grad = weight.grad = bias.grad = None
            F.cross_entropy(F.linear(hidden, weight, bias), words, label_smoothing=0.1).backward()

        works["linear-cross-entropy"] = {"linear, cross_entropy, backward": linear_cross_entropy}

    flat = {"dropout", "dropout-in-place", "cast-bf16", "cast-bf16-stochastic", "cast-f16", "cast-e4m3", "cast-e5m2"}
    if flat & only:
        x = torch.randn(sizes.model)
    if "dropout" in only:
        works["dropout"] = {"dropout": lambda: F.dropout(x, p=0.1, training=True)}
    if "dropout-in-place" in only:
        y = torch.randn(sizes.model)
        works["dropout-in-place"] = {"dropout(inplace)": lambda: F.dropout(y, p=0.1, training=True, inplace=True)}

    def casts(dtype):
        out = torch.empty(sizes.model, dtype=dtype)
        return {"copy_": lambda: out.copy_(x), "to": lambda: x.to(dtype)}

    for name, dtype in (
        ("cast-bf16", torch.bfloat16),
        ("cast-bf16-stochastic", torch.bfloat16),  # to nearest: PyTorch has no other
        ("cast-f16", torch.float16),
        ("cast-e4m3", torch.float8_e4m3fn),
        ("cast-e5m2", torch.float8_e5m2),
    ):
        if name in only:
            works[name] = casts(dtype)

    if "sum-of-squares" in only:
        v = torch.randn(sizes.vector)
        works["sum-of-squares"] = {"vector_norm": lambda: torch.linalg.vector_norm(v), "dot": lambda: torch.dot(v, v)}
    if {"add", "scale", "sgd"} & only:
        d, total = torch.randn(sizes.vector) * 0.02, torch.zeros(sizes.vector)
        weights = torch.nn.Parameter(torch.randn(sizes.vector))
        weights.grad = d
        sgd = torch.optim.SGD([weights], lr=1e-3, fused=True)
        works["add"] = {"add_": lambda: total.add_(d)}
        works["scale"] = {"mul_": lambda: d.mul_(-1)}
        works["sgd"] = {"SGD(fused)": sgd.step, "add_(alpha)": torch.no_grad()(lambda: weights.add_(d, alpha=-1e-3))}
    return works


def build_loops(compiler, source, folder):
    """Build the C loops; on x86 also with the widest vectors, which gcc avoids
    by itself. Returns name → path."""
    if shutil.which(compiler) is None:
        print(f"no {compiler}: the C loops are left out", file=sys.stderr)
        return {}
    variants = {"": []}
    if platform.machine() in ("x86_64", "AMD64"):
        variants["-512"] = ["-mprefer-vector-width=512"]
    built = {}
    for name, flags in variants.items():
        path = str(Path(folder) / f"loops{name}")
        command = [compiler, "-O3", "-march=native", "-fno-math-errno", "-fopenmp", *flags, "-o", path, str(source), "-lm"]
        r = subprocess.run(command, capture_output=True, text=True)
        if r.returncode == 0:
            built[name] = path
        else:
            print(f"{' '.join(command)}\n{r.stderr}", file=sys.stderr)
    return built


class Slots:
    """What one contender took for one work with one number of threads."""

    def __init__(self, kind, name, run):
        self.kind, self.name, self.run = kind, name, run
        self.slots = []  # seconds of each repetition, of each round
        self.fastest = None  # s, of any call so far
        self.error = None

    def measure(self, threads, budget, counted):
        if self.error:
            return
        warm, reps, calls = 1, 1, 1
        if counted and self.fastest:
            warm = 0 if self.fastest > LONG else 1
            calls = max(1, math.ceil(SHORTEST / self.fastest))
            reps = min(MOST, max(1, int(budget / (calls * self.fastest))))
        try:
            seconds = self.run(threads, warm, reps, calls)
        except Exception as e:  # one that fails must not end the others
            self.error = f"{type(e).__name__}: {e}"
            print(f"{self.kind} {self.name}: {self.error}", file=sys.stderr)
            return
        self.fastest = max(1e-7, min(seconds + ([self.fastest] if self.fastest else [])))
        if counted:
            self.slots.append(seconds)

    def medians(self):
        return [statistics.median(s) for s in self.slots]

    def time(self):
        return statistics.median(self.medians()) if self.slots and not self.error else math.inf


def best(slots, kind):
    """The fastest contender of a kind, or None."""
    of = [s for s in slots if s.kind == kind and math.isfinite(s.time())]
    return min(of, key=Slots.time, default=None)


def ratio(slow, fast):
    """How often fast fits into slow, and the least and most of any round."""
    rounds = [a / b for a, b in zip(slow.medians(), fast.medians())]
    return slow.time() / fast.time(), min(rounds), max(rounds)


def report(table, threads, sizes, environment, rounds, minutes, memory):
    """The Markdown table and the same as data."""
    e = environment
    lines = [
        "## Processor",
        "",
        f"{e['date']}, {e['processor']}, {e['cpus']} processors, {e['host']}; {rounds} rounds in {minutes:.1f} min. "
        f"descent {e['descent']}, {e['go']}, {'; '.join(e['versions'])}; {e['cc']}.",
        "",
        f"    {e['command']}",
        "",
        "| work | threads | PyTorch ms | descent ms | GB/s | ratio (rounds) | at least | best C ms | of C | |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    rows = []
    for work, (bounds, _) in WORKS.items():
        for t in threads:
            slots = table.get((work, t))
            if not slots:
                continue
            mine, torch, c = (best(slots, kind) for kind in ("descent", "torch", "c"))
            if mine is None:
                lines.append(f"| {work} | {t} | | failed | | | | | | |")
                continue
            moved = mine.run.last["bytes"]
            row = {"work": work, "threads": t, "bytes": moved, "descent": mine.time()}
            bound = bounds and bounds[0 if t > 1 else 1]
            cells = ["", ""]  # PyTorch's time, ratio
            missed = []
            if torch:
                r, low, high = ratio(torch, mine)
                row |= {"torch": torch.time(), "ratio": r, "ratio_rounds": [low, high], "torch_form": torch.name}
                cells = [f"{torch.time() * 1e3:.2f}", f"{r:.2f}× ({low:.2f} to {high:.2f})"]
                if bound:
                    row["bound"] = bound
                    if r < bound:
                        missed.append("ratio")
            of_c = ["", ""]
            if c:
                share, low, high = ratio(c, mine)
                row |= {"c": c.time(), "of_c": share, "of_c_rounds": [low, high], "c_loop": c.name}
                of_c = [f"{c.time() * 1e3:.2f} {c.name}", f"{share * 100:.0f} %"]
                if share < OF_C:
                    missed.append("C")
            row["missed"] = missed
            rows.append(row)
            lines.append(
                f"| {work} | {t} | {cells[0]} | {mine.time() * 1e3:.2f} | {moved / mine.time() / 1e9:.0f} | {cells[1]} "
                f"| {f'{bound}×' if bound else ''} | {of_c[0]} | {of_c[1]} | {'misses ' + ', '.join(missed) if missed else ''} |"
            )
    peers = []
    for (work, t), slots in table.items():
        mine = best(slots, "descent")
        for peer in slots:
            if mine is None or peer.kind not in ("optax", "go") or not math.isfinite(peer.time()):
                continue
            by = "optax jit" if peer.kind == "optax" else peer.name
            r, low, high = ratio(peer, mine)
            bound = GO_PEERS.get(work, {}).get(peer.name)
            missed = bound is not None and r < bound
            rows.append({"work": work, "by": by, "threads": t, "seconds": peer.time(), "descent": mine.time(),
                         "ratio": r, "ratio_rounds": [low, high], "bound": bound, "missed": missed})  # fmt: skip
            peers.append(
                f"| {work} | {t} | {by} | {peer.time() * 1e3:.3f} | {mine.time() * 1e3:.3f} "
                f"| {r:.2f}× ({low:.2f} to {high:.2f}) | {f'{bound}×' if bound else ''} | {'misses' if missed else ''} |"
            )
    for work, theirs in memory.items():
        slots = [best(table[work, t], "descent") for t in threads]
        mine = max((s.run.last["taken"] for s in slots if s), default=0)
        if mine:
            bound = MEMORY[work]
            rows.append({"work": work, "torch_peak": theirs, "taken": mine, "ratio": theirs / mine, "bound": bound})
            lines += [
                "",
                f"Memory of {work} besides operands and gradients: PyTorch {theirs / 1e6:.0f} MB at once, descent "
                f"{mine / 1e6:.0f} MB: {theirs / mine:.1f}×, at least {bound}×{' (misses)' if theirs < bound * mine else ''}.",
            ]
    if peers:
        lines += [
            "",
            f"optax in the model's works; the Go libraries, which know one thread, on {sizes.vector} float32.",
            "",
            "| work | threads | by | ms | descent ms | ratio (rounds) | at least | |",
            "|---|--:|---|--:|--:|--:|--:|---|",
            *peers,
        ]
    errors = sorted({f"{s.kind} {s.name}: {s.error}" for slots in table.values() for s in slots if s.error})
    if errors:
        lines += ["", "Left out:", ""] + [f"- {e}" for e in errors]
    raw = [
        {"work": work, "threads": t, "kind": s.kind, "name": s.name, "slots": s.slots, "error": s.error}
        for (work, t), slots in table.items()
        for s in slots
    ]
    return "\n".join(lines) + "\n", {"environment": environment, "rounds": rounds, "errors": errors, "rows": rows, "raw": raw}


def processor():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def huge_pages():
    try:
        return Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text().strip()
    except OSError:
        return "unknown"


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "no C compiler"


def descent_version():
    here = Path(__file__).resolve().parent
    try:
        return subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "of no known commit"


def go_libraries():
    """The versions of the Go libraries, as the module requires them."""
    text = (Path(__file__).resolve().parent.parent / "go.mod").read_text()
    return [f"{m[1]} {m[2]}" for m in re.finditer(r"\S+/(gonum|vek) (v\S+)", text)]


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--descent", required=True, help="the compare program, built from cmd/compare")
    p.add_argument("--out", default=".", help="folder for compare.md and compare.json")
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--minutes", type=float, default=5, help="start no round that would end later than this")
    p.add_argument("--budget", type=float, default=0.1, help="seconds of repetitions in one slot; a long call still runs once")
    p.add_argument("--only", default=",".join(WORKS), help="comma-separated works")
    p.add_argument("--threads", help="comma-separated numbers; all processors and 1 by default")
    p.add_argument("--cc", default="gcc")
    p.add_argument("--no-optax", action="store_true", help="leave optax out")
    p.add_argument("--small", action="store_true", help="tiny tensors, to try the script itself")
    a = p.parse_args()
    a.only = a.only.split(",")
    if unknown := [w for w in a.only if w not in WORKS]:
        p.error(f"no work {', '.join(unknown)}: want some of {', '.join(WORKS)}")
    if not os.access(a.descent, os.X_OK):
        p.error(f"--descent {a.descent} is not a program: build it with go build ./cmd/compare")
    if a.rounds < 1:
        p.error("--rounds wants at least 1")
    return a


def main():
    args = arguments()
    began = time.monotonic()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch is imported
    versions = []
    try:
        import torch

        versions.append(f"PyTorch {torch.__version__}")
    except ImportError as e:
        torch = None
        versions.append(f"PyTorch left out: {e}")
    try:
        import timm

        versions.append(f"timm {timm.__version__}")
    except ImportError:
        pass

    sizes = Sizes(args.small)
    cpus = len(os.sched_getaffinity(0))
    threads = [int(t) for t in args.threads.split(",")] if args.threads else sorted({cpus, 1}, reverse=True)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    environment = {
        "date": datetime.date.today().isoformat(),
        "command": "python3 " + shlex.join(sys.argv),
        "descent": descent_version(),
        "versions": [*versions, *go_libraries()],
        "processor": processor(),
        "cpus": cpus,
        "huge_pages": huge_pages(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "cc": first_line(args.cc, "--version"),
    }

    source = Path(__file__).resolve().parent.parent / "c" / "loops.c"
    descent = Program(os.path.abspath(args.descent), "-serve", *(["-small"] if args.small else []))
    with tempfile.TemporaryDirectory() as folder:
        loops = {name: Program(path, str(sizes.model)) for name, path in build_loops(args.cc, source, folder).items()}
        torch_set = torch_works(torch, sizes, set(args.only)) if torch else {}
        memory = {work: peak_memory(torch, f) for work in MEMORY for f in torch_set.get(work, {}).values()}
        optax = {}
        if OPTAX & set(args.only) and not args.no_optax:
            serve = Path(__file__).resolve().parent.parent / "optax" / "serve.py"
            shapes = json.dumps(sizes.shapes)
            optax = {t: Program(sys.executable, str(serve), "--threads", str(t), "--shapes", shapes) for t in threads}

        table = {}  # (work, threads) → [Slots]
        for t in threads:
            for work in args.only:
                n = sizes.elements(work)
                slots = [Slots("torch", form, Torch(torch, f)) for form, f in torch_set.get(work, {}).items()]
                slots.append(Slots("descent", work, Descent(descent, work, n)))
                for loop in WORKS[work][1]:
                    slots += [Slots("c", loop + width, Loop(program, loop, n)) for width, program in loops.items()]
                if t in optax and work in OPTAX:
                    slots.append(Slots("optax", "jit", Optax(optax[t], work)))
                if t == 1:
                    slots += [Slots("go", peer, Descent(descent, peer, n)) for peer in GO_PEERS.get(work, {})]
                table[work, t] = slots

        # Round 0 maps memory, starts threads and finds how long calls take.
        last = 0.0  # s, the longest round
        done = 0
        for r in range(args.rounds + 1):
            start = time.monotonic()
            if done > 0 and start + last - began > 60 * args.minutes:
                print(f"{done} rounds in the {args.minutes} minutes given", file=sys.stderr)
                break
            for (_, t), slots in table.items():
                # Every contender is first in some round.
                k = r % len(slots)
                for s in slots[k:] + slots[:k]:
                    s.measure(t, args.budget, counted=r > 0)
            last = max(last, time.monotonic() - start) if r > 0 else 0.0
            print(f"round {r}: {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
            if r == 0:
                answers = {}
                for s in (s for slots in table.values() for s in slots):
                    if isinstance(s.run, (Descent, Optax)) and s.run.last:
                        answers[type(s.run)] = s.run.last
                environment["host"] = answers.get(Descent, {}).get("host", "descent failed")
                environment["go"] = answers.get(Descent, {}).get("go", "")
                if optax:
                    environment["versions"].append(answers.get(Optax, {}).get("versions", "optax left out"))
                continue
            done = r
            text, data = report(table, threads, sizes, environment, done, (time.monotonic() - began) / 60, memory)
            (out / "compare.md").write_text(text)
            (out / "compare.json").write_text(json.dumps(data, indent=1))
        print(text)
        for program in (descent, *loops.values(), *optax.values()):
            program.close()


if __name__ == "__main__":
    main()
