package precision

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/descent-ml/descent"
)

var quantizers = map[string]Quantizer{
	"tensor":        {Format: E4M3FN},
	"tensor power":  {Format: E5M2, Scale: ScalePowerOfTwo},
	"row":           {Format: E4M3FN, Rows: 1},
	"column":        {Format: E4M3FN, Cols: 1},
	"run":           {Format: E4M3FN, Scale: ScalePowerOfTwo, Rows: 1, Cols: 128},
	"square":        {Format: E4M3FN, Scale: ScalePowerOfTwo, Rows: 128, Cols: 128},
	"fnuz":          {Format: E4M3FNUZ, Rows: 3, Cols: 8},
	"mx floor":      MX(E4M3FN, ScaleFloor),
	"mx ceil":       MX(E5M2, ScaleCeil),
	"mx even":       MX(E2M3, ScaleEven),
	"mx rceil":      MX(E3M2, ScaleRoundCeil),
	"mx even 4":     MX(E2M1, ScaleEven),
	"nvfp4":         NVFP4,
	"nvfp4 weights": FP4Scaling.Weights,
	"nvfp4 grads":   FP4Scaling.Grads,
	"stochastic":    {Format: E3M2, Rows: 1, Cols: 32, Scale: ScaleFloor, Rounding: Stochastic, Seed: 4},
	"toward zero":   {Format: E2M3, Rounding: TowardZero},
}

// slowly quantizes and returns what dequantizing gives, element by element.
func slowly(q Quantizer, x []float64, cols, step int) (codes []uint16, scales, values []float64) {
	l := q.layout(len(x), cols)
	codes, values = make([]uint16, len(x)), make([]float64, len(x))
	tensor := 1.0
	if q.Scale == ScaleTwoLevel {
		amax := 0.0
		for _, v := range x {
			amax = max(amax, math.Abs(v))
		}
		tensor = max(float64(float32(amax/(448*float64(q.Format.Max())))), 0x1p-126)
	}
	for r := 0; r < l.rows; r += l.blockRows {
		for c := 0; c < l.cols; c += l.blockCols {
			var at []int
			amax := 0.0
			for i := r; i < min(r+l.blockRows, l.rows); i++ {
				for j := c; j < min(c+l.blockCols, l.cols); j++ {
					at = append(at, i*cols+j)
					amax = max(amax, math.Abs(x[i*cols+j]))
				}
			}
			largest := float64(q.Format.Max())
			_, top := math.Frexp(largest)
			scale := 1.0
			switch q.Scale {
			case ScaleExact:
				scale = max(float64(float32(amax/largest)), 0x1p-126)
			case ScalePowerOfTwo, ScaleRoundCeil:
				scale = 0x1p-126
				for scale < float64(float32(amax)/float32(largest)) {
					scale *= 2
				}
			case ScaleFloor, ScaleCeil, ScaleEven:
				p := 0x1p-127
				for p*2 <= amax {
					p *= 2
				}
				if q.Scale == ScaleCeil && p != amax {
					p *= 2
				}
				mantissa := map[Format]int{E4M3FN: 3, E5M2: 2, E2M3: 3, E3M2: 2, E2M1: 1}[q.Format]
				if q.Scale == ScaleEven && amax/p+math.Ldexp(1, -mantissa-1) >= 2 {
					p *= 2
				}
				scale = math.Ldexp(p, 1-top)
			case ScaleTwoLevel:
				s := reference(E4M3FN, amax/(largest*tensor), NearestEven, Saturate, 0)
				scale = float64(E4M3FN.Decode(max(s, 1))) * tensor
			}
			scales = append(scales, scale)
			for _, i := range at {
				y := x[i] / scale
				if q.Scale == ScaleExact {
					y = float64(float32(x[i]) * float32(1/scale))
				}
				random := uint16(0)
				if q.Rounding == Stochastic {
					random = halfOf(q.Seed, q.Stream, i, step)
				}
				codes[i] = reference(q.Format, y, q.Rounding, Saturate, random)
				values[i] = float64(float32(float64(q.Format.Decode(codes[i])) * scale))
			}
		}
	}
	return codes, scales, values
}

func TestQuantizers(t *testing.T) {
	for name, q := range quantizers {
		for _, shape := range [][]int{{1}, {33}, {5, 70}, {130, 3, 50}, {2, 40_000}, {300, 257}} {
			n := 1
			for _, d := range shape {
				n *= d
			}
			for _, typ := range []descent.DType{descent.F32, descent.F64, descent.BF16, descent.F16} {
				src := made(typ, shape...)
				must(t, Cast{}.Apply(src, descent.Of(varied[float64](n, 2), shape...), 0))
				if typ == descent.F64 { // numbers that float32 holds: the reference knows no more
					single := made(descent.F32, shape...)
					must(t, Cast{}.Apply(single, src, 0))
					must(t, Cast{}.Apply(src, single, 0))
				}
				wide := made(descent.F64, shape...)
				must(t, Cast{}.Apply(wide, src, 0))
				x, _ := descent.Data[float64](wide)
				want, scales, values := slowly(q, x, shape[len(shape)-1], 5)

				got, err := q.New(shape...)
				must(t, err)
				amax, err := got.Quantize(src, 5)
				must(t, err)
				if a, _ := Amax(src); amax != a {
					t.Errorf("%s %v: amax %v, want %v", name, shape, amax, a)
				}
				for i, k := range unpacked(got) {
					if uint16(k) != want[i] {
						t.Fatalf("%s %v of %v: element %d, %v, is %#x, want %#x", name, shape, src, i, x[i], k, want[i])
					}
				}
				must(t, got.Dequantize(wide))
				for i, v := range x {
					if v != values[i] {
						t.Fatalf("%s %v of %v: element %d is %v, want %v", name, shape, src, i, v, values[i])
					}
				}
				if c, s := q.Size(shape...); got.Bytes() != c+s || len(got.Scales)+4*len(got.Floats)+4*b2i(q.Scale == ScaleTwoLevel) != s || c != len(got.Codes) {
					t.Errorf("%s %v: %d bytes, codes %d, scales %d", name, shape, got.Bytes(), c, s)
				}
				if len(got.Scales)+len(got.Floats) != len(scales) {
					t.Errorf("%s %v: %d scales, want %d", name, shape, len(got.Scales)+len(got.Floats), len(scales))
				}
			}
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Each code of NVFP4 is the nearest of all in exact arithmetic, ties to even.
func TestNVFP4RoundsOnce(t *testing.T) {
	x := varied[float32](16*500, 11)
	for i := range x { // near the ties of the block's scale: what two roundings get wrong
		if i%16 != 0 {
			x[i] = x[i/16*16] / 6 * []float32{0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5}[i%7]
		}
	}
	q, err := NVFP4.New(len(x))
	must(t, err)
	_, err = q.Quantize(descent.Of(x), 0)
	must(t, err)
	ties := 0
	for i, k := range unpacked(q) {
		unit := new(big.Rat).Mul(new(big.Rat).SetFloat64(float64(E4M3FN.Decode(uint16(q.Scales[i/16])))), new(big.Rat).SetFloat64(float64(q.Tensor)))
		ratio := new(big.Rat).Quo(new(big.Rat).SetFloat64(math.Abs(float64(x[i]))), unit)
		best, distance := uint16(0), new(big.Rat)
		for code := range uint16(8) {
			d := new(big.Rat).Sub(ratio, new(big.Rat).SetFloat64(float64(E2M1.Decode(code))))
			d.Abs(d)
			c := d.Cmp(distance)
			if code > 0 && c == 0 {
				ties++
			}
			if code == 0 || c < 0 || c == 0 && code%2 == 0 {
				best, distance = code, d
			}
		}
		if uint16(k)&7 != best {
			t.Fatalf("element %d: %v over %v is code %d, nearest is %d", i, x[i], unit, k, best)
		}
	}
	t.Logf("%d exact ties", ties)
}

func TestQuantizeSpecialBlocks(t *testing.T) {
	inf := float32(math.Inf(1))
	for name, q := range quantizers {
		x := make([]float32, 64)
		got, err := q.New(2, 32)
		must(t, err)
		_, err = got.Quantize(descent.Of(x, 2, 32), 0)
		must(t, err)
		y := ones(64)
		must(t, got.Dequantize(descent.Of(y, 2, 32)))
		for _, v := range y {
			if v != 0 {
				t.Errorf("%s: zeros became %v", name, v)
			}
		}
		for _, bad := range []float32{inf, -inf, float32(math.NaN())} {
			clear(x)
			x[3], x[63] = bad, 1
			amax, err := got.Quantize(descent.Of(x, 2, 32), 0)
			must(t, err)
			must(t, got.Dequantize(descent.Of(y, 2, 32)))
			if !math.IsInf(amax, 1) || y[3] == y[3] {
				t.Errorf("%s: %v became %v, amax %v", name, bad, y[3], amax)
			}
			// What has a scale of its own is left alone.
			if q.Rows == 1 && q.Scale != ScaleTwoLevel && y[63] != 1 {
				t.Errorf("%s: %v in another block made 1 into %v", name, bad, y[63])
			}
		}
		// The smallest and the largest numbers there are stay finite.
		for _, v := range []float32{1e-45, 0x1p-130, math.MaxFloat32} {
			for i := range x {
				x[i] = v
			}
			_, err := got.Quantize(descent.Of(x, 2, 32), 0)
			must(t, err)
			must(t, got.Dequantize(descent.Of(y, 2, 32)))
			if !(y[5] >= 0) || v > 1 && !(float64(y[5]) > 0.5*math.MaxFloat32) {
				t.Errorf("%s: %v became %v", name, v, y[5])
			}
		}
	}
}

func ones(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

func TestQuantizeOver(t *testing.T) {
	x := descent.Of([]float32{1, 2, 3, 4}, 1, 4)
	for _, q := range []Quantizer{{Format: E4M3FN}, {Format: E5M2, Scale: ScalePowerOfTwo}, NVFP4} {
		parts, err := q.New(1, 4)
		must(t, err)
		amax, err := parts.QuantizeOver(elsewhere{32}, x, 0)
		must(t, err)
		whole, err := q.New(2, 4)
		must(t, err)
		_, err = whole.Quantize(descent.Of([]float32{1, 2, 3, 4, 32, 0, 0, 0}, 2, 4), 0)
		must(t, err)
		stride := len(parts.Codes)
		if amax != 32 || !bytes.Equal(parts.Codes, whole.Codes[:stride]) || parts.Tensor != whole.Tensor {
			t.Errorf("%v: part %v, of the whole %v", q, parts, whole)
		}
	}
	q, err := Quantizer{Format: E4M3FN}.New(1, 4)
	must(t, err)
	if _, err := q.QuantizeOver(broken{}, x, 0); !errors.Is(err, errBroken) || q.Codes[0] != 0 {
		t.Errorf("a group that fails: %v, wrote %v", err, q.Codes)
	}
	if _, err := q.QuantizeOver(smaller{}, x, 0); err == nil || q.Codes[0] != 0 {
		t.Errorf("a group whose maximum is less than its member's: %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Max([]float64) error { return errBroken }

type smaller struct{}

func (smaller) Max(x []float64) error { x[0] = 0; return nil }

func TestQuantizeRefuses(t *testing.T) {
	for _, q := range []Quantizer{
		{},
		{Format: BFloat16},
		{Format: E8M0},
		{Format: E2M1, Cols: 3},
		{Format: E2M3, Cols: 2},
		{Format: E4M3FN, Rows: -1},
		{Format: E4M3FN, Cols: -1},
		{Format: E4M3FN, Scale: 7},
		{Format: E4M3FN, Rounding: 3},
	} {
		if q.Validate() == nil {
			t.Errorf("%+v is accepted", q)
		}
		if _, err := q.New(4); err == nil {
			t.Errorf("a tensor of %+v was made", q)
		}
	}
	if _, err := NVFP4.New(-1); !errors.Is(err, descent.ErrShape) {
		t.Errorf("negative dimension: %v", err)
	}
	q, err := NVFP4.New(2, 16)
	must(t, err)
	for _, c := range []struct {
		v    descent.View
		want error
	}{
		{descent.View{}, descent.ErrNil},
		{descent.Of(make([]int32, 32), 2, 16), descent.ErrDType},
		{descent.Of(ones(32)), descent.ErrShape},
		{descent.Of(ones(32), 16, 2), descent.ErrShape},
	} {
		if _, err := q.Quantize(c.v, 0); !errors.Is(err, c.want) {
			t.Errorf("%v: %v", c.v, err)
		}
		if err := q.Dequantize(c.v); !errors.Is(err, c.want) {
			t.Errorf("%v: %v", c.v, err)
		}
	}
	q.Codes = q.Codes[1:]
	y := ones(32)
	if err := q.Dequantize(descent.Of(y, 2, 16)); err == nil || y[0] != 1 {
		t.Errorf("truncated codes: %v", err)
	}
}

func TestQuantizeBits(t *testing.T) {
	const rows, cols = 300, 1001
	src := descent.Of(varied[float32](rows*cols, 1), rows, cols)
	for _, q := range quantizers {
		anyThreads(t, func() []byte { return quantizedBytes(t, q, src) })
	}
}

// quantizedBytes is codes, scales and what they stand for.
func quantizedBytes(t *testing.T, q Quantizer, src descent.View) []byte {
	t.Helper()
	x, err := q.New(src.Shape()...)
	must(t, err)
	_, err = x.Quantize(src, 3)
	must(t, err)
	dst := made(descent.F32, src.Shape()...)
	must(t, x.Dequantize(dst))
	out := append(bytes.Clone(x.Codes), x.Scales...)
	return append(append(out, raw(t, descent.Of(append(x.Floats, x.Tensor)))...), raw(t, dst)...)
}

func TestQuantizeAllocatesNothing(t *testing.T) {
	src := made(descent.BF16, 300, 1000)
	for name, q := range quantizers {
		x, err := q.New(300, 1000)
		must(t, err)
		t.Run(name, func(t *testing.T) {
			noAllocations(t, func() {
				if _, err := x.Quantize(src, 1); err != nil {
					t.Error(err)
				}
				if err := x.Dequantize(src); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestPack(t *testing.T) {
	x := varied[float32](5000, 3)
	x[7], x[8], x[9] = float32(math.Inf(1)), float32(math.NaN()), 1e30
	for _, f := range Formats() {
		for _, n := range []int{0, 1, 2, 3, 5, 1024, 5000} {
			for _, c := range []Cast{{}, {Overflow: IEEE}, {Rounding: TowardZero}, {Rounding: Stochastic, Seed: 2}} {
				dst := bytes.Repeat([]byte{0xff}, f.PackedSize(n))
				amax, err := c.Pack(f, dst, x[:n], 4)
				must(t, err)
				if want, _ := Amax(descent.Of(x[:n])); amax != want {
					t.Errorf("%v: amax %v, want %v", f, amax, want)
				}
				y := make([]float32, n)
				must(t, f.Unpack(y, dst))
				for i := range y {
					want := f.Decode(f.Encode(x[i], c.Rounding, c.Overflow, drawn(c, i, 4)))
					if y[i] != want && (want == want || y[i] == y[i]) {
						t.Fatalf("%v, %+v: element %d, %v, is %v, want %v", f, c, i, x[i], y[i], want)
					}
				}
			}
		}
	}
	dst := make([]byte, 3)
	_, err := Cast{}.Pack(E2M3, dst, []float32{0.125, 0.25, 0.375, 7.5}, 0)
	must(t, err)
	if fmt.Sprintf("%x", dst) != "81307c" { // codes 1, 2, 3, 31
		t.Errorf("four codes of FP6 are %x", dst)
	}
	for _, n := range []int{2, 4} {
		if _, err := (Cast{}).Pack(E2M3, dst[:n-1], make([]float32, n), 0); err == nil && n == 2 {
			t.Error("a wrong size is accepted")
		}
	}
	if _, err := (Cast{}).Pack(Format{}, nil, nil, 0); err == nil {
		t.Error("the zero Format packs")
	}
	if err := E2M1.Unpack(make([]float32, 3), dst[:1]); err == nil {
		t.Error("a wrong size is unpacked")
	}
}

// Narrow, which every quantization runs, is Encode, for float32 of all kinds.
func TestNarrowIsEncode(t *testing.T) {
	x := make([]float32, 1<<12)
	codes := make([]uint8, len(x))
	for _, f := range Formats()[2:] {
		for block := range 64 {
			for i := range x {
				x[i] = math.Float32frombits(uint32(block<<12|i)*16411 ^ uint32(i)<<31)
				if i < 512 { // around every code and every tie
					code := f.Decode(uint16(i % (1 << f.Bits())))
					x[i] = math.Float32frombits(math.Float32bits(code) + uint32(block-32))
				}
			}
			f.k.Narrow(codes, x)
			for i, v := range x {
				if want := f.Encode(v, NearestEven, Saturate, 0); uint16(codes[i]) != want {
					t.Fatalf("%v: %v (%#x) is %#x, want %#x", f, v, math.Float32bits(v), codes[i], want)
				}
			}
		}
		for code := range 1 << f.Bits() { // midpoints
			a, b := f.Decode(uint16(code)), f.Decode(uint16(code+1))
			v := []float32{a + (b-a)/2}
			f.k.Narrow(codes[:1], v)
			if want := f.Encode(v[0], NearestEven, Saturate, 0); uint16(codes[0]) != want {
				t.Fatalf("%v: midpoint %v is %#x, want %#x", f, v[0], codes[0], want)
			}
		}
	}
}
