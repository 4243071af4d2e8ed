package host

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// numbers fills x with a fixed sequence from seed on, of both signs.
func numbers[F kernel.Float](x []F, seed uint32) []F {
	for i := range x {
		x[i] = F(int32((uint32(i)+seed)*2654435761)) * 0x1p-31
	}
	return x
}

// sameBits says where two results differ; NaNs are alike.
func sameBits[F kernel.Float](got, want []F) error {
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if math.Float64bits(g) != math.Float64bits(w) && (g == g || w == w) {
			return fmt.Errorf("element %d is %v, want %v", i, g, w)
		}
	}
	return nil
}

// threads runs f with each number of processors.
func threads(f func(n int)) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, n := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(n)
		f(n)
	}
}

// TestMatMul compares with one call of the kernel: every number of threads,
// sizes on both sides of an item's, every form of transposition.
func TestMatMul(t *testing.T) {
	p32, p64 := new(kernel.Panels[float32]), new(kernel.Panels[float64])
	threads(func(procs int) {
		for _, s := range [][3]int{
			{0, 5, 5},
			{5, 0, 5},
			{5, 5, 0},
			{1, 1, 1},
			{30, 20, 40},
			{75, 70, 110},
			{mostRows + 1, 3, mostCols + 1},
			{30, 270, 70},
			{520, 40, 30},
			{11, 100, 500},
		} {
			for form := range 8 {
				err := checkMatMul(s[0], s[1], s[2], form, backend.Float32, p32)
				if err == nil {
					err = checkMatMul(s[0], s[1], s[2], form, backend.Float64, p64)
				}
				if err != nil {
					t.Fatalf("%d × %d × %d, form %d, %d threads: %v", s[0], s[1], s[2], form, procs, err)
				}
			}
		}
	})
}

// checkMatMul does one product; form says which matrices are transposed.
func checkMatMul[F kernel.Float](m, k, n, form int, typ backend.DType, p *kernel.Panels[F]) error {
	x, y := numbers(make([]F, m*k), 1), numbers(make([]F, k*n), 2)
	if m > 2 && k > 2 {
		x[k+1], x[2*k] = F(math.Inf(1)), F(math.NaN())
	}
	side := func(data []F, rows, cols int, transposed bool) backend.Matrix {
		if transposed {
			return backend.Dense(backend.Of(data, typ), cols, rows).T()
		}
		return backend.Dense(backend.Of(data, typ), rows, cols)
	}
	a, b := side(x, m, k, form&1 != 0), side(y, k, n, form&2 != 0)
	for _, add := range []bool{false, true} {
		want, got := numbers(make([]F, m*n), 3), numbers(make([]F, m*n), 3)
		kernel.Gemm(matrix[F](side(want, m, n, form&4 != 0)), matrix[F](a), matrix[F](b), add, p)
		err := Backend{}.MatMul(backend.MatMul{C: side(got, m, n, form&4 != 0), A: a, B: b, Add: add})
		if err == nil {
			err = sameBits(got, want)
		}
		if err != nil {
			return fmt.Errorf("%v, add %t: %w", typ, add, err)
		}
	}
	return nil
}

// TestMatMulSymmetric: half of the work gives the same bits.
func TestMatMulSymmetric(t *testing.T) {
	for _, m := range []int{1, 40, 530} {
		const k = 20
		x := numbers(make([]float32, m*k), 5)
		a := backend.Dense(backend.Of(x, backend.Float32), m, k)
		want, got := make([]float32, m*m), make([]float32, m*m)
		for _, add := range []bool{false, true} {
			for _, transposed := range []bool{false, true} {
				c := func(data []float32) backend.MatMul {
					for i := range m {
						for j := range m {
							data[i*m+j] = float32(i*j%17) / 3
						}
					}
					c := backend.Dense(backend.Of(data, backend.Float32), m, m)
					if transposed {
						c = c.T()
					}
					return backend.MatMul{C: c, A: a, B: a.T(), Add: add}
				}
				if err := (Backend{}).MatMul(c(want)); err != nil {
					t.Fatal(err)
				}
				threads(func(p int) {
					half := c(got)
					half.Symmetric = true
					err := Backend{}.MatMul(half)
					if err == nil {
						err = sameBits(got, want)
					}
					if err != nil {
						t.Fatalf("%d × %d, add %t, %d threads: %v", m, m, add, p, err)
					}
				})
			}
		}
	}
}

// TestGemmItem: items are whole tiles, and a product that has enough for all
// threads gives each some.
func TestGemmItem(t *testing.T) {
	shape := func(rows, cols int) kernel.Matrix[float32] {
		return kernel.Matrix[float32]{Rows: rows, Cols: cols, RowStride: cols, ColStride: 1}
	}
	for _, m := range []int{1, 100, 768, 2048} {
		for _, n := range []int{1, 100, 768, 4096, 50257} {
			for threads := 1; threads <= 256; threads *= 2 {
				rows, cols := gemmItem(shape(m, n), shape(m, 768), shape(768, n), threads)
				if rows%kernel.TileRows != 0 || cols%kernel.TileCols != 0 || rows < 1 || cols < 1 || rows > mostRows || cols > mostCols {
					t.Errorf("%d × %d on %d threads: items of %d × %d", m, n, threads, rows, cols)
				}
				items := parts(m, rows) * parts(n, cols)
				if most := parts(m, leastRows) * parts(n, leastCols); items < min(threads, most)/2 {
					t.Errorf("%d × %d on %d threads: only %d items", m, n, threads, items)
				}
			}
		}
	}
	// The logits of 512 rows and their gradients, on 16 threads. Panels of b are
	// packed once where one item has all rows.
	hidden, weight := shape(512, 768), shape(50257, 768)
	for _, c := range []struct {
		c, a, b    kernel.Matrix[float32]
		rows, cols int
	}{
		{shape(512, 50257), hidden, weight.T(), 516, 256},
		{hidden, shape(512, 50257), weight, 132, 64},
		{weight, shape(512, 50257).T(), hidden, 288, 384},
	} {
		if !c.c.InPlace() {
			t.Skip("rows are always packed")
		}
		if rows, cols := gemmItem(c.c, c.a, c.b, 16); rows != c.rows || cols != c.cols {
			t.Errorf("%d × %d × %d: items of %d × %d, want %d × %d", c.c.Rows, c.a.Cols, c.c.Cols, rows, cols, c.rows, c.cols)
		}
	}
}

// TestMatMulRefuses: types differ or have no product; nothing is written.
func TestMatMulRefuses(t *testing.T) {
	f, d, h := []float32{1}, []float64{2}, []uint16{3}
	f32, f64 := backend.Dense(backend.Of(f, backend.Float32), 1, 1), backend.Dense(backend.Of(d, backend.Float64), 1, 1)
	f16 := backend.Dense(backend.Of(h, backend.Float16), 1, 1)
	for _, m := range []backend.MatMul{
		{C: f32, A: f64, B: f32},
		{C: f32, A: f32, B: f64},
		{C: f64, A: f32, B: f32},
		{C: f16, A: f16, B: f16},
	} {
		if (Backend{}).MatMul(m) == nil {
			t.Errorf("%v = %v · %v is no error", m.C.Type, m.A.Type, m.B.Type)
		}
	}
	if f[0] != 1 || d[0] != 2 || h[0] != 3 {
		t.Error("written", f, d, h)
	}
}

func TestMatMulAllocatesNothing(t *testing.T) {
	const n = 100
	x := backend.Dense(backend.Of(numbers(make([]float32, n*n), 1), backend.Float32), n, n)
	c := backend.Dense(backend.Of(make([]float32, n*n), backend.Float32), n, n)
	y := backend.Dense(backend.Of(numbers(make([]float64, n*n), 1), backend.Float64), n, n)
	d := backend.Dense(backend.Of(make([]float64, n*n), backend.Float64), n, n)
	threads(func(p int) {
		for _, m := range []backend.MatMul{
			{C: c, A: x, B: x.T()}, {C: c, A: x, B: x.T(), Symmetric: true}, {C: d, A: y, B: y.T(), Add: true},
		} {
			run := func() {
				if err := (Backend{}).MatMul(m); err != nil {
					t.Fatal(err)
				}
			}
			if got := testing.AllocsPerRun(5, run); got != 0 {
				t.Errorf("%v on %d threads: %v allocations", m.C.Type, p, got)
			}
		}
	})
}

// BenchmarkMatMul is the products of a chunk of logits and of Muon, on as many
// threads as -cpu says.
func BenchmarkMatMul(b *testing.B) {
	for _, s := range []struct {
		m, k, n   int
		symmetric bool
	}{{512, 768, 4096, false}, {2048, 768, 4096, false}, {768, 768, 768, false}, {768, 3072, 768, false}, {768, 3072, 768, true}} {
		x, y := numbers(make([]float32, s.m*s.k), 1), numbers(make([]float32, s.k*s.n), 1)
		m := backend.MatMul{
			C: backend.Dense(backend.Of(make([]float32, s.m*s.n), backend.Float32), s.m, s.n),
			A: backend.Dense(backend.Of(x, backend.Float32), s.m, s.k),
			B: backend.Dense(backend.Of(y, backend.Float32), s.n, s.k).T(), Symmetric: s.symmetric,
		}
		b.Run(fmt.Sprintf("%dx%dx%d/symmetric=%t", s.m, s.k, s.n, s.symmetric), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := (Backend{}).MatMul(m); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(2*float64(s.m*s.k*s.n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
