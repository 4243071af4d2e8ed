package transformer

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/kernel"
)

// Float is what a model can be of: float32 to train, float64 to check gradients
// by.
type Float = kernel.Float

// matrix is rows × columns. Products are the host's own, which package loss has
// its logits by: of the same bits on every processor, and fast enough for twelve
// layers. They are internal to the project; elsewhere a framework has its own.
type matrix[F Float] = kernel.Matrix[F]

func newMatrix[F Float](rows, cols int) matrix[F] {
	return kernel.Dense(make([]F, rows*cols), rows, cols)
}

// rows are rows i to j-1.
func rows[F Float](m matrix[F], i, j int) matrix[F] { return m.Part(i, j, 0, m.Cols) }

// row is row i, without what lies between it and the next.
func row[F Float](m matrix[F], i int) []F { return m.Data[i*m.RowStride:][:m.Cols] }

// dense is the elements of a matrix whose rows follow one another.
func dense[F Float](m matrix[F]) []F { return m.Data[:m.Rows*m.Cols] }

// view is a matrix whose rows follow one another as a tensor.
func view[F Float](m matrix[F]) descent.View { return descent.Of(dense(m), m.Rows, m.Cols) }

// products multiplies in memory of its own.
type products[F Float] struct{ panels kernel.Panels[F] }

// set is c = a·b.
func (p *products[F]) set(c, a, b matrix[F]) { kernel.Gemm(c, a, b, false, &p.panels) }

// add is c += a·b.
func (p *products[F]) add(c, a, b matrix[F]) { kernel.Gemm(c, a, b, true, &p.panels) }
