package kernel

// SGD is stochastic gradient descent without a state:
//
//	g' = Factor·g + L2·p
//	p  = Decay·p − LR·g'
type SGD struct {
	Factor float64 // the gradients' pending factor
	L2     float64 // decay added to the gradient
	Decay  float64 // 1 − lr·λ, decoupled
	LR     float64
}

// Update32 implements Rule.
func (c *SGD) Update32(p, g []float32, _ Slots[float32]) {
	k := sgdCoef[float32]{float32(c.Factor), float32(c.L2), float32(c.Decay), float32(c.LR)}
	sgd32(p, g, &k)
}

// Update64 implements Rule.
func (c *SGD) Update64(p, g []float64, _ Slots[float64]) {
	sgdGeneric(p, g, &sgdCoef[float64]{c.Factor, c.L2, c.Decay, c.LR})
}

// sgdCoef is laid out for the assembly: four elements in this order.
type sgdCoef[F Float] struct{ factor, l2, decay, lr F }

func sgdGeneric[F Float](p, g []F, c *sgdCoef[F]) {
	g = g[:len(p)]
	for i := range p {
		d := F(c.factor*g[i]) + F(c.l2*p[i])
		p[i] = F(c.decay*p[i]) - F(c.lr*d)
	}
}

// Momentum is SGD with a velocity m in slot 0:
//
//	g' = Factor·g + L2·p
//	m  = Mu·m + Damp·g'
//	d  = A·g' + B·m            heavy ball: 0, 1; Nesterov: 1, Mu
//	p  = Decay·p − LR·d
type Momentum struct {
	Factor, L2, Mu, Damp, A, B, Decay, LR float64
}

// Update32 implements Rule.
func (c *Momentum) Update32(p, g []float32, s Slots[float32]) {
	k := momentumCoef[float32]{
		float32(c.Factor), float32(c.L2), float32(c.Mu), float32(c.Damp),
		float32(c.A), float32(c.B), float32(c.Decay), float32(c.LR),
	}
	momentum32(p, g, s[0], &k)
}

// Update64 implements Rule.
func (c *Momentum) Update64(p, g []float64, s Slots[float64]) {
	momentumGeneric(p, g, s[0],
		&momentumCoef[float64]{c.Factor, c.L2, c.Mu, c.Damp, c.A, c.B, c.Decay, c.LR})
}

// momentumCoef is laid out for the assembly: eight elements in this order.
type momentumCoef[F Float] struct{ factor, l2, mu, damp, a, b, decay, lr F }

func momentumGeneric[F Float](p, g, m []F, c *momentumCoef[F]) {
	g, m = g[:len(p)], m[:len(p)]
	for i := range p {
		d := F(c.factor*g[i]) + F(c.l2*p[i])
		v := F(c.mu*m[i]) + F(c.damp*d)
		m[i] = v
		d = F(c.a*d) + F(c.b*v)
		p[i] = F(c.decay*p[i]) - F(c.lr*d)
	}
}
