package regularize

import (
	"math"
	"math/bits"

	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/philox"
)

// MixUp draws how a batch is mixed: sample and target with those of another,
// in the same proportion.
//
//	λ ~ Beta(Alpha, Alpha)
//
// One λ holds for the batch. With gradient accumulation draw one for each
// micro-batch, under a step of its own. Alpha = 0 mixes nothing. timm has the
// Alpha 1, and 0.5 as Skip when it switches between MixUp and CutMix:
//
//	mix := mixUp.Draw(step)
//	if mix.Lambda == 1 {
//		mix = cutMix.Draw(step, height, width)
//	}
//
// See https://arxiv.org/abs/1710.09412.
type MixUp struct {
	Alpha        float64
	Skip         float64 // the probability to mix nothing, 0 to 1
	Seed, Stream uint64
}

// Validate reports the first field out of range.
func (m MixUp) Validate() error { return validateMixing("regularize.MixUp", m.Alpha, m.Skip) }

// Draw is the Mix of a step. Its Lambda is 1 where nothing is mixed.
func (m MixUp) Draw(step int) Mix {
	return Mix{Lambda: lambda(philox.NewKey(m.Seed, m.Stream), m.Alpha, m.Skip, step)}
}

// CutMix draws which box of each sample comes from another, and the targets'
// proportion.
//
//	λ ~ Beta(Alpha, Alpha)
//	box of ⌊√(1−λ)·height⌋ × ⌊√(1−λ)·width⌋ around a uniform position, cut off at the edges
//	Lambda = 1 − box/(height·width), the box as it was cut off
//
// As in timm a side of odd length loses one position. Alpha = 0 mixes nothing;
// about accumulation see MixUp. See https://arxiv.org/abs/1905.04899.
type CutMix struct {
	Alpha        float64
	Skip         float64 // the probability to mix nothing, 0 to 1
	ChannelLast  bool    // a sample is height × width × channels
	Seed, Stream uint64
}

// Validate reports the first field out of range.
func (c CutMix) Validate() error { return validateMixing("regularize.CutMix", c.Alpha, c.Skip) }

// Draw is the Mix of a step, for samples of a height and width. Its Lambda is 1
// where nothing is mixed.
func (c CutMix) Draw(step, height, width int) Mix {
	key := philox.NewKey(c.Seed, c.Stream)
	side := math.Sqrt(1 - lambda(key, c.Alpha, c.Skip, step))
	word := key.Block(1, uint64(step))
	m := Mix{Lambda: 1, ChannelLast: c.ChannelLast}
	m.Top, m.Height = cut(word[0], side, height)
	m.Left, m.Width = cut(word[1], side, width)
	if m.Height == 0 || m.Width == 0 {
		return Mix{Lambda: 1, ChannelLast: c.ChannelLast}
	}
	m.Lambda = 1 - float64(m.Height)*float64(m.Width)/(float64(height)*float64(width))
	return m
}

// cut is where an interval of length side·n around position word·n/2³² begins,
// and how much of it lies in 0 to n-1.
func cut(word uint32, side float64, n int) (start, length int) {
	half := int(side*float64(n)) / 2
	middle, _ := bits.Mul64(uint64(word)<<32, uint64(max(n, 0)))
	start = max(int(middle)-half, 0)
	return start, max(min(int(middle)+half, n)-start, 0)
}

// lambda draws from Beta(alpha, alpha) and, with the probability skip, 1.
//
//	w = u^(−1/alpha) − 1,  c = cos(2πv)
//	λ = 1/2 + sign(c)/2 / √(1 + 1/(w·c²))
//
// with u in (0, 1] and v in [0, 1), multiples of 2⁻³², from words 0 and 1 of
// block 0. There is nothing to reject: two words give the exact distribution.
// Source: L. Devroye, "Random variate generation in one line of code", WSC 1996,
// from Bailey's polar method for Student's t.
func lambda(key philox.Key, alpha, skip float64, step int) float64 {
	word := key.Block(0, uint64(step))
	if !(alpha > 0) || float64(word[2])*0x1p-32 < skip {
		return 1
	}
	w := fmath.Expm1(-fmath.Log((float64(word[0])+1)*0x1p-32) / alpha)
	c := fmath.Cos(2 * math.Pi * (float64(word[1]) * 0x1p-32))
	return 0.5 + math.Copysign(0.5/math.Sqrt(1+1/(w*c*c)), c)
}

func validateMixing(typ string, alpha, skip float64) error {
	return check.Fields(typ,
		check.Field{Name: "Alpha", Value: alpha, Max: math.Inf(1)},
		check.Field{Name: "Skip", Value: skip, Max: 1})
}
