package loss

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

// SupCon, supervised contrastive, wants each row nearer to the rows of its label
// than to all others.
//
//	P(i)   = all j ≠ i with the label of i
//	loss_i = ln Σ_{j≠i} exp(x_i·x_j/T) − 1/|P(i)|·Σ_{j∈P(i)} x_i·x_j/T
//
// Rows whose label no other has do not count: they have loss and weight 0, but
// are among the others. With the labels i mod B for two views of B examples, one
// after the other, it is SimCLR's NT-Xent.
//
// Chunks, Normalize and arithmetic are as InfoNCE's; memory too, with half as much
// more for Normalize.
//
// Special cases are: where no row counts Sum, Weight and gradient are 0, whatever
// the rows hold; with Normalize a row whose squares add up to 0 is 0 and has the
// gradient 0, and one whose squares overflow float64 is NaN. NaN in any row makes
// the losses of all rows that count NaN, which Result.NonFinite says, and all
// gradients. Without Normalize ±Inf may leave losses finite, but not all gradients:
// 0 times Inf is NaN.
//
// It is the paper's L_out, without the factor T/T_base of its authors' code, whose
// mean is over the rows that do not count as well. See
// https://arxiv.org/abs/2004.11362.
type SupCon struct {
	Temperature float64 // T; 0 means 1
	Normalize   bool    // compare by cosines
	Scale       float64 // multiplies the gradients, for loss scaling; 0 means 1
}

// Validate reports the first field out of range.
func (c SupCon) Validate() error {
	return scaled("loss.SupCon", c.Temperature, c.Scale, descent.View{})
}

// Eval returns the loss of all rows and writes Scale times the gradient of
// Result.Sum to grad, which may be the zero View when it is not wanted. x is rows
// × width of float32 or float64, and labels has an int32 or int64, any number,
// for each row. grad shares no memory with them.
//
// A tensor of the wrong type, shape or device, and memory that overlaps, is an
// error, and nothing has been written.
func (c SupCon) Eval(grad, x, labels descent.View) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	o, y := operand{"x", x}, operand{"labels", labels}
	if err := embeddings(o); err != nil {
		return Result{}, err
	}
	if err := eachRow(y, o, descent.I32, descent.I64); err != nil {
		return Result{}, err
	}
	if err := apart([]operand{o, y}, []operand{{"grad", grad}}); err != nil {
		return Result{}, err
	}
	return found(x.Device().Backend().Contrastive(backend.Contrastive{
		Kind: backend.ContrastLabels, A: x.Buffer(), B: x.Buffer(), GradA: grad.Buffer(), Labels: labels.Buffer(),
		Rows: x.Dim(0), Width: x.Dim(1), Temperature: orOne(c.Temperature),
		Normalize: c.Normalize, Scale: orOne(c.Scale),
	}))
}
