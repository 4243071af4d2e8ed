package kernel

import (
	"math"
	"testing"
)

func TestLerpStats(t *testing.T) {
	t.Run("float32", testLerpStats[float32])
	t.Run("float64", testLerpStats[float64])
}

func testLerpStats[F Float](t *testing.T) {
	nan, inf := F(math.NaN()), F(math.Inf(1))
	for _, c := range []struct {
		dst, src, want []F
		stats          Stats
	}{
		{nil, nil, nil, Stats{First: -1}},
		{[]F{1, 2, 3}, []F{3, 2, -4}, []F{2, 2, -0.5}, Stats{MaxAbs: 4, First: -1}},
		{[]F{1, 2, 3, 4}, []F{3, nan, inf, -5}, []F{2, 2, 3, -0.5}, Stats{MaxAbs: 5, NonFinite: 2, First: 1}},
		{[]F{1}, []F{-inf}, []F{1}, Stats{NonFinite: 1}},
	} {
		if s := Lerp(c.dst, c.src, 0.5); s != c.stats {
			t.Errorf("stats of %v are %+v, want %+v", c.src, s, c.stats)
		}
		for i, want := range c.want {
			if c.dst[i] != want {
				t.Errorf("towards %v: [%d] is %v, want %v", c.src, i, c.dst[i], want)
			}
		}
	}
}
