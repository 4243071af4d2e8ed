package precision_test

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/precision"
)

func ExampleFormat() {
	f := precision.E4M3FN
	code := f.Encode(500, precision.NearestEven, precision.Saturate, 0)
	fmt.Printf("%v: %d bits, largest %v, 500 is %#x = %v\n", f, f.Bits(), f.Max(), code, f.Decode(code))
	// Output: float8_e4m3fn: 8 bits, largest 448, 500 is 0x7e = 448
}

func ExampleRounding() {
	for _, r := range []precision.Rounding{precision.NearestEven, precision.TowardZero, precision.Stochastic} {
		code := precision.E2M1.Encode(3.75, r, precision.Saturate, 0x2000)
		fmt.Println(r, precision.E2M1.Decode(code))
	}
	// Output:
	// nearest even 4
	// toward zero 3
	// stochastic 3
}

func ExampleOverflow() {
	for _, o := range []precision.Overflow{precision.Usual, precision.Saturate, precision.IEEE} {
		fmt.Println(o,
			precision.Float16.Decode(precision.Float16.Encode(1e6, precision.NearestEven, o, 0)),
			precision.E5M2.Decode(precision.E5M2.Encode(1e6, precision.NearestEven, o, 0)))
	}
	// Output:
	// usual +Inf 57344
	// saturate 65504 57344
	// ieee +Inf +Inf
}

// The mean over steps is what bfloat16 cannot hold.
func ExampleCast() {
	c := precision.Cast{Rounding: precision.Stochastic, Seed: 1}
	src := descent.Of([]float32{1.001})
	dst := []descent.BFloat16{0}
	sum := 0.0
	for step := range 10_000 {
		if err := c.Apply(descent.Of(dst), src, step); err != nil {
			fmt.Println(err)
			return
		}
		sum += float64(dst[0].Float32())
	}
	fmt.Printf("%.4f, nearest %v\n", sum/10_000, descent.NewBFloat16(float32(1.001)))
	// Output: 1.0010, nearest 1
}

func ExampleCast_Pack() {
	dst := make([]byte, precision.E2M1.PackedSize(4))
	amax, err := precision.Cast{}.Pack(precision.E2M1, dst, []float32{0.5, 1, -6, 2.4}, 0)
	fmt.Printf("%x %v %v\n", dst, amax, err)
	// Output: 214f 6 <nil>
}

func ExampleQuantizer() {
	x, err := precision.NVFP4.New(1, 32)
	if err != nil {
		fmt.Println(err)
		return
	}
	src := make([]float32, 32)
	for i := range src {
		src[i] = float32(i)
	}
	if _, err := x.Quantize(descent.Of(src, 1, 32), 0); err != nil {
		fmt.Println(err)
		return
	}
	if err := x.Dequantize(descent.Of(src, 1, 32)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(src[16:24], x.Bytes(), "bytes")
	// Output: [15.5 15.5 15.5 20.666666 20.666666 20.666666 20.666666 20.666666] 22 bytes
}

func ExampleQuantized() {
	x, err := precision.MX(precision.E4M3FN, precision.ScaleRoundCeil).New(64)
	if err != nil {
		fmt.Println(err)
		return
	}
	src := make([]float32, 64)
	src[0], src[32] = 448, 1000
	amax, err := x.Quantize(descent.Of(src), 0)
	fmt.Println(amax, x.Scales, err)
	// Output: 1000 [127 129] <nil>
}

func ExampleScaleRule() {
	src := descent.Of([]float32{500})
	for _, rule := range []precision.ScaleRule{precision.ScaleFloor, precision.ScaleCeil, precision.ScaleEven, precision.ScaleRoundCeil} {
		x, err := precision.MX(precision.E4M3FN, rule).New(1)
		if err != nil {
			fmt.Println(err)
			return
		}
		y := []float32{0}
		if _, err := x.Quantize(src, 0); err != nil {
			fmt.Println(err)
			return
		}
		_ = x.Dequantize(descent.Of(y))
		fmt.Println(rule, x.Scales[0], y[0])
	}
	// Output:
	// floor 127 448
	// ceil 128 512
	// even 128 512
	// rceil 128 512
}

func ExampleLossScale() {
	scaler, err := precision.LossScale{Init: 1024}.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	grad := []descent.Float16{descent.NewFloat16(512.0), descent.Float16(0x7c00)}
	g, err := descent.NewGradients([]descent.View{descent.Of(grad)})
	if err != nil {
		fmt.Println(err)
		return
	}
	finite, err := scaler.Unscale(g)
	if err != nil {
		fmt.Println(err)
		return
	}
	applied := finite // what the optimizer's step reports
	fmt.Println(finite, g.Factor(), scaler.Update(applied), scaler.Scale())
	// Output: false 0.0009765625 <nil> 512
}

func ExampleLossScaler() {
	scaler, err := precision.MegatronLossScale.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", scaler.State())
	// Output: {Scale:4.294967296e+09 Good:0 Left:2 Overflows:0}
}

func ExampleLossScaleState() {
	scaler, err := precision.LossScale{}.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(scaler.Restore(precision.LossScaleState{Scale: 0, Left: 1}))
	fmt.Println(scaler.Restore(precision.LossScaleState{Scale: 2048, Good: 7, Left: 1}), scaler.Scale())
	// Output:
	// precision.LossScaleState: Scale is 0, want at least 1.1754943508222875e-38 and at most 3.4028234663852886e+38
	// <nil> 2048
}

func ExampleDelayed() {
	scales, err := precision.Delayed{History: 16}.New("weight")
	if err != nil {
		fmt.Println(err)
		return
	}
	dst := descent.Of(make([]descent.Float8E4M3, 2))
	for _, x := range []float32{2, 4, 1} {
		scale, err := scales.Cast(0, dst, descent.Of([]float32{x, 0.5}))
		if err != nil {
			fmt.Println(err)
			return
		}
		codes, _ := descent.Data[descent.Float8E4M3](dst)
		fmt.Println(scale, codes[0].Float32()/scale)
		_ = scales.Update(nil)
	}
	// Output:
	// 224 2
	// 224 2
	// 112 1
}

func ExampleDelayedScales() {
	scales, err := precision.Delayed{}.New("weight")
	if err != nil {
		fmt.Println(err)
		return
	}
	scales.Record(0, 7)
	_ = scales.Update(nil)
	before := scales.Scale(0)
	scales.Invalidate() // the weights come from another checkpoint
	dst, src := descent.Of(make([]descent.Float8E4M3, 1)), descent.Of([]float32{0.5})
	scale, err := scales.Cast(0, dst, src)
	fmt.Println(before, scale, err)
	// Output: 64 896 <nil>
}

func ExampleDelayedState() {
	scales, err := precision.Delayed{History: 2}.New("a")
	if err != nil {
		fmt.Println(err)
		return
	}
	state := scales.State()
	state.Tensors[0].Name = "b"
	fmt.Println(scales.Restore(state))
	// Output: precision: state of other scales: no scale of "a"
}

func ExampleDelayedTensor() {
	scales, err := precision.Delayed{History: 2}.New("a")
	if err != nil {
		fmt.Println(err)
		return
	}
	scales.Record(0, 2)
	_ = scales.Update(nil)
	fmt.Printf("%+v\n", scales.State().Tensors[0])
	// Output: {Name:a Scale:224 Valid:true History:[0 2]}
}

// pair is a group of this process and one that has other everywhere.
type pair struct{ other float64 }

func (p pair) Max(x []float64) error {
	for i := range x {
		x[i] = math.Max(x[i], p.other)
	}
	return nil
}

func ExampleGroup() {
	x, err := precision.CurrentScaling.Weights.New(2)
	if err != nil {
		fmt.Println(err)
		return
	}
	amax, err := x.QuantizeOver(pair{other: 896}, descent.Of([]float32{1, 2}), 0)
	fmt.Println(amax, x.Floats, err)
	// Output: 896 [2] <nil>
}

func ExampleRecipe() {
	r := precision.BlockScaling
	codes, scales := r.Weights.Size(1024, 4096)
	fmt.Println(r.Weights.Format, codes, scales)
	// Output: float8_e4m3fn 4194304 1024
}

func ExampleCapabilities() {
	p := precision.For(precision.Capabilities{F16: true})
	fmt.Println(p)
	// Output: params float32, compute float16, grads float16, reduce float32, state float32, loss scaled
}

func ExamplePolicy() {
	p := precision.For(precision.Ampere)
	fmt.Println(p)
	fmt.Println(p.Why)
	// Output:
	// params float32, compute bfloat16, grads bfloat16, reduce float32, state float32, tf32
	// bfloat16 at full rate. bfloat16 has float32's range: no loss scale. Products that stay float32 run as TF32, with 10 mantissa bits. Weights, sums and optimizer state stay float32: an update below 1/512 of its weight would be lost in bfloat16.
}
