// Package loss computes losses: the value and the gradient with respect to the
// network's output in one call, as few passes over memory as it takes.
//
// A loss is a sum with a weight, not a mean, so that micro-batches of any sizes
// add up exactly: accum divides once at the end.
//
//	descent                 PyTorch
//	loss.CrossEntropy       torch.nn.CrossEntropyLoss(reduction="sum")
//	loss.LinearCrossEntropy cross_entropy(linear(hidden, weight, bias), targets, reduction="sum")
//	loss.BCE                torch.nn.BCEWithLogitsLoss
//	loss.Focal              torchvision.ops.sigmoid_focal_loss
//	loss.Poly1              optax.losses.poly_loss_cross_entropy
//	loss.Asymmetric         timm.loss.AsymmetricLossMultiLabel
//	loss.MSE, L1, Huber     torch.nn.MSELoss, L1Loss, HuberLoss
//	loss.SmoothL1, LogCosh  torch.nn.SmoothL1Loss, optax.losses.log_cosh
//	loss.MarginRanking      torch.nn.MarginRankingLoss
//	loss.CosineEmbedding    torch.nn.CosineEmbeddingLoss
//	loss.TripletMargin      torch.nn.TripletMarginLoss
//	loss.KLDiv              torch.nn.KLDivLoss
//	loss.Distillation       the same of log_softmax and softmax, times Temperature²
//	loss.InfoNCE            open_clip's ClipLoss, times the rows
//	loss.SigLIP             open_clip's SigLipLoss, times the rows
//	loss.SupCon             SupContrast's SupConLoss, SimCLR's NT-Xent
//	CrossEntropy.EvalRows   reduction="none"
//	Result.Mean             reduction="mean"
//
// PyTorch has neither [SoftmaxFocal], [Consistency], [PseudoLabel], [RDrop] and
// [Entropy], nor [Uncertainty] and [GradNorm], which weigh tasks. Who has
// automatic differentiation and a loss that is not here needs none of this.
package loss

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Result is what a loss over a batch comes to.
type Result struct {
	// Sum is the sum of the losses of all rows that count.
	Sum float64
	// Weight is what Sum is to be divided by for the mean: how many rows count,
	// or the sum of their weights.
	Weight float64
	// Rows is how many rows count. Correct is how many of them are right: the
	// first largest logit is the target. Losses without classes leave it 0.
	Rows    int
	Correct int
	// NonFinite is how many rows have a loss that is NaN or infinite; First is
	// the first of them, -1 when there is none.
	NonFinite int
	First     int
}

// Mean is Sum/Weight, and 0 where nothing counts (PyTorch has NaN there).
func (r Result) Mean() float64 {
	if r.Weight == 0 {
		return 0
	}
	return r.Sum / r.Weight
}

// Accuracy is Correct/Rows, and 0 where nothing counts.
func (r Result) Accuracy() float64 {
	if r.Rows == 0 {
		return 0
	}
	return float64(r.Correct) / float64(r.Rows)
}

// result is what a device returns.
func result(l backend.Loss) Result {
	return Result{l.Sum, l.Weight, l.Rows, l.Correct, l.NonFinite, l.First}
}

// eachRow returns an error unless v is usable, has one element of one of the
// types for each row of x, and is on x's device.
func eachRow(v, x operand, types ...descent.DType) error {
	if err := check.Usable(v.name, v.view); err != nil {
		return err
	}
	if err := check.DType(v.name, v.view, types...); err != nil {
		return err
	}
	if v.view.Rank() != 1 || v.view.Len() != x.view.Dim(0) {
		return fmt.Errorf("descent: %w: %s is %v, %s is %v: want one for each row",
			descent.ErrShape, v.name, v.view, x.name, x.view)
	}
	return check.SameDevice(v.name, v.view, x.name, x.view)
}
