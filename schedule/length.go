package schedule

// lintLength finds warm-ups, decays and cycles that do not fit the run.
func (p Plan) lintLength(v Value, found report) {
	fits(v.Schedule, p.Steps, func(rule, format string, args ...any) { found(v.Name, rule, format, args...) })
}

// fits reports what in s contradicts a run of n steps. Combinators pass on to
// their parts the steps that these have.
func fits(s Schedule, n int, found func(rule, format string, args ...any)) {
	shape := func(name string, steps int) {
		if steps > n {
			found("shape-longer-than-run", "%s takes %d steps, %d are left for it", name, steps, n)
		}
	}
	switch s := s.(type) {
	case Warmup:
		if s.Steps >= n {
			found("warmup-longer-than-run", "warms up for %d of %d steps", s.Steps, n)
			return
		}
		fits(s.Then, n-s.Steps, found)
	case Join:
		if s.Steps >= n {
			found("part-never-reached", "the part from step %d on is never reached in %d steps", s.Steps, n)
		}
		fits(s.First, min(n, s.Steps), found)
		fits(s.Then, max(0, n-s.Steps), found)
	case WSD:
		if s.Warmup >= n {
			found("warmup-longer-than-run", "warms up for %d of %d steps", s.Warmup, n)
			return
		}
		shape("WSD", s.Warmup+s.Stable+s.Decay)
	case TriStage:
		if s.Warmup >= n {
			found("warmup-longer-than-run", "warms up for %d of %d steps", s.Warmup, n)
			return
		}
		shape("TriStage", s.Warmup+s.Hold+s.Decay)
	case OneCycle:
		shape("OneCycle", s.Steps)
		if s.Steps < n {
			found("one-cycle-overrun", "the cycle ends after %d of %d steps", s.Steps, n)
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
	case Length:
		shape("Length", s.Steps)
	case Scale:
		fits(s.Of, n, found)
	case Clamp:
		fits(s.Of, n, found)
	case Round:
		fits(s.Of, n, found)
	case Noise:
		fits(s.Of, n, found)
	case Product:
		fits(s.A, n, found)
		fits(s.B, n, found)
	case Sum:
		fits(s.A, n, found)
		fits(s.B, n, found)
	case Max:
		fits(s.A, n, found)
		fits(s.B, n, found)
	case Min:
		fits(s.A, n, found)
		fits(s.B, n, found)
	case Offset:
		fits(s.Of, max(0, add(n, s.By)), found)
	case Repeat:
		fits(s.Of, min(n, s.Every), found)
	case PerEpoch:
		fits(s.Of, n/s.Steps+min(1, n%s.Steps), found)
	case PerStep:
		fits(s.Of, times(n, s.Units), found)
	}
}
