package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func lion(g *gen) {
	g.elementwise(elementwise{
		name:      "lionAVX2",
		signature: "func(p, g, m []float32, c *lionCoef[float32])",
		doc:       []string{"lionAVX2 is lionGeneric."},
		arrays:    []string{"p", "g", "m"},
		unroll:    4,
		ahead:     updateAhead,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			c := g.coefficients("c", 7)
			factor, beta1, omega1, beta2, omega2, decay, lr := c[0], c[1], c[2], c[3], c[4], c[5], c[6]
			zero := g.YMM()
			g.VXORPS(zero, zero, zero)
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				d, m := g.mul(factor, load(1)), load(2)
				u := g.sign(g.sum(g.mul(beta1, m), g.mul(omega1, d)), zero)
				store(2, g.sum(g.mul(beta2, m), g.mul(omega2, d)))
				store(0, g.diff(g.mul(decay, load(0)), g.mul(lr, u)))
			}
		},
	})
}

// sign returns a new register: ±1, and where x is ±0 or NaN the same.
func (g *gen) sign(x, zero reg.VecVirtual) reg.VecVirtual {
	const different = 12 // false for NaN
	s, mask := g.YMM(), g.YMM()
	g.VANDPS(g.all("signbit", 0x80000000), x, s)
	g.VORPS(g.floatAll("one", 1), s, s)
	g.VCMPPS(operand.U8(different), zero, x, mask)
	g.VBLENDVPS(mask, s, x, s)
	return s
}
