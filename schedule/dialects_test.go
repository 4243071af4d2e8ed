package schedule_test

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"sort"
	"strconv"
	"testing"

	"github.com/descent-ml/descent/internal/golden"
	"github.com/descent-ml/descent/schedule"
	"github.com/descent-ml/descent/schedule/optax"
	"github.com/descent-ml/descent/schedule/timm"
	"github.com/descent-ml/descent/schedule/torch"
	"github.com/descent-ml/descent/schedule/transformers"
)

// dialect makes the rate and, where the row has one, the momentum of a row.
func dialect(t *testing.T, op string, c golden.Config) (lr, momentum schedule.Schedule) {
	f, n := c.Float, c.Int
	base := 0.0
	if c.Has("base_lr") {
		base = f("base_lr")
	}
	whole := func(key string) (list []int) {
		for _, x := range c.Floats(key) {
			list = append(list, int(x))
		}
		return list
	}
	switch op {
	case "torch.StepLR":
		return torch.StepLR(base, n("step_size"), f("gamma")), nil
	case "torch.MultiStepLR":
		return torch.MultiStepLR(base, whole("milestones"), f("gamma")), nil
	case "torch.ConstantLR":
		return torch.ConstantLR(base, f("factor"), n("total_iters")), nil
	case "torch.LinearLR":
		return torch.LinearLR(base, f("start_factor"), f("end_factor"), n("total_iters")), nil
	case "torch.ExponentialLR":
		return torch.ExponentialLR(base, f("gamma")), nil
	case "torch.PolynomialLR":
		return torch.PolynomialLR(base, n("total_iters"), f("power")), nil
	case "torch.CosineAnnealingLR":
		return torch.CosineAnnealingLR(base, n("T_max"), f("eta_min")), nil
	case "torch.CosineAnnealingWarmRestarts":
		return torch.CosineAnnealingWarmRestarts(base, n("T_0"), n("T_mult"), f("eta_min")), nil
	case "torch.CyclicLR":
		up, down, gamma := n("step_size_up"), 0, f("gamma")
		if c.Has("step_size_down") {
			down = n("step_size_down")
		}
		mode := map[string]schedule.Amplitude{
			"triangular": torch.Triangular, "triangular2": torch.Triangular2, "exp_range": torch.ExpRange,
		}[c.String("mode")]
		if c.Bool("cycle_momentum") {
			momentum = torch.CyclicMomentum(f("base_momentum"), f("max_momentum"), up, down, mode, gamma)
		}
		return torch.CyclicLR(base, f("max_lr"), up, down, mode, gamma), momentum
	case "torch.OneCycleLR":
		s := torch.OneCycleLR(f("max_lr"), n("total_steps"), f("pct_start"), f("div_factor"), f("final_div_factor"))
		m := torch.OneCycleMomentum(f("base_momentum"), f("max_momentum"), n("total_steps"), f("pct_start"))
		s.ThreePhase, s.Linear = c.Bool("three_phase"), c.String("anneal_strategy") == "linear"
		m.ThreePhase, m.Linear = s.ThreePhase, s.Linear
		if c.Bool("cycle_momentum") {
			momentum = m
		}
		return s, momentum
	case "torch.SequentialLR", "torch.ChainedScheduler":
		parts := []schedule.Schedule{}
		of := base
		if op == "torch.ChainedScheduler" {
			of = 1
		}
		for _, s := range c["schedulers"].([]any) {
			part := golden.Config{"base_lr": of}
			maps.Copy(part, s.(map[string]any))
			p, _ := dialect(t, "torch."+part.String("type"), part)
			parts = append(parts, p)
		}
		if op == "torch.ChainedScheduler" {
			return torch.ChainedScheduler(base, parts...), nil
		}
		return torch.SequentialLR(parts, whole("milestones")), nil
	case "torch.SWALR":
		return torch.SWALR(base, f("swa_lr"), n("anneal_epochs"), c.String("anneal_strategy") == "linear"), nil
	}
	warmup, total := 0, 0
	if c.Has("num_warmup_steps") {
		warmup = n("num_warmup_steps")
	}
	if c.Has("num_training_steps") {
		total = n("num_training_steps")
	}
	floor := func() float64 {
		if c.Has("min_lr") {
			return f("min_lr")
		}
		return base * f("min_lr_rate")
	}
	switch op {
	case "transformers.constant_with_warmup":
		return transformers.ConstantWithWarmup(base, warmup), nil
	case "transformers.linear":
		return transformers.LinearWithWarmup(base, warmup, total), nil
	case "transformers.cosine":
		return transformers.CosineWithWarmup(base, warmup, total, f("num_cycles")), nil
	case "transformers.cosine_with_restarts":
		return transformers.CosineWithHardRestarts(base, warmup, total, n("num_cycles")), nil
	case "transformers.polynomial":
		return transformers.PolynomialWithWarmup(base, f("lr_end"), warmup, total, f("power")), nil
	case "transformers.inverse_sqrt":
		timescale := 0
		if c.Has("timescale") {
			timescale = n("timescale")
		}
		return transformers.InverseSqrt(base, warmup, timescale), nil
	case "transformers.cosine_with_min_lr":
		return transformers.CosineWithMinLR(base, floor(), warmup, total, f("num_cycles")), nil
	case "transformers.cosine_warmup_with_min_lr":
		rate := 0.0
		if c.Has("warmup_lr_rate") {
			rate = f("warmup_lr_rate")
		}
		return transformers.CosineWarmupWithMinLR(base, floor(), rate, warmup, total, f("num_cycles")), nil
	case "transformers.warmup_stable_decay":
		w := transformers.WSD{
			Warmup: warmup, Decay: n("num_decay_steps"), MinRatio: f("min_lr_ratio"), Cycles: f("num_cycles"),
			WarmupShape: map[string]schedule.Rise{
				"linear": schedule.LinearRise, "cosine": schedule.CosineRise, "1-sqrt": schedule.SqrtRise,
			}[c.String("warmup_type")],
			Tail: map[string]schedule.Tail{
				"linear": schedule.LinearTail, "cosine": schedule.CosineTail, "1-sqrt": schedule.SqrtTail,
			}[c.String("decay_type")],
		}
		if c.Has("num_stable_steps") {
			w.Stable = n("num_stable_steps")
		} else {
			w.Stable = total - w.Warmup - w.Decay
		}
		return transformers.WarmupStableDecay(base, w), nil
	}
	cycles := func() timm.Cycles {
		k := timm.Cycles{WarmupT: n("warmup_t"), WarmupLRInit: f("warmup_lr_init"), WarmupPrefix: c.Bool("warmup_prefix")}
		if c.Has("t_initial") {
			k.TInitial, k.LRMin, k.CycleMul = n("t_initial"), f("lr_min"), f("cycle_mul")
			k.CycleDecay, k.CycleLimit = f("cycle_decay"), n("cycle_limit")
		}
		return k
	}
	switch op {
	case "timm.CosineLRScheduler":
		return timm.Cosine(base, cycles(), f("k_decay")), nil
	case "timm.TanhLRScheduler":
		return timm.Tanh(base, cycles(), f("lb"), f("ub")), nil
	case "timm.PolyLRScheduler":
		return timm.Poly(base, cycles(), f("power"), f("k_decay")), nil
	case "timm.StepLRScheduler":
		return timm.Step(base, f("decay_t"), f("decay_rate"), cycles()), nil
	}
	begin := 0
	if c.Has("transition_begin") {
		begin = n("transition_begin")
	}
	exponential := func() optax.Exponential {
		e := optax.Exponential{
			TransitionSteps: n("transition_steps"), DecayRate: f("decay_rate"), Begin: begin, Staircase: c.Bool("staircase"),
		}
		if c.Has("end_value") {
			e.EndValue = f("end_value")
		}
		return e
	}
	cycle := func(c golden.Config) optax.CosineCycle {
		k := optax.CosineCycle{
			InitValue: c.Float("init_value"), PeakValue: c.Float("peak_value"), EndValue: c.Float("end_value"),
			WarmupSteps: c.Int("warmup_steps"), DecaySteps: c.Int("decay_steps"),
		}
		if c.Has("exponent") {
			k.Exponent = c.Float("exponent")
		}
		return k
	}
	scales := func() (list []optax.Scale) {
		for key, by := range c["boundaries_and_scales"].(map[string]any) {
			step, err := strconv.Atoi(key)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, optax.Scale{Step: step, By: golden.Config{"by": by}.Float("by")})
		}
		sort.Slice(list, func(i, j int) bool { return list[i].Step < list[j].Step })
		return list
	}
	switch op {
	case "optax.warmup_cosine_decay_schedule":
		return optax.WarmupCosineDecay(cycle(c)), nil
	case "optax.warmup_exponential_decay_schedule":
		return optax.WarmupExponentialDecay(f("init_value"), f("peak_value"), n("warmup_steps"), exponential()), nil
	case "optax.sgdr_schedule":
		var list []optax.CosineCycle
		for _, k := range c["cosine_kwargs"].([]any) {
			list = append(list, cycle(golden.Config(k.(map[string]any))))
		}
		return optax.SGDR(list...), nil
	case "optax.cosine_onecycle_schedule":
		return optax.CosineOneCycle(n("transition_steps"), f("peak_value"), f("pct_start"), f("div_factor"), f("final_div_factor")), nil
	case "optax.linear_onecycle_schedule":
		return optax.LinearOneCycle(n("transition_steps"), f("peak_value"), f("pct_start"), f("pct_final"), f("div_factor"), f("final_div_factor")), nil
	case "optax.piecewise_constant_schedule":
		return optax.PiecewiseConstant(f("init_value"), scales()...), nil
	case "optax.piecewise_interpolate_schedule":
		between := optax.Linear
		if c.String("interpolate_type") == "cosine" {
			between = optax.Cosine
		}
		return optax.PiecewiseInterpolate(between, f("init_value"), scales()...), nil
	case "optax.polynomial_schedule":
		return optax.PolynomialSchedule(f("init_value"), f("end_value"), f("power"), n("transition_steps"), begin), nil
	case "optax.linear_schedule":
		return optax.LinearSchedule(f("init_value"), f("end_value"), n("transition_steps"), begin), nil
	case "optax.cosine_decay_schedule":
		return optax.CosineDecay(f("init_value"), n("decay_steps"), f("alpha"), f("exponent")), nil
	case "optax.exponential_decay":
		return optax.ExponentialDecay(f("init_value"), exponential()), nil
	case "optax.warmup_constant_schedule":
		return optax.WarmupConstant(f("init_value"), f("peak_value"), n("warmup_steps")), nil
	}
	return nil, nil
}

// Every row is held, but for those of plateaus, which are no functions of the
// step: torch's TestPlateauRows has those nine. The rows are 113.
func TestDialects(t *testing.T) {
	rows := map[string]int{}
	for _, c := range golden.Load(t, "testdata/schedule.json") {
		if c.Op == "torch.ReduceLROnPlateau" {
			rows["plateau"]++
			continue
		}
		lr, momentum := dialect(t, c.Op, c.Config)
		if lr == nil {
			t.Errorf("%s: no dialect has %s", c.Name, c.Op)
			continue
		}
		rows[c.Op[:slices.Index([]byte(c.Op), '.')]]++
		t.Run(c.Name, func(t *testing.T) {
			hold(t, lr, c.Out["lr"].Data)
			if m, ok := c.Out["momentum"]; ok {
				hold(t, momentum, m.Data)
			} else if momentum != nil {
				t.Error("a momentum that the row has not")
			}
		})
	}
	if want := map[string]int{"torch": 36, "transformers": 27, "timm": 19, "optax": 22, "plateau": 9}; !maps.Equal(rows, want) {
		t.Errorf("rows %v, want %v", rows, want)
	}
}

// The same bits on every processor.
func TestDialectBits(t *testing.T) {
	h := fnv.New64a()
	for _, c := range golden.Load(t, "testdata/schedule.json") {
		if c.Op == "torch.ReduceLROnPlateau" {
			continue
		}
		lr, momentum := dialect(t, c.Op, c.Config)
		for _, s := range []schedule.Schedule{lr, momentum} {
			for step := -1; s != nil && step < 200; step++ {
				h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(s.At(step))))
			}
		}
	}
	if got := h.Sum64(); got != 0x799211cfe213a57f {
		t.Errorf("hash %#x", got)
	}
}

// hold wants s to have the peer's values. PyTorch multiplies step after step: up to
// 120 roundings, 1e-13 with some to spare. Near the end of a cosine the peers'
// 1+cos cancels: a unit of the largest value.
func hold(t *testing.T, s schedule.Schedule, want []float64) {
	t.Helper()
	if s == nil {
		t.Fatal("no schedule")
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	largest := 0.0
	for _, w := range want {
		largest = max(largest, math.Abs(w))
	}
	for step, w := range want {
		if d := math.Abs(s.At(step) - w); !(d <= 1e-13*math.Abs(w)+0x1p-52*largest) {
			t.Errorf("step %d: %v, want %v", step, s.At(step), w)
		}
	}
	b, err := schedule.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := schedule.Unmarshal(b)
	if err != nil || again != s {
		t.Errorf("read back as %v, %v", again, err)
	}
	if n := testing.AllocsPerRun(10, func() { _ = s.At(3) }); n != 0 {
		t.Errorf("At allocates %v times", n)
	}
}
