package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// A tile is what one sum of squares for each of its rows and columns is formed
// of: at most tileCols columns, whose sums stay in the first cache, and as many
// rows as tileElems leave. Bits depend on both.
const (
	tileCols  = 1024
	tileElems = 1 << 16
)

// MoveFactored implements backend.Factors. A tile adds its rows in order, a
// column its tiles, and the mean of a matrix's rows runs of kernel.Block rows.
func (Backend) MoveFactored(f backend.Factored) error {
	v, g := f.Value.Type, f.Grad.Type
	if (v == backend.Float64) != (g == backend.Float64) || !g.Float() || !v.Float() {
		return unsupported("Adafactor", v, g)
	}
	switch {
	case f.Value.Len == 0:
	case v == backend.Float64:
		moveFactored(&factored64, f)
	default:
		moveFactored(&factored32, f)
	}
	return nil
}

func moveFactored[F kernel.Float](pool *pooled[factoredTask[F]], f backend.Factored) {
	t := pool.get()
	t.Factored = f
	t.matrices = f.Value.Len / (f.Rows * f.Cols)
	t.tileCols = min(f.Cols, tileCols)
	t.tileRows = min(f.Rows, tileElems/t.tileCols)
	t.across, t.down = cut(f.Cols, t.tileCols), cut(f.Rows, t.tileRows)
	t.runs = cut(f.Rows, kernel.Block)
	tiles := t.matrices * t.down * t.across
	t.perItem = max(1, tileElems/(t.tileRows*t.tileCols))
	t.rowSums = resize(t.rowSums, t.matrices*f.Rows*t.across)
	t.colSums = resize(t.colSums, t.matrices*t.down*f.Cols)
	t.means = resize(t.means, t.matrices*t.runs)
	t.sums = resize(t.sums, items(f.Value.Len))
	t.factors = kernel.Factored[F]{
		Rows: f.Rows, Cols: f.Cols,
		Row: resize(t.factors.Row, t.matrices*f.Rows), Col: resize(t.factors.Col, t.matrices*f.Cols),
	}

	t.do(factoredSquares, cut(tiles, t.perItem))
	t.do(factoredRows, t.matrices*t.runs)
	t.average()
	t.do(factoredRoots, t.matrices*(t.runs+t.across))
	t.do(factoredMeasure, len(t.sums))
	var sums kernel.Sums
	for _, s := range t.sums {
		addSums(&sums, s)
	}
	t.Rule.Adapt(sums, f.Value.Len)
	t.do(factoredMove, len(t.sums))

	t.Factored = backend.Factored{}
	pool.put(t)
}

// cut is how many parts of at most size n makes.
func cut(n, size int) int { return (n + size - 1) / size }

const (
	factoredSquares = iota // rowSums and colSums of a tile
	factoredRows           // Row, and in means the sum of a run of it
	factoredRoots          // Col, and the inverse roots of both
	factoredMeasure        // sums
	factoredMove           // Value
)

type factoredTask[F kernel.Float] struct {
	backend.Factored
	phase              int
	matrices           int
	tileRows, tileCols int
	down, across       int // tiles of a matrix
	perItem            int // tiles
	runs               int // of kernel.Block rows of a matrix
	rowSums            []float64
	colSums            []float64
	means              []float64 // of runs, then of matrices
	sums               []kernel.Sums
	factors            kernel.Factored[F]
}

var (
	factored32 pooled[factoredTask[float32]]
	factored64 pooled[factoredTask[float64]]
)

func (t *factoredTask[F]) do(phase, items int) {
	t.phase = phase
	spread(t.Value.Len, items, t)
}

func (t *factoredTask[F]) Run(item int) {
	switch t.phase {
	case factoredSquares:
		tiles := t.matrices * t.down * t.across
		w := updateScratch.get()
		for tile := item * t.perItem; tile < min((item+1)*t.perItem, tiles); tile++ {
			t.squares(w, tile)
		}
		updateScratch.put(w)
	case factoredRows:
		t.rows(item/t.runs, item%t.runs)
	case factoredRoots:
		m, k := item/(t.runs+t.across), item%(t.runs+t.across)
		if k < t.runs {
			t.rowRoots(m, k)
		} else {
			t.cols(m, k-t.runs)
		}
	default:
		t.blocks(item)
	}
}

// squares adds up a tile.
func (t *factoredTask[F]) squares(w *updateWork, tile int) {
	m, k := tile/(t.down*t.across), tile%(t.down*t.across)
	d, a := k/t.across, k%t.across
	lo, hi := a*t.tileCols, min((a+1)*t.tileCols, t.Cols)
	at := (m*t.down+d)*t.Cols + lo
	sums := t.colSums[at : at+hi-lo]
	clear(sums)
	for r := d * t.tileRows; r < min((d+1)*t.tileRows, t.Rows); r++ {
		row := m*t.Rows + r
		g := gradOf[F](w, &t.Factored, row*t.Cols+lo, row*t.Cols+hi)
		t.rowSums[row*t.across+a] = kernel.AddSquares(sums, g)
	}
}

// rows moves run k of matrix m's rows.
func (t *factoredTask[F]) rows(m, k int) {
	state := backend.Slice[F](t.Row, 0, t.Row.Len)
	total := 0.0
	for r := m*t.Rows + k*kernel.Block; r < m*t.Rows+min((k+1)*kernel.Block, t.Rows); r++ {
		sum := 0.0
		for _, s := range t.rowSums[r*t.across : (r+1)*t.across] {
			sum += s
		}
		state[r] = kernel.Moment(&t.Rule, state[r], sum/float64(t.Cols))
		total += float64(state[r])
	}
	t.means[m*t.runs+k] = total
}

// average turns the sums of runs into the means of matrices, in the same place.
func (t *factoredTask[F]) average() {
	for m := range t.matrices {
		sum := 0.0
		for _, s := range t.means[m*t.runs : (m+1)*t.runs] {
			sum += s
		}
		mean := min(sum/float64(t.Rows), math.MaxFloat64)
		t.means[m] = max(mean, t.Rule.Floor, 0x1p-1022)
	}
}

// rowRoots sets the factors of run k of matrix m's rows. A row of 0 has +Inf,
// which the floor limits.
func (t *factoredTask[F]) rowRoots(m, k int) {
	state := backend.Slice[F](t.Row, 0, t.Row.Len)
	for r := m*t.Rows + k*kernel.Block; r < m*t.Rows+min((k+1)*kernel.Block, t.Rows); r++ {
		t.factors.Row[r] = F(math.Sqrt(t.means[m] / float64(state[r])))
	}
}

// cols moves tile a of matrix m's columns and sets their factors.
func (t *factoredTask[F]) cols(m, a int) {
	state := backend.Slice[F](t.Col, 0, t.Col.Len)
	lo, hi := a*t.tileCols, min((a+1)*t.tileCols, t.Cols)
	total := t.colSums[m*t.down*t.Cols+lo : m*t.down*t.Cols+hi]
	for d := 1; d < t.down; d++ {
		at := (m*t.down+d)*t.Cols + lo
		for j, s := range t.colSums[at : at+hi-lo] {
			total[j] += s
		}
	}
	for j, s := range total {
		c := m*t.Cols + lo + j
		state[c] = kernel.Moment(&t.Rule, state[c], s/float64(t.Rows))
		t.factors.Col[c] = F(1 / math.Sqrt(float64(state[c])))
	}
}

// blocks measures or moves the blocks of an item.
func (t *factoredTask[F]) blocks(item int) {
	w := updateScratch.get()
	defer updateScratch.put(w)
	lo, end := item*backend.Item, min((item+1)*backend.Item, t.Value.Len)
	var sums kernel.Sums
	var ratios [kernel.Block]F
	for ; lo < end; lo += kernel.Block {
		hi := min(lo+kernel.Block, end)
		p, g := valueOf[F](w, &t.Factored, lo, hi), gradOf[F](w, &t.Factored, lo, hi)
		if t.phase == factoredMeasure {
			addSums(&sums, t.factors.Measure(ratios[:hi-lo], &t.Rule, p, g, lo))
			continue
		}
		t.factors.Update(&t.Rule, p, g, lo)
		if t.Value.Type != backend.Float64 {
			w.p.store(&t.Value, lo, t.At)
		}
	}
	if t.phase == factoredMeasure {
		t.sums[item] = sums
	}
}

// gradOf is elements of the gradient as Fs.
func gradOf[F kernel.Float](w *updateWork, f *backend.Factored, lo, hi int) []F {
	if f.Grad.Type == backend.Float64 {
		return backend.Slice[F](f.Grad, lo, hi)
	}
	return any(w.g.load(&backend.Stored{Buffer: f.Grad}, lo, hi)).([]F)
}

// valueOf is elements of the value as Fs.
func valueOf[F kernel.Float](w *updateWork, f *backend.Factored, lo, hi int) []F {
	if f.Value.Type == backend.Float64 {
		return backend.Slice[F](f.Value.Buffer, lo, hi)
	}
	return any(w.p.load(&f.Value, lo, hi)).([]F)
}
