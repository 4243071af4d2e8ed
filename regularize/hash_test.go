package regularize

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"testing"

	"github.com/descent-ml/descent"
)

// hashes are of every operation's result on one input. They were computed on
// amd64 with AVX2 and hold for every processor, tag and thread count.
var hashes = map[string]uint64{
	"average float32":            0x478e50b53e7fdae9,
	"average float64":            0xbef2c76a9ee5eedf,
	"average of bfloat16":        0x15fa4b8843a3f4a2,
	"balance float32":            0x95ea77307862ccfe,
	"balance float64":            0x06fac7650d578848,
	"drop block float32":         0xa6b3513877252ce1,
	"drop block float64":         0xc92eaf162c9f288e,
	"drop connect float32":       0x712878596009ca4a,
	"drop connect float64":       0x18e8366ef823fb64,
	"drop path float32":          0xbd739ddc3bc48156,
	"drop path float64":          0xb6f3ae00c0e42c07,
	"dropout add float32":        0x51d04a05c794ab29,
	"dropout add float64":        0x524cd4d8ff60e73e,
	"elastic float32":            0x3d7ad8bfb0787285,
	"elastic float64":            0xe0eee71884a74399,
	"max-norm cols float32":      0x7021a3e507f7639c,
	"max-norm cols float64":      0x3a20ae31382d4520,
	"max-norm rows float32":      0x5db2e4d3b1812c08,
	"max-norm rows float64":      0xa121c432672c826e,
	"mix-up float32":             0xff803fd6a15267a9,
	"mix-up float64":             0x1005e2ef0fd855bc,
	"noise float32":              0x1a4f353fe602fe13,
	"noise float64":              0xceed42b1f86b6b37,
	"numbers":                    0xddb0942df73a7af3,
	"sam adaptive false float32": 0xe752aa4b9858a551,
	"sam adaptive false float64": 0xd5dd012f448c9319,
	"sam adaptive true float32":  0xda962776c5f8c583,
	"sam adaptive true float64":  0xaa9bf7e5b5e5904e,
	"scatter float32":            0x0478d8a7b2828b81,
	"scatter float64":            0xdc59ef645add151f,
	"shrink float32":             0x5b2a6a29ed746ec2,
	"shrink float64":             0xc5d05cd566d3efaf,
	"soup float32":               0x56107b5e54eaf974,
	"soup float64":               0xe68b9c863e761f4b,
	"spectral float32":           0x8854f21e4e989f03,
	"spectral float64":           0xf4c5116ee2dd3f07,
	"top-k by value float32":     0x90f158f054195aac,
	"top-k by value float64":     0x90f158f054195aac,
	"top-k float32":              0xa88c0305acd4bed7,
	"top-k float64":              0xa88c0305acd4bed7,
}

// TestHashes is run on amd64, arm64, GOAMD64=v3 and in pure Go.
func TestHashes(t *testing.T) {
	for name, got := range results(t) {
		if want := hashes[name]; got != want {
			t.Errorf("%q: %#016x, // want %#016x", name, got, want)
		}
	}
	if got := len(results(t)); got != len(hashes) {
		t.Errorf("%d results for %d hashes", got, len(hashes))
	}
}

func results(t *testing.T) map[string]uint64 {
	h := map[string]uint64{}
	resultsOf[float32](t, h)
	resultsOf[float64](t, h)

	var draws []float64
	for step := range 300 {
		for _, alpha := range []float64{0.1, 0.4, 1, 3} {
			draws = append(draws, MixUp{Alpha: alpha, Seed: 1}.Draw(step).Lambda)
		}
		m := CutMix{Alpha: 1, Seed: 2}.Draw(step, 224, 224)
		draws = append(draws, m.Lambda, float64(m.Top), float64(m.Left), float64(m.Height), float64(m.Width))
		draws = append(draws, ProgressiveLayerDrop{Theta: 0.5, Gamma: 0.001}.Rate(3, 12, step))
		n := int64(step + 1)
		for _, e := range []EMA{{Decay: 0.9999, Power: 2.0 / 3}, {Decay: 0.9999, Debias: true}, {Decay: 0.99, Power: 0.75, Gamma: 3}} {
			draws = append(draws, e.Weight(n))
		}
		rows, scale := DropPath{P: 0.3, Seed: 5}.Subset(nil, 32, step)
		draws = append(draws, scale)
		for _, r := range rows {
			draws = append(draws, float64(r))
		}
	}
	h["numbers"] = hash(draws)

	half := make([]descent.BFloat16, 5000)
	for i, v := range varied[float32](5000, 1) {
		half[i] = descent.NewBFloat16(v)
	}
	a, err := NewAverage([]descent.Param{param("w", half)}, EMA{Decay: 0.9, Debias: true})
	must(t, err)
	for range 3 {
		must(t, a.Update())
		for i := range half {
			half[i] ^= 0x21
		}
	}
	avg, _ := descent.Data[float32](a.Params()[0].Value.View())
	h["average of bfloat16"] = hash(avg)
	return h
}

func resultsOf[F float](t *testing.T, h map[string]uint64) {
	const rows, cols = 33, 1237
	n := rows * cols
	of := func(seed uint64) ([]F, descent.View) {
		x := varied[F](n, seed)
		return x, descent.Of(x, rows, cols)
	}
	put := func(name string, x []F, extra ...float64) {
		h[fmt.Sprintf("%s %T", name, x[0])] = hash(x) ^ hash(extra)
	}
	_, src := of(1)

	for name, apply := range map[string]func(dst, other descent.View) error{
		"dropout add":    func(x, y descent.View) error { return Dropout{P: 0.1, Seed: 1}.AddTo(x, x, y, 2) },
		"drop path":      func(x, y descent.View) error { return DropPath{P: 0.3, Seed: 1}.AddTo(x, x, y, 2) },
		"drop connect":   func(x, y descent.View) error { return DropConnect{P: 0.3, Seed: 1}.Apply(x, y, 2) },
		"drop block":     func(x, y descent.View) error { return DropBlock{P: 0.1, Size: 5, Seed: 1}.Apply(x, y, 2) },
		"noise":          func(x, y descent.View) error { return GaussianNoise{Sigma: 0.3, Seed: 1}.Apply(x, y, 2) },
		"top-k":          func(x, y descent.View) error { return TopK{K: 99}.Apply(x, y) },
		"top-k by value": func(x, y descent.View) error { return TopK{K: 99, Signed: true}.Backward(x, x, y) },
		"mix-up":         func(x, y descent.View) error { return Mix{Lambda: 0.3}.Apply(x, y) },
		"shrink":         func(x, _ descent.View) error { return Elastic{L1: 0.3, L2: 0.1}.Shrink(x, 0.7) },
		"scatter":        func(x, y descent.View) error { return ScatterAdd(x, y, Layers("").Of(rows), 0.3) },
		"max-norm rows":  func(x, _ descent.View) error { _, err := MaxNorm{Max: 20}.Apply(x); return err },
		"max-norm cols":  func(x, _ descent.View) error { _, err := MaxNorm{Max: 3, Axis: 1}.Apply(x); return err },
	} {
		x, v := of(2)
		must(t, apply(v, src))
		put(name, x)
	}

	x, v := of(2)
	p, err := Elastic{L1: 0.3, L2: 0.1}.Add(v, src, 0.7)
	must(t, err)
	put("elastic", x, p)

	x, v = of(2)
	s, err := NewSpectrum(src, SpectralPenalty{Rate: 0.1, Iterations: 3, Seed: 1})
	must(t, err)
	sigma, err := s.Add(v, 0.7)
	must(t, err)
	put("spectral", x, sigma)

	x, v = of(2)
	chosen := make([]int32, rows)
	for i := range chosen {
		chosen[i] = int32(i * i % cols)
	}
	b, err := LoadBalance{Weight: 0.1}.Eval(v, src, descent.Of(chosen))
	must(t, err)
	put("balance", x, b.Sum)

	x, v = of(2)
	params := []descent.Param{{Name: "w", Value: v, Grad: src}}
	a, err := NewAverage(params, EMA{Decay: 0.9})
	must(t, err)
	for i := range 3 {
		must(t, a.Update())
		x[i] *= 3
		x[n-1-i] /= 3
	}
	avg, _ := descent.Data[F](a.Params()[0].Value.View())
	put("average", avg)

	for _, rule := range []SAM{{Rho: 0.05}, {Rho: 0.5, Adaptive: true}} {
		x, v = of(2)
		params[0].Value = v
		g, err := descent.GradientsOf(params)
		must(t, err)
		sam, err := NewPerturber(params, rule)
		must(t, err)
		_, err = sam.Perturb(g)
		must(t, err)
		put(fmt.Sprint("sam adaptive ", rule.Adaptive), x)
	}

	_, v = of(3)
	y := make([]F, n)
	must(t, Soup([]descent.Param{param("w", y, rows, cols)}, []float64{1, 0.3},
		[]descent.Param{{Name: "w", Value: src}}, []descent.Param{{Name: "w", Value: v}}))
	put("soup", y)
}

func hash[F float](x []F) uint64 {
	h := fnv.New64a()
	var b [8]byte
	for _, v := range x {
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(float64(v)))
		h.Write(b[:])
	}
	return h.Sum64()
}
