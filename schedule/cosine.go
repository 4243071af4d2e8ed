package schedule

// Cosine falls from Peak to Floor along half a cosine wave.
//
//	At(t) = Peak·w + Floor·(1-w),  w = (1+cos(π·pᴷ))/2,  p = t/Steps
//	At(t) = Peak                   for t < 0
//	At(t) = Floor                  for t ≥ Steps and t ≥ 0
//
// K below 1 falls earlier, above 1 later: timm's k-decay, 1 where it is 0.
// PyTorch's CosineAnnealingLR agrees up to Steps (its T_max), then rises
// again; Cosine stays at Floor. The zero value is the constant 0.
// See https://arxiv.org/abs/1608.03983 and, for K, https://arxiv.org/abs/2004.05909.
type Cosine struct {
	Peak, Floor float64
	Steps       int
	K           float64 // more than 0; 0 means 1
}

// At implements Schedule.
func (s Cosine) At(step int) float64 {
	switch {
	case step < 0:
		return s.Peak
	case step >= s.Steps:
		return s.Floor
	}
	p := progress(step, s.Steps)
	if s.K != 0 {
		p = pow(p, s.K)
	}
	return mix(s.Floor, s.Peak, halfCosine(p))
}

// Validate implements Schedule.
func (s Cosine) Validate() error {
	return check("Cosine").notAbove("Floor", s.Floor, "Peak", s.Peak).
		atLeast("Steps", s.Steps, 0).exponent("K", s.K).err
}
