package precision

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Quantized is a tensor kept as a Quantizer says, in host memory: everything
// that is to be saved of it. Quantizer.New makes one.
type Quantized struct {
	By     Quantizer
	Shape  []int
	Codes  []byte    // row after row, each packed as by Cast.Pack
	Scales []byte    // of the blocks, row by row of blocks: E8M0 codes or, under ScaleTwoLevel, E4M3FN
	Floats []float32 // instead, under ScaleExact and ScalePowerOfTwo
	Tensor float32   // under ScaleTwoLevel what all scales are multiplied by
}

// Bytes is the memory that codes and scales take.
func (x *Quantized) Bytes() int {
	codes, scales := x.By.Size(x.Shape...)
	return codes + scales
}

// Quantize sets x to src, of any floating-point type, and returns the largest
// magnitude of src: +Inf where an element is NaN or ±Inf. It allocates nothing.
func (x *Quantized) Quantize(src descent.View, step int) (amax float64, err error) {
	return x.QuantizeOver(nil, src, step)
}

// QuantizeOver is Quantize of one part of a tensor whose other parts the members
// of a group hold: the largest magnitude of all parts sets what the tensor
// shares, the scale of its only block or ScaleTwoLevel's float32. Other scales
// need no group, and g is not called. A group of nil is src alone.
func (x *Quantized) QuantizeOver(g Group, src descent.View, step int) (amax float64, err error) {
	work, err := x.work("src", src)
	if err != nil {
		return 0, err
	}
	b := src.Device().Backend()
	one := x.By.Scale.float() && x.By.Rows == 0 && x.By.Cols == 0
	if x.By.Scale == ScaleTwoLevel || one && g != nil {
		if amax, err = b.Amax(src.Buffer()); err != nil {
			return 0, err
		}
		if amax, err = reduce(g, amax); err != nil {
			return 0, err
		}
		work.Given = amax
	}
	if x.By.Scale == ScaleTwoLevel {
		x.Tensor = 1
		switch {
		case !(amax <= math.MaxFloat32):
			x.Tensor = float32(math.NaN())
		case amax > 0:
			x.Tensor = max(float32(amax/(float64(E4M3FN.Max())*float64(x.By.Format.Max()))), 0x1p-126)
		}
		work.Tensor = x.Tensor
	}
	work.Rounding = kernel.Rounding(x.By.Rounding)
	work.Seed, work.Stream, work.Step = x.By.Seed, x.By.Stream, uint64(step)
	own, err := b.Quantize(work)
	return max(amax, own), err
}

// Dequantize sets dst, of any floating-point type, to x. The products are
// rounded to float32 and then to dst's type, to nearest even; powers of two
// multiply exactly as long as float32 holds the product. It allocates nothing.
func (x *Quantized) Dequantize(dst descent.View) error {
	work, err := x.work("dst", dst)
	if err != nil {
		return err
	}
	return dst.Device().Backend().Dequantize(work)
}

// work checks x against a tensor.
func (x *Quantized) work(name string, v descent.View) (backend.Quantize, error) {
	if err := x.By.Validate(); err != nil {
		return backend.Quantize{}, err
	}
	if err := floating(name, v); err != nil {
		return backend.Quantize{}, err
	}
	if v.Device() != descent.Host {
		return backend.Quantize{}, fmt.Errorf("descent: %w: %s on %v, the quantized tensor on %v",
			descent.ErrDevice, name, v.Device(), descent.Host)
	}
	same := v.Rank() == len(x.Shape)
	for i, d := range x.Shape {
		same = same && v.Dim(i) == d
	}
	if !same {
		return backend.Quantize{}, fmt.Errorf("descent: %w: %s is %v, the quantized tensor %v", descent.ErrShape, name, v, x.Shape)
	}
	l := x.By.layout(v.Len(), v.Dim(-1))
	floats, scales := 0, l.blocks()
	if x.By.Scale.float() {
		floats, scales = scales, 0
	}
	codes := l.rows * x.By.Format.PackedSize(l.cols)
	if len(x.Codes) != codes || len(x.Scales) != scales || len(x.Floats) != floats {
		return backend.Quantize{}, fmt.Errorf("precision: quantized %v has %d bytes of codes, %d and %d scales, want %d, %d and %d",
			x.Shape, len(x.Codes), len(x.Scales), len(x.Floats), codes, scales, floats)
	}
	w := backend.Quantize{
		X: v.Buffer(), Codes: backend.Of(x.Codes, backend.Invalid), Scales: backend.Of(x.Scales, backend.Invalid),
		Rows: l.rows, Cols: l.cols, BlockRows: l.blockRows, BlockCols: l.blockCols,
		Format: x.By.Format.k, Rule: x.By.Scale.rule(), Tensor: x.Tensor,
	}
	if floats > 0 {
		w.Scales = backend.Of(x.Floats, backend.Float32)
	}
	return w, nil
}
