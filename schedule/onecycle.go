package schedule

// OneCycle rises from Start to Peak and falls to End: the learning rate of
// super-convergence. Its momentum is a second OneCycle, whose Peak is lower than
// its Start.
//
//	t < Rise           Start → Peak
//	t < Steps          Peak → End
//	t ≥ Steps          End
//
// With ThreePhase it falls back to Start in as many steps as it rose, then to
// End. The phases are half cosine waves, or straight lines. PyTorch has Start =
// Peak/25, End = Start/10⁴ and 30 % of the steps, less one, for Rise, and raises an
// error after the last step. See https://arxiv.org/abs/1708.07120.
type OneCycle struct {
	Start, Peak, End float64
	Steps            int // of the whole cycle
	Rise             int // of them until Peak
	ThreePhase       bool
	Straight         bool
}

// At implements Schedule.
func (s OneCycle) At(step int) float64 {
	rise, back := s.Rise, s.Rise
	if s.ThreePhase {
		back = add(rise, rise)
	}
	switch {
	case step < rise:
		return s.between(s.Start, s.Peak, step, rise)
	case step < back:
		return s.between(s.Peak, s.Start, step-rise, rise)
	case s.ThreePhase:
		return s.between(s.Start, s.End, step-back, s.Steps-back)
	}
	return s.between(s.Peak, s.End, step-rise, s.Steps-rise)
}

func (s OneCycle) between(a, b float64, t, n int) float64 {
	p := progress(t, n)
	if s.Straight {
		return mix(a, b, p)
	}
	return mix(b, a, halfCosine(p))
}

// Validate implements Schedule.
func (s OneCycle) Validate() error {
	r := check("OneCycle").finite("Start", s.Start).finite("Peak", s.Peak).finite("End", s.End).
		atLeast("Steps", s.Steps, 1).atLeast("Rise", s.Rise, 0)
	if s.ThreePhase {
		return r.want(s.Rise <= s.Steps/2, "Rise", s.Rise, "at most half of Steps for three phases").err
	}
	return r.want(s.Rise <= s.Steps, "Rise", s.Rise, "at most Steps").err
}
