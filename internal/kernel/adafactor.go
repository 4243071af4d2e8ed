package kernel

import "math"

// Adafactor divides by the root of a second moment and limits the move's length
// in the whole tensor; the moment v is slot 0. Measure moves it and sums p² and
// u²:
//
//	g' = Factor·g
//	v  = Beta2·v + Omega2·(g'·g' + Eps)
//	u  = g' / max(√v, Floor)
//
// Adapt sets Step, and Update moves the values:
//
//	p  = Keep·p − Step·u
//
// Floor is at least the smallest normal number, so that 0/0 is 0.
type Adafactor struct {
	Factor, Beta2, Omega2, Eps, Floor float64

	Rate  float64 // the step's length, where Scale is 0
	Scale float64 // what the length is multiplied by at least; more is the root mean square of p
	Clip  float64 // what the root mean square of u is at most
	Keep  float64
	Step  float64
}

// Adapt sets Step by the sums over a tensor of n elements.
func (c *Adafactor) Adapt(sums Sums, n int) {
	c.Step = c.Rate
	if c.Scale > 0 {
		c.Step *= max(c.Scale, math.Sqrt(sums[0]/float64(n)))
	}
	if long := math.Sqrt(sums[1]/float64(n)) / c.Clip; long > 1 {
		c.Step /= long
	}
}

// Measure32 implements Measurer.
func (c *Adafactor) Measure32(p, g []float32, s Slots[float32]) Sums {
	return adafactorMeasure(p, g, s[0], c)
}

// Measure64 implements Measurer.
func (c *Adafactor) Measure64(p, g []float64, s Slots[float64]) Sums {
	return adafactorMeasure(p, g, s[0], c)
}

// Update32 implements Rule.
func (c *Adafactor) Update32(p, g []float32, s Slots[float32]) { adafactor(p, g, s[0], c) }

// Update64 implements Rule.
func (c *Adafactor) Update64(p, g []float64, s Slots[float64]) { adafactor(p, g, s[0], c) }

// least is the smallest normal number: its inverse is finite.
func least[F Float]() F {
	var f F
	if _, single := any(f).(float32); single {
		return 0x1p-126
	}
	d := 0x1p-1022
	return F(d)
}

func adafactorMeasure[F Float](p, g, v []F, c *Adafactor) Sums {
	g, v = g[:len(p)], v[:len(p)]
	factor, beta2, omega2, eps, floor := F(c.Factor), F(c.Beta2), F(c.Omega2), F(c.Eps), max(F(c.Floor), least[F]())
	var pp, uu [Lanes]float64
	for i := range p {
		d := F(factor * g[i])
		v1 := F(beta2*v[i]) + F(omega2*(F(d*d)+eps))
		v[i] = v1
		x, u := float64(p[i]), float64(d/max(sqrt(v1), floor))
		pp[i%Lanes] += float64(x * x)
		uu[i%Lanes] += float64(u * u)
	}
	return Sums{fold(&pp), fold(&uu)}
}

func adafactor[F Float](p, g, v []F, c *Adafactor) {
	g, v = g[:len(p)], v[:len(p)]
	factor, floor, keep, step := F(c.Factor), max(F(c.Floor), least[F]()), F(c.Keep), F(c.Step)
	for i := range p {
		p[i] = F(keep*p[i]) - F(step*(F(factor*g[i])/max(sqrt(v[i]), floor)))
	}
}
