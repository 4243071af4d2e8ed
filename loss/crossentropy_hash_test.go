package loss

import (
	"encoding/binary"
	"hash"
	"hash/fnv"
	"math"
	"runtime"
	"testing"

	"github.com/descent-ml/descent"
)

const (
	hashRows    = 37
	hashClasses = 5009
)

// hashCase is a configuration whose bits are kept. Those of the plain ones are
// older than all other options.
type hashCase struct {
	ce    CrossEntropy
	probs bool
}

var hashWeights = func() []float64 {
	w := make([]float64, hashClasses)
	for i := range w {
		w[i] = float64(i%17) / 8
	}
	return w
}()

var hashCases = []struct {
	hashCase
	want uint64
}{
	{hashCase{CrossEntropy{}, false}, 0xc26ed36945e89184},
	{hashCase{CrossEntropy{Smoothing: 0.1}, false}, 0xa98bcc36c7d7220e},
	{hashCase{CrossEntropy{Smoothing: 0.1, Scale: 1024}, false}, 0xfe6e5a8e3d55087e},
	{hashCase{CrossEntropy{}, true}, 0x36f56dbfd2f049ee},
	{hashCase{CrossEntropy{Weights: descent.Of(hashWeights)}, false}, 0x3cc10cb07d60f20e},
	{hashCase{CrossEntropy{ZLoss: 1e-4, SoftCap: 5}, false}, 0xce64865bdefe26fe},
	{hashCase{CrossEntropy{Smoothing: 0.1, Spread: OverOthers, Weights: descent.Of(hashWeights), ZLoss: 1e-4, SoftCap: 5}, false}, 0x422662231c5b8d3b},
	{hashCase{CrossEntropy{Smoothing: 0.1, Weights: descent.Of(hashWeights), ZLoss: 1e-4, SoftCap: 5, Scale: 3}, true}, 0x316375bcd9702291},
}

func put(h hash.Hash64, bits uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], bits)
	_, _ = h.Write(b[:])
}

// sum hashes losses and gradients of float32 and of float64 logits.
func (c hashCase) sum(t *testing.T) uint64 {
	h := fnv.New64a()
	x := logits(hashRows * hashClasses)
	hashIn(t, c, h, x, func(v float32) uint64 { return uint64(math.Float32bits(v)) })
	x64 := make([]float64, len(x))
	for i, v := range x {
		x64[i] = float64(v)
	}
	hashIn(t, c, h, x64, math.Float64bits)
	return h.Sum64()
}

func hashIn[F float32 | float64](t *testing.T, c hashCase, h hash.Hash64, x []F, bits func(F) uint64) {
	y := make([]int32, hashRows)
	for i := range y {
		y[i] = int32(i * 27 % hashClasses)
	}
	y[5] = -100
	targets := descent.Of(y)
	if c.probs {
		p := make([]F, len(x))
		for i := range p {
			p[i] = F(i%23) / 4096
		}
		targets = descent.Of(p, hashRows, hashClasses)
	}
	g := make([]F, len(x))
	r, err := c.ce.Eval(descent.Of(g, hashRows, hashClasses), descent.Of(x, hashRows, hashClasses), targets)
	if err != nil {
		t.Fatal(err)
	}
	put(h, math.Float64bits(r.Sum))
	for _, v := range g {
		put(h, bits(v))
	}
}

// TestCrossEntropyHashes is run on amd64, arm64, GOAMD64=v3 and in pure Go, and
// here with several numbers of threads.
func TestCrossEntropyHashes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		for i, c := range hashCases {
			if got := c.sum(t); got != c.want {
				t.Errorf("GOMAXPROCS %d, case %d: %#x, want %#x", procs, i, got, c.want)
			}
		}
	}
}

func BenchmarkCrossEntropy(b *testing.B) {
	const rows, classes = 512, 50257
	x, y := logits(rows*classes), make([]int32, rows)
	for i := range y {
		y[i] = int32(i * 97 % classes)
	}
	w := make([]float64, classes)
	for i := range w {
		w[i] = 1 + float64(i%3)
	}
	weights := descent.Of(w)
	g := make([]float32, len(x))
	logits, grad, hard := descent.Of(x, rows, classes), descent.Of(g, rows, classes), descent.Of(y)
	h, p := make([]descent.BFloat16, len(x)), make([]float32, len(x))
	for i, v := range x {
		h[i], p[i] = descent.NewBFloat16(v), 1.0/classes
	}
	half, halfGrad := descent.Of(h, rows, classes), descent.Of(make([]descent.BFloat16, len(x)), rows, classes)
	probs := descent.Of(p, rows, classes)
	for _, c := range []struct {
		name                  string
		ce                    CrossEntropy
		grad, logits, targets descent.View
	}{
		{"plain", CrossEntropy{Smoothing: 0.1}, grad, logits, hard},
		{"z-loss", CrossEntropy{Smoothing: 0.1, ZLoss: 1e-4}, grad, logits, hard},
		{"weights", CrossEntropy{Weights: weights}, grad, logits, hard},
		{"weights, smoothed", CrossEntropy{Weights: weights, Smoothing: 0.1}, grad, logits, hard},
		{"probabilities", CrossEntropy{}, grad, logits, probs},
		{"soft-cap", CrossEntropy{SoftCap: 30}, grad, logits, hard},
		{"bfloat16", CrossEntropy{Smoothing: 0.1}, halfGrad, half, hard},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(2 * c.logits.Bytes()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.ce.Eval(c.grad, c.logits, c.targets); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
