package descenttest

import "github.com/descent-ml/descent/optim"

// Stepper is stepper.
type Stepper = stepper

// OptimizerOf is Optimizer of something that is no optim.Optimizer.
var OptimizerOf = optimizer

var _ Stepper = (*optim.Optimizer)(nil)
