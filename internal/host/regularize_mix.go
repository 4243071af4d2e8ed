package host

import (
	"fmt"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// MixUp implements backend.Backend. A row and its partner are one item's, so
// that dst may be src.
func (Backend) MixUp(m backend.MixUp) error {
	if m.Dst.Type != m.Src.Type || !wide(m.Dst) {
		return unsupported("mix-up", m.Dst.Type, m.Src.Type)
	}
	t := mixUps.get()
	t.MixUp = m
	t.width = m.Dst.Len / max(m.Rows, 1)
	t.parts = max(items(t.width), 1)
	spread(m.Dst.Len, (m.Rows+1)/2*t.parts, t)
	t.MixUp = backend.MixUp{}
	mixUps.put(t)
	return nil
}

type mixUpTask struct {
	backend.MixUp
	width, parts int // of a row
}

var mixUps pooled[mixUpTask]

func (t *mixUpTask) Run(item int) {
	row, lo := item/t.parts, item%t.parts*backend.Item
	hi := min(lo+backend.Item, t.width)
	i, j := row*t.width, (t.Rows-1-row)*t.width
	if t.Dst.Type == backend.Float32 {
		mixUp[float32](&t.MixUp, i+lo, j+lo, hi-lo)
		return
	}
	mixUp[float64](&t.MixUp, i+lo, j+lo, hi-lo)
}

// mixUp mixes n elements from i on with those from j on.
func mixUp[F kernel.Float](m *backend.MixUp, i, j, n int) {
	a, b := backend.Slice[F](m.Src, i, i+n), backend.Slice[F](m.Src, j, j+n)
	p, q := backend.Slice[F](m.Dst, i, i+n), backend.Slice[F](m.Dst, j, j+n)
	if i == j {
		copy(p, a)
		return
	}
	var scratch [kernel.Block]F
	l, r := F(m.Lambda), F(1-m.Lambda)
	for at := 0; at < n; at += kernel.Block {
		end := min(at+kernel.Block, n)
		a, b, p, q := a[at:end], b[at:end], p[at:end], q[at:end]
		first := scratch[:len(a)]
		kernel.Scale(first, a, l)
		kernel.Add(first, b, r)
		kernel.Scale(q, b, l)
		kernel.Add(q, a, r)
		copy(p, first)
	}
}

// CutMix implements backend.Backend.
func (Backend) CutMix(c backend.CutMix) error {
	t := cutMixes.get()
	t.CutMix = c
	spread(c.Dst.Len, (c.Rows+1)/2*c.Outer, t)
	t.CutMix = backend.CutMix{}
	cutMixes.put(t)
	return nil
}

type cutMixTask struct{ backend.CutMix }

var cutMixes pooled[cutMixTask]

// Run treats one plane of a row and its partner's, as bytes.
func (t *cutMixTask) Run(item int) {
	size := t.Dst.Type.Size()
	line := t.Width * t.Inner
	plane := t.Height * line
	row, o := item/t.Outer, item%t.Outer
	i, j := row*t.Outer+o, (t.Rows-1-row)*t.Outer+o
	a, p := bytesOf(t.Src, i*plane, (i+1)*plane, size), bytesOf(t.Dst, i*plane, (i+1)*plane, size)
	b, q := bytesOf(t.Src, j*plane, (j+1)*plane, size), bytesOf(t.Dst, j*plane, (j+1)*plane, size)
	if t.Dst != t.Src {
		copy(p, a)
		copy(q, b)
	}
	if i == j {
		return
	}
	for y := t.Top; y < t.Top+t.BoxHeight; y++ {
		lo := (y*line + t.Left*t.Inner) * size
		swapBytes(p[lo:lo+t.BoxWidth*t.Inner*size], q[lo:])
	}
}

// swapBytes exchanges a with as much of b.
func swapBytes(a, b []byte) {
	var scratch [4 * kernel.Block]byte
	for len(a) > 0 {
		n := copy(scratch[:], a)
		copy(a[:n], b)
		copy(b[:n], scratch[:])
		a, b = a[n:], b[n:]
	}
}

// MixTargets implements backend.Backend.
func (Backend) MixTargets(m backend.MixTargets) error {
	if !wide(m.Dst) {
		return unsupported("mixed targets", m.Dst.Type)
	}
	for r := range m.Rows {
		if y := class(m.Y, r); y < 0 || y >= int64(m.Classes) {
			return fmt.Errorf("regularize: target %d of row %d is not a class: want 0 to %d", y, r, m.Classes-1)
		}
	}
	if m.Dst.Type == backend.Float32 {
		mixTargets[float32](&m)
	} else {
		mixTargets[float64](&m)
	}
	return nil
}

// class is element i of a buffer of integers.
func class(y backend.Buffer, i int) int64 {
	if y.Type == backend.Int32 {
		return int64(backend.Slice[int32](y, i, i+1)[0])
	}
	return backend.Slice[int64](y, i, i+1)[0]
}

func mixTargets[F kernel.Float](m *backend.MixTargets) {
	off := m.Smoothing / float64(m.Classes)
	on := 1 - m.Smoothing
	for r := range m.Rows {
		dst := backend.Slice[F](m.Dst, r*m.Classes, (r+1)*m.Classes)
		for k := range dst {
			dst[k] = F(off)
		}
		y, z := class(m.Y, r), class(m.Y, m.Rows-1-r)
		if y == z {
			dst[y] = F(off + on)
			continue
		}
		dst[y] = F(off + float64(on*m.Lambda))
		dst[z] = F(off + float64(on*(1-m.Lambda)))
	}
}
