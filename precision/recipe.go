package precision

import "fmt"

// Recipe is how the operands of a layer's products are quantized, each time
// anew from their own magnitudes. Products are summed in float32, and backward
// quantizes the transposes it needs from the operands, not from their codes.
// The zero value quantizes nothing.
//
// Delayed is the recipe that remembers magnitudes instead.
type Recipe struct {
	Inputs, Weights, Grads Quantizer
}

// The recipes, with Transformer Engine's names for them.
var (
	// CurrentScaling is Float8CurrentScaling: a scale for the tensor, gradients in
	// E5M2.
	CurrentScaling = Recipe{
		Inputs: Quantizer{Format: E4M3FN}, Weights: Quantizer{Format: E4M3FN}, Grads: Quantizer{Format: E5M2},
	}
	// RowScaling is torchao's rowwise recipe: a power of two for each row.
	RowScaling = Recipe{
		Inputs:  Quantizer{Format: E4M3FN, Scale: ScalePowerOfTwo, Rows: 1},
		Weights: Quantizer{Format: E4M3FN, Scale: ScalePowerOfTwo, Rows: 1},
		Grads:   Quantizer{Format: E4M3FN, Scale: ScalePowerOfTwo, Rows: 1},
	}
	// BlockScaling is Float8BlockScaling: powers of two for runs of 128, of the
	// weights for squares, so that their transpose has the same codes.
	BlockScaling = Recipe{
		Inputs:  Quantizer{Format: E4M3FN, Scale: ScalePowerOfTwo, Rows: 1, Cols: 128},
		Weights: Quantizer{Format: E4M3FN, Scale: ScalePowerOfTwo, Rows: 128, Cols: 128},
		Grads:   Quantizer{Format: E4M3FN, Scale: ScalePowerOfTwo, Rows: 1, Cols: 128},
	}
	// MXScaling is MXFP8BlockScaling.
	MXScaling = Recipe{MX(E4M3FN, ScaleRoundCeil), MX(E4M3FN, ScaleRoundCeil), MX(E4M3FN, ScaleRoundCeil)}
	// FP4Scaling is NVFP4BlockScaling without its Hadamard transform: weights in
	// squares of 16, gradients rounded stochastically.
	FP4Scaling = Recipe{
		Inputs:  NVFP4,
		Weights: Quantizer{Format: E2M1, Scale: ScaleTwoLevel, Rows: 16, Cols: 16},
		Grads:   Quantizer{Format: E2M1, Scale: ScaleTwoLevel, Rows: 1, Cols: 16, Rounding: Stochastic},
	}
)

// Validate reports the first field out of range. The zero Recipe is valid.
func (r Recipe) Validate() error {
	if r == (Recipe{}) {
		return nil
	}
	for _, q := range [...]struct {
		name string
		q    Quantizer
	}{{"Inputs", r.Inputs}, {"Weights", r.Weights}, {"Grads", r.Grads}} {
		if err := q.q.Validate(); err != nil {
			return fmt.Errorf("precision.Recipe: %s: %w", q.name, err)
		}
	}
	return nil
}
