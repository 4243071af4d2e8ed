package clip

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// ZScore limits the global 2-norm where it is an outlier among those before.
//
//	z     = (norm − μ)/σ
//	limit = μ + Z²·σ/z   where z > Z, σ = max(√v, 10⁻⁶·μ)
//	x     = min(norm, limit)
//	v     = Alpha·(v + (1−Alpha)·(x−μ)²),  μ = μ + (1−Alpha)·(x−μ)
//
// The larger the outlier, the nearer to μ it is scaled. μ and v begin as the
// mean and the variance of the first Warmup norms, during which only Max limits.
//
// Special cases are: with ToMean the limit is μ; with Skip an outlier's factor
// is 0, so that the optimizer skips the step. A gradient with NaN or ±Inf
// changes nothing and is not remembered. As long as all norms are 0 there is no
// limit. State.Values are μ and v.
//
// This is ZClip, which takes the variance from the new mean, (1−Alpha)·Alpha²·
// (x−μ)², too small by a factor Alpha and more; which adds 1e-6 to σ; and whose
// mean one NaN poisons for ever. Skip is llm.c's rule, which keeps the last 128
// norms instead of averages; here an outlier moves the mean as if clipped, so
// that a new level of norms is skipped for some steps and not for ever.
// See https://arxiv.org/abs/2504.02507.
type ZScore struct {
	Z      float64 // 0 means 2.5
	Alpha  float64 // less than 1; 0 means 0.97
	Warmup int     // 0 means 25
	Max    float64 // limit of every norm; 0 means none
	ToMean bool    // scale outliers to the mean
	Skip   bool    // skip outliers' steps
}

// Validate implements Rule.
func (c ZScore) Validate() error {
	if err := check.Fields("clip.ZScore",
		check.Field{Name: "Z", Value: c.Z, Max: inf},
		check.Field{Name: "Alpha", Value: c.Alpha, Max: 1, OpenMax: true},
		check.Field{Name: "Warmup", Value: float64(c.Warmup), Max: inf},
		check.Field{Name: "Max", Value: c.Max, Max: inf, AllowsInf: true}); err != nil {
		return err
	}
	if c.ToMean && c.Skip {
		return fmt.Errorf("clip.ZScore: ToMean and Skip are true, want at most one")
	}
	return nil
}

func (c ZScore) name() string { return "ZScore" }

func (c ZScore) start() memory {
	c.Z = orDefault(c.Z, 2.5)
	c.Alpha = orDefault(c.Alpha, 0.97)
	c.Max = orDefault(c.Max, inf)
	if c.Warmup == 0 {
		c.Warmup = 25
	}
	return &zscores{c: c}
}

type zscores struct {
	c              ZScore
	seen           int64
	mean, variance float64
}

func (m *zscores) apply(g *descent.Gradients, n descent.Norm, finite bool) error {
	if !finite {
		return nil
	}
	x := n.L2
	d := x - m.mean
	if m.seen < int64(m.c.Warmup) {
		m.seen++
		k := float64(m.seen)
		m.mean += d / k
		m.variance += (float64(d*(x-m.mean)) - m.variance) / k
		return to(g, x, m.c.Max)
	}
	m.seen++
	spread := float64(m.c.Z * max(math.Sqrt(m.variance), 1e-6*m.mean))
	outlier := d > spread && m.mean > 0
	if outlier {
		x = m.mean
		if !m.c.ToMean {
			x += float64(spread * (spread / d))
		}
	}
	var err error
	if outlier && m.c.Skip {
		err = g.Clip(0)
	} else {
		err = to(g, n.L2, min(x, m.c.Max))
	}
	d = x - m.mean
	m.variance = m.c.Alpha * (m.variance + float64((1-m.c.Alpha)*float64(d*d)))
	m.mean += float64((1 - m.c.Alpha) * d)
	return err
}

func (m *zscores) save() State {
	return State{Seen: m.seen, Values: []float64{m.mean, m.variance}}
}

func (m *zscores) load(s State) error {
	if err := s.wantValues(2); err != nil {
		return err
	}
	m.seen, m.mean, m.variance = s.Seen, s.Values[0], s.Values[1]
	return nil
}
