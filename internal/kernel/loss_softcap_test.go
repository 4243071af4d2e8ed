package kernel

import (
	"math"
	"testing"
)

func TestSoftCap(t *testing.T) {
	worst := 0.0
	x, y := make([]float32, 1), make([]float32, 1)
	// Below 2⁻¹¹⁰ the numerator of the quotient is subnormal.
	for bits := uint32((127 - 110) << 23); bits < 0x42000000; bits += 997 {
		x[0] = math.Float32frombits(bits)
		SoftCap(y, x, 1)
		want := math.Tanh(float64(x[0]))
		ulp := math.Nextafter32(float32(want), 2) - float32(want)
		worst = max(worst, math.Abs(float64(y[0])-want)/float64(ulp))
		at := y[0]
		x[0] = -x[0]
		if SoftCap(y, x, 1); y[0] != -at || at > 1 {
			t.Fatalf("tanh(±%v) is %v and %v", -x[0], at, y[0])
		}
	}
	t.Logf("largest error %.2f ulp", worst)
	if !(worst <= 6) {
		t.Errorf("an error of %v ulp", worst)
	}
}

func TestSoftCapSpecials(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	x := []float64{0, math.Copysign(0, -1), inf, -inf, nan, 1e30, -1e30, 1}
	want := []float64{0, math.Copysign(0, -1), inf, -inf, nan, 5, -5, 5 * math.Tanh(0.2)}
	got, single := make([]float64, len(x)), make([]float32, len(x))
	for i, v := range x {
		single[i] = float32(v)
	}
	SoftCap(got, x, 5)
	SoftCap(single, single, 5)
	for i, w := range want {
		for _, g := range []float64{got[i], float64(single[i])} {
			if !(math.Abs(g-w) <= 1e-6) && g != w && !(g != g && w != w) || math.Signbit(g) != math.Signbit(w) && g == g {
				t.Errorf("of %v: %v, want %v", x[i], g, w)
			}
		}
	}
	// What is at the cap has no slope, what is NaN has none that is a number.
	grad := []float64{2, 2, 2, 2, 2, 2, 2, 2}
	SoftCapGradient(grad, got, 5)
	slope := 2 * (1 - math.Pow(math.Tanh(0.2), 2))
	for i, w := range []float64{2, 2, 0, 0, nan, 0, 0, slope} {
		if g := grad[i]; !(math.Abs(g-w) <= 1e-15) && !(g != g && w != w) {
			t.Errorf("slope at %v is %v, want %v", x[i], g, w)
		}
	}
}
