package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// LAMB is AdamW whose step in each tensor is as long as lr times the tensor's
// own norm: for very large batches. t counts applied steps from 1.
//
//	g' = factor·g
//	m  = β₁·m + (1−β₁)·g'
//	v  = β₂·v + (1−β₂)·g'²
//	u  = m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ) + EpsRoot) + Eps) + Decay·p
//	p  = p − lr·trust·u,  trust = ‖p‖/‖u‖
//
// trust is 1 where a norm is 0, or the ratio is not a positive finite number.
// Norms are float64, of float32 as of float64 tensors.
//
// It is optax.lamb. timm's Lamb clips the global norm to 1 inside: here the
// gradients are clipped before the step, by clip.GlobalNorm. timm's also leaves trust
// at 1 where Decay is 0; biases and gains that should go without are a Group
// with AdamW, which is LAMB with trust 1. It keeps two numbers per parameter
// and reads them twice. See https://arxiv.org/abs/1904.00962.
type LAMB struct {
	Beta1        float64 // β₁, less than 1; 0 means 0.9
	Beta2        float64 // β₂, less than 1; 0 means 0.999
	Eps          float64 // 0 means 1e-6
	EpsRoot      float64 // inside the root
	Decay        float64 // joins u, and so is scaled by trust
	TrustClip    bool    // trust is at most 1
	NoCorrection bool    // no division by 1−β₁ᵗ and 1−β₂ᵗ
	NoAveraging  bool    // m = β₁·m + g'
}

func (r LAMB) defaults() LAMB {
	r.Beta1 = orDefault(r.Beta1, 0.9)
	r.Beta2 = orDefault(r.Beta2, 0.999)
	r.Eps = orDefault(r.Eps, 1e-6)
	return r
}

// Validate implements Rule.
func (r LAMB) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.LAMB",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "EpsRoot", Value: r.EpsRoot, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r LAMB) name() string        { return "LAMB" }
func (r LAMB) slots() []slot       { return []slot{{name: "m"}, {name: "v", root: true}} }
func (r LAMB) kernel() kernel.Rule { return new(kernel.LAMB) }

func (r LAMB) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	omega, mean, square := 1-r.Beta1, 1.0, 1.0
	if r.NoAveraging {
		omega = 1
	}
	if !r.NoCorrection {
		mean, square = 1/(1-fmath.PowInt(r.Beta1, c.t)), 1/(1-fmath.PowInt(r.Beta2, c.t))
	}
	*k.(*kernel.LAMB) = kernel.LAMB{
		Factor: factor, Beta1: r.Beta1, Omega1: omega, Beta2: r.Beta2, Omega2: 1 - r.Beta2,
		Mean: mean, Square: square, Root: r.EpsRoot, Eps: r.Eps, Decay: r.Decay, Step: lr,
	}
}

func (r LAMB) adapt(k kernel.Rule, _ *clock, sums kernel.Sums, _ int) {
	ratio := trust(math.Sqrt(sums[0]), math.Sqrt(sums[1]))
	if r.TrustClip {
		ratio = min(ratio, 1)
	}
	k.(*kernel.LAMB).Step *= ratio
}

// trust is value/move, or 1 where that is not a positive finite number.
func trust(value, move float64) float64 {
	t := value / move
	if !(t > 0 && t <= math.MaxFloat64) {
		return 1
	}
	return t
}
