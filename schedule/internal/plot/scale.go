package plot

import (
	"math"
	"strconv"
	"strings"
)

// scale maps lo and hi to two positions.
type scale struct{ lo, hi, from, to float64 }

func newScale(lo, hi, from, to float64) scale {
	if !(hi > lo) {
		hi = lo + 1
	}
	return scale{lo, hi, from, to}
}

// at is v's position; beyond the ends it stays there, NaN at the lower one.
func (s scale) at(v float64) float64 {
	t := (v - s.lo) / (s.hi - s.lo)
	if !(t > 0) {
		t = 0
	}
	return s.from + math.Min(t, 1)*(s.to-s.from)
}

// ticks are at most n+1 multiples of 1, 2 or 5 times a power of ten between lo
// and hi.
func ticks(lo, hi float64, n int) []float64 {
	if !(hi > lo) {
		return []float64{lo}
	}
	raw := (hi - lo) / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * power
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw*(1-1e-9) {
			step = m * power
			break
		}
	}
	var at []float64
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi*(1+1e-9)+step*1e-9; k++ {
		at = append(at, k*step+0) // +0 makes −0 positive
	}
	return at
}

// label is a tick's number: at most six digits, thousands as k, M or B.
func label(v float64) string {
	a := math.Abs(v)
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "B"}, {1e6, "M"}, {1e4, ""}} {
		if a >= unit.size && unit.name != "" {
			return number(v/unit.size) + unit.name
		}
	}
	if a >= 1e4 {
		return number(v/1e3) + "k"
	}
	return number(v)
}

func number(v float64) string {
	s := strconv.FormatFloat(v, 'g', 6, 64)
	s = strings.Replace(s, "e-0", "e-", 1)
	s = strings.Replace(s, "e+0", "e", 1)
	return strings.ReplaceAll(s, "-", "−")
}
