package loss

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
)

// GradNorm weighs the losses L of K tasks so that the gradients of all of them
// at a shared layer have norms of one size, larger where a task trains slower.
//
//	G      = W·norm, the norm of the gradient of L without its weight
//	r      = L/First over the mean of all L/First
//	target = mean(G)·r^Alpha, a constant
//	W      = W − Rate·sign(G − target)·norm, kept in [10⁻⁴, K], times K/ΣW
//
// That is a step of gradient descent in W on Σ|G − target|. Special cases are:
// while all losses are 0 every r is 1; sign(0) is 0.
//
// W is what multiplies the tasks' gradients: Scale of a loss. It and First are
// all the state there is. See https://arxiv.org/abs/1711.02257.
type GradNorm struct {
	Alpha float64   // 0 means 1.5; math.SmallestNonzeroFloat64 asks for 0, equal norms
	Rate  float64   // 0 means 0.025
	W     []float64 // of each task; begins as ones
	First []float64 // the losses of the first Update, which sets it
}

// Validate reports the first field out of range.
func (g *GradNorm) Validate() error {
	if err := check.Fields("loss.GradNorm", check.Field{Name: "Alpha", Value: g.Alpha, Max: math.Inf(1)},
		check.Field{Name: "Rate", Value: g.Rate, Max: math.Inf(1)}); err != nil {
		return err
	}
	if len(g.First) != 0 && len(g.First) != len(g.W) {
		return fmt.Errorf("loss.GradNorm: First has %d losses, want one for each of the %d tasks of W", len(g.First), len(g.W))
	}
	if err := positive("loss.GradNorm", "W", g.W); err != nil {
		return err
	}
	return positive("loss.GradNorm", "First", g.First)
}

// Update moves W by one step, given each task's loss and the norm of its
// gradient at the shared layer, without the weight. The first losses must be
// more than 0.
//
// A loss or a norm that is negative, NaN or infinite, and a step that overflows,
// is an error, and nothing has changed.
func (g *GradNorm) Update(losses, norms []float64) error {
	if err := g.Validate(); err != nil {
		return err
	}
	tasks := len(g.W)
	if len(losses) != tasks || len(norms) != tasks {
		return fmt.Errorf("loss: GradNorm.Update: %d losses and %d norms of %d tasks", len(losses), len(norms), tasks)
	}
	for i, l := range losses {
		if !(l >= 0 && l <= math.MaxFloat64 && norms[i] >= 0 && norms[i] <= math.MaxFloat64) {
			return fmt.Errorf("loss: GradNorm.Update: task %d has loss %v and norm %v, want finite numbers of at least 0", i, l, norms[i])
		}
	}
	first := g.First
	if len(first) == 0 {
		if err := positive("loss: GradNorm.Update", "first loss", losses); err != nil {
			return err
		}
		first = losses
	}
	s := gradNormStep{g: g, losses: losses, norms: norms, first: first, alpha: g.Alpha, rate: g.Rate}
	if s.alpha == 0 {
		s.alpha = 1.5
	}
	if s.rate == 0 {
		s.rate = 0.025
	}
	for i, w := range g.W {
		s.norm += float64(w*norms[i]) / float64(tasks)
		s.ratio += losses[i] / first[i] / float64(tasks)
	}
	sum := 0.0
	for i := range g.W {
		sum += s.moved(i)
	}
	if !(sum <= math.MaxFloat64) {
		return fmt.Errorf("loss: GradNorm.Update: the weights add up to %v, want a finite number", sum)
	}
	for i := range g.W {
		g.W[i] = s.moved(i) / sum * float64(tasks)
	}
	if len(g.First) == 0 {
		g.First = append(g.First, losses...)
	}
	return nil
}

// gradNormStep is what the tasks of one step share: the means of G and of
// L/First.
type gradNormStep struct {
	g                    *GradNorm
	losses, norms, first []float64
	alpha, rate          float64
	norm, ratio          float64
}

// moved is the weight of task i before all are scaled; NaN after an overflow.
func (s *gradNormStep) moved(i int) float64 {
	r := 1.0
	if s.ratio != 0 {
		r = s.losses[i] / s.first[i] / s.ratio
	}
	w, step := s.g.W[i], float64(s.rate*s.norms[i])
	off := float64(w*s.norms[i]) - float64(s.norm*fmath.Pow(r, s.alpha))
	switch {
	case !(math.Abs(off) <= math.MaxFloat64):
		return math.NaN()
	case off > 0:
		w -= step
	case off < 0:
		w += step
	}
	return min(max(w, 1e-4), float64(len(s.g.W)))
}

// positive returns an error unless all xs are finite and more than 0.
func positive(typ, name string, xs []float64) error {
	for i, x := range xs {
		if !(x > 0 && x <= math.MaxFloat64) {
			return fmt.Errorf("%s: %s of task %d is %v, want more than 0 and finite", typ, name, i, x)
		}
	}
	return nil
}
