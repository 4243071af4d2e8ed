package kernel

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/descent-ml/descent/internal/cpu"
)

// targetTier is one implementation of the kernels over a row's targets.
type targetTier struct {
	name     string
	have     bool
	mix      func(q []float64, p []float32, keep, spread float64)
	weigh    func(q, w []float64)
	sums     func(q []float64, x []float32, shift float32) (mass, cost float64)
	gradient func(dst []float32, q []float64, a, b float64)
}

// targetTiers are the reference and what the architecture has.
var targetTiers = append([]targetTier{{
	"go", true, targetMixGeneric[float32], targetWeighGeneric, targetSumsGeneric[float32], targetGradientGeneric[float32],
}}, targetArchTiers()...)

// doubles are float64 between guards, which a kernel leaves alone.
type doubles struct{ guarded[uint64] }

const guard64 = 0x7ff4a5a5a5a5a5a5 // a signalling NaN

func (d *doubles) place(n, shift int) []float64 {
	x := d.guarded.place(n, shift, guard64)
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(x))), n)
}

// targetCase is the operands of all kernels, and what they return.
type targetCase struct {
	q, w   doubles
	x      guarded[uint32]
	qs, ws []float64
	xs     []float32
}

// fill places n elements of a kind: of q every fourth is a zero of either sign.
func (c *targetCase) fill(n, shift, kind int, w *words) {
	c.qs, c.ws = c.q.place(n, shift), c.w.place(n, 3*shift)
	c.xs = floats(c.x.place(n, 5*shift, guard))
	one := element[float64](kind, w)
	for i := range n {
		c.qs[i], c.ws[i], c.xs[i] = one(), one(), math.Float32frombits(fills[kind].one(w))
		switch w.next() % 8 {
		case 0:
			c.qs[i] = 0
		case 1:
			c.qs[i] = math.Copysign(0, -1)
		}
	}
}

func (c *targetCase) check() error {
	for _, d := range []*doubles{&c.q, &c.w} {
		if at, found := d.stray(guard64); found {
			return fmt.Errorf("written at %d", at)
		}
	}
	if at, found := c.x.stray(guard); found {
		return fmt.Errorf("written at %d of float32", at)
	}
	return nil
}

// kernels are the four as one that writes q or x and returns sums.
func (k *targetTier) kernels() map[string]func(c *targetCase, s [2]float64) (mass, cost float64) {
	return map[string]func(c *targetCase, s [2]float64) (mass, cost float64){
		"mix":      func(c *targetCase, s [2]float64) (_, _ float64) { k.mix(c.qs, c.xs, s[0], s[1]); return },
		"weigh":    func(c *targetCase, s [2]float64) (_, _ float64) { k.weigh(c.qs, c.ws); return },
		"sums":     func(c *targetCase, s [2]float64) (_, _ float64) { return k.sums(c.qs, c.xs, float32(s[0])) },
		"gradient": func(c *targetCase, s [2]float64) (_, _ float64) { k.gradient(c.xs, c.qs, s[0], s[1]); return },
	}
}

// TestTargetTiers runs each kernel alone: every tail, misalignment and kind of
// number.
func TestTargetTiers(t *testing.T) {
	reference := targetTiers[0].kernels()
	for _, k := range targetTiers {
		for name, run := range k.kernels() {
			t.Run(name+"/"+k.name, func(t *testing.T) {
				if !k.have {
					t.Skipf("%s: %s", k.name, cpu.Why(k.name))
				}
				var w words
				var got, want targetCase
				for _, n := range lengths(&family{max: Block}) {
					shifts := 16
					if n > 256 {
						shifts = 2
					}
					for shift := range shifts {
						for kind := range fills {
							seed := w
							got.fill(n, shift, kind, &w)
							want.fill(n, 0, kind, &seed)
							one := element[float64](kind, &w)
							s := [2]float64{one(), one()}
							gm, gc := run(&got, s)
							wm, wc := reference[name](&want, s)
							err := equal([]float64{gm, gc}, []float64{wm, wc})
							if err == nil {
								err = equal(got.qs, want.qs)
							}
							if err == nil {
								err = equal(got.xs, want.xs)
							}
							if err == nil {
								err = got.check()
							}
							if err != nil {
								t.Fatalf("n = %d, shift %d, %s: %v", n, shift, fills[kind].name, err)
							}
						}
					}
				}
			})
		}
	}
}

// targetHash is over all kernels; every processor has it.
const targetHash = "b69d2025a3ba242a794c6315e1a59c3da611dff0d276a995e665aabb3e972fbb"

func TestTargetHash(t *testing.T) {
	sum := sha256.New()
	write := func(x []float64) {
		for _, v := range x {
			bits := math.Float64bits(v)
			if v != v {
				bits = 0x7ff8000000000000
			}
			sum.Write(binary.LittleEndian.AppendUint64(nil, bits))
		}
	}
	var w words
	for _, n := range []int{1, 31, 1000, Block, 2*Block + 123} {
		for kind := range fills {
			var c targetCase
			c.fill(n, 0, kind, &w)
			for _, q := range []Target[float32]{
				{Probs: c.xs, Keep: 0.9, Spread: 0.1 / float64(n)},
				{Probs: c.xs, Keep: 1, Weights: c.ws},
				{Class: n / 2, Keep: 0.9, Spread: 0.1 / float64(n), Weights: c.ws},
			} {
				mass, cost := q.Sums(c.xs, 1)
				dst := append([]float32(nil), c.xs...)
				q.Gradient(dst, 0.3, 0.7)
				out := []float64{mass, cost}
				for _, v := range dst {
					out = append(out, float64(v))
				}
				write(out)
			}
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != targetHash {
		t.Errorf("results changed: %s, want %s", got, targetHash)
	}
}

func TestTarget(t *testing.T) {
	t.Run("float32", checkTarget[float32])
	t.Run("float64", checkTarget[float64])
}

func checkTarget[F Float](t *testing.T) {
	const n = 2*Block + 5
	x, p, w := make([]F, n), make([]F, n), make([]float64, n)
	for i := range x {
		x[i], p[i], w[i] = F(i%7), F(i%5)/8, float64(i%3)
	}
	for _, q := range []Target[F]{
		{Class: 0, Keep: 0.75},
		{Class: n - 1, Keep: 0.75, Spread: 0.25},
		{Class: Block, Keep: 0.5, Spread: 0.25, Weights: w},
		{Probs: p, Keep: 0.5, Spread: 0.25},
		{Probs: p, Keep: 1, Weights: w},
	} {
		var mass, cost float64
		want := make([]F, n)
		for i := range x {
			v := q.Spread
			if q.Probs != nil {
				v += q.Keep * float64(p[i])
			} else if i == q.Class {
				v += q.Keep
			}
			if q.Weights != nil {
				v *= w[i]
			}
			mass += v
			cost += v * (9 - float64(x[i]))
			want[i] = 2*x[i] - F(4*v)
		}
		// All are multiples of 1/32, whose sums are exact.
		if m, c := q.Sums(x, 9); m != mass || c != cost {
			t.Errorf("sums %v and %v, want %v and %v", m, c, mass, cost)
		}
		got := slices.Clone(x)
		if q.Gradient(got, 2, 4); !slices.Equal(got, want) {
			t.Errorf("the gradient differs for %v and %v", q.Keep, q.Spread)
		}
	}
	inf := F(math.Inf(-1))
	q := Target[F]{Class: 1, Keep: 1}
	if m, c := q.Sums([]F{inf, 2, inf}, 2); m != 1 || c != 0 {
		t.Errorf("of a class without a target: %v and %v", m, c)
	}
}
