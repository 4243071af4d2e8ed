package main

// Sums keep Lanes float64 accumulators, two to a register, in element order:
// register r holds lanes 2r and 2r+1. While whole turns of 32 elements last
// they may stay in sixteen registers; for the elements left over they are in
// memory, where a pointer finds the next lane.
//
// lanes and block are Lanes and Block of package kernel.
const (
	lanes      = 32
	lanesBytes = 8 * lanes
	lanesFrame = "lanes-256(SP)"
	block      = 4096
)

// lanesAt sets at to the first lane in memory.
func (f *fn) lanesAt(at reg) { f.op("MOVD", "$"+lanesFrame, at) }

// widen sets lo and hi to the lower and upper elements of x in float64.
func (f *fn) widen(lo, hi, x vecs) {
	f.fcvtl(d2, lo, x)
	f.fcvtl2(d2, hi, x)
}

// even and odd pick the registers of the lower and upper halves.
func even(v vecs) (e vecs) {
	for i := 0; i < len(v); i += 2 {
		e = append(e, v[i])
	}
	return e
}

func odd(v vecs) vecs { return even(v[1:]) }

// storeLanes writes the sixteen registers to memory and spoils at.
func (f *fn) storeLanes(acc vecs, at reg) {
	f.lanesAt(at)
	for i := 0; i < len(acc); i += 4 {
		f.op("VST1.P", list(d2, acc[i:i+4]), "64("+at.String()+")")
	}
}

// addLanes adds lo and hi, step elements as widen left them, to the lanes at
// at and moves on to the next. It spoils old, two registers for each of lo.
func (f *fn) addLanes(at reg, step int, lo, hi, old vecs) {
	mem := "(" + at.String() + ")"
	if step == 1 {
		f.op("FMOVD", mem, scalar(old[0]))
		f.fadd(d2, old[:1], old[:1], lo[:1])
		f.op("FMOVD.P", scalar(old[0]), "8"+mem)
		return
	}
	for i := range lo {
		o := old[2*i : 2*i+2]
		f.op("VLD1", mem, list(d2, o))
		f.fadd(d2, o[:1], o[:1], lo[i:i+1])
		f.fadd(d2, o[1:], o[1:], hi[i:i+1])
		f.op("VST1.P", list(d2, o), "32"+mem)
	}
}

// fold adds the lanes in memory in the fixed tree into element 0 of r[0]. It
// spoils at and twelve registers.
func (f *fn) fold(at reg, r vecs) {
	x, y, z := r[0:4], r[4:8], r[8:12]
	f.lanesAt(at)
	for _, v := range []vecs{x, y, z} {
		f.op("VLD1.P", "64("+at.String()+")", list(d2, v))
	}
	f.fadd(d2, x, x, z)
	f.op("VLD1", "("+at.String()+")", list(d2, z))
	f.fadd(d2, y, y, z)
	f.fadd(d2, x, x, y)
	f.fadd(d2, x[:2], x[:2], x[2:])
	f.fadd(d2, x[:1], x[:1], x[1:2])
	f.faddp(x[0], x[0])
}

// blocks runs body for each block of n elements; m is its length. body
// leaves the block's sum in element 0 of sum, where it is added to the result.
func (f *fn) blocks(n, m reg, sum, old vec, body func()) {
	f.op("MOVD", zero, f.fp("sum"))
	f.op("CBZ", n, "done")
	f.label("block")
	f.op("MOVD", imm(block, 1, 4096), m)
	f.op("CMP", m, n)
	f.op("CSEL", "LT", n, m, m)
	f.op("SUB", m, n)
	body()
	f.op("FMOVD", f.fp("sum"), scalar(old))
	f.op("FADDD", scalar(sum), scalar(old), scalar(old))
	f.op("FMOVD", scalar(old), f.fp("sum"))
	f.op("CBNZ", n, "block")
	f.label("done")
}
