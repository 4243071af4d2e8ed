package gpu

import (
	"math"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

var _ backend.Deferrer = (*kernels)(nil)

// normArgs is Norm of norm.cu.
type normArgs struct {
	x                                                     setArgs
	partial, stats, result, landing, done, finished, gate uint64
	buffers, full                                         int64
	scale, max, eps                                       float64
}

// normResult is Result of norm.cu.
type normResult struct {
	sum, max   float64
	bad, first int64
}

// Norm implements backend.Backend. It waits for the result.
func (k *kernels) Norm(n *backend.Norm) error {
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	defer d.mu.Unlock()
	if err := d.normPass(&backend.Limit{Norm: n, Scale: 1, Max: math.Inf(1)}); err != nil {
		return err
	}
	if d.begun == n {
		return d.await()
	}
	return d.fetchNorm(n)
}

// QueueNorm implements backend.Deferrer.
func (k *kernels) QueueNorm(l *backend.Limit) (ok bool, err error) {
	if !lands(l.Norm) {
		return false, nil
	}
	d := k.dev
	if err := d.lock(); err != nil {
		return false, err
	}
	defer d.mu.Unlock()
	return true, d.normPass(l)
}

// AwaitNorm implements backend.Deferrer.
func (k *kernels) AwaitNorm(n *backend.Norm) error {
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	defer d.mu.Unlock()
	if d.begun != n {
		return nil // awaited when a later one was queued
	}
	return d.await()
}

// UpdateLimited implements backend.Deferrer.
func (k *kernels) UpdateLimited(u *backend.Update, l *backend.Limit) (ok bool, err error) {
	d := k.dev
	if err := d.lock(); err != nil {
		return false, err
	}
	defer d.mu.Unlock()
	p, err := d.plan(l.Norm.X)
	if err != nil {
		return false, err
	}
	return d.update(u, p.gate)
}

// lands reports whether the results are written to the landing.
func lands(n *backend.Norm) bool {
	return n.X.Items() > 0 && len(n.X.Bufs)*resultSize <= landingSize
}

// normPass queues the norm pass. The landing holds the results of one norm: the
// one before is awaited first.
func (d *Device) normPass(l *backend.Limit) error {
	n := l.Norm
	p, err := d.plan(n.X)
	if err != nil {
		return err
	}
	a := normArgs{
		x: p.args, partial: p.partial, stats: p.stats, result: p.result, done: p.done,
		finished: p.finished, gate: p.gate, buffers: int64(len(n.X.Bufs)), full: p.full, scale: l.Scale, max: l.Max, eps: l.Eps,
	}
	if !lands(n) {
		return launch(d, plain("norm", "norm_pass"), p.items, threads, a)
	}
	if d.begun != n {
		if err := d.await(); err != nil {
			return err
		}
	}
	a.landing = uint64(uintptr(d.engine.landing()))
	if err := launch(d, plain("norm", "norm_pass"), p.items, threads, a); err != nil {
		return err
	}
	d.begun = n
	return d.failed("norm", d.engine.mark())
}

// await ends the norm pass whose results are on their way to the landing.
func (d *Device) await() error {
	n := d.begun
	if n == nil {
		return nil
	}
	d.begun = nil
	if err := d.engine.wait(); err != nil {
		return d.failed("wait", err)
	}
	found(n, unsafe.Slice((*normResult)(d.engine.landing()), len(n.X.Bufs)))
	return nil
}

// landed waits for a kernel that was queued last and writes to the landing.
func (d *Device) landed() error {
	if err := d.engine.mark(); err != nil {
		return d.failed("wait", err)
	}
	return d.failed("wait", d.engine.wait())
}

// fetchNorm reads results that did not land.
func (d *Device) fetchNorm(n *backend.Norm) error {
	p, err := d.plan(n.X)
	if err != nil {
		return err
	}
	results, err := fetch[normResult](d, p.result, len(n.X.Bufs))
	if err == nil {
		found(n, results)
	}
	return err
}

// found gives n what the norm pass found. A buffer without elements has no
// result.
func found(n *backend.Norm, results []normResult) {
	for i, r := range results {
		if n.X.Bufs[i].Len == 0 {
			r = normResult{}
		}
		n.Sums[i] = r.sum
		n.Stats[i] = kernel.Stats{MaxAbs: r.max, NonFinite: int(r.bad), First: int(r.first)}
		if r.bad == 0 {
			n.Stats[i].First = -1
		}
	}
}
