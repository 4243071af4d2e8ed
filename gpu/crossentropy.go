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
	grad, logits, targets, weights uint64
	rows, bad, room                uint64
	count, classes, pitch, ignore  int64
	smoothing, zloss, scale        float64
	typ, targetType, weightType    int32
	_                              int32
}

// mostBlocks is how many blocks of sums a row can have.
const mostBlocks = 256

// fixedShared is at least what the kernel's own shared memory takes.
const fixedShared = 2*8*mostBlocks + 512

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
	// A row waits in shared memory, or where it is too long in memory that stays
	// in the second-level cache.
	a.pitch = int64(c.Classes+3) &^ 3
	row := int(4 * a.pitch)
	id := kernelID{file: "crossentropy", name: "crossentropy", shared: row}
	block := 32 * min(16, kernel.Blocks(c.Classes))
	grid := d.info.Processors * max(1, min(2048/block, 32, d.info.shared/(row+fixedShared)))
	room := 0
	if row+fixedShared > d.info.shared {
		id.shared = 0
		grid = d.info.Processors
		room = grid * row
	}
	grid = min(grid, c.Rows)
	size := int(unsafe.Sizeof(rowArgs{}))
	at, behind, err := upload(d, []uint32{math.MaxUint32}, c.Rows*size+16+room)
	if err != nil {
		return loss, err
	}
	a.bad, a.rows = at, behind
	if room > 0 {
		a.room = (behind + uint64(c.Rows*size) + 15) &^ 15
	}
	if err := launch(d, plain("crossentropy", "targets"), (c.Rows+threads-1)/threads, threads, a); err != nil {
		return loss, err
	}
	if err := launch(d, id, grid, block, a); err != nil {
		return loss, err
	}
	// The mark and the rows lie side by side.
	words, err := fetch[byte](d, at, int(behind-at)+c.Rows*size)
	if err != nil {
		return loss, err
	}
	if bad := *(*uint32)(unsafe.Pointer(&words[0])); bad != math.MaxUint32 {
		return loss, d.badTarget(c, int(bad))
	}
	for r, row := range unsafe.Slice((*rowArgs)(unsafe.Pointer(&words[behind-at])), c.Rows) {
		if row.counts == 0 {
			continue
		}
		loss.Rows++
		loss.Sum += row.loss
		loss.Weight += row.weight
		loss.Correct += int(row.right)
		if math.IsNaN(row.loss) || math.IsInf(row.loss, 0) {
			if loss.NonFinite == 0 {
				loss.First = r
			}
			loss.NonFinite++
		}
	}
	return loss, nil
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
