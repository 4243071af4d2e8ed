package host

import (
	"math"
	"runtime"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/parallel"
)

// MatMul implements backend.Backend.
func (Backend) MatMul(m backend.MatMul) error {
	if m.A.Type != m.C.Type || m.B.Type != m.C.Type {
		return unsupported("matrix product", m.C.Type, m.A.Type, m.B.Type)
	}
	switch m.C.Type {
	case backend.Float32:
		gemm(matrix[float32](m.C), matrix[float32](m.A), matrix[float32](m.B), m.Add, m.Symmetric)
	case backend.Float64:
		gemm(matrix[float64](m.C), matrix[float64](m.A), matrix[float64](m.B), m.Add, m.Symmetric)
	default:
		return unsupported("matrix product", m.C.Type)
	}
	return nil
}

// matrix is a backend's matrix as the kernels take it.
func matrix[F kernel.Float](m backend.Matrix) kernel.Matrix[F] {
	return kernel.Matrix[F]{
		Data: backend.Slice[F](m.Buffer, 0, m.Len),
		Rows: m.Rows, Cols: m.Cols, RowStride: m.RowStride, ColStride: m.ColStride,
	}
}

// serialFlops is how many operations one goroutine finishes before others would
// have woken up: 2²⁰ take about 10 µs.
const serialFlops = 1 << 20

// gemm is kernel.Gemm spread over the pool. Where the product is symmetric,
// items above the diagonal are copied from below it.
func gemm[F kernel.Float](c, a, b kernel.Matrix[F], add, symmetric bool) {
	threads := runtime.GOMAXPROCS(0)
	few := 2*float64(c.Rows)*float64(c.Cols)*float64(a.Cols) <= serialFlops
	if few || threads == 1 && !symmetric {
		gemmSerial(c, a, b, add)
		return
	}
	if symmetric {
		// Of smaller items more lie above the diagonal: 768 × 3072 on two
		// threads takes 0.82 of the time.
		threads = max(threads, 8)
	}
	pool := &gemms[F]().tasks
	t := pool.get()
	t.c, t.a, t.b, t.add, t.symmetric = c, a, b, add, symmetric
	t.rows, t.cols = gemmItem(c, a, b, threads)
	t.across = parts(c.Cols, t.cols)
	items := t.across * parts(c.Rows, t.rows)
	parallel.Do(items, t)
	if symmetric {
		t.mirror = true
		parallel.Do(items, t)
	}
	*t = gemmTask[F]{}
	pool.put(t)
}

// gemmSerial is kernel.Gemm on the calling goroutine, for those who work on an
// item already.
func gemmSerial[F kernel.Float](c, a, b kernel.Matrix[F], add bool) {
	pool := &gemms[F]().panels
	p := pool.get()
	kernel.Gemm(c, a, b, add, p)
	pool.put(p)
}

// An item is a part of c, at most mostRows × mostCols: each packs its rows of a
// and columns of b anew.
const (
	mostRows, leastRows = 48 * kernel.TileRows, 6 * kernel.TileRows
	mostCols, leastCols = 16 * kernel.TileCols, 2 * kernel.TileCols
)

// What an item pays for an element of a and of b, in products: to transpose it, to
// copy it line by line, to read it where it lies. On 16 threads of a Sapphire
// Rapids, 512 × 768 × 50257 took 40, 38 and 35 ms in items of 516 × 64, 128 and
// 256, and 39 in items of 264 × 256. The cost of copying is an estimate.
const (
	transposed = 64
	copied     = 16
	readAgain  = 16
)

// gemmItem finds the size of items for which all threads finish first. The last
// items of the threads do not end together: each waits for one more, so that many
// small ones win until what they pack again costs more.
func gemmItem[F kernel.Float](c, a, b kernel.Matrix[F], threads int) (rows, cols int) {
	ofA, ofB := transposed, transposed
	if a.InPlace() {
		ofA = readAgain
	}
	if b.ColStride == 1 {
		ofB = copied
	}
	least := math.Inf(1)
	for m := mostRows; m >= leastRows; m /= 2 {
		for n := mostCols; n >= leastCols; n /= 2 {
			r, q := even(c.Rows, m, kernel.TileRows), even(c.Cols, n, kernel.TileCols)
			turns := float64(parts(c.Rows, r)*parts(c.Cols, q))/float64(threads) + 1
			if cost := turns * float64(r*q+ofA*r+ofB*q); cost < least {
				least, rows, cols = cost, r, q
			}
		}
	}
	return rows, cols
}

// parts is how many parts of size make n.
func parts(n, size int) int { return (n + size - 1) / size }

// even is size or less, in whole tiles, so that as many parts of n as before are
// of one length: 512 rows are 264 and 248, not 480 and 32.
func even(n, size, tile int) int {
	return max(1, parts(parts(n, max(1, parts(n, size))), tile)) * tile
}

type gemmTask[F kernel.Float] struct {
	c, a, b        kernel.Matrix[F]
	add, symmetric bool
	mirror         bool // copy what was left out
	rows, cols     int  // of an item
	across         int  // items side by side
}

func (t *gemmTask[F]) Run(item int) {
	i, j := item/t.across*t.rows, item%t.across*t.cols
	i1, j1 := min(i+t.rows, t.c.Rows), min(j+t.cols, t.c.Cols)
	above := t.symmetric && j >= i1
	switch {
	case above && t.mirror:
		mirror(t.c, i, i1, j, j1)
	case !above && !t.mirror:
		gemmSerial(t.c.Part(i, i1, j, j1), t.a.Part(i, i1, 0, t.a.Cols), t.b.Part(0, t.b.Rows, j, j1), t.add)
	}
}

// mirror sets rows i0 to i1-1 of columns j0 to j1-1 to the elements on the other
// side of the diagonal, in squares whose rows and columns fit the first cache.
func mirror[F kernel.Float](c kernel.Matrix[F], i0, i1, j0, j1 int) {
	const side = 32
	for i := i0; i < i1; i += side {
		for j := j0; j < j1; j += side {
			ie, je := min(i+side, i1), min(j+side, j1)
			c.Part(i, ie, j, je).Set(c.Part(j, je, i, ie).T())
		}
	}
}

// gemmPools keep what products of one type need.
type gemmPools[F kernel.Float] struct {
	tasks  pooled[gemmTask[F]]
	panels pooled[kernel.Panels[F]]
}

var (
	gemms32 gemmPools[float32]
	gemms64 gemmPools[float64]
)

func gemms[F kernel.Float]() *gemmPools[F] {
	if p, ok := any(&gemms32).(*gemmPools[F]); ok {
		return p
	}
	return any(&gemms64).(*gemmPools[F])
}
