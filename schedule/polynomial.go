package schedule

// Polynomial falls from Peak to Floor as a power of what remains.
//
//	At(t) = Floor + (Peak-Floor)·(1-p)^Power,  p = t/Steps, at least 0 and at most 1
//
// Power 1, also where it is 0, is a straight line; 2 spends more steps near the
// floor, 0.5 fewer. It is PyTorch's PolynomialLR with a floor and the decay of
// https://arxiv.org/abs/1606.00915.
type Polynomial struct {
	Peak, Floor float64
	Steps       int
	Power       float64 // more than 0; 0 means 1
}

// At implements Schedule.
func (s Polynomial) At(step int) float64 {
	return mix(s.Floor, s.Peak, pow(1-progress(step, s.Steps), orOne(s.Power)))
}

// Validate implements Schedule.
func (s Polynomial) Validate() error {
	return check("Polynomial").notAbove("Floor", s.Floor, "Peak", s.Peak).
		atLeast("Steps", s.Steps, 0).exponent("Power", s.Power).err
}
