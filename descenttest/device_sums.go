package descenttest

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// sumCases measure for rules that depend on sums over a tensor. What an optimizer
// makes of the sums is rounded to float32, so that it would not show all of their
// bits.
func sumCases() (cases []deviceCase) {
	rules := []struct {
		rule  kernel.Measurer
		slots int
	}{
		// Nothing keeps 0/0 from what lies beyond the end.
		{&kernel.LAMB{Factor: -0.7, Beta1: 0.9, Omega1: 0.1, Beta2: 0.99, Omega2: 0.01, Mean: 2, Square: 3, Decay: 0.1}, 2},
		{&kernel.LAMB{Factor: 1e-3, Beta1: 0.9, Omega1: 0.1, Beta2: 0.99, Omega2: 0.01, Mean: 1, Square: 1, Root: 1e-3, Eps: 1e-6}, 2},
		{&kernel.LARS{Momentum: kernel.Momentum{Factor: 0.3, L2: 5, Mu: 0.9}, Pull: 0.7}, 1},
		{&kernel.Adafactor{Factor: 0.3, Beta2: 0.9, Omega2: 0.1, Eps: 1e-30, Floor: 1e-3}, 1},
		{&kernel.Adafactor{Factor: 0.3, Beta2: 0.9, Omega2: 0.1}, 1},
		{&kernel.Prodigy{Factor: -0.3, D: 0.5, Beta1: 0.9, Omega1: 0.1, Beta2: 0.99, Omega2: 0.01, Beta3: 0.9, Gain: 2, Weight: 3.3}, 4},
	}
	type kind struct {
		name               string
		value, grad, state descent.DType
		how                backend.Storage
	}
	kinds := []kind{
		{"float32", descent.F32, descent.F32, descent.F32, backend.Plain},
		{"float64", descent.F64, descent.F64, descent.F64, backend.Plain},
		{"bfloat16 gradients", descent.F32, descent.BF16, descent.F32, backend.Plain},
		{"bfloat16 state", descent.BF16, descent.F16, descent.BF16, backend.Stochastic},
		{"remainder", descent.F32, descent.F32, descent.BF16, backend.Halves},
	}
	lengths := []int{1, 0, 31, 128, 4096, 4099, 32_768, 70_001}
	for i, r := range rules {
		for _, k := range kinds {
			cases = append(cases, deviceCase{fmt.Sprintf("sums/%d %T/%s", i, r.rule, k.name), func(p place) (out []descent.View) {
				var values []backend.Stored
				var grads []backend.Buffer
				var slots [][]backend.Stored
				for j, n := range lengths {
					from := j % 2
					tensor := func(seed int, size float64, t descent.DType) descent.View {
						v := p.part(p.random(uint64(10*j+seed), size, t, n+from), from)
						out = append(out, v)
						return v
					}
					v, g := tensor(0, 1, k.value), tensor(1, 1, k.grad)
					if n == 4099 { // its sums are of no use, but the state has to be right
						p.with(g, 4097, math.NaN())
						p.with(v, 7, math.Inf(1))
					}
					if n == 4096 { // 0/0, unless something keeps from it
						p.with(g, 5, 0)
					}
					values = append(values, backend.Stored{Buffer: v.Buffer()})
					grads = append(grads, g.Buffer())
					var state []backend.Stored
					for s := range r.slots {
						x := tensor(2+s, 0.5, k.state)
						if s == 1 || r.slots == 1 { // a second moment
							h := host(p, x)
							e, err := elementsOf(h)
							p.must(err)
							for i := range n {
								e.set(i, math.Abs(e.get(i)))
							}
							p.must(copyOrSame(x, h))
						}
						if n == 4096 {
							p.with(x, 5, 0)
						}
						t := backend.Stored{Buffer: x.Buffer(), How: k.how, Seed: 5, Stream: uint64(8*j + s)}
						if k.how == backend.Halves {
							low := p.empty(descent.BF16, n)
							out = append(out, low)
							t.Low = low.Buffer()
						}
						state = append(state, t)
					}
					slots = append(slots, state)
				}
				u := backend.NewUpdate(values)
				u.Grads, u.Slots, u.Step = backend.NewSet(grads), slots, 7
				for j := range values {
					if j != 2 {
						u.Rules[j] = r.rule
					}
				}
				u.Sums[2] = kernel.Sums{1, 2, 3, 4}
				p.must(p.dev.Backend().Measure(u))
				for _, s := range u.Sums {
					out = append(out, p.numbers(s[:]...))
				}
				return out
			}})
		}
	}
	return cases
}
