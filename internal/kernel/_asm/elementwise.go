package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// elementwise is a kernel that treats every element alike: a loop over
// several vectors, one over single vectors, and a masked tail, so that no
// length is slow.
type elementwise struct {
	name, signature string
	doc             []string
	arrays          []string // float32 slices as long as the first
	unroll          int      // vectors in one turn of the first loop
	ahead           int      // bytes to prefetch ahead of each array, 0 for none
	pages           bool     // prefetch in pages when the parameter pages says so, for at most one block
	uncached        bool     // the first array is only written, and past the caches when the parameter uncached says so

	// constants loads what stays in registers and returns the body of one
	// vector, which loads and stores by array number.
	constants func() func(load func(array int) reg.VecVirtual, store func(array int, x reg.VecVirtual))

	end func() // what follows the last element, nil for nothing
}

func (g *gen) elementwise(e elementwise) {
	g.begin(e.name, e.signature, e.doc...)
	n := g.length(e.arrays[0])
	base := make([]reg.GPVirtual, len(e.arrays))
	for k, name := range e.arrays {
		base[k] = g.base(name)
	}
	body := e.constants()

	i, last := g.GP64(), g.GP64()
	turn := func(vectors int, move store) {
		for v := range vectors {
			body(
				func(k int) reg.VecVirtual {
					x := g.YMM()
					g.VMOVUPS(at(base[k], i, 8*v), x)
					return x
				},
				func(k int, x reg.VecVirtual) { move(x, at(base[k], i, 8*v)) },
			)
		}
	}
	loop := func(label string, vectors int, prefetch func(), move store) {
		// last is the highest i with that many vectors left.
		g.LEAQ(operand.Mem{Base: n, Disp: -8 * vectors}, last)
		g.CMPQ(i, last)
		g.JGT(operand.LabelRef(label + "end"))
		g.Label(label)
		prefetch()
		turn(vectors, move)
		g.ADDQ(operand.I32(8*vectors), i)
		g.CMPQ(i, last)
		g.JLE(operand.LabelRef(label))
		g.Label(label + "end")
	}
	nothing := func() {}
	g.XORQ(i, i)
	if e.uncached {
		g.CMPB(g.param("uncached"), operand.U8(0))
		g.JE(operand.LabelRef("cached"))
		g.CMPQ(n, operand.I32(8*e.unroll))
		g.JL(operand.LabelRef("cached"))
		turn(e.unroll, g.plain)
		g.aligned(base[0], i, 4, 32)
		loop("uncached", e.unroll,
			func() { g.prefetch(at(base[1], i, 0), uncachedAhead, 32*e.unroll) },
			g.past)
		g.SFENCE()
		g.Label("cached")
	}
	if e.pages {
		g.CMPB(g.param("pages"), operand.U8(0))
		g.JE(operand.LabelRef("linear"))
		loop("pages", e.unroll, g.inPages(base), g.plain)
		g.Label("linear")
	}
	loop("many", e.unroll, func() {
		for k := range base {
			if e.ahead > 0 {
				g.prefetch(at(base[k], i, 0), e.ahead, 32*e.unroll)
			}
		}
	}, g.plain)
	loop("one", 1, nothing, g.plain)

	g.SUBQ(i, n)
	g.JZ(operand.LabelRef("done"))
	mask := g.YMM()
	g.VMOVUPS(g.tailMask(8, n), mask)
	body(
		func(k int) reg.VecVirtual {
			x := g.YMM()
			g.VMASKMOVPS(at(base[k], i, 0), mask, x)
			return x
		},
		func(k int, x reg.VecVirtual) { g.VMASKMOVPS(x, mask, at(base[k], i, 0)) },
	)
	g.Label("done")
	if e.end != nil {
		e.end()
	}
	g.VZEROUPPER()
	g.RET()
}

// broadcast loads a float32 into all lanes.
func (g *gen) broadcast(m operand.Mem) reg.VecVirtual {
	x := g.YMM()
	g.VBROADCASTSS(m, x)
	return x
}

// coefficients loads the first n elements of the struct behind a pointer.
func (g *gen) coefficients(param string, n int) []reg.VecVirtual {
	p := g.pointer(param)
	c := make([]reg.VecVirtual, n)
	for i := range c {
		c[i] = g.broadcast(operand.Mem{Base: p, Disp: 4 * i})
	}
	return c
}

// mul, sum, diff and div return new registers: a·b, a+b, a−b, a÷b.
func (g *gen) mul(a, b reg.VecVirtual) reg.VecVirtual {
	x := g.YMM()
	g.VMULPS(b, a, x)
	return x
}

func (g *gen) sum(a, b reg.VecVirtual) reg.VecVirtual {
	x := g.YMM()
	g.VADDPS(b, a, x)
	return x
}

func (g *gen) diff(a, b reg.VecVirtual) reg.VecVirtual {
	x := g.YMM()
	g.VSUBPS(b, a, x)
	return x
}

func (g *gen) div(a, b reg.VecVirtual) reg.VecVirtual {
	x := g.YMM()
	g.VDIVPS(b, a, x)
	return x
}

func (g *gen) root(a reg.VecVirtual) reg.VecVirtual {
	x := g.YMM()
	g.VSQRTPS(a, x)
	return x
}
