package schedule

// Linear moves from From to To along a straight line, up or down.
//
//	At(t) = From·(1-p) + To·p,  p = t/Steps, at least 0 and at most 1
//
// PyTorch's LinearLR has factors of a base rate in the place of values.
type Linear struct {
	From, To float64
	Steps    int // at least 0; 0 is To from step 0 on
}

// At implements Schedule.
func (s Linear) At(step int) float64 { return mix(s.From, s.To, progress(step, s.Steps)) }

// Validate implements Schedule.
func (s Linear) Validate() error {
	return check("Linear").finite("From", s.From).finite("To", s.To).atLeast("Steps", s.Steps, 0).err
}
