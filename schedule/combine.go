package schedule

import "math"

// Scale multiplies by a number: layers that learn at a fraction of the rate.
//
//	At(t) = By·Of.At(t)
type Scale struct {
	By float64
	Of Schedule
}

// At implements Schedule.
func (s Scale) At(step int) float64 { return bounded(float64(s.By * at(s.Of, step))) }

// Validate implements Schedule.
func (s Scale) Validate() error { return check("Scale").finite("By", s.By).valid("Of", s.Of).err }

// Product multiplies two schedules: PyTorch's ChainedScheduler.
//
//	At(t) = A.At(t)·B.At(t)
type Product struct {
	A, B Schedule
}

// At implements Schedule.
func (s Product) At(step int) float64 { return bounded(float64(at(s.A, step) * at(s.B, step))) }

// Validate implements Schedule.
func (s Product) Validate() error { return check("Product").valid("A", s.A).valid("B", s.B).err }

// Sum adds two schedules.
//
//	At(t) = A.At(t) + B.At(t)
type Sum struct {
	A, B Schedule
}

// At implements Schedule.
func (s Sum) At(step int) float64 { return bounded(at(s.A, step) + at(s.B, step)) }

// Validate implements Schedule.
func (s Sum) Validate() error { return check("Sum").valid("A", s.A).valid("B", s.B).err }

// Max is the greater of two schedules.
type Max struct {
	A, B Schedule
}

// At implements Schedule.
func (s Max) At(step int) float64 { return max(at(s.A, step), at(s.B, step)) }

// Validate implements Schedule.
func (s Max) Validate() error { return check("Max").valid("A", s.A).valid("B", s.B).err }

// Min is the lesser of two schedules.
type Min struct {
	A, B Schedule
}

// At implements Schedule.
func (s Min) At(step int) float64 { return min(at(s.A, step), at(s.B, step)) }

// Validate implements Schedule.
func (s Min) Validate() error { return check("Min").valid("A", s.A).valid("B", s.B).err }

// Clamp keeps a schedule between two values.
type Clamp struct {
	Low, High float64
	Of        Schedule
}

// At implements Schedule.
func (s Clamp) At(step int) float64 { return max(s.Low, min(s.High, at(s.Of, step))) }

// Validate implements Schedule.
func (s Clamp) Validate() error {
	return check("Clamp").notAbove("Low", s.Low, "High", s.High).valid("Of", s.Of).err
}

// Round rounds to multiples, for batch sizes and sequence lengths: to the nearest,
// halves up, or down.
//
//	At(t) = To·⌊Of.At(t)/To + 1/2⌋,  Down: To·⌊Of.At(t)/To⌋
type Round struct {
	To   float64 // more than 0
	Down bool
	Of   Schedule
}

// At implements Schedule.
func (s Round) At(step int) float64 {
	if !(s.To > 0) {
		return at(s.Of, step)
	}
	v := at(s.Of, step)
	n := v / s.To
	if !(math.Abs(n) < 1<<52) { // multiples are closer together than numbers
		return v
	}
	whole := math.Floor(n)
	if !s.Down && n-whole >= 0.5 {
		whole++
	}
	return bounded(float64(s.To * whole))
}

// Validate implements Schedule.
func (s Round) Validate() error {
	return check("Round").want(s.To > 0 && s.To <= math.MaxFloat64, "To", s.To, "more than 0 and finite").
		valid("Of", s.Of).err
}
