package transformer

import (
	"math"

	"github.com/descent-ml/descent/internal/kernel"
)

// norm is RMSNorm, row by row.
//
//	y = gain·x/r,  r = √(mean of x² + 1e-5)
//
// See https://arxiv.org/abs/1910.07467.
type norm[F Float] struct {
	gain    weight[F]
	inverse []F // 1/r of each row
	x, y    matrix[F]
}

func (n *norm[F]) forward(x matrix[F], lo, hi int) {
	n.x = x
	gain := n.gain.w.Data
	for i := lo; i < hi; i++ {
		x, y := row(x, i), row(n.y, i)
		inverse := F(1 / math.Sqrt(kernel.Dot(x, x)/float64(len(x))+1e-5))
		n.inverse[i] = inverse
		for j, v := range x {
			y[j] = gain[j] * F(v*inverse)
		}
	}
}

// backward adds the gradient of x to dx and sets that of the gain. With
// n = x/r it is
//
//	∂gain = Σ n·∂y                                   over the rows
//	∂x    = (gain·∂y − n·mean of gain·n·∂y)/r
func (n *norm[F]) backward(dx, dy matrix[F]) {
	gain, dgain := n.gain.w.Data, n.gain.dw.Data
	clear(dgain)
	for i := range dy.Rows {
		x, dx, dy, y := row(n.x, i), row(dx, i), row(dy, i), row(n.y, i)
		inverse := n.inverse[i]
		mean := F(kernel.Dot(y, dy) / float64(len(y))) // y is gain·n
		for j, v := range x {
			v = F(v * inverse)
			dgain[j] += F(v * dy[j])
			dx[j] += F(inverse * (F(gain[j]*dy[j]) - F(v*mean)))
		}
	}
}
