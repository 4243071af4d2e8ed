package regularize

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// Soup sets the values of into to the weighted mean of the models' values,
// parameter by parameter in the order they are listed.
//
//	x = Σ w_k·x_k / Σ w_k
//
// It is summed as a running mean, x = x + w_k/(w_1+…+w_k)·(x_k − x), so that
// equal models give themselves, to the bit. Without weights all are 1. A model
// of weight 0 is not read.
//
// Names and shapes of all models agree; into has float32 for float32 and
// narrower, float64 for float64, and memory of its own; weights are at least 0,
// finite, and not all 0; every element of a model is finite; or it is an error
// and nothing has been written. See https://arxiv.org/abs/2203.05482.
func Soup(into []descent.Param, weights []float64, models ...[]descent.Param) error {
	total := 0.0
	for i, w := range weights {
		if err := check.Fields("regularize.Soup",
			check.Field{Name: fmt.Sprint("weight ", i), Value: w, Max: math.Inf(1)}); err != nil {
			return err
		}
		total += w
	}
	switch {
	case len(models) == 0:
		return fmt.Errorf("regularize: a soup of no models")
	case weights != nil && len(weights) != len(models):
		return fmt.Errorf("regularize: %d weights for %d models", len(weights), len(models))
	case weights != nil && !(total > 0 && total <= math.MaxFloat64):
		return fmt.Errorf("regularize: the weights of a soup add up to %v, want more than 0 and finite", total)
	}
	dst, bufs, err := values(into)
	if err != nil {
		return err
	}
	sets := make([]*backend.Set, len(models))
	for k, m := range models {
		if sets[k], err = ingredient(into, dst, k, m); err != nil {
			return err
		}
	}
	if len(dst) == 0 {
		return nil
	}
	sum, out := 0.0, backend.NewSet(bufs)
	for k, set := range sets {
		w := 1.0
		if weights != nil {
			w = weights[k]
		}
		if w == 0 {
			continue
		}
		sum += w
		move := backend.NewAverage(out, set)
		move.Weight = w / sum
		if err := dst[0].Device().Backend().Average(move); err != nil {
			return err
		}
	}
	return nil
}

// ingredient is the memory of model k, which must fit into.
func ingredient(into []descent.Param, dst []descent.View, k int, model []descent.Param) (*backend.Set, error) {
	src, bufs, err := values(model)
	if err != nil {
		return nil, fmt.Errorf("model %d: %w", k, err)
	}
	if len(src) != len(dst) {
		return nil, fmt.Errorf("regularize: model %d has %d parameters, want %d", k, len(src), len(dst))
	}
	for i, v := range src {
		name, want := into[i].Name, descent.F32
		if v.DType() == descent.F64 {
			want = descent.F64
		}
		switch {
		case model[i].Name != name:
			return nil, fmt.Errorf("regularize: parameter %d of model %d is %q, want %q", i, k, model[i].Name, name)
		case dst[i].DType() != want:
			return nil, fmt.Errorf("descent: %w: %s of model %d is %v, its mean %v", descent.ErrDType, name, k, v, dst[i])
		case !v.SameShape(dst[i]):
			return nil, fmt.Errorf("descent: %w: %s of model %d is %v, its mean %v", descent.ErrShape, name, k, v, dst[i])
		}
		if err := check.SameDevice(name, v, "its mean", dst[i]); err != nil {
			return nil, err
		}
		for j, d := range dst {
			if err := check.Disjoint(fmt.Sprintf("%s of model %d", name, k), v, "the mean of "+into[j].Name, d); err != nil {
				return nil, err
			}
		}
	}
	g, err := descent.NewGradients(src)
	if err != nil {
		return nil, err
	}
	n, err := g.Norm()
	if err == nil && n.NonFinite.Count > 0 {
		err = fmt.Errorf("regularize: %s of model %d is not finite at element %d",
			into[n.NonFinite.Tensor].Name, k, n.NonFinite.Index)
	}
	return backend.NewSet(bufs), err
}
