package schedule

import "github.com/descent-ml/descent/internal/philox"

// Noise multiplies by 1 plus a uniform random number of at most Amount in
// magnitude, one for each Every steps. It is a function of seed and step: a
// resumed run has the same noise.
//
//	At(t) = Of.At(t)·(1 + Amount·u),  u = -1 to 1, of (Seed, ⌊t/Every⌋)
type Noise struct {
	Amount float64 // at least 0 and at most 1
	Every  int     // 0 means 1
	Seed   uint64
	Of     Schedule
}

// At implements Schedule.
func (s Noise) At(step int) float64 {
	v := at(s.Of, step)
	if s.Every > 1 {
		step = floor(step, s.Every)
	}
	const stream = 0x6573696f6e // "noise"
	key := philox.Key{uint32(s.Seed), uint32(s.Seed >> 32)}
	u := float64(2*key.Uniform(stream, uint64(step))) - 1
	return bounded(float64(v * (1 + float64(s.Amount*u))))
}

// Validate implements Schedule.
func (s Noise) Validate() error {
	return check("Noise").factor("Amount", s.Amount).atLeast("Every", s.Every, 0).valid("Of", s.Of).err
}
