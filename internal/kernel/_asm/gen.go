package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gen is a context for one file, with what the kernels have in common.
type gen struct {
	*build.Context
	globals map[string]operand.Mem
}

// begin starts a function.
func (g *gen) begin(name, signature string, doc ...string) {
	g.Function(name)
	g.Attributes(attr.NOSPLIT)
	s, err := gotypes.ParseSignatureInPackage(kernelTypes, signature)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", name, err))
	}
	g.Signature(s)
	g.Doc(doc...)
}

// kernelTypes are the types of package kernel that signatures name; only
// pointers to them are passed, so what they hold does not matter here.
var kernelTypes = func() *types.Package {
	const source = `package kernel
		type sgdCoef[F any] struct{}
		type momentumCoef[F any] struct{}
		type adamCoef[F any] struct{}
		type lionCoef[F any] struct{}
		type factoredCoef[F any] struct{}`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", source, 0)
	if err != nil {
		panic(err)
	}
	pkg, err := new(types.Config).Check("kernel", fset, []*ast.File{file}, nil)
	if err != nil {
		panic(err)
	}
	return pkg
}()

// base, length and scalar load parameters.
func (g *gen) base(param string) reg.GPVirtual {
	return g.Load(g.Param(param).Base(), g.GP64()).(reg.GPVirtual)
}

func (g *gen) length(param string) reg.GPVirtual {
	return g.Load(g.Param(param).Len(), g.GP64()).(reg.GPVirtual)
}

func (g *gen) pointer(param string) reg.GPVirtual {
	return g.Load(g.Param(param), g.GP64()).(reg.GPVirtual)
}

// param is the address of a scalar parameter.
func (g *gen) param(name string) operand.Mem {
	b, err := g.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// words is read-only data of 32-bit words.
func (g *gen) words(name string, w ...uint32) operand.Mem {
	if m, ok := g.globals[name]; ok {
		return m
	}
	m := g.StaticGlobal(name)
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	for _, v := range w {
		g.AppendDatum(operand.U32(v))
	}
	if g.globals == nil {
		g.globals = map[string]operand.Mem{}
	}
	g.globals[name] = m
	return m
}

// quads is read-only data of 64-bit words.
func (g *gen) quads(name string, q ...uint64) operand.Mem {
	var w []uint32
	for _, v := range q {
		w = append(w, uint32(v), uint32(v>>32))
	}
	return g.words(name, w...)
}

// all is one vector of eight equal words, floatAll of eight equal floats.
func (g *gen) all(name string, w uint32) operand.Mem {
	return g.words(name, w, w, w, w, w, w, w, w)
}

func (g *gen) floatAll(name string, v float32) operand.Mem {
	return g.all(name, math.Float32bits(v))
}

// window is n words of ones followed by n of zeros: read n−r words from its
// start, it is a mask for the first r of n elements.
func (g *gen) window(n int) operand.Mem {
	w := make([]uint32, 2*n)
	for i := range n {
		w[i] = 0xffffffff
	}
	return g.words(fmt.Sprintf("window%d", n), w...)
}

// tailMask is the address of the mask for r of n elements; it spoils r.
func (g *gen) tailMask(n int, r reg.GPVirtual) operand.Mem {
	table := g.GP64()
	g.LEAQ(g.window(n), table)
	g.NEGQ(r)
	return operand.Mem{Base: table, Index: r, Scale: 4, Disp: 4 * n}
}

// at is element i of a float32 array plus off elements.
func at(base, i reg.Register, off int) operand.Mem {
	return operand.Mem{Base: base, Index: i, Scale: 4, Disp: 4 * off}
}

// foldSum leaves in acc[0] the sum of its 32 float64 lanes: lane j of acc[k]
// is lane 4k+j of the block.
func (g *gen) foldSum(acc []reg.VecVirtual) reg.Register {
	for half := len(acc) / 2; half > 0; half /= 2 {
		for k := range half {
			g.VADDPD(acc[k+half], acc[k], acc[k])
		}
	}
	high := g.XMM()
	low := acc[0].AsX()
	g.VEXTRACTF128(operand.U8(1), acc[0], high)
	g.VADDPD(high, low, low)
	g.VUNPCKHPD(low, low, high)
	g.VADDSD(high, low, low)
	return low
}

// foldWide is foldSum for registers of eight lanes.
func (g *gen) foldWide(acc []reg.VecVirtual) reg.Register {
	g.VADDPD(acc[2], acc[0], acc[0])
	g.VADDPD(acc[3], acc[1], acc[1])
	g.VADDPD(acc[1], acc[0], acc[0])
	low, high := g.YMM(), g.YMM()
	g.VEXTRACTF64X4(operand.U8(1), acc[0], high)
	g.VADDPD(high, acc[0].AsY(), low)
	return g.foldSum([]reg.VecVirtual{low})
}

// foldBits folds eight lanes of x into lane 0 with op, whose order is free.
func (g *gen) foldBits(x reg.VecVirtual, op func(a, b, dst operand.Op)) reg.Register {
	low, high := x.AsX(), g.XMM()
	g.VEXTRACTF128(operand.U8(1), x, high)
	op(high, low, low)
	g.VPSHUFD(operand.U8(0b01001110), low, high)
	op(high, low, low)
	g.VPSHUFD(operand.U8(0b10110001), low, high)
	op(high, low, low)
	return low
}
