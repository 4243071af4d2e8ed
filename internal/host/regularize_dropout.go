package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// groupsOrAdd is dropout with a sum, or with words that elements share.
func (t *dropoutTask) groupsOrAdd(lo, hi int) {
	switch {
	case t.Dst.Type == backend.Float32 && t.Group <= 1:
		dropAdd[float32](t, lo, hi)
	case t.Dst.Type == backend.Float32:
		dropGroups[float32](t, lo, hi)
	case t.Group <= 1:
		dropAdd[float64](t, lo, hi)
	default:
		dropGroups[float64](t, lo, hi)
	}
}

// dropAdd works block by block, so that the second kernel finds in the first
// cache what the first has left there: memory is passed over once.
func dropAdd[F kernel.Float](t *dropoutTask, lo, hi int) {
	var scratch [kernel.Block]F
	for at := lo; at < hi; at += kernel.Block {
		end := min(at+kernel.Block, hi)
		dst, add := backend.Slice[F](t.Dst, at, end), backend.Slice[F](t.Add, at, end)
		if t.Drop > 1<<32-1 {
			plusZero(dst, add)
			continue
		}
		out := dst
		if t.Dst == t.Add {
			out = scratch[:len(dst)]
		}
		kernel.Dropout(out, backend.Slice[F](t.Src, at, end), F(t.Scale), uint32(t.Drop), t.key, uint64(at/4), t.Step)
		if t.Dst == t.Add {
			kernel.Add(dst, out, 1)
		} else {
			kernel.Add(dst, add, 1)
		}
	}
}

// dropGroups is dropout of whole groups of elements.
func dropGroups[F kernel.Float](t *dropoutTask, lo, hi int) {
	for at := lo; at < hi; {
		group := at / t.Group
		end := min((group+1)*t.Group, hi)
		dst, src := backend.Slice[F](t.Dst, at, end), backend.Slice[F](t.Src, at, end)
		keep := uint64(t.key.Block(uint64(group/4), t.Step)[group%4]) >= t.Drop
		switch {
		case t.Add.Ptr == nil && keep:
			kernel.Scale(dst, src, F(t.Scale))
		case t.Add.Ptr == nil:
			clear(dst)
		case !keep:
			plusZero(dst, backend.Slice[F](t.Add, at, end))
		case t.Dst == t.Add:
			kernel.Add(dst, src, F(t.Scale))
		default:
			addScaled(dst, backend.Slice[F](t.Add, at, end), src, F(t.Scale))
		}
		at = end
	}
}

// addScaled sets dst = add + s·src; dst may be src.
func addScaled[F kernel.Float](dst, add, src []F, s F) {
	for len(dst) > 0 {
		n := min(kernel.Block, len(dst))
		kernel.Scale(dst[:n], src[:n], s)
		kernel.Add(dst[:n], add[:n], 1)
		dst, add, src = dst[n:], add[n:], src[n:]
	}
}

// plusZero sets dst = x + 0, which turns −0 into +0 as adding a dropped
// element does.
func plusZero[F kernel.Float](dst, x []F) {
	for i, v := range x {
		dst[i] = v + 0
	}
}
