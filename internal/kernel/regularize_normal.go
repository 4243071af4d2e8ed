package kernel

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/philox"
)

// Normals makes four independent standard normal numbers of four words, by Box
// and Muller:
//
//	z₀, z₁ = r·cos φ, r·sin φ,  r = √(−2 ln((w₀+1)/2³²)),  φ = 2π·w₁/2³²
//
// and z₂, z₃ of w₂, w₃ likewise. None is larger than √(64 ln 2) = 6.66.
func Normals(w [4]uint32) (z [4]float64) {
	for i := 0; i < 4; i += 2 {
		r := math.Sqrt(-2 * fmath.Log((float64(w[i])+1)*0x1p-32))
		phi := 2 * math.Pi * (float64(w[i+1]) * 0x1p-32)
		z[i], z[i+1] = r*fmath.Cos(phi), r*fmath.Sin(phi)
	}
	return z
}

// Noise sets dst = src + s·z. Element i of the run is element 4·block + i of
// the tensor and has number i mod 4 of philox block block + i/4 at the step.
func Noise[F Float](dst, src []F, s float64, key philox.Key, block, step uint64) {
	src = src[:len(dst)]
	for i := 0; i < len(dst); i += 4 {
		z := Normals(key.Block(block+uint64(i/4), step))
		for j := range min(4, len(dst)-i) {
			dst[i+j] = src[i+j] + F(s*z[j])
		}
	}
}
