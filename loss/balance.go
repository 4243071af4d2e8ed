package loss

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/check"
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

// Validate reports the first S whose factor could overflow.
func (u Uncertainty) Validate() error {
	for _, s := range u.S {
		if err := check.Fields("loss.Uncertainty", check.Field{Name: "S", Value: s, Min: -700, Max: 700}); err != nil {
			return err
		}
	}
	return nil
}

// Factors sets dst to what multiplies the tasks' gradients: Scale of a loss.
// After an error nothing has been written.
func (u Uncertainty) Factors(dst []float64) error {
	if err := u.Validate(); err != nil {
		return err
	}
	if len(dst) != len(u.S) {
		return fmt.Errorf("loss: %d factors of %d tasks", len(dst), len(u.S))
	}
	for i, s := range u.S {
		dst[i] = fmath.Exp(-s) / 2
	}
	return nil
}

// Eval returns the loss of the tasks' losses and sets grad to its gradient with
// respect to S; grad may be losses. A loss that is not finite, or is not after
// its factor, is an error, and nothing has been written.
func (u Uncertainty) Eval(grad, losses []float64) (float64, error) {
	if err := u.Validate(); err != nil {
		return 0, err
	}
	if len(grad) != len(u.S) || len(losses) != len(u.S) {
		return 0, fmt.Errorf("loss: %d gradients and %d losses of %d tasks", len(grad), len(losses), len(u.S))
	}
	sum := 0.0
	for i, l := range losses {
		half := u.half(i, l)
		if !(math.Abs(half) <= math.MaxFloat64) {
			return 0, fmt.Errorf("loss: task %d has loss %v and S %v, want a finite product of the loss and exp(-S)", i, l, u.S[i])
		}
		sum += half + u.S[i]/2
	}
	for i, l := range losses {
		grad[i] = 0.5 - u.half(i, l)
	}
	return sum, nil
}

// half is ½·e^(−S)·l of task i.
func (u Uncertainty) half(i int, l float64) float64 { return float64(fmath.Exp(-u.S[i]) / 2 * l) }
