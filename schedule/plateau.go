package schedule

import "math"

// Plateau lowers a rate when a metric has stopped getting better: PyTorch's
// ReduceLROnPlateau without its hold on the optimizer. What it knows is in a
// PlateauState, and what it gives is a scale for any schedule, warm-up included:
//
//	lr := schedule.At(step) * plateau.Scale(state)
//	state = plateau.Observe(state, metric)
//
// Observe compares each metric with the best so far. One that is not better is
// bad; when more than Patience are bad in a row, the scale is multiplied by
// Factor, the count begins anew, and the next Cooldown metrics do not count.
//
//	better, relative:  m < best - Threshold·|best|
//	better, Absolute:  m < best - Threshold
//	better, Maximize:  the same of -m and -best
//
// Special cases are:
//
//	the first finite metric is the best so far
//	NaN and ±Inf are bad, and never the best
//
// PyTorch has best·(1-Threshold) for a negative best too, which a metric that
// stays the same is below, and lets -Inf be the best for ever. Keras counts
// otherwise: its patience p and cooldown c of at least 1 are p-1 and c-1 here,
// Absolute, and Eps 0. timm has PyTorch's rules with Maximize, observes nothing
// during its warm-up, as is wise, and forgets Bad and Cooling in a checkpoint.
type Plateau struct {
	Factor    float64 `json:"factor,omitzero"`    // more than 0 and less than 1; 0 means 0.1
	Patience  int     `json:"patience,omitzero"`  // bad metrics in a row that change nothing, at least 0
	Cooldown  int     `json:"cooldown,omitzero"`  // metrics that do not count after a reduction, at least 0
	Threshold float64 `json:"threshold,omitzero"` // at least 0, and less than 1 where it is relative
	Absolute  bool    `json:"absolute,omitzero"`  // Threshold is in the metric's unit
	Maximize  bool    `json:"maximize,omitzero"`  // higher metrics are better
	Floor     float64 `json:"floor,omitzero"`     // of the scale, at least 0 and at most 1
	Eps       float64 `json:"eps,omitzero"`       // a scale that would fall by no more stays, at least 0
}

// PlateauState is what a Plateau has seen. It is a value: keep it with a
// checkpoint, as JSON or otherwise. The zero value is the start of a run.
type PlateauState struct {
	Best       float64 `json:"best,omitzero"`       // metric, where Better is not 0
	Better     int     `json:"better,omitzero"`     // metrics that were the best so far
	Bad        int     `json:"bad,omitzero"`        // metrics in a row that were not
	Cooling    int     `json:"cooling,omitzero"`    // metrics to come that do not count
	Reductions int     `json:"reductions,omitzero"` // of the scale
}

// Scale is what the rate is multiplied by, 1 at the start.
//
//	max(Floor, Factorⁿ),  n = Reductions
//
// It is that of this Plateau: a run that goes on with another Factor is at the
// rate that this Factor would have brought it to.
func (p Plateau) Scale(s PlateauState) float64 { return p.scale(s.Reductions) }

func (p Plateau) scale(reductions int) float64 {
	factor := p.Factor
	if factor == 0 {
		factor = 0.1
	}
	return math.Max(p.Floor, power(1, factor, max(0, reductions)))
}

// Observe is the state after one more metric.
func (p Plateau) Observe(s PlateauState, metric float64) PlateauState {
	if p.better(s, metric) {
		s.Best, s.Better, s.Bad = metric, add(s.Better, 1), 0
	} else {
		s.Bad = add(s.Bad, 1)
	}
	if s.Cooling > 0 {
		s.Cooling--
		s.Bad = 0
	}
	if s.Bad > p.Patience {
		if next := add(s.Reductions, 1); p.scale(s.Reductions)-p.scale(next) > p.Eps {
			s.Reductions = next
		}
		s.Bad, s.Cooling = 0, p.Cooldown
	}
	return s
}

func (p Plateau) better(s PlateauState, metric float64) bool {
	if !(math.Abs(metric) <= math.MaxFloat64) {
		return false
	}
	best := s.Best
	if p.Maximize {
		metric, best = -metric, -best
	}
	switch {
	case s.Better <= 0:
		return true
	case p.Absolute:
		return metric < best-p.Threshold
	case best < 0:
		return metric < float64(best*(1+p.Threshold))
	}
	return metric < float64(best*(1-p.Threshold))
}

// Validate reports the first field out of range.
func (p Plateau) Validate() error {
	r := check("Plateau").
		want(p.Factor >= 0 && p.Factor < 1, "Factor", p.Factor, "more than 0 and less than 1, or 0 for 0.1").
		atLeast("Patience", p.Patience, 0).atLeast("Cooldown", p.Cooldown, 0)
	if p.Absolute {
		r.want(p.Threshold >= 0 && p.Threshold <= math.MaxFloat64, "Threshold", p.Threshold, "at least 0 and finite")
	} else {
		r.want(p.Threshold >= 0 && p.Threshold < 1, "Threshold", p.Threshold, "at least 0 and less than 1, or Absolute")
	}
	return r.factor("Floor", p.Floor).
		want(p.Eps >= 0 && p.Eps <= math.MaxFloat64, "Eps", p.Eps, "at least 0 and finite").err
}

// UnmarshalJSON implements json.Unmarshaler. Unknown fields, and what Validate
// refuses, are errors.
func (p *Plateau) UnmarshalJSON(data []byte) error {
	type fields Plateau
	var q fields
	if err := strict("Plateau", data, &q); err != nil {
		return err
	}
	if err := Plateau(q).Validate(); err != nil {
		return err
	}
	*p = Plateau(q)
	return nil
}

// Validate reports the first field out of range.
func (s PlateauState) Validate() error {
	return check("PlateauState").finite("Best", s.Best).
		atLeast("Better", s.Better, 0).atLeast("Bad", s.Bad, 0).
		atLeast("Cooling", s.Cooling, 0).atLeast("Reductions", s.Reductions, 0).err
}

// UnmarshalJSON implements json.Unmarshaler. Unknown fields, and what Validate
// refuses, are errors.
func (s *PlateauState) UnmarshalJSON(data []byte) error {
	type fields PlateauState
	var q fields
	if err := strict("PlateauState", data, &q); err != nil {
		return err
	}
	if err := PlateauState(q).Validate(); err != nil {
		return err
	}
	*s = PlateauState(q)
	return nil
}
