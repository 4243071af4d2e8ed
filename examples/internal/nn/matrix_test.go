package nn

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// noise is a matrix of small numbers, some of them 0 as after relu.
func noise(rows, cols int, seed uint64) Matrix {
	m, random := NewMatrix(rows, cols), rand.New(rand.NewPCG(seed, 1))
	for i := range m.Data {
		m.Data[i] = float32(max(random.Float64()-0.3, 0)) * float32(1-2*(i%2))
	}
	return m
}

// TestProducts compares with sums in the order of the terms, for matrices of
// one and of many of gonum's blocks of 64.
func TestProducts(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var p Products
	for _, size := range [][3]int{{1, 1, 1}, {3, 5, 2}, {65, 130, 200}, {128, 64, 257}} {
		m, k, n := size[0], size[1], size[2]
		a, b, c := noise(m, k, 1), noise(k, n, 2), noise(m, n, 3)
		want := NewMatrix(m, n)
		for i := range m {
			for j := range n {
				sum := float64(c.Row(i)[j])
				for l := range k {
					sum += float64(float64(a.Row(i)[l]) * float64(b.Row(l)[j]))
				}
				want.Row(i)[j] = float32(sum)
			}
		}
		for _, procs := range []int{1, 2, 7} {
			runtime.GOMAXPROCS(procs)
			for name, f := range map[string]func(c Matrix){
				"a·b":  func(c Matrix) { p.Add(c, a, b) },
				"aᵀ·b": func(c Matrix) { p.AddAT(c, transposed(a), b) },
				"a·bᵀ": func(c Matrix) { p.AddBT(c, a, transposed(b)) },
			} {
				got := Matrix{m, n, slices.Clone(c.Data)}
				f(got)
				if !slices.Equal(got.Data, want.Data) {
					t.Errorf("%s of %v with GOMAXPROCS %d: other bits", name, size, procs)
				}
			}
		}
	}
}

func transposed(m Matrix) Matrix {
	t := NewMatrix(m.Cols, m.Rows)
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			t.Row(j)[i] = v
		}
	}
	return t
}
