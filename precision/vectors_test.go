package precision

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"testing"

	"github.com/descent-ml/descent"
)

var update = flag.Bool("update", false, "write testdata/vectors.json")

// vectors is testdata/vectors.json, which testdata/README.md describes.
type vectors struct {
	About   string         `json:"about"`
	Inputs  []uint32       `json:"float32_bits"`
	Random  []uint16       `json:"random"`
	Formats []formatVector `json:"formats"`
	Blocks  []blockVector  `json:"blocks"`
	Philox  philoxVector   `json:"philox"`
}

type formatVector struct {
	Name    string              `json:"name"`
	Bits    int                 `json:"bits"`
	Numbers []uint32            `json:"number_bits,omitempty"`
	Codes   map[string][]uint16 `json:"codes"`
}

type blockVector struct {
	Format  string   `json:"format"`
	Rule    string   `json:"rule"`
	Rows    int      `json:"rows"`
	Cols    int      `json:"cols"`
	Shape   []int    `json:"shape"`
	Inputs  []uint32 `json:"float32_bits"`
	Codes   []int    `json:"packed"`
	Scales  []int    `json:"scales,omitempty"`
	Floats  []uint32 `json:"scale_bits,omitempty"`
	Tensor  uint32   `json:"tensor_bits,omitempty"`
	Numbers []uint32 `json:"number_bits"`
}

type philoxVector struct {
	Seed, Stream uint64
	Step         int
	Halves       []uint16
}

func makeVectors(t *testing.T) vectors {
	v := vectors{
		About:  "Codes of number formats below float32, made by github.com/descent-ml/descent/precision; see README.md beside this file.",
		Philox: philoxVector{Seed: 1, Stream: 2, Step: 3},
	}
	for _, b := range []uint32{
		0, 1, 2, 0x7fffff, 0x800000, 0x200000, 0x200001, 0x400000, 0x600000, // float32's subnormals
		0x7f7fffff, 0x7f7f8000, 0x7f7f7fff, 0x7f000000, 0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff, // its end
		0x33000000, 0x33000001, 0x33800000, 0x387fc000, 0x387fe000, 0x387ff000, 0x38800000, // float16's subnormals
		0x477fe000, 0x477fefff, 0x477ff000, 0x47800000, // 65504, 65519.996, 65520, 65536
		0x43e00000, 0x43e7ffff, 0x43e80000, 0x43e80001, 0x43f00000, // 448, 464, 480
		0x43700000, 0x43780000, 0x47600000, 0x476fffff, 0x47700000, // 240, 248, 57344, 61440
		0x3a800000, 0x3b000000, 0x3b400000, 0x3c700000, 0x3c780000, 0x3c800000, // FP8's subnormals
		0x3e800000, 0x3e800001, 0x3f000000, 0x3f400000, 0x3fa00000, 0x3fe00000, 0x40200000, 0x40600000, 0x40a00000, // FP4's ties
		0x40c00000, 0x40e00000, 0x40f00000, 0x40f80000, 0x41e00000, 0x41f00000, 0x41600000, 0x41780000, // 6, 7, 7.5, 28, 15.5
		0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001, 0x3f880000, 0x3f900000, 0x3fc00000, 0x3fbfffff, 0x40490fdb, 0x3eaaaaab,
	} {
		v.Inputs = append(v.Inputs, b, b|1<<31)
	}
	for i, b := range varied[float32](32, 1) {
		v.Inputs = append(v.Inputs, math.Float32bits(float32(math.Ldexp(float64(b), i))))
	}
	for i := range v.Inputs {
		v.Random = append(v.Random, halfOf(v.Philox.Seed, v.Philox.Stream, i, v.Philox.Step))
	}
	v.Philox.Halves = v.Random[:16]
	for _, f := range Formats() {
		fv := formatVector{Name: f.String(), Bits: f.Bits(), Codes: map[string][]uint16{}}
		if f.Bits() <= 8 {
			for code := range 1 << f.Bits() {
				fv.Numbers = append(fv.Numbers, math.Float32bits(f.Decode(uint16(code))))
			}
		}
		for _, r := range []Rounding{NearestEven, TowardZero, Stochastic} {
			for _, o := range []Overflow{Saturate, IEEE} {
				name := r.String() + ", " + o.String()
				for i, b := range v.Inputs {
					fv.Codes[name] = append(fv.Codes[name], f.Encode(math.Float32frombits(b), r, o, v.Random[i]))
				}
			}
		}
		v.Formats = append(v.Formats, fv)
	}

	const rows, cols = 3, 80
	x := varied[float32](rows*cols, 8)
	clear(x[:16])
	x[cols] = float32(math.Inf(1))
	for _, q := range []Quantizer{
		MX(E4M3FN, ScaleFloor), MX(E4M3FN, ScaleCeil), MX(E4M3FN, ScaleEven), MX(E4M3FN, ScaleRoundCeil),
		MX(E5M2, ScaleFloor), MX(E5M2, ScaleRoundCeil), MX(E2M3, ScaleEven), MX(E3M2, ScaleCeil), MX(E2M1, ScaleEven), MX(E2M1, ScaleRoundCeil),
		NVFP4,
		{Format: E4M3FN},
		{Format: E4M3FN, Rows: 1},
		BlockScaling.Inputs,
	} {
		x := x
		if q.Rows == 0 || q.Scale == ScaleTwoLevel { // all would be NaN
			x = varied[float32](rows*cols, 9)
		}
		y, err := q.New(rows, cols)
		must(t, err)
		_, err = y.Quantize(descent.Of(x, rows, cols), 0)
		must(t, err)
		z := make([]float32, len(x))
		must(t, y.Dequantize(descent.Of(z, rows, cols)))
		b := blockVector{
			Format: q.Format.String(), Rule: q.Scale.String(), Rows: q.Rows, Cols: q.Cols, Shape: y.Shape,
			Inputs: bitsOf(x), Floats: bitsOf(y.Floats), Numbers: bitsOf(z),
		}
		for _, c := range y.Codes {
			b.Codes = append(b.Codes, int(c))
		}
		for _, c := range y.Scales {
			b.Scales = append(b.Scales, int(c))
		}
		if q.Scale == ScaleTwoLevel {
			b.Tensor = math.Float32bits(y.Tensor)
		}
		v.Blocks = append(v.Blocks, b)
	}
	return v
}

// bitsOf is the patterns of numbers, of NaN 0x7fc00000.
func bitsOf(x []float32) []uint32 {
	var out []uint32
	for _, v := range x {
		b := math.Float32bits(v)
		if v != v {
			b = 0x7fc00000
		}
		out = append(out, b)
	}
	return out
}

// The published file is what this package computes, on every processor.
func TestVectors(t *testing.T) {
	const path = "testdata/vectors.json"
	got, err := json.Marshal(makeVectors(t))
	must(t, err)
	got = append(got, '\n')
	if *update {
		must(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what go test -run TestVectors -update writes", path)
	}
}

// hashes are of operations on larger inputs, computed on amd64 with AVX2; they
// hold for every processor, tag and thread count.
var hashes = map[string]uint64{
	"bfloat16 to bfloat16, nearest even":       0xaffc6cd53a9265d9,
	"bfloat16 to bfloat16, stochastic":         0xaffc6cd53a9265d9,
	"bfloat16 to bfloat16, toward zero":        0xaffc6cd53a9265d9,
	"bfloat16 to float16, nearest even":        0xa5995ff4dc0b94ef,
	"bfloat16 to float16, stochastic":          0x6763ac441f084813,
	"bfloat16 to float16, toward zero":         0x11f1370014a349e1,
	"bfloat16 to float32, nearest even":        0x6bd8e69a751f8809,
	"bfloat16 to float32, stochastic":          0x6bd8e69a751f8809,
	"bfloat16 to float32, toward zero":         0x6bd8e69a751f8809,
	"bfloat16 to float64, nearest even":        0x4bbb02619c712953,
	"bfloat16 to float64, stochastic":          0x4bbb02619c712953,
	"bfloat16 to float64, toward zero":         0x4bbb02619c712953,
	"bfloat16 to float8_e4m3, nearest even":    0xb31e4377f0cf2fca,
	"bfloat16 to float8_e4m3, stochastic":      0x16e023721878822c,
	"bfloat16 to float8_e4m3, toward zero":     0x4caed798f530cefe,
	"bfloat16 to float8_e5m2, nearest even":    0xa58ca2f6b40c476c,
	"bfloat16 to float8_e5m2, stochastic":      0xed4a0feae9d1b758,
	"bfloat16 to float8_e5m2, toward zero":     0xf76512c8e01273db,
	"column":                                   0x9ef9abfe29228439,
	"float16 to bfloat16, nearest even":        0x0fda234952cb644f,
	"float16 to bfloat16, stochastic":          0xe63ae38bdc15e27c,
	"float16 to bfloat16, toward zero":         0x1187fc16f142c081,
	"float16 to float16, nearest even":         0xe40c22de15a1aada,
	"float16 to float16, stochastic":           0xe40c22de15a1aada,
	"float16 to float16, toward zero":          0xe40c22de15a1aada,
	"float16 to float32, nearest even":         0xf96b21a13f321001,
	"float16 to float32, stochastic":           0xf96b21a13f321001,
	"float16 to float32, toward zero":          0xf96b21a13f321001,
	"float16 to float64, nearest even":         0x16e3aa64b9a1e60c,
	"float16 to float64, stochastic":           0x16e3aa64b9a1e60c,
	"float16 to float64, toward zero":          0x16e3aa64b9a1e60c,
	"float16 to float8_e4m3, nearest even":     0x3abb2ee8ca81e4c7,
	"float16 to float8_e4m3, stochastic":       0x865ad590cfa64c25,
	"float16 to float8_e4m3, toward zero":      0x4d3ba28617d8fce8,
	"float16 to float8_e5m2, nearest even":     0xf9c25e5c2e9de2d9,
	"float16 to float8_e5m2, stochastic":       0xd441c66215ad593d,
	"float16 to float8_e5m2, toward zero":      0x657b40f5b2cbfa6a,
	"float32 to bfloat16, nearest even":        0x532eaf45f5152f3c,
	"float32 to bfloat16, stochastic":          0x601bd154beda99f0,
	"float32 to bfloat16, toward zero":         0x4c444b92d8ab13e4,
	"float32 to float16, nearest even":         0xd698595bfc6fca7b,
	"float32 to float16, stochastic":           0x350e68acd208eda3,
	"float32 to float16, toward zero":          0xcf88542c7ede1a2d,
	"float32 to float32, nearest even":         0x3f4c5e6812fa72cd,
	"float32 to float32, stochastic":           0x3f4c5e6812fa72cd,
	"float32 to float32, toward zero":          0x3f4c5e6812fa72cd,
	"float32 to float64, nearest even":         0xf0d57aa251d8f41a,
	"float32 to float64, stochastic":           0xf0d57aa251d8f41a,
	"float32 to float64, toward zero":          0xf0d57aa251d8f41a,
	"float32 to float8_e4m3, nearest even":     0x0a75661b387ca43a,
	"float32 to float8_e4m3, stochastic":       0x48e0a0ed64941608,
	"float32 to float8_e4m3, toward zero":      0x3d9f35136dc09990,
	"float32 to float8_e5m2, nearest even":     0xfc165d57420e3125,
	"float32 to float8_e5m2, stochastic":       0x1ed3a5f67638333a,
	"float32 to float8_e5m2, toward zero":      0x1258b72390348433,
	"float64 to bfloat16, nearest even":        0xaffc6cd53a9265d9,
	"float64 to bfloat16, stochastic":          0x3271e78808e25102,
	"float64 to bfloat16, toward zero":         0x1adda76dc0106ed1,
	"float64 to float16, nearest even":         0xe40c22de15a1aada,
	"float64 to float16, stochastic":           0x0bb24bff684d9061,
	"float64 to float16, toward zero":          0x571580fb9bfc770f,
	"float64 to float32, nearest even":         0x3f4c5e6812fa72cd,
	"float64 to float32, stochastic":           0x98f844274f729ed3,
	"float64 to float32, toward zero":          0x04d7fe0ef8872468,
	"float64 to float64, nearest even":         0x9858079dc68a1787,
	"float64 to float64, stochastic":           0x9858079dc68a1787,
	"float64 to float64, toward zero":          0x9858079dc68a1787,
	"float64 to float8_e4m3, nearest even":     0x0a75661b387ca43a,
	"float64 to float8_e4m3, stochastic":       0x48e0a0ed64941608,
	"float64 to float8_e4m3, toward zero":      0x3d9f35136dc09990,
	"float64 to float8_e5m2, nearest even":     0xec998e0af6e60266,
	"float64 to float8_e5m2, stochastic":       0x1ed3a5f67638333a,
	"float64 to float8_e5m2, toward zero":      0x1258b72390348433,
	"float8_e4m3 to bfloat16, nearest even":    0x9415c78e4620659a,
	"float8_e4m3 to bfloat16, stochastic":      0x9415c78e4620659a,
	"float8_e4m3 to bfloat16, toward zero":     0x9415c78e4620659a,
	"float8_e4m3 to float16, nearest even":     0x264cf803eabc1107,
	"float8_e4m3 to float16, stochastic":       0x264cf803eabc1107,
	"float8_e4m3 to float16, toward zero":      0x264cf803eabc1107,
	"float8_e4m3 to float32, nearest even":     0xa57042f0abeb45ea,
	"float8_e4m3 to float32, stochastic":       0xa57042f0abeb45ea,
	"float8_e4m3 to float32, toward zero":      0xa57042f0abeb45ea,
	"float8_e4m3 to float64, nearest even":     0x03fe13a1699efc62,
	"float8_e4m3 to float64, stochastic":       0x03fe13a1699efc62,
	"float8_e4m3 to float64, toward zero":      0x03fe13a1699efc62,
	"float8_e4m3 to float8_e4m3, nearest even": 0x0a75661b387ca43a,
	"float8_e4m3 to float8_e4m3, stochastic":   0x0a75661b387ca43a,
	"float8_e4m3 to float8_e4m3, toward zero":  0x0a75661b387ca43a,
	"float8_e4m3 to float8_e5m2, nearest even": 0x716c27d107cf12be,
	"float8_e4m3 to float8_e5m2, stochastic":   0x5b97c2c6de32ef61,
	"float8_e4m3 to float8_e5m2, toward zero":  0x11c81d1a4f546d87,
	"float8_e5m2 to bfloat16, nearest even":    0x6a279be4934b2551,
	"float8_e5m2 to bfloat16, stochastic":      0x6a279be4934b2551,
	"float8_e5m2 to bfloat16, toward zero":     0x6a279be4934b2551,
	"float8_e5m2 to float16, nearest even":     0x42b17f2c37d243ee,
	"float8_e5m2 to float16, stochastic":       0x42b17f2c37d243ee,
	"float8_e5m2 to float16, toward zero":      0x42b17f2c37d243ee,
	"float8_e5m2 to float32, nearest even":     0x91651d061f380f71,
	"float8_e5m2 to float32, stochastic":       0x91651d061f380f71,
	"float8_e5m2 to float32, toward zero":      0x91651d061f380f71,
	"float8_e5m2 to float64, nearest even":     0xd2a09e807eb9b1c2,
	"float8_e5m2 to float64, stochastic":       0xd2a09e807eb9b1c2,
	"float8_e5m2 to float64, toward zero":      0xd2a09e807eb9b1c2,
	"float8_e5m2 to float8_e4m3, nearest even": 0x5b0f0f19b75eb5c5,
	"float8_e5m2 to float8_e4m3, stochastic":   0xedb512178100382c,
	"float8_e5m2 to float8_e4m3, toward zero":  0xdc8d0223eb787c38,
	"float8_e5m2 to float8_e5m2, nearest even": 0xec998e0af6e60266,
	"float8_e5m2 to float8_e5m2, stochastic":   0xec998e0af6e60266,
	"float8_e5m2 to float8_e5m2, toward zero":  0xec998e0af6e60266,
	"fnuz":          0x2497942996ba19f3,
	"mx ceil":       0x883a536f213c50d5,
	"mx even 4":     0xd4ffbaadb15b46b1,
	"mx even":       0x06aeaa9f39d5d687,
	"mx floor":      0x8330b7784fb6207d,
	"mx rceil":      0xdabfe818e4c89c89,
	"nvfp4 grads":   0xa239535dd5f4eb40,
	"nvfp4 weights": 0xe25cad75232801a9,
	"nvfp4":         0x13870427331e4eab,
	"row":           0x8437d96ad444d8c1,
	"run":           0x9c01508b80bcd48e,
	"square":        0xc44cd436d64e2c82,
	"stochastic":    0xb4ac0fc76fae995d,
	"tensor power":  0x78f778419c538361,
	"tensor":        0xb5a4dd1b7f0ceee9,
	"toward zero":   0x9cc8ff4f2ecb21ac,
}

func TestHashes(t *testing.T) {
	const rows, cols = 301, 1003
	for _, from := range types {
		src := made(from, rows, cols)
		must(t, Cast{}.Apply(src, descent.Of(varied[float64](rows*cols, 1), rows, cols), 0))
		for _, to := range types {
			for _, r := range []Rounding{NearestEven, TowardZero, Stochastic} {
				dst := made(to, rows, cols)
				must(t, Cast{Rounding: r, Seed: 1, Stream: 2}.Apply(dst, src, 3))
				same(t, from.String()+" to "+to.String()+", "+r.String(), hash(raw(t, dst)))
			}
		}
	}
	src := descent.Of(varied[float32](rows*cols, 4), rows, cols)
	for name, q := range quantizers {
		same(t, name, hash(quantizedBytes(t, q, src)))
	}
}

func same(t *testing.T, name string, got uint64) {
	t.Helper()
	if want := hashes[name]; got != want {
		t.Errorf("%q: %#016x, // want %#016x", name, got, want)
	}
}
