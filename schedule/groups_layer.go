package schedule

// Layer is the share of the learning rate that one layer of a network has. The
// top layer has all of it; each layer below has Decay times as much, and begins
// to learn Every steps later.
//
//	At(t) = Decay^(Top-Index)  for t ≥ Every·(Top-Index)
//	At(t) = 0                  before
//
// Decay alone is layer-wise decay, as in BEiT and timm, where layer 0 is the
// embedding and Top the head, and the discriminative rates of ULMFiT with 1/2.6;
// Every alone is gradual unfreezing. With both 0 every layer has all of the rate.
// At a rate of 0 an optimizer with momentum still gathers it.
// See https://arxiv.org/abs/1801.06146 and https://arxiv.org/abs/2106.08254.
type Layer struct {
	Index, Top int     // layers from 0, which is next to the input; Index at most Top
	Decay      float64 // at least 0 and at most 1; 0 means 1
	Every      int     // steps, at least 0
}

// At implements Schedule.
func (s Layer) At(step int) float64 {
	below := max(0, s.Top-s.Index)
	// For below > 0 it is step < Every·below, without a product that overflows.
	if below > 0 && s.Every > 0 && (step < 0 || step/s.Every < below) {
		return 0
	}
	return power(1, orOne(s.Decay), below)
}

// Validate implements Schedule.
func (s Layer) Validate() error {
	return check("Layer").atLeast("Index", s.Index, 0).atLeast("Top", s.Top, s.Index).
		factor("Decay", s.Decay).atLeast("Every", s.Every, 0).err
}

// Groups is a group for each layer, the first pattern that of layer 0 and the
// last that of the top, with this Decay and Every.
func (s Layer) Groups(patterns ...string) []Group {
	groups := make([]Group, len(patterns))
	for i, pattern := range patterns {
		s.Index, s.Top = i, len(patterns)-1
		groups[i] = Group{Pattern: pattern, Schedule: s}
	}
	return groups
}
