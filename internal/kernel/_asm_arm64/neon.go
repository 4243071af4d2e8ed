package main

import (
	"fmt"
	"strings"
)

// vec is a vector register, 0 to 31.
type vec uint8

func (v vec) String() string { return fmt.Sprintf("V%d", v.num()) }

func (v vec) num() uint32 {
	if v > 31 {
		panic(fmt.Sprintf("no vector register %d", uint8(v)))
	}
	return uint32(v)
}

// as is the register in Go's syntax, arm in Arm's.
func (v vec) as(t shape) string  { return v.String() + "." + t.plan9 }
func (v vec) arm(t shape) string { return v.String() + "." + t.arm }

// scalar is the register as Go names it in scalar float instructions.
func scalar(v vec) string { return fmt.Sprintf("F%d", v.num()) }

// lane is one element in Go's syntax.
func (v vec) lane(t shape, i int) string {
	if i < 0 || i >= 16>>t.size {
		panic(fmt.Sprintf("no element %d in %s", i, t.arm))
	}
	return fmt.Sprintf("%v.%c[%d]", v, t.plan9[0], i)
}

// vecs are the registers that hold one value of an unrolled loop. Instructions
// take as many as the destination has, or one, which then serves all.
type vecs []vec

// shape is how a register is divided.
type shape struct {
	arm, plan9 string
	q          uint32 // 1 where all 128 bits are used
	size       uint32 // log₂ of the element's bytes
}

var (
	b16 = shape{"16B", "B16", 1, 0}
	b8  = shape{"8B", "B8", 0, 0}
	h8  = shape{"8H", "H8", 1, 1}
	h4  = shape{"4H", "H4", 0, 1}
	s4  = shape{"4S", "S4", 1, 2}
	s2  = shape{"2S", "S2", 0, 2}
	d2  = shape{"2D", "D2", 1, 3}
)

// integer and float are the fields that say the shape, Q and size or sz.

func (t shape) integer() uint32 { return t.q<<30 | t.size<<22 }

func (t shape) float() uint32 {
	if t.size < 2 {
		panic("no float arithmetic in " + t.arm)
	}
	return t.q<<30 | (t.size&1)<<22
}

// half is t as the narrow side of a widening or narrowing instruction: the
// lower half of a register, or for the "2" forms the upper.
func (t shape) half(upper bool) shape {
	pair := map[shape][2]shape{s4: {h4, h8}, d2: {s2, s4}}[t]
	if pair[0].arm == "" {
		panic("nothing widens to " + t.arm)
	}
	if upper {
		return pair[1]
	}
	return pair[0]
}

// list is a register list of a load or store, which must be consecutive.
func list(t shape, v vecs) string {
	s := make([]string, len(v))
	for i, r := range v {
		if r != v[0]+vec(i) {
			panic(fmt.Sprintf("registers %v are not consecutive", v))
		}
		s[i] = r.as(t)
	}
	if len(v) < 1 || len(v) > 4 {
		panic(fmt.Sprintf("%d registers in a list", len(v)))
	}
	return "[" + strings.Join(s, ", ") + "]"
}

// each calls emit for every register of the destination, the operands beside.
func each(emit func(r []vec), d vecs, sources ...vecs) {
	for i := range d {
		r := []vec{d[i]}
		for _, s := range sources {
			switch len(s) {
			case len(d):
				r = append(r, s[i])
			case 1:
				r = append(r, s[0])
			default:
				panic(fmt.Sprintf("%d registers into %d", len(s), len(d)))
			}
		}
		emit(r)
	}
}

// word writes an instruction that Go's assembler lacks.
func (f *fn) word(w uint32, mnemonic string, operands ...string) {
	fmt.Fprintf(&f.body, "\tWORD\t$%#08x // %s %s\n", w, mnemonic, strings.Join(operands, ", "))
}

// three writes an instruction on three registers of one shape.
func (f *fn) three(w uint32, mnemonic string, t shape, d, n, m vecs) {
	each(func(r []vec) {
		f.word(w|r[2].num()<<16|r[1].num()<<5|r[0].num(), mnemonic, r[0].arm(t), r[1].arm(t), r[2].arm(t))
	}, d, n, m)
}

func (f *fn) fadd(t shape, d, n, m vecs) { f.three(0x0e20d400|t.float(), "FADD", t, d, n, m) }
func (f *fn) fsub(t shape, d, n, m vecs) { f.three(0x0ea0d400|t.float(), "FSUB", t, d, n, m) }
func (f *fn) fmul(t shape, d, n, m vecs) { f.three(0x2e20dc00|t.float(), "FMUL", t, d, n, m) }
func (f *fn) fdiv(t shape, d, n, m vecs) { f.three(0x2e20fc00|t.float(), "FDIV", t, d, n, m) }

// Comparisons set every bit of an element or none. Those of floats are false
// for NaN; cmhi and cmhs compare unsigned integers with > and ≥.

func (f *fn) fcmgt(t shape, d, n, m vecs) { f.three(0x2ea0e400|t.float(), "FCMGT", t, d, n, m) }
func (f *fn) fcmge(t shape, d, n, m vecs) { f.three(0x2e20e400|t.float(), "FCMGE", t, d, n, m) }
func (f *fn) fcmeq(t shape, d, n, m vecs) { f.three(0x0e20e400|t.float(), "FCMEQ", t, d, n, m) }
func (f *fn) cmhi(t shape, d, n, m vecs)  { f.three(0x2e203400|t.integer(), "CMHI", t, d, n, m) }
func (f *fn) cmhs(t shape, d, n, m vecs)  { f.three(0x2e203c00|t.integer(), "CMHS", t, d, n, m) }

// fmulLane multiplies by element i of m.
func (f *fn) fmulLane(d, n vecs, m vec, i int) {
	elem := m.lane(s4, i)
	each(func(r []vec) {
		w := uint32(0x4f809000) | uint32(i&1)<<21 | uint32(i>>1)<<11
		f.word(w|m.num()<<16|r[1].num()<<5|r[0].num(), "FMUL", r[0].arm(s4), r[1].arm(s4), elem)
	}, d, n)
}

// fmlaLane adds the product with element i of m, rounded once.
func (f *fn) fmlaLane(d, n vecs, m vec, i int) {
	elem := m.lane(s4, i)
	each(func(r []vec) {
		w := uint32(0x4f801000) | uint32(i&1)<<21 | uint32(i>>1)<<11
		f.word(w|m.num()<<16|r[1].num()<<5|r[0].num(), "FMLA", r[0].arm(s4), r[1].arm(s4), elem)
	}, d, n)
}

// two writes an instruction on two registers of the shapes td and tn.
func (f *fn) two(w uint32, mnemonic string, td, tn shape, d, n vecs) {
	each(func(r []vec) {
		f.word(w|r[1].num()<<5|r[0].num(), mnemonic, r[0].arm(td), r[1].arm(tn))
	}, d, n)
}

func (f *fn) fabs(t shape, d, n vecs)  { f.two(0x0ea0f800|t.float(), "FABS", t, t, d, n) }
func (f *fn) fsqrt(t shape, d, n vecs) { f.two(0x2ea1f800|t.float(), "FSQRT", t, t, d, n) }

// fcvtl widens the lower half of n to t; fcvtl2 the upper half.
func (f *fn) fcvtl(t shape, d, n vecs) {
	f.two(0x0e217800|(t.size&1)<<22, "FCVTL", t, t.half(false), d, n)
}

func (f *fn) fcvtl2(t shape, d, n vecs) {
	f.two(0x4e217800|(t.size&1)<<22, "FCVTL2", t, t.half(true), d, n)
}

// fcvtn narrows t into the lower half of d and clears the upper; fcvtn2
// narrows into the upper half and keeps the lower.
func (f *fn) fcvtn(t shape, d, n vecs) {
	f.two(0x0e216800|(t.size&1)<<22, "FCVTN", t.half(false), t, d, n)
}

func (f *fn) fcvtn2(t shape, d, n vecs) {
	f.two(0x4e216800|(t.size&1)<<22, "FCVTN2", t.half(true), t, d, n)
}

// umull multiplies the lower two 32-bit integers to 64 bits; umull2 the upper.
func (f *fn) umull(d, n, m vecs)  { f.long(0x2ea0c000, "UMULL", s2, d, n, m) }
func (f *fn) umull2(d, n, m vecs) { f.long(0x6ea0c000, "UMULL2", s4, d, n, m) }

func (f *fn) long(w uint32, mnemonic string, t shape, d, n, m vecs) {
	each(func(r []vec) {
		f.word(w|r[2].num()<<16|r[1].num()<<5|r[0].num(), mnemonic, r[0].arm(d2), r[1].arm(t), r[2].arm(t))
	}, d, n, m)
}

// sshr shifts 32-bit elements right, copying the sign.
func (f *fn) sshr(d, n vecs, shift int) {
	i := imm(shift, 1, 32)
	each(func(r []vec) {
		w := 0x4f000400 | uint32(64-shift)<<16
		f.word(w|r[1].num()<<5|r[0].num(), "SSHR", r[0].arm(s4), r[1].arm(s4), "#"+i[1:])
	}, d, n)
}

// Reductions leave their result in element 0 and clear the rest.

func (f *fn) fmaxv(d, n vec) {
	f.word(0x6e30f800|n.num()<<5|d.num(), "FMAXV", fmt.Sprintf("S%d", d), n.arm(s4))
}

func (f *fn) umaxv(d, n vec) {
	f.word(0x6eb0a800|n.num()<<5|d.num(), "UMAXV", fmt.Sprintf("S%d", d), n.arm(s4))
}

func (f *fn) faddp(d, n vec) {
	f.word(0x7e70d800|n.num()<<5|d.num(), "FADDP", fmt.Sprintf("D%d", d), n.arm(d2))
}

// Instructions that Go's assembler has.

func (f *fn) native(mnemonic string, t shape, d, n, m vecs) {
	each(func(r []vec) { f.op(mnemonic, r[2].as(t), r[1].as(t), r[0].as(t)) }, d, n, m)
}

func (f *fn) add(t shape, d, n, m vecs)  { f.native("VADD", t, d, n, m) }
func (f *fn) sub(t shape, d, n, m vecs)  { f.native("VSUB", t, d, n, m) }
func (f *fn) umax(t shape, d, n, m vecs) { f.native("VUMAX", t, d, n, m) }
func (f *fn) umin(t shape, d, n, m vecs) { f.native("VUMIN", t, d, n, m) }
func (f *fn) zip1(t shape, d, n, m vecs) { f.native("VZIP1", t, d, n, m) }
func (f *fn) zip2(t shape, d, n, m vecs) { f.native("VZIP2", t, d, n, m) }
func (f *fn) uzp1(t shape, d, n, m vecs) { f.native("VUZP1", t, d, n, m) }
func (f *fn) uzp2(t shape, d, n, m vecs) { f.native("VUZP2", t, d, n, m) }
func (f *fn) cmeq(t shape, d, n, m vecs) { f.native("VCMEQ", t, d, n, m) }
func (f *fn) fmla(t shape, d, n, m vecs) { f.native("VFMLA", t, d, n, m) }
func (f *fn) and(d, n, m vecs)           { f.native("VAND", b16, d, n, m) }
func (f *fn) or(d, n, m vecs)            { f.native("VORR", b16, d, n, m) }
func (f *fn) xor(d, n, m vecs)           { f.native("VEOR", b16, d, n, m) }
func (f *fn) clear(d vecs)               { f.xor(d, d, d) }
func (f *fn) mov(d, n vecs)              { f.or(d, n, n) }

// bit copies the bits of n into d where those of mask are set, bif where not.
func (f *fn) bit(d, n, mask vecs) { f.native("VBIT", b16, d, n, mask) }
func (f *fn) bif(d, n, mask vecs) { f.native("VBIF", b16, d, n, mask) }

func (f *fn) shift(mnemonic string, d, n vecs, i string) {
	each(func(r []vec) { f.op(mnemonic, i, r[1].as(s4), r[0].as(s4)) }, d, n)
}

// Shifts of 32-bit elements. sli shifts left and keeps the low bits of d.

func (f *fn) ushr(d, n vecs, i int) { f.shift("VUSHR", d, n, imm(i, 1, 32)) }
func (f *fn) shl(d, n vecs, i int)  { f.shift("VSHL", d, n, imm(i, 0, 31)) }
func (f *fn) sli(d, n vecs, i int)  { f.shift("VSLI", d, n, imm(i, 0, 31)) }
