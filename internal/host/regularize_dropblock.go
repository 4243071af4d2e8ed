package host

import (
	"math/bits"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/philox"
)

// DropBlock implements backend.Backend: one pass over the random words makes a
// mask of one bit an element and its count, one pass over memory applies it.
func (Backend) DropBlock(d backend.DropBlock) error {
	if d.Dst.Type != d.Src.Type || !wide(d.Dst) {
		return unsupported("block dropout", d.Dst.Type, d.Src.Type)
	}
	t := dropBlocks.get()
	t.DropBlock = d
	t.key = philox.NewKey(d.Seed, d.Stream)
	t.words = (d.Height*d.Width + 63) / 64
	t.mask = resize(t.mask, d.Planes*t.words)
	t.apply = false
	spread(d.Dst.Len, d.Planes, t)
	dropped := 0
	for _, w := range t.mask {
		dropped += bits.OnesCount64(w)
	}
	t.scale = 0
	if kept := d.Dst.Len - dropped; kept > 0 {
		t.scale = float64(d.Dst.Len) / float64(kept)
	}
	t.apply = true
	spread(d.Dst.Len, d.Planes, t)
	t.DropBlock = backend.DropBlock{}
	dropBlocks.put(t)
	return nil
}

type dropBlockTask struct {
	backend.DropBlock
	key   philox.Key
	apply bool
	words int      // of one plane's mask
	mask  []uint64 // a bit is set where an element is dropped
	scale float64
}

var dropBlocks pooled[dropBlockTask]

func (t *dropBlockTask) Run(plane int) {
	mask := t.mask[plane*t.words : (plane+1)*t.words]
	lo, hi := plane*t.Height*t.Width, (plane+1)*t.Height*t.Width
	switch {
	case !t.apply:
		t.draw(mask, plane)
	case t.Dst.Type == backend.Float32:
		applyMask(f32(t.Dst, lo, hi), f32(t.Src, lo, hi), float32(t.scale), mask)
	default:
		applyMask(f64(t.Dst, lo, hi), f64(t.Src, lo, hi), t.scale, mask)
	}
}

// draw sets the plane's mask.
func (t *dropBlockTask) draw(mask []uint64, plane int) {
	clear(mask)
	rows, cols := t.Height-t.Size+1, t.Width-t.Size+1
	first := uint64(plane) * uint64(rows*cols)
	var words [4]uint32
	for i := range rows * cols {
		at := first + uint64(i)
		if i == 0 || at%4 == 0 {
			words = t.key.Block(at/4, t.Step)
		}
		if uint64(words[at%4]) >= t.Drop {
			continue
		}
		y, x := i/cols, i%cols
		for r := y; r < y+t.Size; r++ {
			for k := r*t.Width + x; k < r*t.Width+x+t.Size; k++ {
				mask[k/64] |= 1 << (k % 64)
			}
		}
	}
}

// applyMask sets dst = scale·src where the mask has no bit, and 0 elsewhere.
func applyMask[F kernel.Float](dst, src []F, scale F, mask []uint64) {
	src = src[:len(dst)]
	for i := range dst {
		v := scale * src[i]
		if mask[i/64]>>(i%64)&1 != 0 {
			v = 0
		}
		dst[i] = v
	}
}
