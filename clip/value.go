package clip

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// Value limits every element.
//
//	g = min(max(factor·g, −Max), Max),  factor = 1
//
// Special cases are: where no element exceeds Max, nothing is written and the
// factor stays pending; a gradient with NaN or ±Inf changes nothing, where
// PyTorch's clip_grad_value_ keeps NaN and hides an infinity behind ±Max. Max =
// +Inf never clips. Max is rounded to the elements' type.
//
// It is the one limit here that changes the direction within a tensor.
type Value struct {
	Max float64 // more than 0
}

// Validate reports the first field out of range.
func (c Value) Validate() error { return check.Fields("clip.Value", limit("Max", c.Max)) }

// Apply reads the gradients once, unless their norm is already known, and reads
// and writes them once more where an element exceeds Max. An invalid c is an
// error, and nothing has changed then.
func (c Value) Apply(g *descent.Gradients) error {
	if err := c.Validate(); err != nil {
		return err
	}
	n, err := g.Norm()
	if err != nil || n.NonFinite.Count > 0 || n.MaxAbs <= c.Max {
		return err
	}
	return g.Clamp(c.Max)
}
