package schedule

import (
	"fmt"
	"math"
	"path"
	"strings"
)

// Finding is one contradiction in a plan.
type Finding struct {
	Value string // name of the hyper-parameter, empty where it is the setup
	Rule  string // short and stable, as in "warmup-longer-than-run"
	Text  string // what contradicts what, with the numbers
}

func (f Finding) String() string {
	if f.Value == "" {
		return f.Rule + ": " + f.Text
	}
	return f.Value + ": " + f.Rule + ": " + f.Text
}

// Findings is the error that Plan.Validate returns.
type Findings []Finding

func (f Findings) Error() string {
	lines := make([]string, len(f))
	for i, x := range f {
		lines[i] = x.String()
	}
	return "plan: " + strings.Join(lines, "\nplan: ")
}

// Validate reads the plan as an experienced colleague would before a run is
// started, and returns everything that cannot be meant as Findings, or nil.
//
//	field                     a schedule's own Validate, a nameless or doubled value
//	domain                    a value its name does not allow, and the step it has it at
//	first-step-wasted         lr is 0 at step 0: the first batch is computed for nothing
//	rate-ends                 lr is 0 for more than the last step
//	warmup-longer-than-run    the warm-up does not end within the run
//	shape-longer-than-run     a decay that does not come to its end within the run
//	part-never-reached        a part of a Join that starts after the run
//	one-cycle-overrun         the run goes on after the cycle has ended
//	decay-overshoots          lr·weight_decay ≥ 1: decay changes weights' signs
//	batch-not-in-micro        a batch that is no multiple of the micro-batch
//	float16-unscaled          float16 without loss scaling: small gradients become 0
//	scaling-unneeded          loss scaling for a format with float32's exponents
//	average-stalls            an average in 16 bits that is too coarse for its decay
//	average-remembers-start   1/(1−decay) is longer than the run, without debiasing
//	swa-stale-statistics      averaged weights, batch normalization's statistics of others
//	clip-in-backward          global-norm clipping where parameters move before the norm is known
//
// Every step is looked at in runs up to 4096 steps, and 4096 of longer ones.
func (p Plan) Validate() error {
	var f Findings
	add := func(value, rule, format string, args ...any) {
		f = append(f, Finding{value, rule, fmt.Sprintf(format, args...)})
	}
	if p.Steps < 1 {
		add("", "field", "Steps is %d, want at least 1", p.Steps)
	}
	seen := map[string]bool{}
	valid := true
	for _, v := range p.Values {
		switch {
		case v.Name == "":
			add(v.Name, "field", "a value has no name")
		case seen[v.Name]:
			add(v.Name, "field", "two values have this name")
		}
		seen[v.Name] = true
		if v.Schedule == nil {
			add(v.Name, "field", "no schedule")
			valid = false
		} else if err := v.Schedule.Validate(); err != nil {
			add(v.Name, "field", "%v", err)
			valid = false
		}
	}
	p.lintSetup(add)
	if p.Steps >= 1 && valid {
		for _, v := range p.Values {
			p.lintValues(v, add)
			p.lintLength(v, add)
		}
		p.lintDecay(add)
	}
	if f == nil {
		return nil
	}
	return f
}

type report func(value, rule, format string, args ...any)

// domains says what a value of a name may be. Steps of a learning rate or a
// decay may be 0; a whole number is one of things that are counted.
var domains = map[string]struct {
	lo, hi   float64
	openHigh bool
	whole    bool
}{
	"lr":           {0, math.Inf(1), true, false},
	"weight_decay": {0, math.Inf(1), true, false},
	"momentum":     {0, 1, true, false},
	"beta1":        {0, 1, true, false},
	"beta2":        {0, 1, true, false},
	"ema":          {0, 1, true, false},
	"dropout":      {0, 1, false, false},
	"layerdrop":    {0, 1, false, false},
	"smoothing":    {0, 1, true, false},
	"clip":         {math.SmallestNonzeroFloat64, math.Inf(1), false, false},
	"batch":        {1, math.Inf(1), true, true},
	"sequence":     {1, math.Inf(1), true, true},
}

// looks is how many steps of a long run are looked at.
const looks = 4096

// steps calls f with the steps that are looked at, the last one among them,
// until f returns false.
func (p Plan) steps(f func(step int) bool) {
	n := min(p.Steps, looks)
	for i := range n {
		step := i
		if n < p.Steps {
			step = i*((p.Steps-1)/(n-1)) + i*((p.Steps-1)%(n-1))/(n-1)
		}
		if !f(step) {
			return
		}
	}
}

func (p Plan) lintValues(v Value, add report) {
	kind := path.Base(v.Name)
	if d, ok := domains[kind]; ok {
		p.steps(func(step int) bool {
			a := v.Schedule.At(step)
			switch {
			case !(a >= d.lo && a <= d.hi) || d.openHigh && a == d.hi:
				add(v.Name, "domain", "%v at step %d is no %s", a, step, kind)
				return false
			case d.whole && a != math.Trunc(a):
				add(v.Name, "domain", "%v at step %d is not a whole number: use Round", a, step)
				return false
			}
			return true
		})
	}
	switch kind {
	case "lr":
		p.lintRate(v, add)
	case "batch":
		if m := p.Setup.Micro; m > 0 {
			p.steps(func(step int) bool {
				if a := v.Schedule.At(step); math.Mod(a, float64(m)) != 0 {
					add(v.Name, "batch-not-in-micro", "%v at step %d is no multiple of the micro-batch, %d", a, step, m)
					return false
				}
				return true
			})
		}
	}
}

func (p Plan) lintRate(v Value, add report) {
	last := -1 // step looked at whose rate is not 0
	p.steps(func(step int) bool {
		if v.Schedule.At(step) != 0 {
			last = step
		}
		return true
	})
	switch {
	case last < 0:
		add(v.Name, "rate-ends", "is 0 at every step")
		return
	case v.Schedule.At(0) == 0 && p.Steps > 1:
		add(v.Name, "first-step-wasted", "is 0 at step 0")
	}
	// Between two looks the end is found by halving.
	lo, hi := last, p.Steps-1
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; v.Schedule.At(mid) != 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	if idle := p.Steps - 1 - lo; idle > 1 {
		add(v.Name, "rate-ends", "is 0 from step %d on: the last %d of %d steps change nothing", lo+1, idle, p.Steps)
	}
}

func (p Plan) lintDecay(add report) {
	lr, decay := p.Of("lr"), p.Of("weight_decay")
	if lr == nil || decay == nil {
		return
	}
	p.steps(func(step int) bool {
		if a := lr.At(step) * decay.At(step); a >= 1 {
			add("weight_decay", "decay-overshoots", "lr·weight_decay is %.3g at step %d", a, step)
			return false
		}
		return true
	})
}

func (p Plan) lintSetup(add report) {
	s := p.Setup
	switch s.Compute {
	case "", Float32, BFloat16, Float16, Float8:
	default:
		add("", "field", "Compute is %q, want %q, %q, %q or %q", s.Compute, Float32, BFloat16, Float16, Float8)
	}
	switch s.Average.Format {
	case "", Float32, BFloat16, Float16:
	default:
		add("", "field", "Average.Format is %q, want %q, %q or %q", s.Average.Format, Float32, BFloat16, Float16)
	}
	if s.Micro < 0 {
		add("", "field", "Micro is %d, want at least 0", s.Micro)
	}
	if s.Compute == Float16 && !s.LossScaling {
		add("", "float16-unscaled", "gradients under 6e-8 are 0 in float16: scale the loss")
	}
	if s.LossScaling && (s.Compute == BFloat16 || s.Compute == Float32) {
		add("", "scaling-unneeded", "%s has the exponents of float32", s.Compute)
	}
	if s.InBackward && p.Of("clip") != nil {
		add("clip", "clip-in-backward", "the global norm is not known before the last gradient is")
	}
	p.lintAverage(add)
}

func (p Plan) lintAverage(add report) {
	a := p.Setup.Average
	switch a.Kind {
	case "":
		return
	case EMA, SWA:
	default:
		add("", "field", "Average.Kind is %q, want %q or %q", a.Kind, EMA, SWA)
		return
	}
	if p.Setup.BatchNorm && !p.Setup.Recompute {
		add("", "swa-stale-statistics", "batch normalization's statistics are those of other weights: compute them anew")
	}
	if a.Kind == SWA {
		return
	}
	decay := a.Decay
	if s := p.Of("ema"); s != nil && decay == 0 {
		decay = s.At(max(0, p.Steps-1))
	}
	if !(decay >= 0 && decay < 1) {
		add("", "field", "Average.Decay is %v, want at least 0 and less than 1", decay)
		return
	}
	// An average moves by (1−decay)·(w−avg): from one weight to twice it, by less
	// than half of the spacing of its format, it stays where it is.
	spacing := map[Format]float64{BFloat16: 0x1p-8, Float16: 0x1p-11}[a.Format]
	if 1-decay < spacing {
		add("", "average-stalls", "moves by %.2g of a difference, %s resolves %.2g: keep averages in float32", 1-decay, a.Format, spacing)
	}
	if n := 1 / (1 - decay); !a.Debias && n > float64(p.Steps) {
		add("", "average-remembers-start", "decay %v averages over %.0f steps, the run has %d", decay, n, p.Steps)
	}
}
