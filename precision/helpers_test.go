package precision

import (
	"bytes"
	"hash/fnv"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/philox"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// varied is n numbers of both signs and many magnitudes, the same at each call.
func varied[F float32 | float64](n int, seed uint64) []F {
	x := make([]F, n)
	s := 2*seed + 1
	for i := range x {
		s = s*6364136223846793005 + 1442695040888963407
		x[i] = F(math.Ldexp(float64(int32(s>>32)), int(s>>20%24)-43))
	}
	return x
}

// anyThreads runs f with several GOMAXPROCS: its results must not differ.
func anyThreads(t *testing.T, f func() []byte) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want []byte
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		got := f()
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("other bits with GOMAXPROCS %d", procs)
		}
	}
}

// noAllocations fails when f allocates once it has run.
func noAllocations(t *testing.T, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(20, f); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func hash(parts ...[]byte) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum64()
}

// raw is the memory of a tensor, NaN of float32 and float64 with one pattern.
func raw(t testing.TB, v descent.View) []byte {
	t.Helper()
	var out []byte
	switch v.DType() {
	case descent.F32:
		x, err := descent.Data[float32](v)
		must(t, err)
		for _, e := range x {
			b := math.Float32bits(e)
			if e != e {
				b = 0x7fc00000
			}
			out = append(out, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
		}
	case descent.F64:
		x, err := descent.Data[float64](v)
		must(t, err)
		for _, e := range x {
			b := math.Float64bits(e)
			if e != e {
				b = 0x7ff8 << 48
			}
			for i := range 8 {
				out = append(out, byte(b>>(8*i)))
			}
		}
	case descent.BF16:
		x, err := descent.Data[descent.BFloat16](v)
		must(t, err)
		for _, e := range x {
			out = append(out, byte(e), byte(e>>8))
		}
	case descent.F16:
		x, err := descent.Data[descent.Float16](v)
		must(t, err)
		for _, e := range x {
			out = append(out, byte(e), byte(e>>8))
		}
	case descent.E4M3:
		x, err := descent.Data[descent.Float8E4M3](v)
		must(t, err)
		for _, e := range x {
			out = append(out, byte(e))
		}
	case descent.E5M2:
		x, err := descent.Data[descent.Float8E5M2](v)
		must(t, err)
		for _, e := range x {
			out = append(out, byte(e))
		}
	}
	return out
}

// made is a tensor of a type.
func made(t descent.DType, shape ...int) descent.View {
	n := 1
	for _, d := range shape {
		n *= d
	}
	switch t {
	case descent.F32:
		return descent.Of(make([]float32, n), shape...)
	case descent.F64:
		return descent.Of(make([]float64, n), shape...)
	case descent.BF16:
		return descent.Of(make([]descent.BFloat16, n), shape...)
	case descent.F16:
		return descent.Of(make([]descent.Float16, n), shape...)
	case descent.E4M3:
		return descent.Of(make([]descent.Float8E4M3, n), shape...)
	}
	return descent.Of(make([]descent.Float8E5M2, n), shape...)
}

var types = []descent.DType{descent.F64, descent.F32, descent.BF16, descent.F16, descent.E4M3, descent.E5M2}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool {
		return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
	})
}

// halfOf is the random number of element i: half i mod 8 of block i/8.
func halfOf(seed, stream uint64, i, step int) uint16 {
	w := philox.NewKey(seed, stream).Block(uint64(i/8), uint64(step))
	return uint16(w[i%8/2] >> (16 * (i % 2)))
}
