package optim

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// orZero is a peer's number in a field whose 0 means a default.
func orZero(x float64) float64 {
	if x == 0 {
		return Zero
	}
	return x
}

// otherRuleOf is our rule for a golden case, or nil when the case is of another.
func otherRuleOf(c golden.Case) Rule {
	num := c.Config.Float
	switch c.Op {
	case "torch.RMSprop":
		return RMSProp{
			Alpha: num("alpha"), Eps: num("eps"), Centered: c.Config.Bool("centered"),
			Momentum: num("momentum"), L2: num("weight_decay"),
		}
	case "timm.RMSpropTF":
		return RMSProp{
			Alpha: num("alpha"), Eps: num("eps"), EpsInRoot: true, Initial: 1, Centered: c.Config.Bool("centered"),
			Momentum: num("momentum"), RateInside: c.Config.Bool("lr_in_momentum"),
		}
	case "optax.rmsprop":
		return RMSProp{
			Alpha: num("decay"), Eps: num("eps"), EpsInRoot: c.Config.Bool("eps_in_sqrt"), Initial: num("initial_scale"),
			Centered: c.Config.Bool("centered"), Momentum: num("momentum"), RateInside: true,
		}
	case "torch.Adagrad":
		return Adagrad{
			Eps: num("eps"), Initial: num("initial_accumulator_value"), RateDecay: num("lr_decay"), L2: num("weight_decay"),
		}
	case "torch.Adadelta":
		return Adadelta{Rho: num("rho"), Eps: num("eps"), L2: num("weight_decay")}
	case "optax.sophia":
		r := Sophia{
			Beta1: num("b1"), Beta2: num("b2"), Gamma: num("gamma"), Eps: num("eps"), Clip: math.Inf(1),
			Decay: num("weight_decay"),
		}
		if c.Config.Has("clip_threshold") {
			r.Clip = num("clip_threshold")
		}
		return r
	case "timm.Lamb":
		return LAMB{
			Beta1: num("beta1"), Beta2: num("beta2"), Eps: num("eps"), Decay: num("weight_decay"),
			TrustClip: c.Config.Bool("trust_clip"), NoCorrection: !c.Config.Bool("bias_correction"),
			NoAveraging: !c.Config.Bool("grad_averaging"),
		}
	case "optax.lamb":
		return LAMB{
			Beta1: num("b1"), Beta2: num("b2"), Eps: num("eps"), EpsRoot: num("eps_root"), Decay: num("weight_decay"),
		}
	case "timm.Lars":
		return LARS{
			Momentum: orZero(num("momentum")), Nesterov: c.Config.Bool("nesterov"), L2: num("weight_decay"),
			Trust: num("trust_coeff"), Eps: orZero(num("eps")), Clip: c.Config.Bool("trust_clip"),
		}
	case "optax.lars":
		return LARS{
			Momentum: orZero(num("momentum")), Nesterov: c.Config.Bool("nesterov"), L2: num("weight_decay"),
			Trust: num("trust_coefficient"), Eps: orZero(num("eps")), Joint: true,
		}
	case "optax.prodigy":
		return Prodigy{
			Beta1: num("beta1"), Beta2: num("beta2"), Eps: num("eps"), Decay: num("weight_decay"),
			D0: num("estim_lr0"), Coef: num("estim_lr_coef"), Safeguard: c.Config.Bool("safeguard_warmup"),
		}
	case "optax.schedule_free_adamw":
		return ScheduleFreeAdamW{
			Beta1: num("b1"), Beta2: num("b2"), Eps: num("eps"), Decay: num("weight_decay"),
			Power: orZero(num("weight_lr_power")),
		}
	case "optax.schedule_free_sgd":
		return ScheduleFreeSGD{Beta: num("b1"), Power: orZero(num("weight_lr_power"))}
	}
	return nil
}

// beside is what a golden case has beside gradients and parameters: clipping,
// Hessians, evaluation points, warm-up.
func beside[F float32 | float64](t *testing.T, c golden.Case, tol float64) func(*Optimizer, *descent.Gradients, int) {
	switch {
	case c.Op == "timm.Lamb" && c.Config.Has("max_grad_norm"):
		return func(_ *Optimizer, g *descent.Gradients, _ int) {
			n, err := g.Norm()
			must(t, err)
			must(t, g.Clip(min(1, c.Config.Float("max_grad_norm")/n.L2)))
		}
	case c.Op == "optax.sophia":
		var hessian []descent.View
		for i := range 3 {
			p := c.In[fmt.Sprint("param", i)]
			hessian = append(hessian, descent.Of(make([]F, len(p.Data)), p.Shape...))
		}
		h, err := descent.NewGradients(hessian)
		must(t, err)
		return func(o *Optimizer, _ *descent.Gradients, step int) {
			last := step - 1 // optax observes after its step
			if last < 0 || last%c.Config.Int("update_interval") != 0 {
				return
			}
			for i, v := range hessian {
				data, err := descent.Data[F](v)
				must(t, err)
				for j := range data {
					data[j] = F(c.In[fmt.Sprint("hessian", i)].Data[last*len(data)+j])
				}
			}
			h.Reset(1)
			r, err := o.Observe(h)
			must(t, err)
			if !r.Applied || r.Step != int64(step) {
				t.Errorf("Observe at step %d: %+v", step, r)
			}
		}
	case strings.HasPrefix(c.Op, "optax.schedule_free"):
		return func(o *Optimizer, _ *descent.Gradients, step int) {
			for i := range 3 {
				if c.Config.Has("warmup_steps") {
					// optax weighs step t by the rate of step t+1.
					o.params[i].clock.scalars[1] = warmedUp(c, step+1)
				}
				if step == 0 {
					continue
				}
				x, err := descent.Data[F](o.Evaluation(i))
				must(t, err)
				want := c.Out[fmt.Sprint("eval", i)].Data[(step-1)*len(x):]
				for j := range x {
					if !(math.Abs(float64(x[j])-want[j]) <= tol*max(math.Abs(want[j]), 0.1)) {
						t.Errorf("step %d: evaluation %d at %d is %v, want %v", step, i, j, x[j], want[j])
					}
				}
			}
		}
	}
	return func(*Optimizer, *descent.Gradients, int) {}
}

// warmedUp is optax's warm-up: float32, with a fused multiply-add, also where all
// else is float64.
func warmedUp(c golden.Case, step int) float64 {
	peak := float32(c.Config.Float("learning_rate"))
	left := max(0, 1-float32(step)/float32(c.Config.Float("warmup_steps")))
	return float64(float32(math.FMA(-float64(peak), float64(left), float64(peak))))
}

// rates puts the rate where replay finds it, under the names and in the places
// that peers have.
func rates(c golden.Case) golden.Case {
	if c.Config.Has("lr") {
		return c
	}
	lr := golden.Array{}
	for step := range c.Config.Int("steps") {
		if c.Config.Has("warmup_steps") {
			lr.Data = append(lr.Data, warmedUp(c, step))
		} else {
			lr.Data = append(lr.Data, c.Config.Float("learning_rate"))
		}
	}
	c.In["lr"] = lr
	return c
}

func TestGoldenOther(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/optim.json") {
		rule := otherRuleOf(c)
		if rule == nil {
			continue
		}
		rows++
		c = rates(c)
		t.Run(c.Name, func(t *testing.T) {
			// Up to 9 steps of a dozen roundings each, peers' in another order; the
			// centered variance cancels. Found: 6.5e-15.
			if d := replay[float64](t, c, rule, c.Out, beside[float64](t, c, 3e-14)); !(d <= 3e-14) {
				t.Errorf("float64 differs by %.2g of a weight", d)
			}
			// Against the peers' float64. Found: 1.5e-6 with momentum 0.9, which adds
			// up ten steps' roundings, else 8e-7.
			if d := replay[float32](t, c, rule, c.Out, beside[float32](t, c, 3e-6)); !(d <= 3e-6) {
				t.Errorf("float32 differs by %.2g of a weight", d)
			}
		})
	}
	if rows != 29 {
		t.Errorf("%d golden rows, want 29", rows)
	}
}
