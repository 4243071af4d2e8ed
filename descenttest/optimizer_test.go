package descenttest_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/descenttest"
	"github.com/descent-ml/descent/optim"
)

func TestOptimizer(t *testing.T) {
	rules := []optim.Rule{
		optim.SGD{},
		optim.SGD{Momentum: 0.9, Nesterov: true, L2: 0.01},
		optim.Adam{AMSGrad: true},
		optim.AdamW{Decay: 0.1},
		optim.NAdam{},
		optim.RAdam{},
		optim.Adamax{},
		optim.AdaBelief{},
		optim.Yogi{},
		optim.Adan{},
		optim.Lion{},
		optim.RMSProp{},
		optim.Adagrad{},
		optim.Adadelta{},
		optim.LAMB{},
		optim.LARS{},
		optim.Sophia{},
		optim.Prodigy{},
		optim.Adafactor{},
		optim.Muon{},
		optim.SOAP{Every: 2},
		optim.ScheduleFreeAdamW{},
	}
	if testing.Short() {
		rules = rules[:4]
	}
	for _, rule := range rules {
		descenttest.Optimizer(t, rule)
	}
}

func TestOptimizerFinds(t *testing.T) {
	wantFailure(t, "no rule", func(t testing.TB) { descenttest.Optimizer(t, nil) })
	wantFailure(t, "Momentum", func(t testing.TB) { descenttest.Optimizer(t, optim.SGD{Momentum: 2}) })
	wantFailure(t, "no progress", func(t testing.TB) { descenttest.Optimizer(t, optim.SGD{L2: 1e4}) })
}

// faulty is an optimizer whose step or restore is replaced.
type faulty struct {
	*optim.Optimizer
	params  []optim.Param
	step    func(f faulty, g *descent.Gradients, lr float64) (optim.Report, error)
	restore func(f faulty, s optim.State) error
}

func (f faulty) Step(g *descent.Gradients, lr float64) (optim.Report, error) {
	if f.step == nil {
		return f.Optimizer.Step(g, lr)
	}
	return f.step(f, g, lr)
}

func (f faulty) Restore(s optim.State) error {
	if f.restore == nil {
		return f.Optimizer.Restore(s)
	}
	return f.restore(f, s)
}

func TestOptimizerFindsFaults(t *testing.T) {
	var sink []int
	first := func(v descent.View) *float32 {
		d, err := descent.Data[float32](v)
		if err != nil {
			t.Fatal(err)
		}
		return &d[0]
	}
	for _, c := range []struct {
		name, says string
		faulty
	}{
		{"none", "", faulty{}},
		{"stands still", "no progress", faulty{
			step: func(faulty, *descent.Gradients, float64) (optim.Report, error) {
				return optim.Report{Applied: true}, nil
			},
		}},
		{"applies NaN", "report is", faulty{
			step: func(f faulty, g *descent.Gradients, lr float64) (optim.Report, error) {
				r, err := f.Optimizer.Step(g, lr)
				r.Applied = true
				return r, err
			},
		}},
		{"never applies", "is not applied", faulty{
			step: func(f faulty, g *descent.Gradients, lr float64) (optim.Report, error) {
				r, err := f.Optimizer.Step(g, lr)
				r.Applied = false
				return r, err
			},
		}},
		{"fails", "step of rate 1: broken", faulty{
			step: func(faulty, *descent.Gradients, float64) (optim.Report, error) {
				return optim.Report{}, errors.New("broken")
			},
		}},
		{"skipped step writes a value", "changes values or state", faulty{
			step: func(f faulty, g *descent.Gradients, lr float64) (optim.Report, error) {
				r, err := f.Optimizer.Step(g, lr)
				if !r.Applied {
					*first(f.params[2].Value.View()) += 0x1p-20
				}
				return r, err
			},
		}},
		{"skipped step writes state", "changes values or state", faulty{
			step: func(f faulty, g *descent.Gradients, lr float64) (optim.Report, error) {
				r, err := f.Optimizer.Step(g, lr)
				if !r.Applied {
					*first(f.State().Params[0].Slots[1].Value) *= 0.999
				}
				return r, err
			},
		}},
		{"forgets state", "a restored run has other bits", faulty{
			restore: func(faulty, optim.State) error { return nil },
		}},
		{"forgets the step", "a restored run has other bits", faulty{
			restore: func(f faulty, s optim.State) error {
				for i := range s.Params {
					s.Params[i].Step = 0
				}
				return f.Optimizer.Restore(s)
			},
		}},
		{"refuses state", "Restore: broken", faulty{
			restore: func(faulty, optim.State) error { return errors.New("broken") },
		}},
		{"depends on threads", "other bits with GOMAXPROCS 7", faulty{
			step: func(f faulty, g *descent.Gradients, lr float64) (optim.Report, error) {
				if runtime.GOMAXPROCS(0) == 7 {
					lr *= 1.0001
				}
				return f.Optimizer.Step(g, lr)
			},
		}},
		{"allocates", "a step allocates 1 times", faulty{
			step: func(f faulty, g *descent.Gradients, lr float64) (optim.Report, error) {
				sink = make([]int, 3)
				return f.Optimizer.Step(g, lr)
			},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			suite := func(t testing.TB) {
				rule := optim.AdamW{}
				descenttest.OptimizerOf(t, rule, func(params []optim.Param) (descenttest.Stepper, error) {
					o, err := optim.New(params, rule)
					return faulty{o, params, c.step, c.restore}, err
				})
			}
			if c.says != "" {
				wantFailure(t, c.says, suite)
			} else if got := failures(t, suite); got != nil {
				t.Error(got)
			}
		})
	}
	_ = sink
}
