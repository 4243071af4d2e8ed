package kernel

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"github.com/descent-ml/descent/internal/philox"
)

// spread is n numbers of both signs over many binades.
func spreadOut(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		r := random(uint64(i))
		x[i] = math.Float32frombits(r&0x807fffff | (100+r>>23&31)<<23)
	}
	return x
}

func abs32(x float32) float32 { return float32(math.Abs(float64(x))) }

func TestScaled(t *testing.T) {
	for _, root := range []bool{false, true} {
		for _, n := range []int{0, 1, 255, 256, 257, 1000} {
			x := spreadOut(n)
			if root {
				for i := range x {
					x[i] = abs32(x[i])
				}
			}
			q, scale, y := make([]uint8, n), make([]float32, (n+255)/256), make([]float32, n)
			ToScaled(q, scale, x, root)
			FromScaled(y, q, scale, root)
			for i, v := range x {
				largest := float32(0)
				for _, v := range x[i&^255 : min(i|255+1, n)] {
					largest = max(largest, abs32(v))
				}
				ratio := float64(abs32(v)) / float64(largest)
				least, relative := 0x1p-14, 1.0/16 // E4M3 is normal from 2⁻⁶/448 of its largest on, with 4 bits
				if root {
					least, relative = 0x1p-28, 17.0*17/256-1
				}
				d := math.Abs(float64(y[i]) - float64(v))
				if ratio >= least && !(d <= (relative+1e-6)*math.Abs(float64(v))) || !(d <= float64(largest)*least/8) && ratio < least {
					t.Fatalf("root %v: %v, a %.3g of its block's largest, became %v", root, v, ratio, y[i])
				}
				if root && v > 0 && y[i] == 0 {
					t.Fatalf("the square %v vanished", v)
				}
			}
		}
	}
}

func TestScaledExtremes(t *testing.T) {
	for _, c := range [][]float32{
		make([]float32, 300),
		{math.SmallestNonzeroFloat32, 0, -math.SmallestNonzeroFloat32},
		{math.MaxFloat32, -math.MaxFloat32, 1e38, 1},
		{1e-38, -1e-40},
	} {
		q, scale, y := make([]uint8, len(c)), make([]float32, 2), make([]float32, len(c))
		ToScaled(q, scale, c, false)
		FromScaled(y, q, scale, false)
		for i, v := range c {
			if d := math.Abs(float64(y[i]) - float64(v)); !(d <= max(math.Abs(float64(c[0]))*0.1, 0x1p-135)) {
				t.Errorf("%v beside %v became %v", v, c[0], y[i])
			}
		}
	}
	nan := []float32{1, float32(math.NaN())}
	q, scale := make([]uint8, 2), make([]float32, 1)
	ToScaled(q, scale, nan, false)
	FromScaled(nan, q, scale, false)
	if nan[0] == nan[0] || nan[1] == nan[1] {
		t.Errorf("a block with NaN became %v", nan)
	}
}

func TestSplit(t *testing.T) {
	x := append(spreadOut(1000), 0, float32(math.Copysign(0, -1)), math.MaxFloat32, -math.MaxFloat32,
		math.SmallestNonzeroFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), 0x1.fffffep-126)
	hi, lo, y := make([]uint16, len(x)), make([]uint16, len(x)), make([]float32, len(x))
	ToSplit(hi, lo, x)
	FromSplit(y, hi, lo)
	for i := range x {
		if math.Float32bits(x[i]) != math.Float32bits(y[i]) {
			t.Errorf("%v became %v", x[i], y[i])
		}
	}
}

func TestToBF16Stochastic(t *testing.T) {
	key := philox.NewKey(1, 2)
	const n = 40000
	x, y := make([]float32, n), make([]uint16, n)
	for _, v := range []float32{1 + 0x1p-9, -3.1415926, 1e-39, 0x1.fefp127} {
		for i := range x {
			x[i] = v
		}
		ToBF16Stochastic(y, x, key, 0, 7, false)
		sum, up := 0.0, 0
		below := math.Float32frombits(math.Float32bits(v) &^ 0xffff)
		for i := range y {
			w := math.Float32frombits(uint32(y[i]) << 16)
			if math.IsInf(float64(w), 0) || abs32(w) < abs32(below) {
				t.Fatalf("%v became %v", v, w)
			}
			if w != below {
				up++
			}
			sum += float64(w)
		}
		if abs32(v) > 3e38 {
			if up != 0 {
				t.Errorf("%v was rounded up to what is not finite", v)
			}
			continue
		}
		// The mean of n draws between two neighbours; 5 standard deviations.
		p := float64(math.Float32bits(v)&0xffff) / 65536
		if want := float64(n) * p; !(math.Abs(float64(up)-want) <= 5*math.Sqrt(n*p*(1-p))) {
			t.Errorf("%v went up %d times, want about %.0f", v, up, want)
		}
	}
	for _, v := range []float32{0, 1, -2.5, float32(math.Inf(1)), float32(math.Inf(-1)), 0x1.fep127} {
		x[0] = v
		ToBF16Stochastic(y[:1], x[:1], key, 0, 0, false)
		if w := math.Float32frombits(uint32(y[0]) << 16); w != v {
			t.Errorf("%v became %v", v, w)
		}
	}
	x[0] = math.Float32frombits(0xff800001)
	ToBF16Stochastic(y[:1], x[:1], key, 0, 0, false)
	if w := math.Float32frombits(uint32(y[0]) << 16); w == w {
		t.Errorf("NaN became %v", w)
	}
	// Any cut at a multiple of 8 gives the same bits.
	copy(x, spreadOut(1000))
	whole, parts := make([]uint16, 1000), make([]uint16, 1000)
	ToBF16Stochastic(whole, x[:1000], key, 64, 3, false)
	ToBF16Stochastic(parts[:504], x[:504], key, 64, 3, false)
	ToBF16Stochastic(parts[504:], x[504:1000], key, 64+504, 3, false)
	for i := range whole {
		if whole[i] != parts[i] {
			t.Fatalf("element %d depends on the cut", i)
		}
	}
}

func TestStoredHash(t *testing.T) {
	const want = "e3ba130e66e56b99a34faf2fc853a03206a3dd946a6a917f6b3d032dc75125e7"
	x := spreadOut(3000)
	q, scale, h, l := make([]uint8, 3000), make([]float32, 12), make([]uint16, 3000), make([]uint16, 3000)
	sum := sha256.New()
	for _, root := range []bool{false, true} {
		if root {
			for i := range x {
				x[i] = abs32(x[i])
			}
		}
		ToScaled(q, scale, x, root)
		y := make([]float32, 3000)
		FromScaled(y, q, scale, root)
		ToSplit(h, l, x)
		for _, data := range []any{q, scale, y, h, l} {
			if err := binary.Write(sum, binary.LittleEndian, data); err != nil {
				t.Fatal(err)
			}
		}
		ToBF16Stochastic(h, x, philox.NewKey(3, 4), 8, 5, false)
		if err := binary.Write(sum, binary.LittleEndian, h); err != nil {
			t.Fatal(err)
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("results changed: %s, want %s", got, want)
	}
}
