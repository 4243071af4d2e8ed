package main

import "fmt"

// The constants of package philox.
const (
	philoxM0     = 0xD2511F53
	philoxM1     = 0xCD9E8D57
	philoxW0     = 0x9E3779B9
	philoxW1     = 0xBB67AE85
	philoxRounds = 10
)

// philox holds the generator's registers. A set is four consecutive blocks:
// element i of a counter word's register belongs to the i-th of them, so the
// four words, interleaved, are the words of sixteen elements in order.
type philox struct {
	f                    *fn
	m0, m1, w0, w1       vecs
	key0, key1, k0, k1   vecs
	stepLo, stepHi, four vecs
	ctr                  vecs    // the next four block numbers, 64 bits each
	c, t                 [2]vecs // of each set: the counter words, scratch
}

func newPhilox(f *fn) *philox {
	p := &philox{
		f:  f,
		m0: f.splat(philoxM0, "M0"), m1: f.splat(philoxM1, "M1"),
		w0: f.splat(philoxW0, "W0"), w1: f.splat(philoxW1, "W1"),
		key0: f.splatArg("key_0"), key1: f.splatArg("key_1"),
		k0: f.group(1, "round key 0"), k1: f.group(1, "round key 1"),
		stepLo: f.group(1, "step, lower"), stepHi: f.group(1, "step, upper"),
		four: f.group(1, "4"), ctr: f.group(2, "blocks"),
	}
	f.op("MOVD", f.fp("step"), tmp)
	f.op("VDUP", tmp, p.stepLo[0].as(s4))
	f.op("LSR", "$32", tmp)
	f.op("VDUP", tmp, p.stepHi[0].as(s4))
	f.op("MOVD", "$4", tmp)
	f.op("VDUP", tmp, p.four[0].as(d2))
	f.op("MOVD", f.fp("block"), tmp)
	for i := range 4 {
		f.op("VMOV", tmp, p.ctr[i/2].lane(d2, i%2))
		f.op("ADD", "$1", tmp)
	}
	for s := range p.c {
		p.c[s] = f.group(4, fmt.Sprintf("words %d", s))
		p.t[s] = f.group(4, fmt.Sprintf("scratch %d", s))
	}
	return p
}

// words computes the random words of the next sets into their c.
func (p *philox) words(sets int) {
	f := p.f
	column := func(v [2]vecs, i int) vecs { return vecs{v[0][i], v[1][i]}[:sets] }
	c0, c1, c2, c3 := column(p.c, 0), column(p.c, 1), column(p.c, 2), column(p.c, 3)
	a, a2, b, b2 := column(p.t, 0), column(p.t, 1), column(p.t, 2), column(p.t, 3)
	for s := range sets {
		f.uzp1(s4, c0[s:s+1], p.ctr[:1], p.ctr[1:])
		f.uzp2(s4, c1[s:s+1], p.ctr[:1], p.ctr[1:])
		f.add(d2, p.ctr, p.ctr, p.four)
	}
	f.mov(c2, p.stepLo)
	f.mov(c3, p.stepHi)
	f.mov(p.k0, p.key0)
	f.mov(p.k1, p.key1)
	for round := range philoxRounds {
		if round > 0 {
			f.add(s4, p.k0, p.k0, p.w0)
			f.add(s4, p.k1, p.k1, p.w1)
		}
		f.note(fmt.Sprintf("Round %d: the products M0·c0 and M1·c2, two to a register.", round+1))
		f.umull(a, c0, p.m0)
		f.umull2(a2, c0, p.m0)
		f.umull(b, c2, p.m1)
		f.umull2(b2, c2, p.m1)
		f.xor(c1, c1, p.k0)
		f.xor(c3, c3, p.k1)
		f.uzp2(s4, c0, b, b2)
		f.uzp2(s4, c2, a, a2)
		f.xor(c0, c0, c1)
		f.xor(c2, c2, c3)
		f.uzp1(s4, c1, b, b2)
		f.uzp1(s4, c3, a, a2)
	}
}

func dropout(a *file) {
	decl := "func dropoutNEON(dst, src []float32, s float32, drop uint32, key philox.Key, block, step uint64)"
	a.function(decl, 64, func(f *fn) {
		dst, n, src := f.ptr("dst_base"), f.ptr("dst_len"), f.ptr("src_base")
		m, words := f.reg("left of the words"), f.reg("words")
		s, drop := f.splatArg("s"), f.splatArg("drop")
		p := newPhilox(f)
		// x = s·x where c ≥ drop, else +0.
		mask := func(x, c vecs) {
			f.fmul(s4, x, x, s)
			f.cmhs(s4, c, c, drop)
			f.and(x, x, c)
		}
		f.walk(n, nil, func(int) {
			p.words(2)
			for set := range 2 {
				x := p.t[set]
				f.op("VLD4.P", fmt.Sprintf("64(%v)", src), list(s4, x))
				mask(x, p.c[set])
				f.op("VST4.P", list(s4, x), fmt.Sprintf("64(%v)", dst))
			}
		}, 32)
		f.op("CBZ", n, "done")
		f.label("rest")
		f.op("MOVD", "$16", m)
		f.op("CMP", m, n)
		f.op("CSEL", "LT", n, m, m)
		f.op("SUB", m, n)
		p.words(1)
		f.op("MOVD", "$words-64(SP)", words)
		f.op("VST4", list(s4, p.c[0]), fmt.Sprintf("(%v)", words))
		x, c := p.t[0], p.c[0]
		streams := []stream{{src, 4, x, in}, {words, 4, c, in}, {dst, 4, x, out}}
		f.walk(m, streams, func(int) { mask(x[:1], c[:1]) }, 4, 1)
		f.op("CBNZ", n, "rest")
		f.label("done")
	})
}
