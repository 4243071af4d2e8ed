#!/usr/bin/env python3
"""Time the same work on one NVIDIA GPU in PyTorch and in descent.

Round after round, PyTorch's works are timed one after another in this process,
then descent's by the benchmarks of package gpu, on the same device. PyTorch's
time of a round is the median over repetitions, between CUDA events, queued
without waiting; descent's is the mean of as many, with the wait for the last.
A time is the median of rounds. Where PyTorch has several forms of a work the
faster one counts; a compiled or captured one has a row of its own. Prints
Markdown and writes it to gpu.md, with gpu.json beside it, after each round.

    go test -c -o /tmp/gpu.test ../gpu
    python3 torch/gpu.py --descent /tmp/gpu.test --out /tmp/results

Needs PyTorch 2.6 or later with CUDA, and about 40 GB of the GPU's memory.
"""

import argparse
import datetime
import gc
import json
import math
import os
import re
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

from compare import descent_version, gpt2

MODEL = 124_439_808  # parameters
ROWS, CLASSES = 8192, 50257
SIDE = 8192  # of the square matrices
COPY = 1 << 28  # float32
WARM = 5  # calls before the timed ones


class Entry:
    """A row of the table: PyTorch's functions, made on first use, and the name
    of descent's benchmark, with what the ratio must reach at least."""

    def __init__(self, work, form, make, benchmark, asked=None, flop=0):
        self.work, self.form, self.make, self.benchmark, self.asked, self.flop = work, form, make, benchmark, asked, flop
        self.functions = None
        self.error = None
        self.torch = []  # ms, of each round
        self.descent = []

    def measure(self, torch, reps):
        if self.error:
            self.torch.append(math.nan)
            return
        try:
            if self.functions is None:
                self.functions = self.make()
            self.torch.append(min(timed(torch, f, reps) for f in self.functions))
        except Exception as e:  # one that fails must not end the others
            self.error = f"{type(e).__name__}: {str(e).strip().splitlines()[0] if str(e).strip() else ''}"
            self.functions = None
            self.torch.append(math.nan)
            print(f"{self.work}, {self.form}: {self.error}", file=sys.stderr)

    def row(self):
        """Medians of the rounds in which both were timed, and the ratio."""
        both = [(t, d) for t, d in zip(self.torch, self.descent) if t > 0 and d > 0]
        torch = median([t for t in self.torch if t > 0])
        descent = median([d for d in self.descent if d > 0])
        ratios = [t / d for t, d in both]
        return torch, descent, (torch / descent if both else math.nan), ratios


def median(x):
    return statistics.median(x) if x else math.nan


def timed(torch, f, reps):
    """The median of f's times in ms."""
    for _ in range(WARM):
        f()
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(reps + 1)]
    torch.cuda.synchronize()
    marks[0].record()
    for m in marks[1:]:
        f()
        m.record()
    torch.cuda.synchronize()
    return statistics.median(a.elapsed_time(b) for a, b in zip(marks, marks[1:]))


def captured(torch, f):
    """f as a CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            f()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        f()

    def replay():
        graph.replay()
        return f  # whose tensors the graph reads and writes

    return replay


class Model:
    """GPT-2's parameters and gradients on the device, made on first use."""

    def __init__(self, torch):
        self.torch = torch
        self.params = None

    def __call__(self):
        torch = self.torch
        if self.params is None:
            self.params = []
            for shape in gpt2(12, 768, 50257, 1024):
                p = torch.nn.Parameter(torch.randn(*shape, device="cuda") * 0.02)
                p.grad = torch.randn(*shape, device="cuda") * 0.02
                self.params.append(p)
            self.grads = [p.grad for p in self.params]
        return self

    def adamw(self, **options):
        return self.torch.optim.AdamW(self().params, lr=1e-4, weight_decay=0.1, fused=True, **options)

    def clip(self):
        self.torch.nn.utils.clip_grad_norm_(self.params, 1.0, foreach=True)


def entries(torch):
    import torch.nn.functional as F

    model = Model(torch)

    def copy():
        x, y = torch.randn(COPY, device="cuda"), torch.empty(COPY, device="cuda")
        return [lambda: y.copy_(x)]

    def adamw():
        return [model.adamw().step]

    def norm():
        grads = model().grads

        def total():
            return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))

        return [total]

    def clip_adamw(**options):
        optimizer = model.adamw(**options)

        def step():
            model.clip()
            optimizer.step()

        return step

    def scaled():
        optimizer = model.adamw()
        copies = [p.detach().bfloat16() for p in model.params]
        # A scale of 1 leaves the gradients as they are, however often.
        scaler = torch.amp.GradScaler("cuda", init_scale=1.0, growth_interval=1 << 30)
        scaler.scale(torch.ones((), device="cuda"))

        def step():
            scaler.unscale_(optimizer)
            model.clip()
            scaler.step(optimizer)
            scaler.update()
            with torch.no_grad():
                torch._foreach_copy_(copies, model.params)

        return [step]

    def agc(axis):
        def norm(x):
            if x.ndim <= 1:
                return x.norm(2)
            return x.norm(2, dim=tuple(a for a in range(x.ndim) if a != axis % x.ndim), keepdim=True)

        factor = torch.full((), 0.01, device="cuda")

        def clip():  # timm's adaptive_clip_grad; the limit falls, so that every unit is clipped
            factor.mul_(0.999)
            with torch.no_grad():
                for p in model.params:
                    limit = norm(p).clamp_(min=1e-3).mul_(factor)
                    length = norm(p.grad)
                    clipped = p.grad * (limit / length.clamp(min=1e-6))
                    p.grad.copy_(torch.where(length < limit, p.grad, clipped))

        model()
        return clip

    def lamb():
        params, grads = [p.detach() for p in model().params], model().grads
        m, v = [torch.zeros_like(p) for p in params], [torch.zeros_like(p) for p in params]

        def step():
            torch._foreach_lerp_(m, grads, 0.1)
            torch._foreach_mul_(v, 0.999)
            torch._foreach_addcmul_(v, grads, grads, 0.001)
            root = torch._foreach_sqrt(v)
            torch._foreach_mul_(root, 1.01)
            torch._foreach_add_(root, 1e-6)
            u = torch._foreach_div(m, root)
            torch._foreach_add_(u, params, alpha=0.1)
            p, n = torch.stack(torch._foreach_norm(params)), torch.stack(torch._foreach_norm(u))
            trust = torch.where((p > 0) & (n > 0), p / n, 1.0)
            torch._foreach_mul_(u, trust.unbind())
            torch._foreach_sub_(params, u, alpha=1e-4)

        return step

    def lsq():
        x = torch.randn(MODEL, device="cuda").requires_grad_()
        scale, zero = torch.full((1,), 0.01, device="cuda").requires_grad_(), torch.zeros(1, device="cuda").requires_grad_()
        g = torch.randn(MODEL, device="cuda")

        def both():
            y = torch._fake_quantize_learnable_per_tensor_affine(x, scale, zero, -128, 127, 1.0)
            return torch.autograd.grad(y, (x, scale), g)

        return [both]

    def accumulate():
        grads = model().grads
        sums = [torch.zeros_like(g) for g in grads]
        return [lambda: torch._foreach_add_(sums, grads)]

    def dropout():
        x = torch.randn(MODEL, device="cuda")
        return [lambda: F.dropout(x, p=0.1, training=True)]

    def cast(dtype):
        def make():
            x = torch.randn(MODEL, device="cuda")
            y = torch.empty(MODEL, device="cuda", dtype=dtype)
            return [lambda: y.copy_(x), lambda: x.to(dtype)]

        return make

    def cross_entropy(dtype, compiled):
        def make():
            x = (torch.randn(ROWS, CLASSES, device="cuda") * 2).to(dtype).requires_grad_()
            y = torch.arange(ROWS, device="cuda") * 7919 % CLASSES

            def loss(x, y):
                return F.cross_entropy(x, y, label_smoothing=0.1)

            f = torch.compile(loss) if compiled else loss
            return [lambda: torch.autograd.grad(f(x, y), x)]

        return make

    def square(dtype):
        return torch.randn(SIDE, SIDE, device="cuda").to(dtype)

    def product(dtype):
        def make():
            if dtype == torch.float32:  # TF32, of the float32 products of this process
                torch.backends.cuda.matmul.allow_tf32 = True
            a, b, c = square(dtype), square(dtype), square(dtype)
            return [lambda: torch.mm(a, b, out=c)]

        return make

    def product8(fast):
        def make():
            a, b = square(torch.float8_e4m3fn), square(torch.float8_e4m3fn).t()
            one = torch.ones((), device="cuda")
            return [lambda: torch._scaled_mm(a, b, one, one, out_dtype=torch.bfloat16, use_fast_accum=fast)]

        return make

    flop = 2 * SIDE**3
    f32, bf16 = torch.float32, torch.bfloat16
    return [
        Entry("copy", "copy_", copy, "Copy"),
        Entry("AdamW", "AdamW(fused)", adamw, "AdamW", 1.5),
        Entry("norm of all gradients", "_foreach_norm", norm, "Norm", 4),
        Entry("clip, AdamW", "eager", lambda: [clip_adamw()], "ClipAdamW", 1.8),
        Entry("clip, AdamW", "CUDA graph", lambda: [captured(torch, clip_adamw(capturable=True))], "ClipAdamW", 1.35),
        Entry("unscale, check, clip, AdamW, bfloat16 copy", "GradScaler", scaled, "UnscaleClipAdamWCopy", 2),
        Entry("AGC, units are rows", "timm's", lambda: [agc(0)], "AGC/axis=0"),
        Entry("AGC, units are rows", "timm's, CUDA graph", lambda: [captured(torch, agc(0))], "AGC/axis=0"),
        Entry("AGC, units are columns", "timm's, CUDA graph", lambda: [captured(torch, agc(-1))], "AGC/axis=-1"),
        Entry("LAMB", "_foreach_", lambda: [lamb()], "LAMB"),
        Entry("LAMB", "_foreach_, CUDA graph", lambda: [captured(torch, lamb())], "LAMB"),
        Entry("LSQ, forward and gradients", "fake_quantize_learnable", lsq, "LSQ"),
        Entry("cross-entropy, float32", "eager", cross_entropy(f32, False), "CrossEntropy/float32"),
        Entry("cross-entropy, float32", "compiled", cross_entropy(f32, True), "CrossEntropy/float32", 3),
        Entry("cross-entropy, bfloat16", "eager", cross_entropy(bf16, False), "CrossEntropy/bfloat16"),
        Entry("cross-entropy, bfloat16", "compiled", cross_entropy(bf16, True), "CrossEntropy/bfloat16", 3),
        Entry("dropout", "dropout", dropout, "Dropout", 1.2),
        Entry("accumulate", "_foreach_add_", accumulate, "Accumulate", 1.1),
        Entry("float32 → bfloat16", "copy_, to", cast(bf16), "Cast/bfloat16/amax=false"),
        Entry("float32 → bfloat16, amax", "copy_, to: no amax", cast(bf16), "Cast/bfloat16/amax=true", 1),
        Entry("float32 → E4M3", "copy_, to", cast(torch.float8_e4m3fn), "Cast/float8_e4m3/amax=false"),
        Entry("float32 → E4M3, amax", "copy_, to: no amax", cast(torch.float8_e4m3fn), "Cast/float8_e4m3/amax=true", 1),
        Entry("product, TF32", "mm", product(f32), "MatMul/tf32/8192", 0.98, flop),
        Entry("product, bfloat16", "mm", product(bf16), "MatMul/bfloat16/8192", 0.98, flop),
        Entry("product, E4M3", "_scaled_mm", product8(False), "MatMul/e4m3/8192", 0.98, flop),
        Entry("product, E4M3, fast accumulation", "_scaled_mm", product8(True), "MatMul/e4m3_fast/8192", 0.98, flop),
    ]


LINE = re.compile(r"^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([\d.e+]+) ns/op")


def descent_round(binary, benchmarks, reps, limit):
    """One run of the Go benchmarks: ms by name, and what failed."""
    families = sorted({b.split("/")[0] for b in benchmarks})
    command = [binary, "-test.run", "^$", "-test.bench", f"^Benchmark({'|'.join(families)})$", "-test.benchtime", f"{reps}x"]
    try:
        r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit)
        out, code = r.stdout, r.returncode
    except subprocess.TimeoutExpired as e:
        out = e.stdout.decode(errors="replace") if isinstance(e.stdout, bytes) else e.stdout or ""
        code = f"more than {limit:.0f} s"
    times = {m[1]: float(m[2]) / 1e6 for m in map(LINE.match, out.splitlines()) if m}
    failed = []
    lines = out.splitlines()
    for i, line in enumerate(lines):
        if line.startswith(("--- FAIL", "--- SKIP", "panic:", "fatal error:")):
            failed.append(" ".join(x.strip() for x in lines[i : i + 2]))
    if code != 0 and not failed:
        failed.append(f"{binary} ended with {code}: {lines[-1] if lines else 'no output'}")
    return times, failed


def report(all_entries, failed, environment, rounds, minutes):
    e = environment
    lines = [
        "## GPU",
        "",
        f"{e['date']}, {e['gpu']}, driver {e['driver']}; PyTorch {e['torch']}, CUDA {e['cuda']}; descent {e['descent']}; "
        f"{rounds} rounds in {minutes:.1f} min. {MODEL} parameters in 148 tensors, {ROWS} × {CLASSES} logits, "
        f"products of {SIDE}³.",
        "",
        f"    {e['command']}",
        "",
        "| work | PyTorch's form | PyTorch ms | descent ms | ratio (rounds) | asked | |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    rows, medians = [], {}

    def ms(x, flop):
        if math.isnan(x):
            return ""
        return f"{x:.3f}" + (f" ({flop / x / 1e9:.0f} TFLOP/s)" if flop else "")

    for entry in all_entries:
        torch, descent, ratio, rounds_of = entry.row()
        medians[entry.benchmark] = descent
        missed = entry.asked is not None and not ratio >= entry.asked and not math.isnan(ratio)
        cell = f"{ratio:.2f}× ({min(rounds_of):.2f} to {max(rounds_of):.2f})" if rounds_of else ""
        remark = entry.error or ("not timed" if math.isnan(ratio) else "misses" if missed else "")
        lines.append(
            f"| {entry.work} | {entry.form} | {ms(torch, entry.flop)} | {ms(descent, entry.flop)} | {cell} "
            f"| {f'{entry.asked}×' if entry.asked else ''} | {remark.replace('|', '/')} |"
        )
        rows.append(
            {"work": entry.work, "form": entry.form, "benchmark": entry.benchmark, "asked": entry.asked, "error": entry.error}
            | {k: None if math.isnan(v) else v for k, v in (("torch", torch), ("descent", descent), ("ratio", ratio))}
            | {"rounds": [[None if math.isnan(x) else x for x in r] for r in zip(entry.torch, entry.descent)]}
        )
    copied = 8 * COPY / medians.get("Copy", math.nan) / 1e6  # GB/s
    moved = 28 * MODEL / medians.get("AdamW", math.nan) / 1e6
    if not math.isnan(copied + moved):
        lines += ["", f"descent's AdamW moves {moved:.0f} GB/s, its copy {copied:.0f}: {moved / copied:.0%}; asked 88 %."]
    if failed:
        lines += ["", "In descent's benchmarks:", ""] + [f"- {f}" for f in sorted(failed)]
    return "\n".join(lines) + "\n", {"environment": environment, "rounds": rounds, "failed": sorted(failed), "rows": rows}


def driver():
    try:
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--descent", required=True, help="package gpu's benchmarks, built with go test -c")
    p.add_argument("--out", default=".", help="folder for gpu.md and gpu.json")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--reps", type=int, default=200, help="repetitions in a round, of either")
    p.add_argument("--minutes", type=float, default=9, help="start no round that would end later than this")
    p.add_argument("--only", help="regular expression for works, as the table names them")
    a = p.parse_args()
    a.descent = os.path.abspath(a.descent)
    if not os.access(a.descent, os.X_OK):
        p.error(f"--descent {a.descent} is not a program: build it with go test -c ../gpu")
    if a.rounds < 1 or a.reps < 1:
        p.error("--rounds and --reps want at least 1")
    return a


def main():
    args = arguments()
    began = time.monotonic()
    try:
        import torch
    except ImportError as e:
        sys.exit(f"PyTorch is needed: {e}")
    if not torch.cuda.is_available():
        sys.exit("PyTorch finds no CUDA device")
    torch.manual_seed(1)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    environment = {
        "date": datetime.date.today().isoformat(),
        "command": "python3 " + shlex.join(sys.argv),
        "gpu": torch.cuda.get_device_name(),
        "driver": driver(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "descent": descent_version(),
    }
    chosen = [e for e in entries(torch) if not args.only or re.search(args.only, e.work)]
    if not chosen:
        sys.exit(f"no work matches {args.only}")
    failed = set()
    last = 0.0  # s, the round before; the first one compiles
    for done in range(1, args.rounds + 1):
        start = time.monotonic()
        if done > 1 and start + last - began > 60 * args.minutes:
            print(f"{done - 1} rounds in the {args.minutes} minutes given", file=sys.stderr)
            break
        for entry in chosen:
            entry.measure(torch, args.reps)
        # What PyTorch keeps for later is memory that descent would lack.
        gc.collect()
        torch.cuda.empty_cache()
        left = max(60, began + 60 * args.minutes - time.monotonic())
        times, bad = descent_round(args.descent, {e.benchmark for e in chosen}, args.reps, left)
        failed.update(bad)
        for entry in chosen:
            entry.descent.append(times.get(entry.benchmark, math.nan))
        last = time.monotonic() - start
        print(f"round {done}: {last:.1f} s", file=sys.stderr, flush=True)
        text, data = report(chosen, failed, environment, done, (time.monotonic() - began) / 60)
        (out / "gpu.md").write_text(text)
        (out / "gpu.json").write_text(json.dumps(data, indent=1))
    print(text)


if __name__ == "__main__":
    main()
