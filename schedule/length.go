package schedule

// lintLength finds warm-ups, decays and cycles that do not fit the run.
func (p Plan) lintLength(v Value, add report) {
	fits(v.Schedule, p.Steps, func(rule, format string, args ...any) { add(v.Name, rule, format, args...) })
}

// fits reports what in s contradicts a run of n steps. Combinators pass on to
// their parts the steps that these have.
func fits(s Schedule, n int, add func(rule, format string, args ...any)) {
	shape := func(name string, steps int) {
		if steps > n {
			add("shape-longer-than-run", "%s takes %d steps, %d are left for it", name, steps, n)
		}
	}
	switch s := s.(type) {
	case Warmup:
		if s.Steps >= n {
			add("warmup-longer-than-run", "warms up for %d of %d steps", s.Steps, n)
			return
		}
		fits(s.Then, n-s.Steps, add)
	case Join:
		if s.Steps >= n {
			add("part-never-reached", "the part from step %d on is never reached in %d steps", s.Steps, n)
		}
		fits(s.First, min(n, s.Steps), add)
		fits(s.Then, max(0, n-s.Steps), add)
	case WSD:
		if s.Warmup >= n {
			add("warmup-longer-than-run", "warms up for %d of %d steps", s.Warmup, n)
			return
		}
		shape("WSD", s.Warmup+s.Stable+s.Decay)
	case TriStage:
		if s.Warmup >= n {
			add("warmup-longer-than-run", "warms up for %d of %d steps", s.Warmup, n)
			return
		}
		shape("TriStage", s.Warmup+s.Hold+s.Decay)
	case OneCycle:
		shape("OneCycle", s.Steps)
		if s.Steps < n {
			add("one-cycle-overrun", "the cycle ends after %d of %d steps", s.Steps, n)
		}
	case Linear:
		shape("Linear", s.Steps)
	case Cosine:
		shape("Cosine", s.Steps)
	case Polynomial:
		shape("Polynomial", s.Steps)
	case Tanh:
		shape("Tanh", s.Steps)
	case REX:
		shape("REX", s.Steps)
	case RangeTest:
		shape("RangeTest", s.Steps)
	case Scale:
		fits(s.Of, n, add)
	case Clamp:
		fits(s.Of, n, add)
	case Round:
		fits(s.Of, n, add)
	case Noise:
		fits(s.Of, n, add)
	case Product:
		fits(s.A, n, add)
		fits(s.B, n, add)
	case Sum:
		fits(s.A, n, add)
		fits(s.B, n, add)
	case Max:
		fits(s.A, n, add)
		fits(s.B, n, add)
	case Min:
		fits(s.A, n, add)
		fits(s.B, n, add)
	case Offset:
		fits(s.Of, n+s.By, add)
	case Repeat:
		fits(s.Of, min(n, s.Every), add)
	case PerEpoch:
		fits(s.Of, (n+s.Steps-1)/s.Steps, add)
	}
}
