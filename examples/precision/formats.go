package main

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/precision"
)

// rounder rounds the operands of a network's products to narrow numbers and
// back, as hardware would read them. Products are summed wide, as it does.
type rounder interface {
	round(o nn.Operand, layer int, m nn.Matrix) (nn.Matrix, error)
	// bytes is the memory that a matrix takes in the narrow format.
	bytes(o nn.Operand, rows, cols int) int
}

// exact rounds nothing.
type exact struct{}

func (exact) round(_ nn.Operand, _ int, m nn.Matrix) (nn.Matrix, error) { return m, nil }
func (exact) bytes(_ nn.Operand, rows, cols int) int                    { return 4 * rows * cols }

// place is an operand of a layer and how many rows it has.
type place struct {
	operand nn.Operand
	layer   int
	rows    int
}

// number is a type of 16 or 8 bits.
type number interface {
	descent.BFloat16 | descent.Float16 | descent.Float8E4M3 | descent.Float8E5M2
}

// cast rounds to nearest even without a scale, to T and gradients to G.
type cast[T, G number] struct {
	narrow map[place]descent.View
	wide   map[place]nn.Matrix
}

func newCast[T, G number]() *cast[T, G] {
	return &cast[T, G]{map[place]descent.View{}, map[place]nn.Matrix{}}
}

func (c *cast[T, G]) round(o nn.Operand, layer int, m nn.Matrix) (nn.Matrix, error) {
	at := place{o, layer, m.Rows}
	if _, ok := c.wide[at]; !ok {
		c.narrow[at], c.wide[at] = c.view(o, m.Rows, m.Cols), nn.NewMatrix(m.Rows, m.Cols)
	}
	if err := (precision.Cast{}).Apply(c.narrow[at], m.View(), 0); err != nil {
		return nn.Matrix{}, err
	}
	return c.wide[at], precision.Cast{}.Apply(c.wide[at].View(), c.narrow[at], 0)
}

func (*cast[T, G]) view(o nn.Operand, rows, cols int) descent.View {
	if o == nn.Grad {
		return descent.Of(make([]G, rows*cols), rows, cols)
	}
	return descent.Of(make([]T, rows*cols), rows, cols)
}

func (c *cast[T, G]) bytes(o nn.Operand, rows, cols int) int { return c.view(o, rows, cols).Bytes() }

// scaled rounds to codes with scales, as a recipe says. A recipe with one scale
// for a tensor needs no more for backward: the transpose has the same codes.
type scaled struct {
	recipe precision.Recipe
	codes  map[place]*precision.Quantized
	wide   map[place]nn.Matrix
}

func newScaled(r precision.Recipe) *scaled {
	return &scaled{r, map[place]*precision.Quantized{}, map[place]nn.Matrix{}}
}

func (s *scaled) quantizer(o nn.Operand) precision.Quantizer {
	return [...]precision.Quantizer{nn.Input: s.recipe.Inputs, nn.Weight: s.recipe.Weights, nn.Grad: s.recipe.Grads}[o]
}

func (s *scaled) round(o nn.Operand, layer int, m nn.Matrix) (nn.Matrix, error) {
	at := place{o, layer, m.Rows}
	if s.codes[at] == nil {
		q, err := s.quantizer(o).New(m.Rows, m.Cols)
		if err != nil {
			return nn.Matrix{}, fmt.Errorf("layer %d: %w", layer, err)
		}
		s.codes[at], s.wide[at] = q, nn.NewMatrix(m.Rows, m.Cols)
	}
	if _, err := s.codes[at].Quantize(m.View(), 0); err != nil {
		return nn.Matrix{}, err
	}
	return s.wide[at], s.codes[at].Dequantize(s.wide[at].View())
}

func (s *scaled) bytes(o nn.Operand, rows, cols int) int {
	codes, scales := s.quantizer(o).Size(rows, cols)
	return codes + scales
}
