package kernel

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// PowerSums writes the sum of (|x|/unit)ᵖ of each block of x to partial, which
// has Blocks(len(x)) elements.
func PowerSums[F Float](partial []float64, x []F, p, unit float64) {
	for b := range partial {
		var l [Lanes]float64
		block := x[b*Block : min((b+1)*Block, len(x))]
		if p == 1 {
			for i, v := range block {
				l[i%Lanes] += math.Abs(float64(v)) / unit
			}
		} else {
			for i, v := range block {
				l[i%Lanes] += float64(fmath.Pow(math.Abs(float64(v))/unit, p))
			}
		}
		partial[b] = fold(&l)
	}
}
