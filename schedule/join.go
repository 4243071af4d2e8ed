package schedule

// Join is one schedule for some steps and then another, which starts at its own
// step 0. More parts are Joins in Then.
//
//	At(t) = First.At(t)       for t < Steps
//	At(t) = Then.At(t-Steps)  for t ≥ Steps
//
// PyTorch's SequentialLR changes the rate once more when it is resumed; Join has
// no state to resume.
type Join struct {
	First Schedule
	Steps int // at least 0
	Then  Schedule
}

// At implements Schedule.
func (s Join) At(step int) float64 {
	if step < s.Steps {
		return at(s.First, step)
	}
	return at(s.Then, step-s.Steps)
}

// Validate implements Schedule.
func (s Join) Validate() error {
	return check("Join").valid("First", s.First).atLeast("Steps", s.Steps, 0).valid("Then", s.Then).err
}
