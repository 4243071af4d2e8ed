package schedule

// Offset is a schedule seen from another step: By steps ahead, or behind where
// By is negative.
//
//	At(t) = Of.At(t+By)
type Offset struct {
	By int
	Of Schedule
}

// At implements Schedule.
func (s Offset) At(step int) float64 { return at(s.Of, add(step, s.By)) }

// Validate implements Schedule.
func (s Offset) Validate() error { return check("Offset").valid("Of", s.Of).err }

// Repeat begins a schedule anew every Every steps, each time lower by Decay, and
// Times times in all; after that it goes on as the last of them.
//
//	At(t) = Decayⁱ·Of.At(t - i·Every),  i = ⌊t/Every⌋, at least 0 and less than Times
type Repeat struct {
	Every int     // at least 1
	Times int     // 0 means without end
	Decay float64 // at least 0 and at most 1; 0 means 1
	Of    Schedule
}

// At implements Schedule.
func (s Repeat) At(step int) float64 {
	if step < 0 || s.Every <= 0 {
		return at(s.Of, step)
	}
	i := step / s.Every
	if s.Times > 0 {
		i = min(i, s.Times-1)
	}
	return power(at(s.Of, step-i*s.Every), orOne(s.Decay), i)
}

// Validate implements Schedule.
func (s Repeat) Validate() error {
	return check("Repeat").atLeast("Every", s.Every, 1).atLeast("Times", s.Times, 0).
		factor("Decay", s.Decay).valid("Of", s.Of).err
}

// PerStep is a schedule written in samples or tokens, where each step has the
// same number of them.
//
//	At(t) = Of.At(t·Units)
//
// Where steps differ, as while the batch grows, ask the schedule itself, with the
// samples or tokens consumed so far in the place of the step.
type PerStep struct {
	Units int // samples or tokens in a step, at least 1
	Of    Schedule
}

// At implements Schedule.
func (s PerStep) At(step int) float64 {
	return at(s.Of, times(step, max(1, s.Units)))
}

// Validate implements Schedule.
func (s PerStep) Validate() error {
	return check("PerStep").atLeast("Units", s.Units, 1).valid("Of", s.Of).err
}

// PerEpoch is a schedule written in epochs: it changes with each epoch only.
//
//	At(t) = Of.At(⌊t/Steps⌋)
type PerEpoch struct {
	Steps int // in an epoch, at least 1
	Of    Schedule
}

// At implements Schedule.
func (s PerEpoch) At(step int) float64 {
	if s.Steps <= 0 {
		return at(s.Of, step)
	}
	return at(s.Of, floor(step, s.Steps))
}

// Validate implements Schedule.
func (s PerEpoch) Validate() error {
	return check("PerEpoch").atLeast("Steps", s.Steps, 1).valid("Of", s.Of).err
}
