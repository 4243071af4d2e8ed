package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/gpu"
	"github.com/descent-ml/descent/precision"
	"gonum.org/v1/gonum/blas/blas64"
)

// tensors are freed together.
type tensors struct {
	dev  *gpu.Device
	held []gpu.Tensor
}

func (t *tensors) alloc(typ descent.DType, shape ...int) (gpu.Tensor, error) {
	v, err := t.dev.Alloc(typ, shape...)
	if err == nil {
		t.held = append(t.held, v)
	}
	return v, err
}

func (t *tensors) free() (err error) {
	for _, v := range t.held {
		err = errors.Join(err, v.Free())
	}
	t.held = nil
	return err
}

// model is the weights of a block on a device, in the type of a mode.
type model struct {
	tensors
	m       mode
	s       shape
	w       [layers]gpu.Tensor
	scales  *precision.DelayedScales
	inverse [2 * layers]gpu.Tensor // what products of FP8 are multiplied by
	written [2 * layers]float32    // the scales that inverse holds
}

func newModel(dev *gpu.Device, m mode, s shape, w [layers][]float32) (d *model, err error) {
	d = &model{tensors: tensors{dev: dev}, m: m, s: s}
	if d.scales, err = newScales(); err != nil {
		return d, err
	}
	if m.narrow() {
		for i := range d.inverse {
			if d.inverse[i], err = d.alloc(descent.F32, 1); err != nil {
				return d, err
			}
		}
	}
	for l := range layers {
		in, out := s.sizes(l)
		if d.w[l], err = d.alloc(m.operand, out, in); err != nil {
			return d, err
		}
		if err := d.fill(d.w[l], weightScale(l), descent.Of(w[l], out, in)); err != nil {
			return d, err
		}
	}
	return d, nil
}

// fill sets a tensor to one of the host.
func (d *model) fill(dst gpu.Tensor, scale int, src descent.View) error {
	wide, err := d.dev.Upload(src)
	if err != nil {
		return err
	}
	return errors.Join(d.cast(dst, scale, wide), wide.Free())
}

// cast rounds src to the type of dst, with a scale where that is FP8.
func (d *model) cast(dst gpu.Tensor, scale int, src gpu.Tensor) error {
	if dst.View().DType() != descent.E4M3 {
		return precision.Cast{}.Apply(dst.View(), src.View(), 0)
	}
	by, err := d.scales.Cast(scale, dst.View(), src.View())
	if err != nil || by == d.written[scale] {
		return err
	}
	d.written[scale] = by
	return d.inverse[scale].Write(descent.Of([]float32{1 / by}))
}

// room is the activations of a block for so many tokens. Some are in two
// places: a layer writes what the next reads.
type room struct {
	tensors
	in, out [layers]gpu.Tensor
	narrow  [layers]gpu.Tensor // in, as FP8 products read it
}

func newRoom(dev *gpu.Device, m mode, s shape) (r *room, err error) {
	r = &room{tensors: tensors{dev: dev}}
	alloc := func(t descent.DType, cols int) (v gpu.Tensor) {
		if err == nil {
			v, err = r.alloc(t, s.tokens, cols)
		}
		return v
	}
	_ = alloc(m.activation, s.width) // what the block reads and adds to
	normed, hidden, added := alloc(m.activation, s.width), alloc(m.activation, s.hidden), alloc(m.activation, s.width)
	r.in = [layers]gpu.Tensor{normed, alloc(m.activation, s.width), normed, hidden}
	r.out = [layers]gpu.Tensor{alloc(m.activation, 3*s.width), added, hidden, added}
	if m.narrow() {
		width := alloc(m.operand, s.width)
		r.narrow = [layers]gpu.Tensor{width, width, width, alloc(m.operand, s.hidden)}
	}
	return r, err
}

// forward queues layer l, the cast of what it reads included.
func (d *model) forward(l layer, r *room) error {
	if d.m.narrow() {
		if err := d.cast(r.narrow[l], inputScale(l), r.in[l]); err != nil {
			return err
		}
	}
	return d.product(l, r)
}

// product queues the product of layer l.
func (d *model) product(l layer, r *room) error {
	x, by := r.in[l], gpu.MatMul{TransB: true, FastAccumulation: d.m.fast}
	if d.m.tf32 {
		by.Compute = gpu.TF32
	}
	if d.m.narrow() {
		x = r.narrow[l]
		by.ScaleA, by.ScaleB = d.inverse[inputScale(l)].View(), d.inverse[weightScale(l)].View()
	}
	return by.Apply(r.out[l].View(), x.View(), d.w[l].View())
}

// onDevice is linear layers on a device.
type onDevice struct {
	*model
	*room
}

func (d onDevice) apply(l layer, x blas64.General) (blas64.General, error) {
	in := tensor(d.m.activation, x.Rows, x.Cols)
	if err := (precision.Cast{}).Apply(in, view(x), 0); err != nil {
		return x, err
	}
	if err := d.in[l].Write(in); err != nil {
		return x, err
	}
	if err := d.forward(l, d.room); err != nil {
		return x, err
	}
	_, cols := d.s.sizes(l)
	y, out := matrix(x.Rows, cols), tensor(d.m.activation, x.Rows, cols)
	if err := d.out[l].Read(out); err != nil {
		return y, err
	}
	return y, precision.Cast{}.Apply(view(y), out, 0)
}

// times are medians in seconds.
type times struct {
	layers   [layers]float64 // casts included
	all      float64         // one after another, casts included
	products float64         // one after another, of what was cast before
}

// measured is what a mode came to on a device.
type measured struct {
	mode
	deviation
	times
	weights, activations int64 // bytes
}

// memory is what f takes of a device.
func memory(dev *gpu.Device, f func() error) (int64, error) {
	before, _, err := dev.Memory()
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, _, err := dev.Memory()
	return before - after, err
}

// median times f, which queues work: each sample is as many calls as take the
// device 20 ms.
func median(dev *gpu.Device, samples int, f func() error) (float64, error) {
	run := func(calls int) (float64, error) {
		if err := dev.Synchronize(); err != nil {
			return 0, err
		}
		began := time.Now()
		for range calls {
			if err := f(); err != nil {
				return 0, err
			}
		}
		err := dev.Synchronize()
		return time.Since(began).Seconds() / float64(calls), err
	}
	if _, err := run(2); err != nil {
		return 0, err
	}
	one, err := run(2)
	if err != nil {
		return 0, err
	}
	calls := max(1, min(1000, int(0.02/one)))
	var all []float64
	for range samples {
		t, err := run(calls)
		if err != nil {
			return 0, err
		}
		all = append(all, t)
	}
	slices.Sort(all)
	return all[samples/2], nil
}

// measure runs all modes on a device: the block of check for its errors, that of
// s, which has the same weights, for the rest. Each time is a median of samples.
func measure(dev *gpu.Device, s, check shape, samples int, done func(string)) (all []measured, err error) {
	w, x := draw(check, 1)
	if err := load(dev); err != nil {
		return nil, err
	}
	var want blas64.General
	for i, m := range modes {
		if m.narrow() && !dev.Info().FP8() {
			done(m.name)
			continue
		}
		r := measured{mode: m}
		if i == 0 {
			want, err = r.run(dev, s, check, w, x, 0)
		} else {
			var y blas64.General
			if y, err = r.run(dev, s, check, w, x, samples); err == nil {
				r.deviation = deviationOf(y, want, x)
				all = append(all, r)
			}
		}
		if err != nil {
			return all, fmt.Errorf("%s: %w", m.name, err)
		}
		done(m.name)
	}
	return all, nil
}

// load makes the device load the kernel of casts, so that its memory is nobody's.
func load(dev *gpu.Device) error {
	t := tensors{dev: dev}
	src, err := t.alloc(descent.F32, 1)
	if err != nil {
		return err
	}
	dst, err := t.alloc(descent.E4M3, 1)
	if err == nil {
		_, err = precision.Cast{}.ApplyAmax(dst.View(), src.View(), 0)
	}
	return errors.Join(err, t.free())
}

// run returns what the block makes of x, and measures the rest unless samples is
// 0.
func (r *measured) run(dev *gpu.Device, s, check shape, w [layers][]float32, x blas64.General, samples int) (y blas64.General, err error) {
	d := &model{}
	r.weights, err = memory(dev, func() (err error) {
		d, err = newModel(dev, r.mode, check, w)
		return err
	})
	defer func() { err = errors.Join(err, d.free()) }()
	if err != nil {
		return y, err
	}
	small, err := newRoom(dev, r.mode, check)
	if err == nil {
		y, err = block(check, r.mode, x, onDevice{d, small})
	}
	if err = errors.Join(err, small.free()); err != nil || samples == 0 {
		return y, err
	}
	large := &room{}
	r.activations, err = memory(dev, func() (err error) {
		large, err = newRoom(dev, r.mode, s)
		return err
	})
	defer func() { err = errors.Join(err, large.free()) }()
	if err != nil {
		return y, err
	}
	return y, r.time(d, large, x, samples)
}

// time fills the activations with tokens, over and over, since the power that a
// product takes depends on its operands, and times the layers.
func (r *measured) time(d *model, large *room, x blas64.General, samples int) (err error) {
	for _, l := range []layer{qkv, out} {
		v := large.in[l].View()
		tokens := make([]float32, v.Len())
		for i := range tokens {
			tokens[i] = float32(x.Data[i%len(x.Data)])
		}
		if err := d.fill(large.in[l], 0, descent.Of(tokens, v.Shape()...)); err != nil {
			return err
		}
	}
	each := func(f func(layer, *room) error) func() error {
		return func() error {
			for l := range layers {
				if err := f(l, large); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if r.all, err = median(d.dev, samples, each(d.forward)); err != nil {
		return err
	}
	if r.products, err = median(d.dev, samples, each(d.product)); err != nil {
		return err
	}
	for l := range layers {
		if r.layers[l], err = median(d.dev, samples, func() error { return d.forward(l, large) }); err != nil {
			return err
		}
	}
	return nil
}
