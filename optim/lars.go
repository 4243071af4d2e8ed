package optim

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// LARS is SGD with momentum whose gradient in each tensor is scaled by the
// tensor's own norm: for very large batches.
//
//	g' = factor·g
//	d  = trust·(g' + L2·p),  trust = Trust·‖p‖ / (‖g'‖ + L2·‖p‖ + Eps)
//	m  = Momentum·m + d                         at the first step m = d
//	p  = p − lr·m                               Nesterov: p − lr·(d + Momentum·m)
//
// trust is 1 where a norm is 0, or the ratio is not a positive finite number.
// Norms are float64, of float32 as of float64 tensors.
//
// It is timm's Lars, which leaves trust at 1 where L2 is 0; biases and gains
// that should go without are a Group with SGD, which is LARS with trust 1. In
// optax.lars trust is of the gradient with its decay, as Joint has it, and m
// adds up lr·d. It keeps one number per parameter and reads values and
// gradients twice. See https://arxiv.org/abs/1708.03888.
type LARS struct {
	Momentum float64 // 0 to 1; 0 means 0.9
	Nesterov bool
	L2       float64 // added to the gradient
	Trust    float64 // 0 means 0.001
	Eps      float64 // 0 means 1e-8
	Clip     bool    // the rate is lr at most, as in LARC: trust = min(trust/lr, 1)
	Joint    bool    // trust = Trust·‖p‖ / (‖g' + L2·p‖ + Eps)
}

func (r LARS) defaults() LARS {
	r.Momentum = orDefault(r.Momentum, 0.9)
	r.Trust = orDefault(r.Trust, 0.001)
	r.Eps = orDefault(r.Eps, 1e-8)
	return r
}

// Validate implements Rule.
func (r LARS) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.LARS",
		check.Field{Name: "Momentum", Value: r.Momentum, Max: 1},
		check.Field{Name: "L2", Value: r.L2, Max: inf},
		check.Field{Name: "Trust", Value: r.Trust, Max: inf},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf})
}

func (r LARS) name() string        { return "LARS" }
func (r LARS) slots() []slot       { return []slot{{name: "m"}} }
func (r LARS) kernel() kernel.Rule { return new(kernel.LARS) }

func (r LARS) set(k kernel.Rule, c *clock, lr, factor float64) {
	r = r.defaults()
	l := kernel.LARS{Momentum: kernel.Momentum{
		Factor: factor, L2: r.L2, Mu: r.Momentum, Damp: 1, B: 1, Decay: 1, LR: lr,
	}}
	if r.Nesterov {
		l.A, l.B = 1, r.Momentum
	}
	if r.Joint {
		l.Pull = r.L2
	}
	*k.(*kernel.LARS) = l
}

func (r LARS) adapt(k kernel.Rule, _ *clock, sums kernel.Sums, _ int) {
	r = r.defaults()
	l := k.(*kernel.LARS)
	value, move := math.Sqrt(sums[0]), math.Sqrt(sums[1])
	ratio := 1.0
	if move > 0 {
		if !r.Joint {
			move += float64(r.L2 * value)
		}
		ratio = trust(float64(r.Trust*value), move+r.Eps)
	}
	if r.Clip {
		ratio = min(ratio, l.LR) / l.LR
		if l.LR == 0 {
			ratio = 1
		}
	}
	l.Factor *= ratio
	l.L2 *= ratio
}
