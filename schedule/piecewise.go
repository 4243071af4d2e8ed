package schedule

// Piecewise goes through given values at given steps.
//
//	At(Steps[i]) = Values[i]
//
// Before the first step it has the first value, after the last the last one.
type Piecewise struct {
	Steps   List[int]     // rising, at least 0
	Values  List[float64] // one for each step
	Between Between
}

// Between is the way from one value of a Piecewise to the next.
type Between string

// The ways.
const (
	Hold     Between = ""       // the value stays until the next step
	Straight Between = "linear" // a straight line
	Eased    Between = "cosine" // half a cosine wave
)

// At implements Schedule.
func (s Piecewise) At(step int) float64 {
	n := min(s.Steps.Len(), s.Values.Len())
	if n == 0 {
		return 0
	}
	i := min(s.Steps.after(step), n)
	if i == 0 {
		return s.Values.At(0)
	}
	a := s.Values.At(i - 1)
	if i == n || s.Between == Hold {
		return a
	}
	from := s.Steps.At(i - 1)
	p := progress(step-from, s.Steps.At(i)-from)
	if s.Between == Eased {
		p = 1 - halfCosine(p)
	}
	return mix(a, s.Values.At(i), p)
}

// Validate implements Schedule.
func (s Piecewise) Validate() error {
	return check("Piecewise").rising("Steps", s.Steps).allFinite("Values", s.Values).
		want(s.Values.Len() > 0, "Values", s.Values, "at least one").
		want(s.Steps.Len() == s.Values.Len(), "Steps", s.Steps, "as many as Values, "+s.Values.String()).
		oneOf("Between", string(s.Between), "", string(Straight), string(Eased)).err
}
