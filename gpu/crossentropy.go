package gpu

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// rowArgs and entropyArgs are Row and CrossEntropy of crossentropy.cu.
type rowArgs struct {
	loss, weight  float64
	counts, right int32
}

type entropyArgs struct {
	grad, logits, targets, weights    uint64
	rows, bad, spare, landing         uint64
	count, classes, ignore            int64
	smoothing, zloss, scale           float64
	typ, targetType, weightType, held int32
}

// mostBlocks is how many blocks of sums a row can have.
const mostBlocks = 256

// fixedShared is at least what the kernel's own shared memory takes: Common.
const fixedShared = 2*8*mostBlocks + 2048

// rowThreads is how many threads of the kernel a multiprocessor has registers
// for.
const rowThreads = 512

// rowsAt is where in the landing rows are, behind the mark of a bad target.
const rowsAt = 16

// CrossEntropy implements backend.Backend. It waits for the result.
func (k *kernels) CrossEntropy(c backend.CrossEntropy) (backend.Loss, error) {
	switch {
	case c.Logits.Type == backend.Float64, c.Targets.Type.Float(), c.SoftCap > 0, c.Losses.Ptr != nil,
		c.Smoothing > 0 && c.Weights.Ptr != nil, c.Classes > mostBlocks*kernel.Block, c.Rows > math.MaxInt32:
		return k.staged.CrossEntropy(c)
	}
	if ok, err := k.classWeights(c.Weights); err != nil || !ok {
		if err != nil {
			return backend.Loss{}, err
		}
		return k.staged.CrossEntropy(c) // which has the error
	}
	d := k.dev
	if err := d.lock(); err != nil {
		return backend.Loss{}, err
	}
	defer d.mu.Unlock()
	loss := backend.Loss{First: -1}
	if c.Rows == 0 {
		return loss, nil
	}
	a := entropyArgs{
		grad: address(c.Grad), logits: address(c.Logits), targets: address(c.Targets), weights: address(c.Weights),
		count: int64(c.Rows), classes: int64(c.Classes), ignore: c.Ignore,
		smoothing: c.Smoothing, zloss: c.ZLoss, scale: c.Scale,
		typ: int32(c.Logits.Type), targetType: int32(c.Targets.Type), weightType: int32(c.Weights.Type),
	}
	// The rows' results land with the host, where there is room for them.
	var err error
	if a.landing, err = d.land(); err != nil {
		return loss, err
	}
	landing := d.engine.landing()
	size := int(unsafe.Sizeof(rowArgs{}))
	lands := rowsAt+c.Rows*size <= landingSize
	a.rows = a.landing + rowsAt
	if !lands {
		if err := d.grow(&d.scratch, c.Rows*size); err != nil {
			return loss, err
		}
		a.rows = uint64(uintptr(d.scratch.ptr))
	}
	if err := d.targets(&a); err != nil {
		return loss, err
	}
	// A row waits in shared memory, from a multiple of four elements on.
	row := 4 * ((c.Classes + 6) &^ 3)
	id := kernelID{file: "crossentropy", name: "crossentropy", shared: row}
	blocks := max(1, min(rowThreads/32, d.info.shared/(row+fixedShared)))
	a.held = 1
	if row+fixedShared > d.info.shared {
		id.shared, a.held = 0, 0
	}
	grid := min(d.info.Processors*blocks, c.Rows)
	if err := launch(d, id, grid, rowThreads/blocks&^31, a); err != nil {
		return loss, err
	}
	if err := d.landed(); err != nil {
		return loss, err
	}
	if bad := *(*uint32)(landing); bad != 0 {
		return loss, d.badTarget(c, int(^bad))
	}
	rows := unsafe.Slice((*rowArgs)(unsafe.Add(landing, rowsAt)), c.Rows)
	if !lands {
		if rows, err = fetch[rowArgs](d, a.rows, c.Rows); err != nil {
			return loss, err
		}
	}
	return fold(rows), nil
}

// targets queues the check of the targets. Of two marks this call writes one,
// which is 0; crossentropy clears the other for the next call.
func (d *Device) targets(a *entropyArgs) (err error) {
	if a.bad, err = d.tally(&d.marks, 8); err != nil {
		return err
	}
	a.spare = a.bad + 4
	if d.odd {
		a.bad, a.spare = a.spare, a.bad
	}
	if err := launch(d, plain("crossentropy", "targets"), (int(a.count)+threads-1)/threads, threads, *a); err != nil {
		return err
	}
	d.odd = !d.odd
	return nil
}

// fold adds the rows in order. The host does this while the device waits: the
// sums are variables, not fields, so that each addition is all an iteration
// waits for.
func fold(rows []rowArgs) backend.Loss {
	first, count, right, bad := -1, 0, 0, 0
	sum, weight := 0.0, 0.0
	for r := range rows {
		row := &rows[r]
		if row.counts == 0 {
			continue
		}
		sum += row.loss
		weight += row.weight
		count++
		right += int(row.right)
		if row.loss-row.loss != 0 { // NaN or infinite
			if bad == 0 {
				first = r
			}
			bad++
		}
	}
	return backend.Loss{Sum: sum, Weight: weight, Rows: count, Correct: right, NonFinite: bad, First: first}
}

// classWeights reports whether weights are at least 0 and finite.
func (k *kernels) classWeights(weights backend.Buffer) (bool, error) {
	if weights.Ptr == nil {
		return true, nil
	}
	if weights.Type == backend.Float32 {
		return usable[float32](k, weights)
	}
	return usable[float64](k, weights)
}

// usable reports whether numbers on the device are at least 0 and finite.
func usable[F kernel.Float](k *kernels, b backend.Buffer) (bool, error) {
	host := make([]F, b.Len)
	if err := k.Download(backend.Of(host, b.Type), b); err != nil {
		return false, err
	}
	for _, x := range host {
		if !(x >= 0 && float64(x) <= math.MaxFloat64) {
			return false, nil
		}
	}
	return true, nil
}

// badTarget is the error of a target that is neither a class nor the ignored
// one; nothing has been written.
func (d *Device) badTarget(c backend.CrossEntropy, row int) error {
	size := c.Targets.Type.Size()
	raw, err := fetch[byte](d, address(c.Targets)+uint64(row*size), size)
	if err != nil {
		return err
	}
	y := int64(*(*int32)(unsafe.Pointer(&raw[0])))
	if size == 8 {
		y = *(*int64)(unsafe.Pointer(&raw[0]))
	}
	return fmt.Errorf("loss: target %d of row %d is not a class: want 0 to %d, or %d to ignore the row",
		y, row, c.Classes-1, c.Ignore)
}
