package kernel

// LARS is Momentum whose gradient is scaled in each tensor, in Factor and L2.
// Measure sums p² and (Factor·g + Pull·p)²; it moves nothing.
type LARS struct {
	Momentum
	Pull float64
}

// Measure32 implements Measurer.
func (c *LARS) Measure32(p, g []float32, _ Slots[float32]) Sums { return larsMeasure(p, g, c) }

// Measure64 implements Measurer.
func (c *LARS) Measure64(p, g []float64, _ Slots[float64]) Sums { return larsMeasure(p, g, c) }

func larsMeasure[F Float](p, g []F, c *LARS) Sums {
	g = g[:len(p)]
	factor, pull := F(c.Factor), F(c.Pull)
	var pp, gg [Lanes]float64
	for i := range p {
		x, d := float64(p[i]), float64(F(factor*g[i])+F(pull*p[i]))
		pp[i%Lanes] += float64(x * x)
		gg[i%Lanes] += float64(d * d)
	}
	return Sums{fold(&pp), fold(&gg)}
}
