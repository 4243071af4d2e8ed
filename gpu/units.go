package gpu

import (
	"math"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// unitTensorArgs and clipUnitsArgs are UnitTensor and ClipUnits of units.cu.
type unitTensorArgs struct {
	grad, weight         uint64
	outer, units, inner  int64
	factor               float64
	gradType, weightType int32
	way, _               int32
}

type clipUnitsArgs struct {
	tensors, first, count, landing uint64
	n                              int64
	p, max, eps                    float64
}

// The ways of units.cu in which units are shared out.
const (
	unitAlone int32 = iota
	unitWhole
	unitSide
)

// unitsAbreast is how many units that lie side by side a thread block takes.
const unitsAbreast = 16

// clipping is what ClipUnits keeps from one call to the next.
type clipping struct {
	tensors []unitTensorArgs
	first   []int64
}

// ClipUnits implements backend.Backend, for norms of order 1, 2 and +Inf. It
// waits only where the number is wanted.
func (k *kernels) ClipUnits(c *backend.ClipUnits) (int, error) {
	if c.P != 1 && c.P != 2 && !math.IsInf(c.P, 1) {
		return k.staged.ClipUnits(c)
	}
	d := k.dev
	if err := d.lock(); err != nil {
		return 0, err
	}
	defer d.mu.Unlock()
	w := &d.clipping
	w.tensors, w.first = w.tensors[:0], append(w.first[:0], 0)
	blocks := 0
	for i := range c.Tensors {
		t, n := unitTensor(&c.Tensors[i])
		blocks += n
		w.tensors, w.first = append(w.tensors, t), append(w.first, int64(blocks))
	}
	at, behind, err := upload(d, w.tensors, 8*len(w.first))
	if err != nil || blocks == 0 {
		return 0, err
	}
	if err := d.engine.write(pointer(behind), unsafe.Pointer(&w.first[0]), 8*len(w.first)); err != nil {
		return 0, d.failed("upload", err)
	}
	a := clipUnitsArgs{
		tensors: at, first: behind, n: int64(len(w.tensors)), p: c.P, max: c.Max, eps: c.Eps,
	}
	if !c.Count {
		return -1, launch(d, plain("units", "clip_units"), blocks, threads, a)
	}
	if a.count, err = d.tally(&d.clipped, 8); err != nil {
		return 0, err
	}
	if a.landing, err = d.land(); err != nil {
		return 0, err
	}
	if err := launch(d, plain("units", "clip_units"), blocks, threads, a); err != nil {
		return 0, err
	}
	if err := launch(d, plain("units", "clip_units_land"), 1, 1, a); err != nil {
		return 0, err
	}
	if err := d.landed(); err != nil {
		return 0, err
	}
	return int(*(*uint64)(d.engine.landing())), nil
}

// unitTensor is a tensor as the kernel takes it, and how many thread blocks do.
// A warp takes a unit that is one block of a sum; what lies side by side is read
// some units at a time; a thread block takes any other unit.
func unitTensor(u *backend.UnitTensor) (t unitTensorArgs, blocks int) {
	t = unitTensorArgs{
		grad: address(u.Grad), weight: address(u.Weight),
		outer: int64(u.Outer), units: int64(u.Units), inner: int64(u.Inner), factor: u.Factor,
		gradType: int32(u.Grad.Type), weightType: int32(u.Weight.Type),
	}
	const warps = threads / 32
	switch {
	case u.Outer == 1 && u.Inner <= kernel.Block:
		t.way, blocks = unitAlone, (u.Units+warps-1)/warps
	case u.Inner == 1:
		t.way, blocks = unitSide, (u.Units+unitsAbreast-1)/unitsAbreast
	default:
		t.way, blocks = unitWhole, u.Units
	}
	return t, blocks
}
