package main

import "github.com/mmcloughlin/avo/reg"

func sgd(g *gen) {
	g.elementwise(elementwise{
		name:      "sgdAVX2",
		signature: "func(p, g []float32, c *sgdCoef[float32], pages bool)",
		doc:       []string{"sgdAVX2 is sgdGeneric."},
		arrays:    []string{"p", "g"},
		unroll:    4,
		pages:     true,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			c := g.coefficients("c", 4)
			factor, l2, decay, lr := c[0], c[1], c[2], c[3]
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				p := load(0)
				d := g.sum(g.mul(factor, load(1)), g.mul(l2, p))
				store(0, g.diff(g.mul(decay, p), g.mul(lr, d)))
			}
		},
	})
	g.elementwise(elementwise{
		name:      "momentumAVX2",
		signature: "func(p, g, m []float32, c *momentumCoef[float32])",
		doc:       []string{"momentumAVX2 is momentumGeneric."},
		arrays:    []string{"p", "g", "m"},
		unroll:    4,
		ahead:     updateAhead,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			k := g.coefficients("c", 8)
			factor, l2, mu, damp, a, b, decay, lr := k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7]
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				p := load(0)
				d := g.sum(g.mul(factor, load(1)), g.mul(l2, p))
				v := g.sum(g.mul(mu, load(2)), g.mul(damp, d))
				store(2, v)
				d = g.sum(g.mul(a, d), g.mul(b, v))
				store(0, g.diff(g.mul(decay, p), g.mul(lr, d)))
			}
		},
	})
}
