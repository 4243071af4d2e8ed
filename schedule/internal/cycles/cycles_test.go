package cycles

import (
	"math"
	"testing"
)

// Powers for which CPython 3.12 has int(math.log(base**n, base)) one too low, of
// n up to 11; all others are right.
func TestPowers(t *testing.T) {
	late := map[[2]int]bool{{3, 5}: true, {3, 10}: true, {10, 3}: true, {10, 6}: true, {10, 9}: true}
	for _, base := range []int{2, 3, 4, 5, 6, 7, 10} {
		x := 1.0
		for n := range 12 {
			want := float64(n)
			if late[[2]int{base, n}] {
				want--
			}
			if got := Of(x, float64(base)); got != want {
				t.Errorf("%d^%d is in cycle %v, want %v", base, n, got, want)
			}
			if got := Of(x*1.01, float64(base)); got != float64(n) {
				t.Errorf("1.01·%d^%d is in cycle %v", base, n, got)
			}
			x *= float64(base)
		}
	}
}

// Correctly rounded values, from 100 digits.
func TestLn(t *testing.T) {
	for x, want := range map[float64]float64{
		1: 0, 2: 0x1.62e42fefa39efp-1, 3: 0x1.193ea7aad030bp+0, 10: 0x1.26bb1bbb55516p+1, 243: 0x1.5f8e5195843cdp+2,
	} {
		if got := ln(x); got != want {
			t.Errorf("ln %v is %x, want %x", x, got, want)
		}
	}
	for x := 1.0; x < 1e300; x *= 1.37 {
		if got, want := ln(x), math.Log(x); !(math.Abs(got-want) <= 4e-16*want) {
			t.Errorf("ln %v is %v, want about %v", x, got, want)
		}
	}
}

var sink float64

func BenchmarkOf(b *testing.B) {
	b.Run("within", func(b *testing.B) {
		for range b.N {
			sink = Of(200, 3)
		}
	})
	b.Run("boundary", func(b *testing.B) {
		for range b.N {
			sink = Of(243, 3)
		}
	})
}
