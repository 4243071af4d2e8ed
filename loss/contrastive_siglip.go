package loss

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

// SigLIP asks of every row of a and every row of b whether they belong together,
// each pair on its own.
//
//	x      = s·a·bᵀ + Bias,  s = exp(LogScale), or 1/Temperature
//	loss_i = −Σ_j ln σ(y·x_ij),  y = 1 where i = j, else −1
//	∂x_ij  = −y·σ(−y·x_ij)
//
// All rows and columns of x are pairs of the batch: Result.Weight is the number
// of rows, so that Mean is the paper's loss, the sum over pairs by rows.
//
// Logits are computed for 256 rows at a time and once. Memory and Normalize are as
// InfoNCE's, arithmetic too, but that of a pair after its product is float64.
//
// Special cases are: no rows give Sum 0 and Weight 0; with Normalize a row whose
// squares add up to 0 is 0 and has the gradient 0, and one whose squares overflow
// float64 is NaN. NaN in a row makes its own gradient and all of the other
// tensor's NaN: in a row of a its own loss too, in one of b all losses, which
// Result.NonFinite counts. Without Normalize ±Inf may leave losses finite, even 0,
// but not all gradients: 0 times Inf is NaN.
//
// It is open_clip's SigLipLoss times rows. See https://arxiv.org/abs/2303.15343.
type SigLIP struct {
	LogScale, Bias descent.View // one element each, learned; none: Temperature, and 0
	Temperature    float64      // 0 means 1
	Normalize      bool         // compare by cosines
	Scale          float64      // multiplies the gradients, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (c SigLIP) Validate() error {
	return scaled("loss.SigLIP", c.Temperature, c.Scale, c.LogScale)
}

// Eval returns the loss of all rows and writes Scale times the gradients of
// Result.Sum to grads. Tensors and errors are as InfoNCE's; Bias is like
// LogScale.
func (c SigLIP) Eval(grads PairGrads, a, b descent.View) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	return pairs{grads, a, b, c.LogScale, c.Bias}.eval(backend.Contrastive{
		Kind: backend.ContrastLogistic, Temperature: orOne(c.Temperature),
		Normalize: c.Normalize, Scale: orOne(c.Scale),
	})
}
