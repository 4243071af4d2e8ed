package main

import "github.com/mmcloughlin/avo/reg"

func scale(g *gen) {
	g.elementwise(elementwise{
		name:      "scaleAVX2",
		signature: "func(dst, src []float32, s float32, uncached bool)",
		doc:       []string{"scaleAVX2 sets dst = s·src."},
		arrays:    []string{"dst", "src"},
		unroll:    4,
		uncached:  true,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			s := g.broadcast(g.param("s"))
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				store(0, g.mul(s, load(1)))
			}
		},
	})
}
