package regularize

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

type float interface{ float32 | float64 }

func ones(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// varied is n numbers of both signs and many magnitudes, the same at each call.
func varied[F float](n int, seed uint64) []F {
	x := make([]F, n)
	s := 2*seed + 1
	for i := range x {
		s = s*6364136223846793005 + 1442695040888963407
		x[i] = F(float32(int32(s>>32)) * 0x1p-31)
	}
	return x
}

func bitsEqual[F float](a, b []F) bool {
	return slices.EqualFunc(a, b, func(x, y F) bool {
		return math.Float64bits(float64(x)) == math.Float64bits(float64(y))
	})
}

// anyThreads runs f with several GOMAXPROCS: its results must not differ.
func anyThreads[F float](t *testing.T, f func() []F) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var want []F
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		got := f()
		if want == nil {
			want = got
		}
		if !bitsEqual(got, want) {
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

func param[T descent.Element](name string, value []T, shape ...int) descent.Param {
	return descent.Param{Name: name, Value: descent.Of(value, shape...)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
