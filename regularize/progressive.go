package regularize

import (
	"math"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
)

// ProgressiveLayerDrop is the schedule of rates for LayerDrop and DropPath that
// starts with every layer and lets go of more as training goes on, deeper
// layers first. It is pure in the step: there is nothing to save.
//
//	θ(t)       = (1−Theta)·e^(−Gamma·t) + Theta
//	Rate(t, l) = (l+1)/depth · (1−θ(t))         of layer l of depth, from 0
//
// The zero value drops nothing. DeepSpeed's defaults are Theta 0.5 and Gamma
// 0.001; it hands θ to the model and leaves the layers' rates to it.
// See https://arxiv.org/abs/2010.13369.
type ProgressiveLayerDrop struct {
	Theta float64 // the share of layers kept in the end, 0 to 1
	Gamma float64 // how fast, per step
}

// Validate reports the first field out of range.
func (d ProgressiveLayerDrop) Validate() error {
	return check.Fields("regularize.ProgressiveLayerDrop",
		check.Field{Name: "Theta", Value: d.Theta, Max: 1},
		check.Field{Name: "Gamma", Value: d.Gamma, Max: math.Inf(1)})
}

// At is θ at a step; before step 0 it is 1.
func (d ProgressiveLayerDrop) At(step int) float64 {
	return float64((1-d.Theta)*fmath.Exp(-d.Gamma*float64(max(step, 0)))) + d.Theta
}

// Rate is the probability that a layer is dropped at a step.
func (d ProgressiveLayerDrop) Rate(layer, depth, step int) float64 {
	return float64(layer+1) / float64(depth) * (1 - d.At(step))
}
