package kernel

// AMSGrad is Adam that divides by the largest v so far, u in slot 2:
//
//	u = max(u, Hat·v)
//	p = Decay·p − Step·(m / (√u·RSqrt + Eps))
type AMSGrad struct {
	Adam
	Hat float64 // 1, or what corrects v
}

// Update32 implements Rule.
func (c *AMSGrad) Update32(p, g []float32, s Slots[float32]) { amsgrad(p, g, s[0], s[1], s[2], c) }

// Update64 implements Rule.
func (c *AMSGrad) Update64(p, g []float64, s Slots[float64]) { amsgrad(p, g, s[0], s[1], s[2], c) }

func amsgrad[F Float](p, g, m, v, u []F, c *AMSGrad) {
	g, m, v, u = g[:len(p)], m[:len(p)], v[:len(p)], u[:len(p)]
	factor, l2, hat := F(c.Factor), F(c.L2), F(c.Hat)
	beta1, omega1, beta2, omega2 := F(c.Beta1), F(c.Omega1), F(c.Beta2), F(c.Omega2)
	rsqrt, eps, decay, step := F(c.RSqrt), F(c.Eps), F(c.Decay), F(c.Step)
	for i := range p {
		d := F(factor*g[i]) + F(l2*p[i])
		m1 := F(beta1*m[i]) + F(omega1*d)
		v1 := F(beta2*v[i]) + F(omega2*F(d*d))
		u1 := max(u[i], F(hat*v1))
		m[i], v[i], u[i] = m1, v1, u1
		p[i] = F(decay*p[i]) - F(step*(m1/(F(sqrt(u1)*rsqrt)+eps)))
	}
}
