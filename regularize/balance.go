package regularize

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// LoadBalance is the auxiliary loss that makes a router use all its N experts,
// as in Switch Transformer.
//
//	p_t  = softmax(logits_t)
//	f_i  = share of the tokens that were given expert i
//	P_i  = mean of p_ti over the tokens
//	loss = Weight·N·Σ f_i·P_i        Weight where the load is even
//
// f is a count and has no gradient. With several choices a token counts for
// each, so that f adds up to their number, as in transformers.
// See https://arxiv.org/abs/2101.03961.
type LoadBalance struct {
	Weight float64 // Switch Transformer's 0.01; 0 costs nothing
}

// Validate reports the first field out of range.
func (l LoadBalance) Validate() error {
	return check.Fields("regularize.LoadBalance", check.Field{Name: "Weight", Value: l.Weight, Max: math.Inf(1)})
}

// Balanced is the loss as a sum over tokens, to be divided once, and how many
// tokens count.
type Balanced struct {
	Sum, Weight float64
}

// Mean is the loss, and 0 where no token counts.
func (b Balanced) Mean() float64 {
	if b.Weight == 0 {
		return 0
	}
	return b.Sum / b.Weight
}

// Eval returns the loss of a router's logits, tokens × experts, and adds the
// gradient of its sum to grad. chosen holds the experts that each token was
// given, tokens or tokens × choices of int32 or int64. A token whose first
// choice is negative is padding: it does not count and has no gradient. The
// zero View as grad asks for the loss alone.
//
// Special cases are: a token whose logits hold NaN or +Inf makes the loss and
// its own gradient NaN. An expert out of range, other types and shapes, and
// grad in the memory of logits are errors, and nothing has been written.
func (l LoadBalance) Eval(grad, logits, chosen descent.View) (Balanced, error) {
	if err := l.Validate(); err != nil {
		return Balanced{}, err
	}
	if err := penalized(grad, logits, 1); err != nil {
		return Balanced{}, err
	}
	if err := check.Usable("chosen", chosen); err != nil {
		return Balanced{}, err
	}
	if err := check.DType("chosen", chosen, descent.I32, descent.I64); err != nil {
		return Balanced{}, err
	}
	if logits.Rank() != 2 || chosen.Rank() > 2 || chosen.Dim(0) != logits.Dim(0) || chosen.Dim(1) < 1 {
		return Balanced{}, fmt.Errorf("regularize: %w: logits are %v, chosen is %v, want tokens × experts and tokens × choices",
			descent.ErrShape, logits, chosen)
	}
	if err := check.SameDevice("logits", logits, "chosen", chosen); err != nil {
		return Balanced{}, err
	}
	b, err := logits.Device().Backend().Balance(backend.Balance{
		Grad: grad.Buffer(), Logits: logits.Buffer(), Chosen: chosen.Buffer(),
		Tokens: logits.Dim(0), Experts: logits.Dim(1), Choices: chosen.Dim(1), Scale: l.Weight,
	})
	return Balanced{Sum: l.Weight * b.Sum, Weight: float64(b.Tokens)}, err
}
