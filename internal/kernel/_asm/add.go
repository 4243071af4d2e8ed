package main

import "github.com/mmcloughlin/avo/reg"

func add(g *gen) {
	g.elementwise(elementwise{
		name:      "addAVX2",
		signature: "func(dst, src []float32, s float32, pages bool)",
		doc:       []string{"addAVX2 sets dst = dst + s·src."},
		arrays:    []string{"dst", "src"},
		unroll:    4,
		pages:     true,
		constants: func() func(func(int) reg.VecVirtual, func(int, reg.VecVirtual)) {
			s := g.broadcast(g.param("s"))
			return func(load func(int) reg.VecVirtual, store func(int, reg.VecVirtual)) {
				store(0, g.sum(load(0), g.mul(s, load(1))))
			}
		},
	})
}
