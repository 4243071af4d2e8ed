package transformer

import (
	"math"

	"github.com/descent-ml/descent/internal/kernel"
)

// attention lets each position i of a sequence read itself and those before it,
// with each head's share of the columns. What is far counts less, by a slope for
// each head; that is all that the model knows of positions.
//
//	p = softmax(q·kᵀ/√n − (i−j)/4ʰ)    over j ≤ i, h being the head from 0 on
//	y = p·v
//
// See https://arxiv.org/abs/2108.12409, which has other slopes.
type attention[F Float] struct {
	heads, sequences int
	qkv, dqkv        matrix[F]   // q, k and v beside one another
	y, dy            matrix[F]   // dy is read by backward
	p                []matrix[F] // of each sequence and head
	ds               matrix[F]   // scratch
}

// head is what of the columns from one on belongs to a head of a sequence: a
// row for each position.
func (a *attention[F]) head(m matrix[F], from, sequence, head int) matrix[F] {
	n := a.y.Cols / a.heads
	return matrix[F]{
		Data: m.Data[sequence*m.RowStride+from+head*n:],
		Rows: m.Rows / a.sequences, Cols: n, RowStride: a.sequences * m.RowStride, ColStride: 1,
	}
}

// scale is 1/√n.
func (a *attention[F]) scale() F { return F(1 / math.Sqrt(float64(a.y.Cols/a.heads))) }

// forward fills y for positions lo to hi-1. k and v of those before lo are still
// there.
func (a *attention[F]) forward(mul *products[F], lo, hi int) {
	width, scale := a.y.Cols, a.scale()
	for i := range a.p {
		s, h := i/a.heads, i%a.heads
		q := rows(a.head(a.qkv, 0, s, h), lo, hi)
		k, v := rows(a.head(a.qkv, width, s, h), 0, hi), rows(a.head(a.qkv, 2*width, s, h), 0, hi)
		p := a.p[i].Part(lo, hi, 0, hi)
		slope := F(math.Ldexp(1, -2*h))
		mul.set(p, q, k.T())
		for j := range p.Rows {
			all := row(p, j)
			seen := all[:lo+j+1]
			for l, v := range seen {
				seen[l] = F(scale*v) - F(slope*F(lo+j-l))
			}
			most, _ := kernel.MaxSum(seen)
			sum := kernel.ExpSum(seen, seen, most)
			kernel.ScaleSub(seen, F(1/sum), 0)
			clear(all[len(seen):])
		}
		mul.set(rows(a.head(a.y, 0, s, h), lo, hi), p, v)
	}
}

// backward sets dqkv from dy, for all positions.
//
//	∂s = p·(∂p − Σ p·∂p)/√n,  ∂p = ∂y·vᵀ    s being the scores
//	∂q = ∂s·k,  ∂k = ∂sᵀ·q,  ∂v = pᵀ·∂y
func (a *attention[F]) backward(mul *products[F]) {
	width, scale := a.y.Cols, a.scale()
	for i, p := range a.p {
		s, h := i/a.heads, i%a.heads
		dy := a.head(a.dy, 0, s, h)
		mul.set(a.ds, dy, a.head(a.qkv, 2*width, s, h).T())
		for j := range p.Rows {
			p, ds := row(p, j), row(a.ds, j)
			seen := ds[:j+1]
			dot := F(kernel.Dot(p[:j+1], seen))
			for l, v := range seen {
				seen[l] = scale * F(p[l]*(v-dot))
			}
			clear(ds[len(seen):])
		}
		mul.set(a.head(a.dqkv, 0, s, h), a.ds, a.head(a.qkv, width, s, h))
		mul.set(a.head(a.dqkv, width, s, h), a.ds.T(), a.head(a.qkv, 0, s, h))
		mul.set(a.head(a.dqkv, 2*width, s, h), p.T(), dy)
	}
}
