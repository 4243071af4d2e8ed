package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/philox"
)

// Quantize implements backend.Backend. Blocks of up to an item are read twice in
// the cache, many at a time; larger ones twice from memory, one at a time.
func (h Backend) Quantize(q backend.Quantize) (float64, error) {
	if !q.X.Type.Float() {
		return 0, unsupported("quantization", q.X.Type)
	}
	t := blockTasks.get()
	t.Quantize, t.phase = q, quantizing
	t.key = philox.NewKey(q.Seed, q.Stream)
	t.amax.Store(0)
	t.blocks()
	amax := t.amax.value()
	t.Quantize = backend.Quantize{}
	blockTasks.put(t)
	return amax, nil
}

// Dequantize implements backend.Backend.
func (h Backend) Dequantize(q backend.Quantize) error {
	if !q.X.Type.Float() {
		return unsupported("dequantization", q.X.Type)
	}
	t := blockTasks.get()
	t.Quantize, t.phase = q, dequantizing
	t.Format.Table(&t.table)
	t.blocks()
	t.Quantize = backend.Quantize{}
	blockTasks.put(t)
	return nil
}

// phase is what Run does with an item.
type phase uint8

const (
	quantizing   phase = iota // the item is a run of small blocks
	dequantizing              // the same
	measuring                 // the item is a piece of the large block
	encoding
	decoding
)

type blockTask struct {
	backend.Quantize
	phase   phase
	key     philox.Key
	table   [256]float32
	amax    maximum
	bits    int // of a code
	stride  int // bytes of a row of codes
	down    int // blocks
	across  int
	perItem int // small blocks of an item
	large   int // the block that the pieces are of
	scale   scale
}

var blockTasks pooled[blockTask]

// work is the scratch of one item.
type work struct {
	x      [kernel.Block]float32
	codes  [kernel.Block]uint8
	random [kernel.Block]uint16
}

// blocks runs the phase on all blocks.
func (t *blockTask) blocks() {
	if t.X.Len == 0 {
		return
	}
	t.bits, t.stride = t.Format.Bits(), t.Stride()
	t.down, t.across = t.Blocks()
	n, size := t.down*t.across, t.BlockRows*t.BlockCols
	if size <= backend.Item {
		t.perItem = max(1, backend.Item/size)
		spread(t.X.Len, (n+t.perItem-1)/t.perItem, t)
		return
	}
	quantize := t.phase == quantizing
	for b := range n {
		t.large = b
		if quantize {
			amax := t.Given
			if !(amax > 0) || t.Rule > kernel.ScalePower {
				amax = t.measure(b)
			}
			t.amax.take(amax)
			t.scale = t.divisor(b, amax)
			t.phase = encoding
		} else {
			t.scale = t.stored(b)
			t.phase = decoding
		}
		_, _, _, _, pieces := t.pieces(b)
		spread(t.X.Len/n, pieces, t)
	}
}

// measure is the largest magnitude of a large block.
func (t *blockTask) measure(b int) float64 {
	before := t.amax.Load()
	t.amax.Store(0)
	t.large, t.phase = b, measuring
	if t.X.Len > 0 {
		_, _, _, _, pieces := t.pieces(b)
		spread(t.BlockRows*t.BlockCols, pieces, t)
	}
	amax := t.amax.value()
	t.amax.take(math.Float64frombits(before))
	return amax
}

// area is the rows r to r2-1 and columns c to c2-1 of a block.
func (t *blockTask) area(b int) (r, r2, c, c2 int) {
	r, c = b/t.across*t.BlockRows, b%t.across*t.BlockCols
	return r, min(r+t.BlockRows, t.Rows), c, min(c+t.BlockCols, t.Cols)
}

// pieces cuts a large block into parts of rows, or of a row where that is long.
func (t *blockTask) pieces(b int) (r, r2, rows, perRow, n int) {
	r, r2, c, c2 := t.area(b)
	perRow = items(c2 - c)
	rows = max(1, backend.Item/(c2-c))
	return r, r2, rows, perRow, (r2 - r + rows - 1) / rows * perRow
}

func (t *blockTask) Run(item int) {
	var w work
	if t.phase >= measuring {
		first, r2, rows, perRow, _ := t.pieces(t.large)
		_, _, c, c2 := t.area(t.large)
		r := first + item/perRow*rows
		c += item % perRow * backend.Item
		t.piece(&w, r, min(r+rows, r2), c, min(c+backend.Item, c2))
		return
	}
	largest := 0.0
	for b := item * t.perItem; b < min((item+1)*t.perItem, t.down*t.across); b++ {
		r, r2, c, c2 := t.area(b)
		if t.phase == dequantizing {
			t.decode(&w, t.stored(b), r, r2, c, c2)
			continue
		}
		amax := t.Given
		if !(amax > 0) || t.Rule > kernel.ScalePower {
			amax = t.largest(&w, r, r2, c, c2)
		}
		largest = max(largest, amax)
		t.encode(&w, t.divisor(b, amax), r, r2, c, c2)
	}
	if t.phase == quantizing {
		t.amax.take(largest)
	}
}

func (t *blockTask) piece(w *work, r, r2, c, c2 int) {
	switch t.phase {
	case measuring:
		t.amax.take(t.largest(w, r, r2, c, c2))
	case encoding:
		t.encode(w, t.scale, r, r2, c, c2)
	case decoding:
		t.decode(w, t.scale, r, r2, c, c2)
	}
}

func (t *blockTask) largest(w *work, r, r2, c, c2 int) float64 {
	largest := 0.0
	for ; r < r2; r++ {
		for at := c; at < c2; at += kernel.Block {
			lo, hi := r*t.Cols+at, r*t.Cols+min(at+kernel.Block, c2)
			if t.X.Type == backend.Float64 {
				largest = max(largest, magnitude(f64(t.X, lo, hi)))
				continue
			}
			largest = max(largest, magnitude(single(&w.x, t.X, lo, hi, kernel.NearestEven)))
		}
	}
	return largest
}

// codes is the bytes of the codes of columns c to c2-1 of row r.
func (t *blockTask) codes(r, c, c2 int) []uint8 {
	at := r * t.stride
	return backend.Slice[uint8](t.Codes, at+c*t.bits/8, at+(c2*t.bits+7)/8)
}

func (t *blockTask) encode(w *work, s scale, r, r2, c, c2 int) {
	for ; r < r2; r++ {
		for at := c; at < c2; at += kernel.Block {
			end := min(at+kernel.Block, c2)
			first := r*t.Cols + at
			dst, x := w.codes[:end-at], w.x[:end-at]
			switch {
			case s.bad:
				clear(dst)
			default:
				t.divide(w, x, s, first)
				t.narrow(w, dst, x, uint64(first))
			}
			kernel.Pack(t.codes(r, at, end), dst, t.bits)
		}
	}
}

// narrow sets codes to x, whose first element has the number first.
func (t *blockTask) narrow(w *work, codes []uint8, x []float32, first uint64) {
	switch t.Rounding {
	case kernel.NearestEven:
		t.Format.Narrow(codes, x)
	case kernel.TowardZero:
		kernel.Cut(t.Format, codes, x, nil, kernel.Saturate)
	case kernel.Stochastic:
		random := w.random[:len(x)]
		draw(random, t.key, first, t.Step)
		kernel.Cut(t.Format, codes, x, random, kernel.Saturate)
	}
}

func (t *blockTask) decode(w *work, s scale, r, r2, c, c2 int) {
	for ; r < r2; r++ {
		for at := c; at < c2; at += kernel.Block {
			end := min(at+kernel.Block, c2)
			src, x := w.codes[:end-at], w.x[:end-at]
			kernel.Unpack(src, t.codes(r, at, end), t.bits)
			switch {
			case s.bad:
				for i := range x {
					x[i] = float32(math.NaN())
				}
			case s.wide != 0:
				for i, k := range src {
					x[i] = float32(float64(t.table[k]) * s.wide)
				}
			default:
				for i, k := range src {
					x[i] = t.table[k]
				}
				kernel.Scale(x, x, s.of)
			}
			put(t.X, r*t.Cols+at, x)
		}
	}
}

// put stores float32 numbers as elements of any type from first on.
func put(b backend.Buffer, first int, x []float32) {
	switch b.Type {
	case backend.Float32:
		copy(f32(b, first, first+len(x)), x)
	case backend.Float64:
		for i, v := range x {
			f64(b, first, first+len(x))[i] = float64(v)
		}
	default:
		narrow(b, first, first+len(x), x)
	}
}
