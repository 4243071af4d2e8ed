package precision

import (
	"errors"
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// LossScale is how the factor moves that keeps float16 gradients from becoming
// 0: the loss is multiplied by it before the backward pass, the gradients are
// divided by it after.
//
//	overflow   good = −Wait; scale = max(scale·Backoff, Min) from the
//	           Hysteresis-th overflow on
//	no         good = good + 1; at Interval: good = 0, scale = scale·Growth
//	           where that is at most Max
//
// Overflows are counted from the last growth on, with Consecutive from the last
// good step on. Scales are float32. The zero value is torch.amp.GradScaler,
// whose scale has no Min and can become 0. Growth and Backoff of 1 keep Init.
//
// bfloat16 and FP8 with scales of its own need no loss scale.
// See https://arxiv.org/abs/1710.03740.
type LossScale struct {
	Init        float64 // 0 means 65536
	Growth      float64 // at least 1; 0 means 2
	Backoff     float64 // at most 1; 0 means 0.5
	Interval    int     // good steps; 0 means 2000
	Wait        int     // good steps that do not count, at first and after an overflow
	Hysteresis  int     // 0 means 1
	Consecutive bool
	Min         float64 // 0 means 2⁻¹²⁶, below which 1/scale is not safe
	Max         float64 // 0 means the largest float32
	FailAtMin   bool    // Update returns ErrLossScale where it cannot back off
}

// MegatronLossScale is Megatron-LM's DynamicGradScaler with its defaults.
var MegatronLossScale = LossScale{Init: 1 << 32, Interval: 1000, Hysteresis: 2, Min: 1}

// DeepSpeedLossScale is DeepSpeed's DynamicLossScaler with the defaults of its
// configuration.
var DeepSpeedLossScale = LossScale{Init: 1 << 16, Interval: 1000, Wait: 1, Hysteresis: 2, Min: 1, FailAtMin: true}

// ErrLossScale is the error of an overflow at the smallest scale: training
// diverges, or float16 cannot hold it.
var ErrLossScale = errors.New("overflow at the smallest loss scale")

// filled has the numbers that 0 means.
func (c LossScale) filled() LossScale {
	for _, f := range []struct {
		field *float64
		value float64
	}{{&c.Init, 65536}, {&c.Growth, 2}, {&c.Backoff, 0.5}, {&c.Min, 0x1p-126}, {&c.Max, math.MaxFloat32}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if c.Interval == 0 {
		c.Interval = 2000
	}
	if c.Hysteresis == 0 {
		c.Hysteresis = 1
	}
	return c
}

// Validate reports the first field out of range.
func (c LossScale) Validate() error {
	c = c.filled()
	return check.Fields("precision.LossScale",
		check.Field{Name: "Max", Value: c.Max, Min: 0x1p-126, Max: math.MaxFloat32},
		check.Field{Name: "Min", Value: c.Min, Min: 0x1p-126, Max: c.Max},
		check.Field{Name: "Init", Value: c.Init, Min: c.Min, Max: c.Max},
		check.Field{Name: "Growth", Value: c.Growth, Min: 1, Max: math.Inf(1)},
		check.Field{Name: "Backoff", Value: c.Backoff, Max: 1, OpenMin: true},
		check.Field{Name: "Interval", Value: float64(c.Interval), Min: 1, Max: math.MaxInt32},
		check.Field{Name: "Wait", Value: float64(c.Wait), Max: math.MaxInt32},
		check.Field{Name: "Hysteresis", Value: float64(c.Hysteresis), Min: 1, Max: math.MaxInt32})
}

// New makes a LossScaler at the scale Init.
func (c LossScale) New() (*LossScaler, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &LossScaler{c: c.filled()}
	s.state = LossScaleState{Scale: float64(float32(s.c.Init)), Good: -s.c.Wait, Left: s.c.Hysteresis}
	return s, nil
}

// LossScaler holds the loss scale of a run. It must not be used by two
// goroutines at once.
type LossScaler struct {
	c        LossScale
	state    LossScaleState
	unscaled []*descent.Gradients // since the last Update
	overflow bool
}

// LossScaleState is everything a LossScaler remembers between two steps.
type LossScaleState struct {
	Scale     float64
	Good      int   // steps towards the next growth
	Left      int   // overflows until the scale backs off
	Overflows int64 // in all
}

// Scale is what the loss, or the gradient that backward starts with, is to be
// multiplied by.
func (s *LossScaler) Scale() float64 { return s.state.Scale }

// Unscale divides the gradients' pending factor by the scale and reports
// whether all elements are finite. Memory is read once, for the norm that
// clipping and the optimizer's step use too, and not written. The step skips
// gradients that are not finite.
//
// Several Gradients of one backward pass are unscaled one after another; the
// same twice before Update is an error.
func (s *LossScaler) Unscale(g *descent.Gradients) (finite bool, err error) {
	return s.UnscaleOver(nil, g)
}

// UnscaleOver is Unscale where other members of a group hold other parts of the
// gradients: finite says whether all parts are, so that all scales stay equal.
func (s *LossScaler) UnscaleOver(group Group, g *descent.Gradients) (finite bool, err error) {
	for _, seen := range s.unscaled {
		if seen == g {
			return false, errors.New("precision: LossScaler.Unscale: these gradients are unscaled already: Update comes first")
		}
	}
	n, err := g.Norm()
	if err != nil {
		return false, err
	}
	found := 0.0
	if n.NonFinite.Count > 0 {
		found = 1
	}
	if found, err = reduce(group, found); err != nil {
		return false, err
	}
	if err := g.Scale(1 / s.state.Scale); err != nil {
		return false, err
	}
	s.unscaled = append(s.unscaled, g)
	s.overflow = s.overflow || found > 0
	return found == 0, nil
}

// Update moves the scale after a step; applied is whether the optimizer took
// it. An overflow counts whatever the optimizer did; a step that it skipped for
// another reason, a clipping factor of 0 say, changes nothing. Update without
// Unscale is an error.
func (s *LossScaler) Update(applied bool) error {
	if len(s.unscaled) == 0 {
		return errors.New("precision: LossScaler.Update: no gradients were unscaled since the last one")
	}
	overflow := s.overflow
	clear(s.unscaled)
	s.unscaled, s.overflow = s.unscaled[:0], false
	if !overflow && !applied {
		return nil
	}
	return s.move(overflow)
}

// move is the table of LossScale.
func (s *LossScaler) move(overflow bool) error {
	c, t := &s.c, &s.state
	if overflow {
		t.Overflows++
		t.Good = -c.Wait
		if t.Left > 1 {
			t.Left--
			return nil
		}
		if c.FailAtMin && t.Scale == c.Min {
			return fmt.Errorf("precision: %w: %v", ErrLossScale, t.Scale)
		}
		t.Scale = max(float64(float32(t.Scale*c.Backoff)), c.Min)
		return nil
	}
	if c.Consecutive {
		t.Left = c.Hysteresis
	}
	if t.Good++; t.Good < c.Interval {
		return nil
	}
	t.Good, t.Left = 0, c.Hysteresis
	if grown := float64(float32(t.Scale * c.Growth)); grown <= c.Max {
		t.Scale = grown
	}
	return nil
}

// State returns what is to be saved.
func (s *LossScaler) State() LossScaleState { return s.state }

// Restore continues from a state. One that this LossScale cannot reach is an
// error, and nothing changes.
func (s *LossScaler) Restore(t LossScaleState) error {
	if err := check.Fields("precision.LossScaleState",
		check.Field{Name: "Scale", Value: t.Scale, Min: s.c.Min, Max: s.c.Max},
		check.Field{Name: "Good", Value: float64(t.Good), Min: float64(-s.c.Wait), Max: float64(s.c.Interval), OpenMax: true},
		check.Field{Name: "Left", Value: float64(t.Left), Min: 1, Max: float64(s.c.Hysteresis)},
		check.Field{Name: "Overflows", Value: float64(t.Overflows), Max: math.MaxInt64}); err != nil {
		return err
	}
	clear(s.unscaled)
	s.state, s.unscaled, s.overflow = t, s.unscaled[:0], false
	return nil
}
