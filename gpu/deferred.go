package gpu

import (
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
)

var _ backend.Deferrer = (*kernels)(nil)

// QueueNorm implements backend.Deferrer. One norm at a time is being read: the
// one before it is awaited first.
func (k *kernels) QueueNorm(n *backend.Norm) (ok bool, err error) {
	size := len(n.X.Bufs) * resultSize
	if size == 0 || size > beginMost {
		return false, nil
	}
	d := k.dev
	if err := d.lock(); err != nil {
		return false, err
	}
	defer d.mu.Unlock()
	if d.begun != n {
		if err := d.await(); err != nil {
			return false, err
		}
	}
	p, err := d.normPass(n)
	if err != nil {
		return false, err
	}
	d.begun = n
	return true, d.failed("read", d.engine.begin(pointer(p.result), size))
}

// AwaitNorm implements backend.Deferrer.
func (k *kernels) AwaitNorm(n *backend.Norm) error {
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	defer d.mu.Unlock()
	if d.begun != n {
		return nil // awaited by a later one
	}
	return d.await()
}

// await ends the read that QueueNorm began.
func (d *Device) await() error {
	n := d.begun
	if n == nil {
		return nil
	}
	d.begun = nil
	results := room[normResult](d, len(n.X.Bufs))
	if err := d.engine.finish(unsafe.Pointer(&results[0]), len(results)*resultSize); err != nil {
		return d.failed("read", err)
	}
	hand(n, results)
	return nil
}

// gateArgs is Limit of norm.cu.
type gateArgs struct {
	result, gate    uint64
	n               int64
	scale, max, eps float64
}

// gate queues the kernel that evaluates a limit, and returns what an update
// looks at.
func (d *Device) gate(l *backend.Limit) (uint64, error) {
	p, err := d.plan(l.Norm.X)
	if err != nil {
		return 0, err
	}
	return p.gate, launch(d, plain("norm", "gate"), 1, 32, gateArgs{
		p.result, p.gate, int64(len(l.Norm.X.Bufs)), l.Scale, l.Max, l.Eps,
	})
}

// UpdateLimited implements backend.Deferrer.
func (k *kernels) UpdateLimited(u *backend.Update, l *backend.Limit) (ok bool, err error) {
	d := k.dev
	if err := d.lock(); err != nil {
		return false, err
	}
	defer d.mu.Unlock()
	return d.update(u, l)
}
