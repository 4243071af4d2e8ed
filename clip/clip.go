// Package clip limits gradients.
//
// What a number for each tensor can express only changes the pending factors of
// a [descent.Gradients]: these limits read the gradients once, for the norm that
// the optimizer's step needs anyway, and write nothing. [Value], [AGC] and
// [PerExample] write, in one pass.
//
//	descent                  PyTorch and others
//	clip.GlobalNorm          torch.nn.utils.clip_grad_norm_, optax.clip_by_global_norm
//	clip.Value               torch.nn.utils.clip_grad_value_
//	clip.PerTensorNorm       clip_grad_norm_ for each parameter
//	clip.BlockRMS            optax.clip_by_block_rms
//	clip.AGC                 timm adaptive_clip_grad, optax.adaptive_grad_clip
//	clip.PerExample          optax.differentially_private_aggregate
//	clip.New(Percentile)     AutoClip
//	clip.New(ZScore)         ZClip
//	clip.New(AdaGC)          AdaGC
//	clip.New(NonFinite)      error_if_nonfinite, optax.apply_if_finite
//	Gradients.PNorm          torch.nn.utils.get_total_norm
//
// A gradient with NaN or ±Inf is never clipped and never remembered: the
// optimizer's step refuses it, and its report says where the first such element
// is. Who wants an error or zeros instead begins with [NonFinite].
//
// Who wants the gradients themselves clipped, for an optimizer of another
// library, calls [descent.Gradients.Apply] afterwards.
package clip

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

var inf = math.Inf(1)

// limit is the field of a limit: more than 0, +Inf for none.
func limit(name string, value float64) check.Field {
	return check.Field{Name: name, Value: value, OpenMin: true, Max: inf, AllowsInf: true}
}

// read returns what one read of the gradients tells, and whether a limit may act
// on it: not where an element is NaN or ±Inf or the norm overflows.
func read(g *descent.Gradients) (n descent.Norm, ok bool, err error) {
	n, err = g.Norm()
	return n, err == nil && !math.IsInf(n.L2, 1), err
}
