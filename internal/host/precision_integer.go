package host

import (
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/parallel"
)

// ToInteger implements backend.Backend.
func (h Backend) ToInteger(q backend.Integer) error {
	if q.Shared && q.X.Len > 0 {
		lo, hi, _, err := h.Range(q.X)
		if err != nil {
			return err
		}
		scale, zero := kernel.IntegerGrid(lo, hi, q.Bits, q.Zeros != nil)
		q.Scales[0] = scale
		if q.Zeros != nil {
			q.Zeros[0] = zero
		}
	}
	return integers(q, true)
}

// FromInteger implements backend.Backend.
func (Backend) FromInteger(q backend.Integer) error { return integers(q, false) }

func integers(q backend.Integer, to bool) error {
	if !q.X.Type.Float() {
		return unsupported("integers", q.X.Type)
	}
	if q.X.Len == 0 {
		return nil
	}
	t := integerTasks.get()
	t.Integer, t.to = q, to
	t.perItem = max(1, backend.Item/q.Cols)
	spread(q.X.Len, (q.Rows+t.perItem-1)/t.perItem, t)
	t.Integer = backend.Integer{}
	integerTasks.put(t)
	return nil
}

type integerTask struct {
	backend.Integer
	to      bool
	perItem int // rows
}

var integerTasks pooled[integerTask]

// Run takes some rows.
func (t *integerTask) Run(item int) {
	var scratch [kernel.Block]float32
	stride := (t.Cols*t.Bits + 7) / 8
	perRow := (t.Cols + t.Group - 1) / t.Group
	for r := item * t.perItem; r < min((item+1)*t.perItem, t.Rows); r++ {
		codes := t.Codes[r*stride : (r+1)*stride]
		if t.to {
			clear(codes)
		}
		for c := 0; c < t.Cols; c += t.Group {
			t.group(&scratch, codes, r, c, r/t.GroupRows*perRow+c/t.Group)
		}
	}
}

// group is the elements of row r from column c on that share scale s.
func (t *integerTask) group(scratch *[kernel.Block]float32, codes []byte, r, c, s int) {
	end := min(c+t.Group, t.Cols)
	if t.to && !t.Shared {
		lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
		for at := c; at < end; at += kernel.Block {
			x := nearest32(scratch, t.X, r*t.Cols+at, r*t.Cols+min(at+kernel.Block, end))
			for _, v := range x {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
		var zero uint8
		t.Scales[s], zero = kernel.IntegerGrid(lo, hi, t.Bits, t.Zeros != nil)
		if t.Zeros != nil {
			t.Zeros[s] = zero
		}
	}
	scale, zero := t.Scales[s], 0
	if t.Zeros != nil {
		zero = int(t.Zeros[s])
	}
	signed := t.Zeros == nil
	low, high := kernel.IntegerRange(t.Bits, signed)
	for at := c; at < end; at += kernel.Block {
		n := min(kernel.Block, end-at)
		if !t.to {
			for i := range n {
				v := scale * float32(kernel.IntegerCode(codes, at+i, t.Bits, signed)-zero)
				scratch[i] = min(max(v, -math.MaxFloat32), math.MaxFloat32)
			}
			put(t.X, r*t.Cols+at, scratch[:n])
			continue
		}
		least, most := float32(low-zero), float32(high-zero)
		for i, v := range nearest32(scratch, t.X, r*t.Cols+at, r*t.Cols+at+n) {
			q := int(kernel.RoundEven(min(max(v/scale, least), most))) + zero
			if j := at + i; t.Bits == 8 {
				codes[j] = byte(q)
			} else {
				codes[j/2] |= byte(q) & 15 << (4 * (j % 2))
			}
		}
	}
}

// IntegerProduct implements backend.Backend.
func (Backend) IntegerProduct(p backend.IntegerProduct) error {
	t := integerProductTasks.get()
	t.IntegerProduct = p
	t.stride = (p.M.Cols*p.M.Bits + 7) / 8
	t.perRow = 0
	if p.M.Cols > 0 {
		t.perRow = (p.M.Cols + p.M.Group - 1) / p.M.Group
	}
	t.sum()
	items := (p.M.Rows + integerRows - 1) / integerRows
	if p.M.Rows*p.M.Cols*p.Batch <= serial {
		for i := range items {
			t.Run(i)
		}
	} else {
		parallel.Do(items, t)
	}
	t.IntegerProduct = backend.IntegerProduct{}
	integerProductTasks.put(t)
	return nil
}

// integerRows is the rows of an item.
const integerRows = 64

type integerProductTask struct {
	backend.IntegerProduct
	stride, perRow int
	sums           []float32 // of the runs of X, row by row, if there are zero points
	runs           int       // of a row
}

var integerProductTasks pooled[integerProductTask]

// sum sets the sums of the runs of X.
func (t *integerProductTask) sum() {
	t.sums = t.sums[:0]
	if t.M.Zeros == nil {
		return
	}
	for b := range t.Batch {
		for at := 0; at < t.M.Cols; {
			end := t.runEnd(at)
			t.sums = append(t.sums, kernel.IntegerSum(f32(t.X, b*t.M.Cols+at, b*t.M.Cols+end)))
			at = end
		}
	}
	t.runs = len(t.sums) / max(t.Batch, 1)
}

// runEnd is the end of the run that begins at a column: it stays in a group.
func (t *integerProductTask) runEnd(at int) int {
	return min(at+kernel.IntegerRun, (at/t.M.Group+1)*t.M.Group, t.M.Cols)
}

func (t *integerProductTask) Run(item int) {
	for r := item * integerRows; r < min((item+1)*integerRows, t.M.Rows); r += 4 {
		for b := range t.Batch {
			t.rows(r, min(4, t.M.Rows-r), b)
		}
	}
}

// rows is n rows from r on with row b of X.
func (t *integerProductTask) rows(r, n, b int) {
	var sums [4]float64
	var dots [4]float32
	m := &t.M
	for at, run := 0, b*t.runs; at < m.Cols; run++ {
		end := t.runEnd(at)
		x := f32(t.X, b*m.Cols+at, b*m.Cols+end)
		kernel.IntegerDots(dots[:n], m.Codes[r*t.stride+at*m.Bits/8:], t.stride, x, m.Bits, m.Zeros == nil)
		for k := range n {
			s := (r+k)/m.GroupRows*t.perRow + at/m.Group
			dot := float64(dots[k])
			if m.Zeros != nil {
				dot -= float64(float64(m.Zeros[s]) * float64(t.sums[run]))
			}
			sums[k] += float64(float64(m.Scales[s]) * dot)
		}
		at = end
	}
	y := f32(t.Y, b*m.Rows+r, b*m.Rows+r+n)
	for k := range y {
		y[k] = float32(sums[k])
	}
}
