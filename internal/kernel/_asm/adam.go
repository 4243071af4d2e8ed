package main

import "github.com/mmcloughlin/avo/reg"

func adam(g *gen) {
	g.elementwise(elementwise{
		name:      "adamAVX2",
		signature: "func(p, g, m, v []float32, c *adamCoef[float32])",
		doc:       []string{"adamAVX2 is adamGeneric."},
		arrays:    []string{"p", "g", "m", "v"},
		unroll:    4,
		ahead:     updateAhead,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			c := g.coefficients("c", 10)
			factor, l2, beta1, omega1, beta2 := c[0], c[1], c[2], c[3], c[4]
			omega2, rsqrt, eps, decay, step := c[5], c[6], c[7], c[8], c[9]
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				p := load(0)
				d := g.sum(g.mul(factor, load(1)), g.mul(l2, p))
				m := g.sum(g.mul(beta1, load(2)), g.mul(omega1, d))
				store(2, m)
				v := g.sum(g.mul(beta2, load(3)), g.mul(omega2, g.mul(d, d)))
				store(3, v)
				q := g.div(m, g.sum(g.mul(g.root(v), rsqrt), eps))
				store(0, g.diff(g.mul(decay, p), g.mul(step, q)))
			}
		},
	})
}
