package kernel

// LAMB is Adam whose step in a tensor is scaled by ‖p‖/‖u‖; the moments m and
// v are slots 0 and 1. Measure moves them and sums p² and u²:
//
//	g' = Factor·g
//	m  = Beta1·m + Omega1·g'
//	v  = Beta2·v + Omega2·(g'·g')
//	u  = Mean·m / (√(Square·v + Root) + Eps) + Decay·p
//
// Update moves the values:
//
//	p  = p − Step·u
type LAMB struct {
	Factor, Beta1, Omega1, Beta2, Omega2 float64
	Mean, Square                         float64 // bias corrections of m and v
	Root, Eps                            float64 // inside the root and after it
	Decay, Step                          float64
}

// Measure32 implements Measurer.
func (c *LAMB) Measure32(p, g []float32, s Slots[float32]) Sums {
	return lambMeasure(p, g, s[0], s[1], c)
}

// Measure64 implements Measurer.
func (c *LAMB) Measure64(p, g []float64, s Slots[float64]) Sums {
	return lambMeasure(p, g, s[0], s[1], c)
}

// Update32 implements Rule.
func (c *LAMB) Update32(p, _ []float32, s Slots[float32]) { lamb(p, s[0], s[1], c) }

// Update64 implements Rule.
func (c *LAMB) Update64(p, _ []float64, s Slots[float64]) { lamb(p, s[0], s[1], c) }

// lambCoef is what u is made of.
type lambCoef[F Float] struct{ mean, square, root, eps, decay F }

func lambCoefs[F Float](c *LAMB) lambCoef[F] {
	return lambCoef[F]{F(c.Mean), F(c.Square), F(c.Root), F(c.Eps), F(c.Decay)}
}

func (k *lambCoef[F]) u(p, m, v F) F {
	return F(k.mean*m)/(sqrt(F(k.square*v)+k.root)+k.eps) + F(k.decay*p)
}

func lambMeasure[F Float](p, g, m, v []F, c *LAMB) Sums {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	k := lambCoefs[F](c)
	factor, beta1, omega1, beta2, omega2 := F(c.Factor), F(c.Beta1), F(c.Omega1), F(c.Beta2), F(c.Omega2)
	var pp, uu [Lanes]float64
	for i := range p {
		d := F(factor * g[i])
		m1 := F(beta1*m[i]) + F(omega1*d)
		v1 := F(beta2*v[i]) + F(omega2*F(d*d))
		m[i], v[i] = m1, v1
		x, u := float64(p[i]), float64(k.u(p[i], m1, v1))
		pp[i%Lanes] += float64(x * x)
		uu[i%Lanes] += float64(u * u)
	}
	return Sums{fold(&pp), fold(&uu)}
}

func lamb[F Float](p, m, v []F, c *LAMB) {
	m, v = m[:len(p)], v[:len(p)]
	k, step := lambCoefs[F](c), F(c.Step)
	for i := range p {
		p[i] -= F(step * k.u(p[i], m[i], v[i]))
	}
}
