package kernel

import (
	"math"
	"testing"

	"github.com/descent-ml/descent/internal/fmath"
)

func TestExpLog1p(t *testing.T) {
	var worstE, worstL float64
	check := func(a float64) {
		e, l := expLog1p(a)
		we, wl := fmath.Exp(-a), fmath.Log1p(fmath.Exp(-a))
		worstE = max(worstE, math.Abs(e-we)/we)
		worstL = max(worstL, math.Abs(l-wl)/wl)
	}
	for i := range 400_000 {
		check(float64(i) * 0x1p-13)
		check(700 * float64(i) / 400_000)
	}
	// Both are within 1 ulp, 2⁻⁵², of the truth, and ln(1+e) sees e's error too.
	if !(worstE <= 3*0x1p-53) || !(worstL <= 5*0x1p-53) {
		t.Errorf("e^−a differs by %.3g, ln(1+e^−a) by %.3g", worstE, worstL)
	}
	for _, a := range []float64{0, 0x1p-1074, 707.9, 708.1, 740, 800, math.Inf(1), math.NaN()} {
		e, l := expLog1p(a)
		we := fmath.Exp(-a)
		if !(math.Abs(e-we) <= 0x1p-52*we) && !(e != e && we != we) || (l != l) != (a != a) {
			t.Errorf("%v: %v and %v, want %v", a, e, l, we)
		}
	}
}
