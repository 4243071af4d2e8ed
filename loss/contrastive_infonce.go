package loss

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

// InfoNCE wants each row of a nearer to its own row of b than to all others, and
// each row of b to its own of a: the loss of CLIP.
//
//	x      = s·a·bᵀ,  s = exp(LogScale), or 1/Temperature
//	loss_i = ½·(ln Σ_j exp(x_ij) − x_ii) + ½·(ln Σ_j exp(x_ji) − x_ii)
//	loss_i = ln Σ_j exp(x_ij) − x_ii     with OneWay
//	∂x_ij  = ½·p_ij + ½·q_ij − [i = j]   p of the row, q of the column
//
// With Normalize rows are divided by their ‖·‖₂ first, and the gradients are those
// of the rows as they were given. Result.Correct counts the rows of a whose first
// largest x is their own.
//
// Logits are computed for 256 rows at a time, for the gradients once more: four
// products of all rows where the whole matrix would need three. So a call takes,
// where z is the size of an element, and leaves for the next one, at most
//
//	z·min(rows, 256)·rows + 64·rows       bytes
//	2·z·rows·width + 16·rows              more with Normalize
//
// and each thread 9·z·2¹⁴ for its part of a product.
//
// Logits and exponentials are of the tensors' type, norms, sums of exponentials
// and the gradient of LogScale float64; products are summed in blocks of 256,
// which are added in order.
//
// Special cases are: no rows give Sum 0 and Weight 0; one row has loss and
// gradient 0; with Normalize a row whose squares add up to 0 is 0 and has the
// gradient 0, and one whose squares overflow float64 is NaN. A row of a or b with
// NaN or ±Inf makes the loss of its pair NaN or +Inf, which Result.NonFinite counts,
// may do so to other losses, and makes gradients NaN, for no product with a 0 is
// left out. With OneWay NaN in a row of a leaves the losses and gradients of a's
// other rows as they are; without, and in b, it leaves nothing.
//
// It is open_clip's ClipLoss times rows and, with OneWay, PyTorch's
// cross_entropy(a @ b.T / Temperature, arange(rows), reduction="sum"). PyTorch's
// normalize divides by 1e-12 at least. See https://arxiv.org/abs/2103.00020.
type InfoNCE struct {
	Temperature float64      // 0 means 1
	LogScale    descent.View // one element, for Temperature; none: it is not learned
	OneWay      bool         // from a to b alone
	Normalize   bool         // compare by cosines
	Scale       float64      // multiplies the gradients, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (c InfoNCE) Validate() error {
	return scaled("loss.InfoNCE", c.Temperature, c.Scale, c.LogScale)
}

// Eval returns the loss of all rows and writes Scale times the gradients of
// Result.Sum to grads. a and b are rows × width, both float32 or both float64; they
// may be one tensor. LogScale is float32 or float64, and there is no Bias.
// Gradients share no memory with one another or with anything that is read.
//
// A tensor of the wrong type, shape or device, and memory that overlaps, is an
// error, and nothing has been written.
func (c InfoNCE) Eval(grads PairGrads, a, b descent.View) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	return pairs{grads: grads, a: a, b: b, logScale: c.LogScale}.eval(backend.Contrastive{
		Kind: backend.ContrastPairs, Temperature: orOne(c.Temperature),
		OneWay: c.OneWay, Normalize: c.Normalize, Scale: orOne(c.Scale),
	})
}
