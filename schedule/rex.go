package schedule

// REX falls slowly and then fast: a budgeted schedule.
//
//	At(t) = Floor + (Peak-Floor)·(1-p)/(1/2+(1-p)/2),  p = t/Steps, at least 0 and at most 1
//
// See https://arxiv.org/abs/2107.04197.
type REX struct {
	Peak, Floor float64
	Steps       int
}

// At implements Schedule.
func (s REX) At(step int) float64 {
	left := 1 - progress(step, s.Steps)
	return mix(s.Floor, s.Peak, left/(0.5+left/2))
}

// Validate implements Schedule.
func (s REX) Validate() error {
	return check("REX").notAbove("Floor", s.Floor, "Peak", s.Peak).atLeast("Steps", s.Steps, 0).err
}
