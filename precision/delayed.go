package precision

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// Delayed is FP8 with a scale for each tensor that its earlier largest
// magnitudes set, so that a cast needs no read of its own.
//
//	scale = (M/amax)/2^Margin,  amax = the largest, or the last, of History
//
// in float32, M being the format's largest number; beyond float32 it is its
// largest. Where amax is 0 the scale stays.
//
// An amax that is NaN or ±Inf is not remembered. Transformer Engine remembers
// it, and keeps the scale until History updates have passed.
// See https://docs.nvidia.com/deeplearning/transformer-engine.
type Delayed struct {
	Format     Format // E4M3FN or E5M2; none means E4M3FN
	History    int    // 0 means 1024
	Margin     int    // binary orders of magnitude left free
	MostRecent bool
	PowerOfTwo bool // the scale is cut to a power of two
}

// Validate reports the first field out of range.
func (d Delayed) Validate() error {
	if d.Format != (Format{}) && d.Format != E4M3FN && d.Format != E5M2 {
		return fmt.Errorf("precision.Delayed: Format is %v, want %v or %v", d.Format, E4M3FN, E5M2)
	}
	return check.Fields("precision.Delayed",
		check.Field{Name: "History", Value: float64(d.History), Max: 1 << 20},
		check.Field{Name: "Margin", Value: float64(d.Margin), Min: -64, Max: 64})
}

func (d Delayed) filled() Delayed {
	if d.Format == (Format{}) {
		d.Format = E4M3FN
	}
	if d.History == 0 {
		d.History = 1024
	}
	return d
}

// New makes the scales of tensors, 1 at first, with names that differ.
func (d Delayed) New(names ...string) (*DelayedScales, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	s := &DelayedScales{c: d.filled(), seen: make([]float64, len(names))}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("precision: two tensors are named %q", name)
		}
		s.tensors = append(s.tensors, DelayedTensor{Name: name, Scale: 1, History: make([]float32, s.c.History)})
		s.seen[i] = unseen
	}
	return s, nil
}

// unseen is the amax of a tensor that was not cast since the last Update.
const unseen = -1

// DelayedScales are the scales of a module's tensors. They must not be used by
// two goroutines at once.
type DelayedScales struct {
	c       Delayed
	tensors []DelayedTensor
	seen    []float64 // the largest magnitudes since the last Update
}

// DelayedTensor is what is remembered of a tensor.
type DelayedTensor struct {
	Name    string
	Scale   float32
	Valid   bool      // an amax set Scale, and the tensor is still the one that had it
	History []float32 // 0 at first, then the oldest to the last amax
}

// DelayedState is everything that DelayedScales remember.
type DelayedState struct {
	Format  string
	Tensors []DelayedTensor
}

// Scale is what tensor i is multiplied by.
func (s *DelayedScales) Scale(i int) float32 { return s.tensors[i].Scale }

// Cast sets dst, of the format's type, to tensor i, saturating, and returns what
// multiplied codes are divided by: the scale in force, which the next Update may
// change. The largest magnitude of src is found in the same pass and recorded.
//
// Where the scale is not valid, at first and after Invalidate, it is set from
// src, for one read more.
func (s *DelayedScales) Cast(i int, dst, src descent.View) (scale float32, err error) {
	want := descent.E4M3
	if s.c.Format == E5M2 {
		want = descent.E5M2
	}
	if err := check.DType("dst", dst, want); err != nil {
		return 0, err
	}
	if err := operands(dst, src); err != nil {
		return 0, err
	}
	b := dst.Device().Backend()
	t := &s.tensors[i]
	if !t.Valid {
		amax, err := b.Amax(src.Buffer())
		if err != nil {
			return 0, err
		}
		t.Valid = s.set(t, float32(amax))
	}
	work := Cast{}.work(dst, src, 0, true)
	work.Scale = t.Scale
	work.Overflow = kernel.Saturate
	amax, err := b.Cast(work)
	if err != nil {
		return 0, err
	}
	s.Record(i, amax)
	return t.Scale, nil
}

// Record says that tensor i had the largest magnitude amax, for those who cast
// it themselves. NaN, ±Inf and what float32 does not hold are left out.
func (s *DelayedScales) Record(i int, amax float64) {
	if amax >= 0 && amax <= math.MaxFloat32 {
		s.seen[i] = max(s.seen[i], amax)
	}
}

// Update takes the magnitudes recorded since the last Update, over a group the
// largest of its members', into the histories and sets the scales. A tensor that
// no member recorded keeps history and scale. Call it after each step, on all
// members or on none; a group of nil is this process alone.
func (s *DelayedScales) Update(g Group) error {
	if g != nil {
		if err := g.Max(s.seen); err != nil {
			return fmt.Errorf("precision: largest magnitudes over the group: %w", err)
		}
	}
	for i := range s.tensors {
		amax := s.seen[i]
		s.seen[i] = unseen
		if !(amax >= 0 && amax <= math.MaxFloat32) {
			continue
		}
		t := &s.tensors[i]
		copy(t.History, t.History[1:])
		t.History[len(t.History)-1] = float32(amax)
		used := float32(amax)
		if !s.c.MostRecent {
			used = slices.Max(t.History)
		}
		t.Valid = s.set(t, used) || t.Valid
	}
	return nil
}

// set sets the scale, if amax allows one.
func (s *DelayedScales) set(t *DelayedTensor, amax float32) bool {
	if !(amax > 0 && amax <= math.MaxFloat32) {
		return false
	}
	scale := s.c.Format.Max() / amax
	scale = float32(math.Ldexp(float64(scale), -s.c.Margin))
	if s.c.PowerOfTwo && scale >= 0x1p-126 {
		scale = math.Float32frombits(math.Float32bits(scale) & 0x7f800000)
		if math.IsInf(float64(scale), 1) {
			scale = 0x1p127
		}
	}
	t.Scale = min(max(scale, 0x1p-149), math.MaxFloat32)
	return true
}

// Invalidate forgets all histories: the tensors hold values that have nothing
// to do with the earlier ones, as after loading weights. The next Cast sets each
// scale from what it casts.
func (s *DelayedScales) Invalidate() {
	for i := range s.tensors {
		clear(s.tensors[i].History)
		s.tensors[i].Valid = false
		s.seen[i] = unseen
	}
}

// ErrState is the error of a state that belongs to other DelayedScales.
var ErrState = errors.New("state of other scales")

// State returns a copy of all that is to be saved, between an Update and the
// next Cast.
func (s *DelayedScales) State() DelayedState {
	state := DelayedState{Format: s.c.Format.String()}
	for _, t := range s.tensors {
		t.History = slices.Clone(t.History)
		state.Tensors = append(state.Tensors, t)
	}
	return state
}

// Restore continues from a state, with the bits that the saved scales would
// have had. Tensors are found by name, in any order. A state of another format,
// a missing or unknown tensor, another length of history and numbers that are
// not finite are errors that wrap ErrState, and nothing changes.
//
// Weights that come from elsewhere than the state need Invalidate afterwards.
func (s *DelayedScales) Restore(state DelayedState) error {
	if want := s.c.Format.String(); state.Format != want {
		return fmt.Errorf("precision: %w: scales of %s, want %s", ErrState, state.Format, want)
	}
	saved := map[string]DelayedTensor{}
	for _, t := range state.Tensors {
		saved[t.Name] = t
	}
	if len(saved) != len(s.tensors) || len(state.Tensors) != len(saved) {
		return fmt.Errorf("precision: %w: %d scales with %d names, want %d", ErrState, len(state.Tensors), len(saved), len(s.tensors))
	}
	for _, t := range s.tensors {
		u, ok := saved[t.Name]
		if !ok {
			return fmt.Errorf("precision: %w: no scale of %q", ErrState, t.Name)
		}
		if len(u.History) != len(t.History) {
			return fmt.Errorf("precision: %w: history of %s has length %d, want %d", ErrState, t.Name, len(u.History), len(t.History))
		}
		for _, x := range append(slices.Clone(u.History), u.Scale) {
			if !(x >= 0 && x <= math.MaxFloat32) || u.Scale == 0 {
				return fmt.Errorf("precision: %w: scale %v or history of %s, want finite numbers", ErrState, u.Scale, t.Name)
			}
		}
	}
	for i, t := range s.tensors {
		u := saved[t.Name]
		copy(t.History, u.History)
		s.tensors[i].Scale, s.tensors[i].Valid = u.Scale, u.Valid
		s.seen[i] = unseen
	}
	return nil
}
