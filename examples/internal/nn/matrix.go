// Package nn is the network that the examples train: small, and of the same bits
// on every processor.
package nn

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/descent-ml/descent"
)

// Matrix is the examples' tensor. View is all that descent asks for.
type Matrix struct {
	Rows, Cols int
	Data       []float32
}

// NewMatrix makes a matrix of zeros.
func NewMatrix(rows, cols int) Matrix { return Matrix{rows, cols, make([]float32, rows*cols)} }

// View implements descent.Tensor.
func (m Matrix) View() descent.View { return descent.Of(m.Data, m.Rows, m.Cols) }

// Top is the first rows.
func (m Matrix) Top(rows int) Matrix { return Matrix{rows, m.Cols, m.Data[:rows*m.Cols]} }

// Row is row i.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Cols : (i+1)*m.Cols] }

// Products multiplies matrices with gonum, so that every processor and any
// GOMAXPROCS gives the same bits: each element of c is rounded once, from a
// float64 sum in the order of the terms.
//
//   - The product of two float32 is exact in float64. A processor that fuses it
//     with the addition has the same sum as one that does not.
//   - Of gonum's Gemm only the forms without a transposed second operand are
//     used. They add one term after another to an element of c, in whatever
//     blocks and threads; the other form is a dot product, whose order of
//     addition depends on the processor.
//
// Gemm skips zeros of a: pixels and what relu has cut off cost nothing.
type Products struct {
	a, b, c []float64 // scratch
}

// Add is c += a·b.
func (p *Products) Add(c, a, b Matrix) { p.gemm(blas.NoTrans, c, a, p.general(&p.b, b)) }

// AddAT is c += aᵀ·b.
func (p *Products) AddAT(c, a, b Matrix) { p.gemm(blas.Trans, c, a, p.general(&p.b, b)) }

// AddBT is c += a·bᵀ.
func (p *Products) AddBT(c, a, b Matrix) {
	t := blas64.General{Rows: b.Cols, Cols: b.Rows, Stride: b.Rows, Data: room(&p.b, len(b.Data))}
	for i := range b.Rows {
		for j, v := range b.Row(i) {
			t.Data[j*t.Stride+i] = float64(v)
		}
	}
	p.gemm(blas.NoTrans, c, a, t)
}

func (p *Products) gemm(ta blas.Transpose, c, a Matrix, b blas64.General) {
	sum := p.general(&p.c, c)
	blas64.Gemm(ta, blas.NoTrans, 1, p.general(&p.a, a), b, 1, sum)
	for i, v := range sum.Data {
		c.Data[i] = float32(v)
	}
}

// general copies m into scratch memory.
func (p *Products) general(scratch *[]float64, m Matrix) blas64.General {
	data := room(scratch, len(m.Data))
	for i, v := range m.Data {
		data[i] = float64(v)
	}
	return blas64.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Cols, Data: data}
}

// room makes scratch at least n long and returns its first n elements.
func room(scratch *[]float64, n int) []float64 {
	if len(*scratch) < n {
		*scratch = make([]float64, n)
	}
	return (*scratch)[:n]
}
