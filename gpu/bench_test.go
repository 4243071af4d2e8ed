package gpu_test

import (
	"fmt"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/accum"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/gpu"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/precision"
	"github.com/descent-ml/descent/regularize"
)

// gpt2 is the shapes of GPT-2, 124 M parameters in 148 tensors.
func gpt2() (shapes [][]int) {
	const width = 768
	norm := [][]int{{width}, {width}}
	shapes = append(shapes, []int{50257, width}, []int{1024, width})
	for range 12 {
		shapes = append(shapes, norm...)
		shapes = append(shapes, []int{width, 3 * width}, []int{3 * width}, []int{width, width}, []int{width})
		shapes = append(shapes, norm...)
		shapes = append(shapes, []int{width, 4 * width}, []int{4 * width}, []int{4 * width, width}, []int{width})
	}
	return append(shapes, norm...)
}

type model struct {
	dev    *gpu.Device
	params []descent.Param
	grads  *descent.Gradients
	bytes  int64 // of one set of float32
}

func newModel(b *testing.B) *model {
	b.Helper()
	m := &model{dev: open(b)}
	for i, shape := range gpt2() {
		n := 1
		for _, k := range shape {
			n *= k
		}
		host := make([]float32, n)
		for j := range host {
			host[j] = float32(j%1009-504) / 5000
		}
		v := upload(b, m.dev, descent.Of(host, shape...))
		g := upload(b, m.dev, descent.Of(host, shape...))
		m.params = append(m.params, descent.Param{Name: fmt.Sprint(i), Value: v, Grad: g})
		m.bytes += int64(4 * n)
	}
	var err error
	if m.grads, err = descent.GradientsOf(m.params); err != nil {
		b.Fatal(err)
	}
	return m
}

func upload(b *testing.B, dev *gpu.Device, v descent.View) gpu.Tensor {
	b.Helper()
	t, err := dev.Upload(v)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

func alloc(b *testing.B, dev *gpu.Device, t descent.DType, shape ...int) gpu.Tensor {
	b.Helper()
	v, err := dev.Alloc(t, shape...)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// queue times b.N calls and the wait for them all.
func queue(b *testing.B, dev *gpu.Device, bytes int64, f func() error) {
	b.Helper()
	for range 3 {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	if err := dev.Synchronize(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(bytes)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	if err := dev.Synchronize(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkCopy(b *testing.B) {
	dev := open(b)
	x, y := alloc(b, dev, descent.F32, 1<<28), alloc(b, dev, descent.F32, 1<<28)
	queue(b, dev, 8<<28, func() error { return descent.Copy(y, x) })
}

func BenchmarkAdamW(b *testing.B) {
	m := newModel(b)
	o, err := optim.New(m.params, optim.AdamW{Decay: 0.1})
	if err != nil {
		b.Fatal(err)
	}
	queue(b, m.dev, 7*m.bytes, func() error { return o.Update(m.grads, 1e-4) })
}

func BenchmarkNorm(b *testing.B) {
	m := newModel(b)
	queue(b, m.dev, m.bytes, func() error {
		m.grads.Changed()
		_, err := m.grads.Norm()
		return err
	})
}

func BenchmarkClipAdamW(b *testing.B) {
	m := newModel(b)
	o, err := optim.New(m.params, optim.AdamW{Decay: 0.1})
	if err != nil {
		b.Fatal(err)
	}
	queue(b, m.dev, 8*m.bytes, func() error {
		m.grads.Reset(1)
		if err := (clip.GlobalNorm{Max: 1}).Apply(m.grads); err != nil {
			return err
		}
		_, err := o.Step(m.grads, 1e-4)
		return err
	})
}

func BenchmarkUnscaleClipAdamWCopy(b *testing.B) {
	m := newModel(b)
	o, err := optim.New(m.params, optim.AdamW{Decay: 0.1})
	if err != nil {
		b.Fatal(err)
	}
	var copies []descent.View
	for _, p := range m.params {
		copies = append(copies, alloc(b, m.dev, descent.BF16, p.Value.View().Shape()...).View())
	}
	if err := o.Attach(optim.Extras{Copies: copies}); err != nil {
		b.Fatal(err)
	}
	queue(b, m.dev, 8*m.bytes+m.bytes/2, func() error {
		m.grads.Reset(1. / 1024)
		if err := (clip.GlobalNorm{Max: 1}).Apply(m.grads); err != nil {
			return err
		}
		_, err := o.Step(m.grads, 1e-4)
		return err
	})
}

// BenchmarkAGC clips every unit each time: the limit falls. On axis 0 a unit is a
// row, on -1 a column.
func BenchmarkAGC(b *testing.B) {
	for _, axis := range []int{0, -1} {
		b.Run(fmt.Sprintf("axis=%d", axis), func(b *testing.B) {
			m := newModel(b)
			c := clip.AGC{Max: 0.01, Unit: axis}
			queue(b, m.dev, 3*m.bytes, func() error {
				c.Max *= 0.999
				return c.Apply(m.grads, m.params)
			})
		})
	}
}

func BenchmarkLAMB(b *testing.B) {
	m := newModel(b)
	o, err := optim.New(m.params, optim.LAMB{Decay: 0.1})
	if err != nil {
		b.Fatal(err)
	}
	queue(b, m.dev, 10*m.bytes, func() error { return o.Update(m.grads, 1e-4) })
}

func BenchmarkLARS(b *testing.B) {
	m := newModel(b)
	o, err := optim.New(m.params, optim.LARS{L2: 0.1})
	if err != nil {
		b.Fatal(err)
	}
	queue(b, m.dev, 7*m.bytes, func() error { return o.Update(m.grads, 1e-4) })
}

// BenchmarkLSQ rounds a tensor and takes the gradients of its elements and scale.
func BenchmarkLSQ(b *testing.B) {
	dev := open(b)
	n := 124_439_808
	host := make([]float32, n)
	for i := range host {
		host[i] = float32(i%1009-504) / 300 // a quarter beyond the ends
	}
	x, g, y := upload(b, dev, descent.Of(host)), upload(b, dev, descent.Of(host)), alloc(b, dev, descent.F32, n)
	scale := descent.Of([]float32{0.01})
	l := precision.LSQ{}
	queue(b, dev, 20*int64(n), func() error {
		if err := l.Forward(y.View(), x.View(), scale); err != nil {
			return err
		}
		_, err := l.Backward(y.View(), g.View(), x.View(), scale)
		return err
	})
}

func BenchmarkAccumulate(b *testing.B) {
	m := newModel(b)
	a, err := accum.New(m.params)
	if err != nil {
		b.Fatal(err)
	}
	queue(b, m.dev, 3*m.bytes, func() error { return a.Add(1) })
}

func BenchmarkDropout(b *testing.B) {
	dev := open(b)
	n := 124_439_808
	x, y := alloc(b, dev, descent.F32, n), alloc(b, dev, descent.F32, n)
	d, step := regularize.Dropout{P: 0.1}, 0
	queue(b, dev, 8*int64(n), func() error {
		step++
		return d.Apply(y.View(), x.View(), step)
	})
}

func BenchmarkCast(b *testing.B) {
	n := 124_439_808
	for _, to := range []descent.DType{descent.BF16, descent.E4M3} {
		for _, amax := range []bool{false, true} {
			b.Run(fmt.Sprintf("%v/amax=%v", to, amax), func(b *testing.B) {
				dev := open(b)
				x, y := alloc(b, dev, descent.F32, n), alloc(b, dev, to, n)
				queue(b, dev, int64((4+to.Size())*n), func() error {
					if amax {
						_, err := precision.Cast{}.ApplyAmax(y.View(), x.View(), 0)
						return err
					}
					return precision.Cast{}.Apply(y.View(), x.View(), 0)
				})
			})
		}
	}
}

// logits are about normal, of standard deviation 2: zeros would all be largest.
func logits(b *testing.B, dev *gpu.Device, typ descent.DType, rows, classes int) gpu.Tensor {
	b.Helper()
	wide := make([]float32, rows*classes)
	s := uint64(1)
	for i := range wide {
		s ^= s << 13
		s ^= s >> 7
		s ^= s << 17
		sum := s&0xffff + s>>16&0xffff + s>>32&0xffff + s>>48
		wide[i] = (float32(sum) - 2*0xffff) * (2 / 0.577 / 0x10000)
	}
	x := upload(b, dev, descent.Of(wide, rows, classes))
	if typ == descent.F32 {
		return x
	}
	y := alloc(b, dev, typ, rows, classes)
	if err := (precision.Cast{}).Apply(y.View(), x.View(), 0); err != nil {
		b.Fatal(err)
	}
	if err := x.Free(); err != nil {
		b.Fatal(err)
	}
	return y
}

func BenchmarkCrossEntropy(b *testing.B) {
	const rows, classes = 8192, 50257
	for _, typ := range []descent.DType{descent.F32, descent.BF16} {
		b.Run(typ.String(), func(b *testing.B) {
			dev := open(b)
			x, g := logits(b, dev, typ, rows, classes), alloc(b, dev, typ, rows, classes)
			targets := make([]int64, rows)
			for i := range targets {
				targets[i] = int64(i * 7919 % classes)
			}
			y := upload(b, dev, descent.Of(targets))
			ce := loss.CrossEntropy{Smoothing: 0.1}
			queue(b, dev, int64(2*typ.Size()*rows*classes), func() error {
				_, err := ce.Eval(g.View(), x.View(), y.View())
				return err
			})
		})
	}
}

// BenchmarkLimitNorm is the norm pass alone, its result not waited for.
func BenchmarkLimitNorm(b *testing.B) {
	m := newModel(b)
	queue(b, m.dev, m.bytes, func() error {
		m.grads.Reset(1)
		return m.grads.LimitNorm(1, 0)
	})
}
