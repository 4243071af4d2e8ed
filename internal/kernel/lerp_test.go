package kernel

import (
	"math"
	"testing"
)

func TestLerpOfFloat64(t *testing.T) {
	dst := []float64{1, 2, 3}
	if Lerp(dst, []float64{3, math.NaN(), math.Inf(1)}, 0.5) || dst[0] != 2 || dst[1] != 2 || dst[2] != 3 {
		t.Errorf("dst %v", dst)
	}
	if !Lerp(dst, []float64{3, 2, 3}, 0.5) {
		t.Error("all are finite")
	}
}
