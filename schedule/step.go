package schedule

// Step multiplies by Factor every Every steps: PyTorch's StepLR.
//
//	At(t) = Start·Factor^⌊t/Every⌋, Start for t < 0
type Step struct {
	Start  float64
	Factor float64 // at least 0 and at most 1
	Every  int     // at least 1
}

// At implements Schedule.
func (s Step) At(step int) float64 {
	if step < 0 || s.Every <= 0 {
		return s.Start
	}
	return power(s.Start, s.Factor, step/s.Every)
}

// Validate implements Schedule.
func (s Step) Validate() error {
	return check("Step").finite("Start", s.Start).factor("Factor", s.Factor).atLeast("Every", s.Every, 1).err
}

// MultiStep multiplies by Factor at each milestone: PyTorch's MultiStepLR.
//
//	At(t) = Start·Factorⁿ,  n = how many milestones are at most t
type MultiStep struct {
	Start      float64
	Factor     float64   // at least 0 and at most 1
	Milestones List[int] // rising, at least 0
}

// At implements Schedule.
func (s MultiStep) At(step int) float64 {
	return power(s.Start, s.Factor, s.Milestones.after(step))
}

// Validate implements Schedule.
func (s MultiStep) Validate() error {
	return check("MultiStep").finite("Start", s.Start).factor("Factor", s.Factor).
		rising("Milestones", s.Milestones).err
}
