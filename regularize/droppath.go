package regularize

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/philox"
)

// DropPath is stochastic depth: it drops the branch of a residual block for
// whole samples, with probability P, and scales the others so that the
// expectation stays. A sample is an index of the first dimension.
//
//	y = x + branch(x)/(1−P) with probability 1−P, else x
//
// Sample i uses word i mod 4 of block i/4, as Dropout's elements do; with Batch
// all samples use that of sample 0. P is rounded down to a multiple of 2⁻³².
//
// Special cases are: P = 0 copies; P = 1 drops every branch (timm guards its
// division by 0 there too).
// See https://arxiv.org/abs/1603.09382.
type DropPath struct {
	P            float64 // 0 to 1
	Batch        bool    // one draw for all samples
	Unscaled     bool    // a branch that stays is not divided by 1−P
	Seed, Stream uint64
}

// Validate reports the first field out of range.
func (d DropPath) Validate() error {
	return check.Fields("regularize.DropPath", check.Field{Name: "P", Value: d.P, Max: 1})
}

// At is the DropPath of one of depth blocks, numbered from 0: its rate grows
// linearly from 0 in the first to P in the last, and its Stream is Stream +
// layer. A single block has P.
func (d DropPath) At(layer, depth int) DropPath {
	if depth > 1 {
		d.P *= float64(layer) / float64(depth-1)
	}
	d.Stream += uint64(layer)
	return d
}

// Apply sets dst to src, the branch, without the dropped samples. It is the
// forward pass and, on gradients, the backward pass. dst may be src. Both are
// float32 or float64, of one shape and device, or it is an error and nothing
// has been written.
func (d DropPath) Apply(dst, src descent.View, step int) error {
	if err := d.Validate(); err != nil {
		return err
	}
	return d.mask(src).apply(dst, src, step)
}

// AddTo sets dst = residual + branch, without the dropped samples' branches, in
// one pass. dst may be residual or src.
func (d DropPath) AddTo(dst, residual, src descent.View, step int) error {
	if err := d.Validate(); err != nil {
		return err
	}
	return d.mask(src).addTo(dst, residual, src, step)
}

func (d DropPath) mask(v descent.View) mask {
	m := mask{p: d.P, scale: keeping(d.P), group: group(v), seed: d.Seed, stream: d.Stream}
	if d.Unscaled {
		m.scale = 1
	}
	if d.Batch {
		m.group = v.Len()
	}
	return m
}

// Subset is the form that saves the work of dropped branches: it appends to
// rows[:0] which of n samples run the branch, in ascending order, and says what
// their branches are to be multiplied by.
//
//	k = max(1, ⌊n·(1−P)⌋) samples, every set of k as likely as another
//	scale = n/k, with Unscaled 1
//
// k is the same at every step, so that buffers are. Special cases are: P = 1
// gives no rows and the scale 0; n = 0 gives no rows.
//
//	rows, scale := d.Subset(rows, n, step)
//	Gather(x, all, rows, 1)          // the branch's input
//	ScatterAdd(all, y, rows, scale)  // its output joins the residual
//
// The backward pass gathers the gradient with scale and scatters what comes out
// of the branch with 1. It allocates nothing once rows has room for k.
// Source: DINOv2's drop_add_residual_stochastic_depth.
func (d DropPath) Subset(rows []int, n, step int) ([]int, float64) {
	rows = rows[:0]
	if n <= 0 || !(d.P < 1) {
		return rows, 0
	}
	k := min(max(1, int(float64(n)*(1-max(d.P, 0)))), n)
	key := philox.NewKey(d.Seed, d.Stream)
	// Selection sampling: Knuth, The Art of Computer Programming 2, 3.4.2 S.
	for i := 0; i < n && len(rows) < k; i++ {
		word := key.Block(uint64(i/4), uint64(step))[i%4]
		if uint64(word)*uint64(n-i)>>32 < uint64(k-len(rows)) {
			rows = append(rows, i)
		}
	}
	if d.Unscaled {
		return rows, 1
	}
	return rows, float64(n) / float64(k)
}
