package loss

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// Uncertainty weighs the losses L of tasks by how uncertain each is, s = ln σ²,
// which is trained with the network.
//
//	loss = Σ ½·e^(−s)·L + ½·s
//	∂/∂s = ½ − ½·e^(−s)·L
//
// The factor of a task's gradients is ½·e^(−s). See
// https://arxiv.org/abs/1705.07115.
type Uncertainty struct {
	S []float64 // of each task; all the state there is
}

// Factors sets dst to what multiplies the tasks' gradients: Scale of a loss.
func (u Uncertainty) Factors(dst []float64) error {
	if len(dst) != len(u.S) {
		return fmt.Errorf("loss: %d factors of %d tasks", len(dst), len(u.S))
	}
	for i, s := range u.S {
		dst[i] = fmath.Exp(-s) / 2
	}
	return nil
}

// Eval returns the loss of the tasks' losses and sets grad to its gradient with
// respect to S; grad may be losses. A loss or an S that is not finite is an
// error, and nothing has been written.
func (u Uncertainty) Eval(grad, losses []float64) (float64, error) {
	if len(grad) != len(u.S) || len(losses) != len(u.S) {
		return 0, fmt.Errorf("loss: %d gradients and %d losses of %d tasks", len(grad), len(losses), len(u.S))
	}
	for i, l := range losses {
		if !(math.Abs(l) <= math.MaxFloat64 && math.Abs(u.S[i]) <= math.MaxFloat64) {
			return 0, fmt.Errorf("loss: task %d has loss %v and S %v, want finite numbers", i, l, u.S[i])
		}
	}
	sum := 0.0
	for i, l := range losses {
		half := float64(fmath.Exp(-u.S[i]) / 2 * l)
		sum += half + u.S[i]/2
		grad[i] = 0.5 - half
	}
	return sum, nil
}
