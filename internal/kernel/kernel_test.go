package kernel

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/descent-ml/descent/internal/cpu"
	"github.com/descent-ml/descent/internal/philox"
)

var exhaustive = flag.Bool("exhaustive", false, "run narrowing casts and exp over every float32: minutes")

// tier is one implementation of the kernels; those it lacks are nil.
type tier struct {
	name string
	have bool // whether this processor runs it

	normBlock func(x []float32) (sum float64, maxBits uint32)
	scale     func(dst, src []float32, s float32, uncached bool)
	add       func(dst, src []float32, s float32)
	sgd       func(p, g []float32, c *sgdCoef[float32])
	momentum  func(p, g, m []float32, c *momentumCoef[float32])
	adam      func(p, g, m, v []float32, c *adamCoef[float32])
	lion      func(p, g, m []float32, c *lionCoef[float32])
	ratio     func(u, g, col []float32, c *factoredCoef[float32])
	move      func(p, g, col []float32, c *factoredCoef[float32])
	lerp      func(dst, src []float32, w float32) (maxBits uint32)
	maxAbs    func(x []float32) (bits uint32)
	rootScale func(dst, src []float32, by float32)
	square    func(x []float32, s float32)
	maxSum    func(x []float32) (largest float32, sum float64)
	expSum    func(dst, x []float32, shift float32) (sum float64)
	scaleSub  func(dst []float32, a, b float32)
	softCap   func(dst, x []float32, limit float32)
	uncap     func(dst, y []float32, limit float32) // softCapGradient
	dropout   func(dst, src []float32, s float32, drop uint32, key philox.Key, block, step uint64, uncached bool)

	toBF16   func(dst []uint16, src []float32, uncached bool)
	fromBF16 func(dst []float32, src []uint16, uncached bool)
	toF16    func(dst []uint16, src []float32, uncached bool)
	fromF16  func(dst []float32, src []uint16, uncached bool)
	toE4M3   func(dst []uint8, src []float32, uncached bool)
	fromE4M3 func(dst []float32, src []uint8, uncached bool)
	toE5M2   func(dst []uint8, src []float32, uncached bool)
	fromE5M2 func(dst []float32, src []uint8, uncached bool)
}

// reference is what every tier must equal.
var reference = tier{
	"go", true,
	normBlock32Generic,
	func(dst, src []float32, s float32, _ bool) { scaleGeneric(dst, src, s) }, addGeneric[float32],
	sgdGeneric[float32], momentumGeneric[float32], adamGeneric[float32], lionGeneric[float32], ratioGeneric[float32], moveGeneric[float32], lerp32Generic,
	maxAbsGeneric, rootScaleGeneric, scaleSquareGeneric,
	maxSumGeneric[float32], expSumGeneric[float32], scaleSubGeneric[float32],
	softCapGeneric, softCapGradientGeneric[float32],
	func(dst, src []float32, s float32, drop uint32, key philox.Key, block, step uint64, _ bool) {
		dropoutGeneric(dst, src, s, drop, key, block, step)
	},
	cached(toBF16Generic), cached(fromBF16Generic), cached(toF16Generic), cached(fromF16Generic),
	cached(toE4M3Generic), cached(fromE4M3Generic), cached(toE5M2Generic), cached(fromE5M2Generic),
}

// cached is a cast that has ordinary stores only.
func cached[D, S any](f func([]D, []S)) func([]D, []S, bool) {
	return func(dst []D, src []S, _ bool) { f(dst, src) }
}

// dispatched is what callers get.
var dispatched = tier{
	"dispatched", true,
	normBlock32, scale32, add32, sgd32, momentum32, adam32, lion32, ratio32, move32, lerp32, maxAbs, rootScale, scaleSquare, maxSum32, expSum32, scaleSub32,
	softCap32, softCapGradient32, dropout32,
	toBF16, fromBF16, toF16, fromF16, toE4M3, fromE4M3, toE5M2, fromE5M2,
}

// operands are the arguments of any kernel, each of n elements. A kernel uses
// the first few of f, in the order of its arguments, and at most one of h and b.
type operands struct {
	f        [4][]float32
	h        []uint16
	b        []uint8
	s, t     float32 // scalars; shift, of expSum, is s
	coef     [10]float32
	drop     uint32
	key      philox.Key
	blk, st  uint64
	uncached bool // stores go past the caches
}

// result is what a kernel returns.
type result struct {
	sum  float64
	bits uint32
}

// family is one kernel seen through operands.
type family struct {
	name   string
	floats int // how many of f it uses
	width  int // element size of h or b, 0 when it uses neither
	alias  bool
	max    int // largest n, 0 for any
	// exact means that NaNs must have the reference's bits too.
	exact bool
	// writes means that the first operand is only written, past the caches
	// where that is asked for.
	writes bool
	// bytes is the traffic of one element: what the kernel reads and writes,
	// without reads for ownership.
	bytes int
	// of binds a tier's kernel; nil where it has none.
	of func(k *tier) func(o *operands) result
}

// The coefficient structs are laid out as the assembly reads them, as arrays.
func (o *operands) adam() *adamCoef[float32] { return (*adamCoef[float32])(unsafe.Pointer(&o.coef)) }

func (o *operands) momentum() *momentumCoef[float32] {
	return (*momentumCoef[float32])(unsafe.Pointer(&o.coef))
}

func (o *operands) lion() *lionCoef[float32] { return (*lionCoef[float32])(unsafe.Pointer(&o.coef)) }

func (o *operands) factored() *factoredCoef[float32] {
	return (*factoredCoef[float32])(unsafe.Pointer(&o.coef))
}

func (o *operands) sgd() *sgdCoef[float32] { return (*sgdCoef[float32])(unsafe.Pointer(&o.coef)) }

var families = []family{
	{
		name: "norm", floats: 1, max: Block, bytes: 4,
		of: func(k *tier) func(*operands) result {
			f := k.normBlock
			if f == nil {
				return nil
			}
			return func(o *operands) result { s, m := f(o.f[0]); return result{s, m} }
		},
	},
	{
		name: "scale", floats: 2, alias: true, writes: true, bytes: 8,
		of: func(k *tier) func(*operands) result {
			f := k.scale
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.f[1], o.s, o.uncached); return }
		},
	},
	{
		name: "add", floats: 2, alias: true, bytes: 12,
		of: func(k *tier) func(*operands) result {
			f := k.add
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.f[1], o.s); return }
		},
	},
	{
		name: "sgd", floats: 2, alias: true, bytes: 12,
		of: func(k *tier) func(*operands) result {
			f := k.sgd
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.f[1], o.sgd()); return }
		},
	},
	{
		name: "momentum", floats: 3, bytes: 20,
		of: func(k *tier) func(*operands) result {
			f := k.momentum
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.f[1], o.f[2], o.momentum()); return }
		},
	},
	{
		name: "adam", floats: 4, bytes: 28,
		of: func(k *tier) func(*operands) result {
			f := k.adam
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.f[1], o.f[2], o.f[3], o.adam()); return }
		},
	},
	{
		name: "maxsum", floats: 1, bytes: 4,
		of: func(k *tier) func(*operands) result {
			f := k.maxSum
			if f == nil {
				return nil
			}
			return func(o *operands) result { m, s := f(o.f[0]); return result{s, math.Float32bits(m)} }
		},
	},
	{
		name: "expsum", floats: 2, alias: true, bytes: 8,
		of: func(k *tier) func(*operands) result {
			f := k.expSum
			if f == nil {
				return nil
			}
			return func(o *operands) result { return result{sum: f(o.f[0], o.f[1], o.s)} }
		},
	},
	{
		name: "expsumonly", floats: 2, bytes: 4,
		of: func(k *tier) func(*operands) result {
			f := k.expSum
			if f == nil {
				return nil
			}
			return func(o *operands) result { return result{sum: f(nil, o.f[1], o.s)} }
		},
	},
	{
		name: "scalesub", floats: 1, bytes: 8,
		of: func(k *tier) func(*operands) result {
			f := k.scaleSub
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.s, o.t); return }
		},
	},
	{
		name: "dropout", floats: 2, alias: true, writes: true, bytes: 8,
		of: func(k *tier) func(*operands) result {
			f := k.dropout
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) {
				f(o.f[0], o.f[1], o.s, o.drop, o.key, o.blk, o.st, o.uncached)
				return
			}
		},
	},
	to16("tobf16", func(k *tier) func([]uint16, []float32, bool) { return k.toBF16 }),
	from16("frombf16", func(k *tier) func([]float32, []uint16, bool) { return k.fromBF16 }),
	to16("tof16", func(k *tier) func([]uint16, []float32, bool) { return k.toF16 }),
	from16("fromf16", func(k *tier) func([]float32, []uint16, bool) { return k.fromF16 }),
	to8("toe4m3", func(k *tier) func([]uint8, []float32, bool) { return k.toE4M3 }),
	from8("frome4m3", func(k *tier) func([]float32, []uint8, bool) { return k.fromE4M3 }),
	to8("toe5m2", func(k *tier) func([]uint8, []float32, bool) { return k.toE5M2 }),
	from8("frome5m2", func(k *tier) func([]float32, []uint8, bool) { return k.fromE5M2 }),
	{
		name: "lerp", floats: 2, alias: true, bytes: 12,
		of: func(k *tier) func(*operands) result {
			f := k.lerp
			if f == nil {
				return nil
			}
			return func(o *operands) result { return result{bits: f(o.f[0], o.f[1], o.s)} }
		},
	},
	{
		name: "maxabs", floats: 1, bytes: 4,
		of: func(k *tier) func(*operands) result {
			f := k.maxAbs
			if f == nil {
				return nil
			}
			return func(o *operands) result { return result{bits: f(o.f[0])} }
		},
	},
	{
		name: "rootscale", floats: 2, alias: true, bytes: 8,
		of: func(k *tier) func(*operands) result {
			f := k.rootScale
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.f[1], o.s); return }
		},
	},
	{
		name: "scalesquare", floats: 1, bytes: 8,
		of: func(k *tier) func(*operands) result {
			f := k.square
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.s); return }
		},
	},
	{
		name: "lion", floats: 3, bytes: 20,
		of: func(k *tier) func(*operands) result {
			f := k.lion
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.f[1], o.f[2], o.lion()); return }
		},
	},
	{
		name: "softcap", floats: 2, alias: true, bytes: 8,
		of: func(k *tier) func(*operands) result {
			f := k.softCap
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.f[1], o.s); return }
		},
	},
	{
		name: "softcapgradient", floats: 2, alias: true, bytes: 12,
		of: func(k *tier) func(*operands) result {
			f := k.uncap
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.f[1], o.s); return }
		},
	},
	{
		name: "ratio", floats: 3, bytes: 12,
		of: func(k *tier) func(*operands) result {
			f := k.ratio
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.f[1], o.f[2], o.factored()); return }
		},
	},
	{
		name: "move", floats: 3, bytes: 16,
		of: func(k *tier) func(*operands) result {
			f := k.move
			if f == nil {
				return nil
			}
			return func(o *operands) (r result) { f(o.f[0], o.f[1], o.f[2], o.factored()); return }
		},
	},
}

func to16(name string, of func(*tier) func([]uint16, []float32, bool)) family {
	return family{name: name, floats: 1, width: 2, exact: true, writes: true, bytes: 6, of: func(k *tier) func(*operands) result {
		f := of(k)
		if f == nil {
			return nil
		}
		return func(o *operands) (r result) { f(o.h, o.f[0], o.uncached); return }
	}}
}

func from16(name string, of func(*tier) func([]float32, []uint16, bool)) family {
	return family{name: name, floats: 1, width: 2, exact: true, writes: true, bytes: 6, of: func(k *tier) func(*operands) result {
		f := of(k)
		if f == nil {
			return nil
		}
		return func(o *operands) (r result) { f(o.f[0], o.h, o.uncached); return }
	}}
}

func to8(name string, of func(*tier) func([]uint8, []float32, bool)) family {
	return family{name: name, floats: 1, width: 1, exact: true, writes: true, bytes: 5, of: func(k *tier) func(*operands) result {
		f := of(k)
		if f == nil {
			return nil
		}
		return func(o *operands) (r result) { f(o.b, o.f[0], o.uncached); return }
	}}
}

func from8(name string, of func(*tier) func([]float32, []uint8, bool)) family {
	return family{name: name, floats: 1, width: 1, exact: true, writes: true, bytes: 5, of: func(k *tier) func(*operands) result {
		f := of(k)
		if f == nil {
			return nil
		}
		return func(o *operands) (r result) { f(o.f[0], o.b, o.uncached); return }
	}}
}

// each runs f for every kernel of every tier this processor has.
func each(t *testing.T, f func(t *testing.T, fam *family, run func(*operands) result)) {
	for _, k := range archTiers() {
		for i := range families {
			fam := &families[i]
			run := fam.of(&k)
			if run == nil {
				continue
			}
			t.Run(fam.name+"/"+k.name, func(t *testing.T) {
				if !k.have {
					t.Skipf("%s: %s", k.name, cpu.Why(k.name))
				}
				f(t, fam, run)
			})
		}
	}
}

// TestRequired turns a tier that would be skipped into a failure:
// DESCENT_REQUIRE=avx2,avx512 names those that must run.
func TestRequired(t *testing.T) {
	names := os.Getenv("DESCENT_REQUIRE")
	if names == "" {
		t.Skip("DESCENT_REQUIRE is not set")
	}
	for _, name := range strings.Split(names, ",") {
		ran := name == "go"
		for _, k := range archTiers() {
			ran = ran || k.name == name && k.have
		}
		if !ran {
			t.Errorf("%s is required: %s", name, cpu.Why(name))
		}
	}
}

// random is word i of a fixed sequence, the same on every machine.
func random(i uint64) uint32 { return philox.Key{0x6b65726e, 0x656c2121}.Block(i/4, 0)[i%4] }

// words hands out the words of random from a place on.
type words uint64

func (w *words) next() uint32 {
	*w++
	return random(uint64(*w))
}

// corners are the float32 bits, without sign, where something changes.
var corners = []uint32{
	0, 1, 2, 0x007fffff, 0x00800000, 0x00800001, // subnormal to normal
	0x33000000, 0x33000001, 0x33800000, 0x37800000, // least of half and of E5M2, and their halves
	0x3a800000, 0x3b000000, 0x3b7fffff, 0x3c800000, 0x3c7fffff, // those of E4M3
	0x387fc000, 0x387fffff, 0x38800000, // least normal half
	0x3f7fffff, 0x3f800000, 0x3f800001, 0x3f808000, 0x3f818000, 0x3fffffff, 0x40000000,
	0x42aeac4f, 0x42aeac50, 0x42aeac51, 0x42b17217, 0x42b17218, // ends of exp
	0x43e00000, 0x43e7ffff, 0x43e80000, 0x43e80001, 0x43f00000, // largest of E4M3
	0x477fe000, 0x477fefff, 0x477ff000, 0x477fffff, 0x47600000, 0x47700000, // of half and E5M2
	0x4b000000, 0x4b7fffff, 0x5f800000, // beyond integers; the root of overflow
	0x7f7f7fff, 0x7f7f8000, 0x7f7fffff, // largest of bfloat16 and of float32
	0x7f800000, 0x7f800001, 0x7fa00000, 0x7fbfffff, 0x7fc00000, 0x7fc12345, 0x7fffffff,
}

// fills are the kinds of input.
var fills = []struct {
	name string
	one  func(w *words) uint32
}{
	{"ordinary", func(w *words) uint32 { // ±16 in steps of 2⁻²⁰, so that sums round
		return math.Float32bits(float32(int32(w.next())>>7) * 0x1p-20)
	}},
	{"finite", func(w *words) uint32 {
		b := w.next()
		if b&0x7f800000 == 0x7f800000 {
			b ^= 0x10000000
		}
		return b
	}},
	{"corners", func(w *words) uint32 {
		b := w.next()
		if b%8 < 3 {
			return b // any bits, NaN and Inf among them
		}
		return corners[b>>8%uint32(len(corners))] | b&0x80000000
	}},
}

// fill sets every operand.
func (o *operands) fill(kind int, w *words) {
	one := fills[kind].one
	for i := range o.f {
		for j := range o.f[i] {
			o.f[i][j] = math.Float32frombits(one(w))
		}
	}
	for i := range o.h {
		o.h[i] = uint16(w.next())
	}
	for i := range o.b {
		o.b[i] = uint8(w.next())
	}
}

// scalars sets the scalars: usual ones, and with kind 2 any.
func (o *operands) scalars(fam *family, kind int, w *words) {
	usual := [...]float32{0.37, 1e-3, 0.9, 0.1, 0.999, 0.001, 1.7, 1e-8, 0.9999, 3e-4}
	o.coef = usual
	o.s, o.t = -1.0/3, 0.125
	o.drop = 0x33333333
	o.key = philox.Key{w.next(), w.next()}
	o.blk, o.st = uint64(w.next()), uint64(w.next())
	if kind == 2 {
		for i := range o.coef {
			if w.next()%4 == 0 {
				o.coef[i] = math.Float32frombits(fills[kind].one(w))
			}
		}
		o.s, o.t = math.Float32frombits(fills[kind].one(w)), math.Float32frombits(fills[kind].one(w))
		o.drop = [...]uint32{0, 1, 0x80000000, 0x7fffffff, 0xffffffff}[w.next()%5]
		// The low word of the counter, and the whole, wrap within the run.
		o.blk = [...]uint64{0, 1<<32 - 3, 1<<64 - 2, 1<<63 - 1}[w.next()%4]
		o.st = [...]uint64{0, 7, 1<<32 - 1, 1<<33 + 5}[w.next()%4]
	}
	if strings.HasPrefix(fam.name, "expsum") {
		// The caller's duty: nothing exceeds the shift.
		o.s, _ = maxSumGeneric(o.f[1])
		switch w.next() % 4 {
		case 0:
			o.s += 0.3
		case 1:
			o.s++
		}
		if kind == 2 && w.next()%16 == 0 {
			o.s = [...]float32{float32(math.Inf(1)), float32(math.NaN())}[w.next()%2]
		}
	}
}

// guarded is memory with a known word wherever the operand is not.
type guarded[E comparable] struct {
	all   []E
	at, n int
}

const (
	guards = 80         // elements on each side: more than a vector of any type
	guard  = 0x7fa5a5a5 // a signalling NaN, so that a stray read shows in sums
)

// place makes room for n elements, shift elements off a vector's alignment.
func (g *guarded[E]) place(n, shift int, paint E) []E {
	if size := n + 2*guards + 16; cap(g.all) < size {
		g.all = make([]E, size, 2*size)
	} else {
		g.all = g.all[:size]
	}
	for i := range g.all {
		g.all[i] = paint
	}
	g.at, g.n = guards+shift%16, n
	return g.all[g.at : g.at+n : g.at+n]
}

// stray finds an element outside the operand that was written.
func (g *guarded[E]) stray(paint E) (at int, found bool) {
	for i, v := range g.all {
		if (i < g.at || i >= g.at+g.n) && v != paint {
			return i - g.at, true
		}
	}
	return 0, false
}

// arena is guarded memory for every operand.
type arena struct {
	f [4]guarded[uint32]
	h guarded[uint16]
	b guarded[uint8]
}

// place lays out operands of n elements, each misaligned in its own way. In
// place, operand 0 is operand 1, and its own memory is all guard.
func (a *arena) place(fam *family, n, shift int, alias bool) *operands {
	o := &operands{}
	for i := range fam.floats {
		o.f[i] = floats(a.f[i].place(n, shift*(2*i+1), guard))
	}
	if alias {
		a.f[0].n = 0
		o.f[0] = o.f[1]
	}
	switch fam.width {
	case 1:
		o.b = a.b.place(n, shift*3, guard&0xff)
	case 2:
		o.h = a.h.place(n, shift*3, guard&0xffff)
	}
	return o
}

// floats is the same memory as float32.
func floats(x []uint32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// check reports a guard word that has changed.
func (a *arena) check() error {
	for i := range a.f {
		if at, found := a.f[i].stray(guard); found {
			return fmt.Errorf("operand %d of %d elements was written at %d", i, a.f[i].n, at)
		}
	}
	if at, found := a.h.stray(guard & 0xffff); found {
		return fmt.Errorf("16-bit operand of %d elements was written at %d", a.h.n, at)
	}
	if at, found := a.b.stray(guard & 0xff); found {
		return fmt.Errorf("8-bit operand of %d elements was written at %d", a.b.n, at)
	}
	return nil
}

// clone copies operands to fresh memory; one alias stays one.
func (o *operands) clone(alias bool) *operands {
	c := *o
	for i := range o.f {
		c.f[i] = append([]float32(nil), o.f[i]...)
	}
	if alias {
		c.f[0] = c.f[1]
	}
	c.h = append([]uint16(nil), o.h...)
	c.b = append([]uint8(nil), o.b...)
	return &c
}

// differs describes the first difference between what a kernel left and what
// the reference left.
func differs(fam *family, got, want *operands, rg, rw result) error {
	same := func(a, b float32) bool {
		return math.Float32bits(a) == math.Float32bits(b) || !fam.exact && a != a && b != b
	}
	for i := range fam.floats {
		for j, w := range want.f[i] {
			if g := got.f[i][j]; !same(g, w) {
				return fmt.Errorf("operand %d[%d] is %x (%g), want %x (%g)",
					i, j, math.Float32bits(g), g, math.Float32bits(w), w)
			}
		}
	}
	for j, w := range want.h {
		if got.h[j] != w {
			return fmt.Errorf("[%d] is %#04x, want %#04x", j, got.h[j], w)
		}
	}
	for j, w := range want.b {
		if got.b[j] != w {
			return fmt.Errorf("[%d] is %#02x, want %#02x", j, got.b[j], w)
		}
	}
	if math.Float64bits(rg.sum) != math.Float64bits(rw.sum) && (rg.sum == rg.sum || rw.sum == rw.sum) {
		return fmt.Errorf("sum is %x (%g), want %x (%g)",
			math.Float64bits(rg.sum), rg.sum, math.Float64bits(rw.sum), rw.sum)
	}
	if rg.bits != rw.bits {
		return fmt.Errorf("maximum is %#x, want %#x", rg.bits, rw.bits)
	}
	return nil
}

// lengths are all the tails, and blocks that begin, end and repeat.
func lengths(fam *family) (ns []int) {
	for n := range 131 {
		ns = append(ns, n)
	}
	for _, n := range []int{255, 256, 257, 1000, Block - 1, Block, Block + 1, 3*Block + 17} {
		if fam.max == 0 || n <= fam.max {
			ns = append(ns, n)
		}
	}
	return ns
}

// TestTiers runs each kernel of each tier alone, for every tail, misalignment
// and kind of input, in place and out of place, and compares bit for bit.
func TestTiers(t *testing.T) {
	each(t, func(t *testing.T, fam *family, run func(*operands) result) {
		ref := fam.of(&reference)
		var a arena
		w := words(0)
		for _, n := range lengths(fam) {
			shifts := 16
			if n > 256 {
				shifts = 2
			}
			for shift := range shifts {
				for kind := range fills {
					alias := fam.alias && (n+shift+kind)%3 == 0
					o := a.place(fam, n, shift, alias)
					o.uncached = fam.writes && !alias && (n+shift+kind)%3 == 1
					o.fill(kind, &w)
					o.scalars(fam, kind, &w)
					want := o.clone(alias)
					rw := ref(want)
					rg := run(o)
					err := differs(fam, o, want, rg, rw)
					if err == nil {
						err = a.check()
					}
					if err != nil {
						t.Fatalf("n = %d, shift %d, %s, in place %t, uncached %t: %v",
							n, shift, fills[kind].name, alias, o.uncached, err)
					}
				}
			}
		}
	})
}

// TestInPlace holds the reference to the same: in place or not, same bits.
func TestInPlace(t *testing.T) {
	w := words(0)
	for i := range families {
		fam := &families[i]
		if !fam.alias {
			continue
		}
		for kind := range fills {
			var a, b arena
			o, p := a.place(fam, 1000, 1, true), b.place(fam, 1000, 1, true)
			o.fill(kind, &w)
			o.scalars(fam, kind, &w)
			*p = *o
			p.f[1] = append([]float32(nil), o.f[1]...)
			p.f[0] = append([]float32(nil), o.f[0]...)
			ro, rp := fam.of(&reference)(o), fam.of(&reference)(p)
			o.f[1], p.f[1] = nil, nil
			only := *fam
			only.floats = 1
			if err := differs(&only, o, p, ro, rp); err != nil {
				t.Errorf("%s, %s: %v", fam.name, fills[kind].name, err)
			}
		}
	}
}

// every16 are all operands of 16 bits, every8 of 8.
func every16() []uint16 {
	h := make([]uint16, 1<<16)
	for i := range h {
		h[i] = uint16(i)
	}
	return h
}

func every8() []uint8 {
	b := make([]uint8, 1<<8)
	for i := range b {
		b[i] = uint8(i)
	}
	return b
}

// TestWidening runs widening casts over every input.
func TestWidening(t *testing.T) {
	each(t, func(t *testing.T, fam *family, run func(*operands) result) {
		if !strings.HasPrefix(fam.name, "from") {
			t.Skip("not a widening cast")
		}
		o := &operands{}
		n := 1 << 8
		if fam.width == 2 {
			o.h, n = every16(), 1<<16
		} else {
			o.b = every8()
		}
		o.f[0] = make([]float32, n)
		want := o.clone(false)
		rw := fam.of(&reference)(want)
		if err := differs(fam, o, want, run(o), rw); err != nil {
			t.Error(err)
		}
	})
}

// dense calls f with runs of float32 that hold every sign and exponent with
// every upper part of the mantissa, of ten bits down to none, followed by a
// remainder next to nothing, next to half and next to all: whatever a cast
// rounds to, subnormals included, the input is there on both sides and at the
// tie. With the flag -exhaustive it is every float32.
func dense(f func(x []float32)) {
	x := make([]float32, 0, 1<<16)
	add := func(b uint32) {
		x = append(x, math.Float32frombits(b))
		if len(x) == cap(x) {
			f(x)
			x = x[:0]
		}
	}
	if *exhaustive {
		for b := range uint64(1 << 32) {
			add(uint32(b))
		}
		return
	}
	for high := range uint32(512) {
		for cut := 13; cut <= 23; cut++ { // how many bits are rounded away
			half := uint32(1) << (cut - 1)
			for upper := range uint32(1) << (23 - cut) {
				b := high<<23 | upper<<cut
				for _, rest := range [...]uint32{0, 1, half - 1, half, half + 1, 2*half - 1} {
					add(b | rest)
				}
			}
		}
	}
	f(x)
}

// TestNarrowing runs narrowing casts over dense inputs.
func TestNarrowing(t *testing.T) {
	each(t, func(t *testing.T, fam *family, run func(*operands) result) {
		if !strings.HasPrefix(fam.name, "to") {
			t.Skip("not a narrowing cast")
		}
		ref := fam.of(&reference)
		h, b := make([]uint16, 2<<16), make([]uint8, 2<<16)
		dense(func(x []float32) {
			got, want := &operands{f: [4][]float32{x}}, &operands{f: [4][]float32{x}}
			if fam.width == 2 {
				got.h, want.h = h[:len(x)], h[len(h)-len(x):]
			} else {
				got.b, want.b = b[:len(x)], b[len(b)-len(x):]
			}
			rg, rw := run(got), ref(want)
			if err := differs(fam, got, want, rg, rw); err != nil {
				t.Fatalf("from %x: %v", math.Float32bits(x[0]), err)
			}
		})
	})
}

// TestExpDense compares expsum where exp has a normal result, and beyond.
func TestExpDense(t *testing.T) {
	each(t, func(t *testing.T, fam *family, run func(*operands) result) {
		if fam.name != "expsum" {
			t.Skip("not the exponential")
		}
		ref := fam.of(&reference)
		step := uint32(1009)
		if *exhaustive {
			step = 1
		}
		x := make([]float32, 0, 1<<12)
		for b := uint32(0x80000000); b < 0xc2d00000; b += step { // −0 to −104
			x = append(x, math.Float32frombits(b))
			if len(x) < cap(x) {
				continue
			}
			got := &operands{f: [4][]float32{make([]float32, len(x)), x}}
			want := got.clone(false)
			rg, rw := run(got), ref(want)
			if err := differs(fam, got, want, rg, rw); err != nil {
				t.Fatalf("from %g: %v", x[0], err)
			}
			x = x[:0]
		}
	})
}

// TestAllocations: steady state allocates nothing.
func TestAllocations(t *testing.T) {
	w := words(0)
	for i := range families {
		fam := &families[i]
		var a arena
		o := a.place(fam, 1000, 0, false)
		o.fill(0, &w)
		o.scalars(fam, 0, &w)
		run := fam.of(&dispatched)
		if n := testing.AllocsPerRun(10, func() { run(o) }); n != 0 {
			t.Errorf("%s allocates %g times", fam.name, n)
		}
	}
}

// hashes are SHA-256 sums of what each kernel makes of a fixed input. They are
// the bits contract in one place: the same on every processor, tier and tag.
// A change here is a change of results and belongs under Numerics in CHANGELOG.
var hashes = map[string]string{
	"norm":            "376662eb9a0b9764f0053e7e1f7a175fa253a650aacc9d316c9cc946d011d5df",
	"scale":           "6cd6afa8950b232ce70d6eab409a417c564345012fb4de4f0044e9925f6a0384",
	"add":             "6616302431778c68c0ae037e8d71c0a67554f8228bd75fcf1a495eed34e0b075",
	"sgd":             "802ae64296ee926c1785258987c3878e76d712ec9a49f828d7a19f28e80ac6ea",
	"momentum":        "59b5320e566e941896a63a1ddd01966ef0d5064975e45ee557743b35652cca65",
	"adam":            "6609edd74cc3e1804a6759cf6c378314491894bd77442c6ebaf33119fc8d3bd6",
	"lerp":            "f7582c8f92aafce20790d18a1012c219e6eb7107d8efb9f8be79616645c10c61",
	"maxabs":          "c7f6617d795a8f9730d58ec91258211f0646183ddb16bca551941e4fde119af5",
	"rootscale":       "6f2b2461ec3ec9c162d8b76ce8e55a21de451666b0a2e55e343c66d83ab49b09",
	"scalesquare":     "1b37f99874fe12b13390b22a9e91af916f464fe416cde1734dc61892103e3651",
	"maxsum":          "88b15ab3488c91fb41e1fd84d83ccf95e173f759058e16dbb2d30df08c9716d9",
	"expsum":          "2e4bbd56b95edb415ba6fc2f1089298e8ed169c45db228ef819d226568343f91",
	"expsumonly":      "d873a002a113e6ef3ce11de19c0e59ef80dc9c3e431183ba07ace14f679e5dce",
	"scalesub":        "be2bcdd813426d5a658640fa154c324aeeaac57821273fba1ad7faa4740b9e05",
	"dropout":         "a96ab28956ccfb3665d5ada8b759869e3961cce8ddf9b0b821ec8720171b6010",
	"tobf16":          "6376d2b4b13c2aec871439f068d1c424ef121e54cde42986672ff9757d4b80c0",
	"frombf16":        "40488c021c66764c49ddcd2c0b0a48568c04fca55c20d34c0c44b48be380e95a",
	"tof16":           "3c26dbbe47ed6efeaf5f63487a006c5ec2f5fe62f1c784be51a9869156bf489c",
	"fromf16":         "1ef950513f1d917f773d1adb44f79799faf63f7e88afd47e9b2dcb48cbd4701b",
	"toe4m3":          "4d2436cb304976bf4c9ba7ac3e53d5216fe5f78095eb0cab99e6968209d6ce84",
	"frome4m3":        "9169f030c130ca7e107fc961b0a46ad46be51890597ae6bbf7221c6fa814630e",
	"toe5m2":          "d29cc44b68ab0f739adb9782936bccc6e74be458b12312f013a76327d9f72936",
	"frome5m2":        "1d6e325118f5fa44b8c75ca5150232638967076dbd6cce5a161eec2010764185",
	"lion":            "67a04026ebda52ccd78d84c17bc0bb902bc1942fac40f8d47f1dcf3cdef4310b",
	"softcap":         "ba67bdcd29cfca74b7c69d33d6fc8d9b45e799cb8e64588dfaadf055a015cbdb",
	"softcapgradient": "7127a5e36f307903bb0beef332b8a3dbdf6fe9ba0ba9fc71bfe271c7cf9296b0",
	"ratio":           "cbf5b0e2faf25d89f3fc0a430457db1a95fffcefa3753907d136fee082c3a99a",
	"move":            "f142e63ba863e17b0704d82eb8c6d182aa983296887ff370e7f4b8ebe544d352",
}

// TestHashes runs the dispatched kernels.
func TestHashes(t *testing.T) {
	for i := range families {
		fam := &families[i]
		t.Run(fam.name, func(t *testing.T) {
			run, sum := fam.of(&dispatched), sha256.New()
			var a arena
			w := words(uint64(i) << 32)
			for _, n := range []int{1, 31, 1000, Block, 2*Block + 123} {
				if fam.max != 0 && n > fam.max {
					continue
				}
				for kind := range fills {
					o := a.place(fam, n, 0, false)
					o.fill(kind, &w)
					o.scalars(fam, kind, &w)
					r := run(o)
					out := []byte(nil)
					for i := range o.f {
						for _, v := range o.f[i] {
							bits := math.Float32bits(v)
							if v != v && !fam.exact {
								bits = 0x7fc00000
							}
							out = binary.LittleEndian.AppendUint32(out, bits)
						}
					}
					for _, v := range o.h {
						out = binary.LittleEndian.AppendUint16(out, v)
					}
					out = append(out, o.b...)
					if r.sum != r.sum {
						r.sum = math.Float64frombits(0x7ff8000000000000)
					}
					out = binary.LittleEndian.AppendUint64(out, math.Float64bits(r.sum))
					out = binary.LittleEndian.AppendUint32(out, r.bits)
					sum.Write(out)
				}
			}
			if got := hex.EncodeToString(sum.Sum(nil)); got != hashes[fam.name] {
				t.Errorf("results changed: %s, want %s", got, hashes[fam.name])
			}
		})
	}
}

// FuzzTiers takes raw bits: a kernel, a length, scalars and elements.
func FuzzTiers(f *testing.F) {
	for i := range families {
		seed := make([]byte, 2500)
		for j := range seed {
			seed[j] = byte(random(uint64(i*len(seed) + j)))
		}
		f.Add(uint8(i), uint8(i), seed)
	}
	f.Fuzz(func(t *testing.T, which, shift uint8, data []byte) {
		fam := &families[int(which)%len(families)]
		next := func() uint32 {
			var b [4]byte
			data = data[copy(b[:], data):]
			return binary.LittleEndian.Uint32(b[:])
		}
		var a arena
		size := 4*fam.floats + fam.width
		n := max(len(data)-80, 0) / size
		if fam.max > 0 {
			n = min(n, fam.max)
		}
		o := a.place(fam, n, int(shift), false)
		o.s, o.t = math.Float32frombits(next()), math.Float32frombits(next())
		for i := range o.coef {
			o.coef[i] = math.Float32frombits(next())
		}
		o.drop = next()
		o.key = philox.Key{next(), next()}
		o.blk = uint64(next())<<32 | uint64(next())
		o.st = uint64(next())<<32 | uint64(next())
		o.uncached = fam.writes && shift&16 != 0
		for i := range o.f {
			for j := range o.f[i] {
				o.f[i][j] = math.Float32frombits(next())
			}
		}
		for j := range o.h {
			o.h[j] = uint16(next())
		}
		for j := range o.b {
			o.b[j] = uint8(next())
		}
		if strings.HasPrefix(fam.name, "expsum") {
			if largest, _ := maxSumGeneric(o.f[1]); o.s < largest {
				o.s = largest
			}
		}
		for _, k := range archTiers() {
			run := fam.of(&k)
			if run == nil || !k.have {
				continue
			}
			got, want := o.clone(false), o.clone(false)
			rg, rw := run(got), fam.of(&reference)(want)
			if err := differs(fam, got, want, rg, rw); err != nil {
				t.Fatalf("%s, %s, n = %d: %v", fam.name, k.name, n, err)
			}
		}
	})
}
