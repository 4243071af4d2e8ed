package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// RAdam is Adam that divides by nothing until v is known well enough, t counting
// applied steps from 1; it needs no warm-up.
//
//	g' = factor·g + L2·p
//	m  = β₁·m + (1−β₁)·g'
//	v  = β₂·v + (1−β₂)·g'²
//	ρ  = ρ∞ − 2·t·β₂ᵗ/(1−β₂ᵗ),  ρ∞ = 2/(1−β₂) − 1
//	r  = √((ρ−4)·(ρ−2)·ρ∞ / ((ρ∞−4)·(ρ∞−2)·ρ))
//	d  = r·√(1−β₂ᵗ) / (√v + Eps)     where ρ > 5, else 1
//	p  = p·(1 − lr·Decay) − lr/(1−β₁ᵗ) · m·d
//
// It is torch.optim.RAdam, whose weight_decay is L2 here and, with
// decoupled_weight_decay, Decay; optax adds Eps to √v/√(1−β₂ᵗ). With β₂ = 0.999
// ρ is more than 5 from the sixth step on, with 2/3 or less never. It keeps two
// numbers per parameter. See https://arxiv.org/abs/1908.03265.
type RAdam struct {
	Beta1 float64 // β₁, less than 1; 0 means 0.9
	Beta2 float64 // β₂, less than 1; 0 means 0.999
	Eps   float64 // 0 means 1e-8
	L2    float64 // added to the gradient
	Decay float64 // decoupled: shrinks p by lr·Decay
}

// Validate implements Rule.
func (r RAdam) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.RAdam",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "L2", Value: r.L2, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf})
}

func (r RAdam) name() string        { return "RAdam" }
func (r RAdam) slots() []slot       { return adamSlots(false) }
func (r RAdam) kernel() kernel.Rule { return new(kernel.Adam) }

func (r RAdam) set(k kernel.Rule, c *clock, lr, factor float64) {
	a := AdamW{Beta1: r.Beta1, Beta2: r.Beta2, Eps: r.Eps, Decay: r.Decay}.coefficients(c, lr, factor)
	a.L2 = r.L2
	rect, rsqrt, eps := rectified(a.Beta2, a.Eps, c.t)
	a.Step, a.RSqrt, a.Eps = a.Step*rect, rsqrt, eps
	*k.(*kernel.Adam) = a
}

// rectified makes d = rect/(√v·rsqrt + eps) of RAdam.
func rectified(beta2, e float64, t int64) (rect, rsqrt, eps float64) {
	power := fmath.PowInt(beta2, t)
	end := 2/(1-beta2) - 1
	rho := end - 2*float64(t)*power/(1-power)
	if !(rho > 5) {
		// No finite √v·2⁻¹²⁶ adds to 1 in float32, and an infinite one stops the
		// element, as in Adam, where 0 would make it NaN.
		return 1, 0x1p-126, 1
	}
	rect = math.Sqrt((rho - 4) * (rho - 2) * end / ((end - 4) * (end - 2) * rho) * (1 - power))
	return rect, 1, e
}
