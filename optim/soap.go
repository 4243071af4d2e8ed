package optim

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// SOAP is Adam in the eigenvectors of Shampoo's preconditioners: of a matrix, in
// the axes along which its gradients are spread. t counts applied steps from 0.
//
//	g' = factor·g
//	t = 0:
//	L  = (1−β₃)·g'·g'ᵀ;  R = (1−β₃)·g'ᵀ·g'       β₃ is PreconditionerBeta
//	Qₗ, Qᵣ = eigenvectors of L, R                 the largest eigenvalue's first; p stays
//	t > 0:
//	d  = Qₗᵀ·g'·Qᵣ
//	m  = β₁·m + (1−β₁)·d
//	v  = β₂·v + (1−β₂)·d²
//	u  = m/(1−β₁ᵗ) / (√v/√(1−β₂ᵗ) + Eps)
//	p  = p·(1 − lr·Decay) − lr · Qₗ·u·Qᵣᵀ
//	L  = β₃·L + (1−β₃)·g'·g'ᵀ;  R = β₃·R + (1−β₃)·g'ᵀ·g'
//	t = Every, 2·Every, …:
//	Qₗ, Qᵣ = QR(L·Qₗ), QR(R·Qᵣ)                   columns by qᵀLq, the largest first
//
// m is turned into the new axes, v is reordered with them. A tensor of rank 2 or
// more is the matrix of its first axis and all others. An axis longer than MaxDim
// has no preconditioner: its Q is the unit matrix. Where neither has one, and for
// vectors and scalars, SOAP is AdamW, which moves at t = 0 too. A learning rate of
// 3e-3 is usual.
//
// The authors' code skips the first step of vectors too, decays after the update,
// and gives each axis of a tensor of higher rank a preconditioner of its own.
//
// Of a matrix of r × c it keeps 2·(r·c + r² + c²) numbers, without a
// preconditioner for an axis less its square, in 4 bytes each, 8 for float64
// values; and matrices share 3·r·c + max(r, c)² of scratch memory. Group.State is
// for what AdamW moves. The first step takes about 10·min(r, c)³ operations in
// float64; others 6·r·c·(r+c), and one in Every 5·(r³ + c³) + 4·r·c·(r+c) more.
// Decompositions are the host's. On a device that cannot make them New refuses
// matrices.
//
// Where squares overflow, from 1e19 on in float32, v does, and p stays in that
// direction, as with Adam; bases no longer change. Near the end of the format d
// overflows as well, and p becomes NaN.
//
// See https://arxiv.org/abs/2409.11321.
type SOAP struct {
	Beta1              float64 // β₁, less than 1; 0 means 0.95
	Beta2              float64 // β₂, less than 1; 0 means 0.95
	PreconditionerBeta float64 // β₃, less than 1; 0 means β₂
	Eps                float64 // 0 means 1e-8
	Decay              float64 // decoupled: shrinks p by lr·Decay
	Every              int     // steps from basis to basis; 0 means 10
	MaxDim             int     // the longest axis with a preconditioner; 0 means 10000
}

func (r SOAP) defaults() SOAP {
	r.Beta1 = orDefault(r.Beta1, 0.95)
	r.Beta2 = orDefault(r.Beta2, 0.95)
	r.PreconditionerBeta = orDefault(r.PreconditionerBeta, r.Beta2)
	r.Eps = orDefault(r.Eps, 1e-8)
	if r.Every == 0 {
		r.Every = 10
	}
	if r.MaxDim == 0 {
		r.MaxDim = 10000
	}
	return r
}

// Validate implements Rule.
func (r SOAP) Validate() error {
	inf := math.Inf(1)
	return check.Fields("optim.SOAP",
		check.Field{Name: "Beta1", Value: r.Beta1, Max: 1, OpenMax: true},
		check.Field{Name: "Beta2", Value: r.Beta2, Max: 1, OpenMax: true},
		check.Field{Name: "PreconditionerBeta", Value: r.PreconditionerBeta, Max: 1, OpenMax: true},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf},
		check.Field{Name: "Every", Value: float64(r.Every), Max: inf},
		check.Field{Name: "MaxDim", Value: float64(r.MaxDim), Max: inf})
}

func (r SOAP) name() string        { return "SOAP" }
func (r SOAP) slots() []slot       { return nil }
func (r SOAP) kernel() kernel.Rule { return nil }

func (r SOAP) set(kernel.Rule, *clock, float64, float64) {}

// shaped implements shapedRule.
func (r SOAP) shaped(v descent.View) Rule {
	r = r.defaults()
	rows, cols, ok := asMatrix(v)
	s := rotated{SOAP: r, rows: rows, cols: cols, shape: v.Shape()}
	s.left, s.right = ok && rows <= r.MaxDim, ok && cols <= r.MaxDim
	if !s.left && !s.right {
		return AdamW{Beta1: r.Beta1, Beta2: r.Beta2, Eps: r.Eps, Decay: r.Decay}
	}
	return s
}

// rotated is SOAP of a matrix.
type rotated struct {
	SOAP
	rows, cols  int
	left, right bool // there are L and Qₗ, R and Qᵣ
	shape       []int
}

func (r rotated) slots() []slot {
	list := []slot{{name: "m", shape: r.shape}, {name: "v", shape: r.shape}}
	square := func(n int, names ...string) {
		for _, name := range names {
			list = append(list, slot{name: name, shape: []int{n, n}})
		}
	}
	if r.left {
		square(r.rows, "l", "ql")
	}
	if r.right {
		square(r.cols, "r", "qr")
	}
	return list
}

func (r rotated) fits(v descent.View) error {
	if _, ok := v.Device().Backend().(backend.Bases); !ok {
		return fmt.Errorf("%w: it is %v, which has no eigenvectors", descent.ErrDevice, v)
	}
	return nil
}

func (r rotated) room() int {
	n := 0
	if r.left {
		n = r.rows
	}
	if r.right {
		n = max(n, r.cols)
	}
	return 3*r.rows*r.cols + n*n
}

func (r rotated) mover(m matrix) mover {
	o := &rotatedMover{rotated: r, on: m, m: m.slots[0].Buffer, v: m.slots[1].Buffer}
	n := r.rows * r.cols
	for k := range o.x {
		o.x[k] = o.on.take(n)
	}
	o.scale = backend.NewSet(o.x[:1])
	at := m.slots[2:]
	if r.left {
		o.sides = append(o.sides, newSide(&o.on, r.rows, at, backend.Refresh{Outer: 1, Inner: r.cols}))
		at = at[2:]
	}
	if r.right {
		o.sides = append(o.sides, newSide(&o.on, r.cols, at, backend.Refresh{Outer: r.rows, Inner: 1}))
	}
	o.adam = newPass(m.b, plain(o.u()), m.slots[:2]...)
	o.end = newPass(m.b, m.value)
	return o
}

type rotatedMover struct {
	rotated
	on    matrix
	m, v  backend.Buffer
	x     [3]backend.Buffer // g', and two for products
	scale *backend.Set      // x[0]
	sides []*side
	coef  kernel.Adam
	adam  *pass // u and m, v
	end   *pass // the value
}

// side is one preconditioner of a matrix and its basis.
type side struct {
	s, q, product backend.Matrix
	follow        *pass // s
	refresh       backend.Refresh
}

func newSide(m *matrix, n int, slots []backend.Stored, r backend.Refresh) *side {
	dense := func(b backend.Buffer) backend.Matrix { return backend.Dense(b, n, n) }
	a := &side{
		s: dense(slots[0].Buffer), q: dense(slots[1].Buffer), product: dense(backend.Part(m.scratch, 0, n*n)),
		follow: newPass(m.b, slots[0]),
	}
	a.refresh = r
	a.refresh.N, a.refresh.Q, a.refresh.SQ = n, a.q.Buffer, a.product.Buffer
	return a
}

// d and u are where the products of a turn end: d those that began in x[0], and
// u is the other.
func (o *rotatedMover) d() backend.Buffer { return o.x[len(o.sides)] }
func (o *rotatedMover) u() backend.Buffer { return o.x[3-len(o.sides)] }

func (o *rotatedMover) move(g backend.Buffer, at uint64, c *clock, lr, factor float64) error {
	if g.Len == 0 {
		return nil
	}
	if err := o.on.widen(o.x[0], g); err != nil {
		return err
	}
	if err := o.on.b.Scale(o.scale, factor); err != nil {
		return err
	}
	t := c.t - 1
	if t == 0 {
		return o.first()
	}
	if err := o.turn(false, o.x[0], o.x[1], o.x[2]); err != nil {
		return err
	}
	// Adam's kernel multiplies u by 0, so it has to be finite.
	if err := o.on.b.Copy(o.u(), o.d()); err != nil {
		return err
	}
	o.coef = AdamW{Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.Eps}.coefficients(&clock{t: t}, 1, 1)
	o.coef.Decay, o.coef.Step = 0, -o.coef.Step
	if err := o.adam.do(&o.coef, o.d(), at); err != nil {
		return err
	}
	if err := o.turn(true, o.u(), o.d(), o.u()); err != nil {
		return err
	}
	moved := o.d()
	if len(o.sides) == 2 {
		moved = o.u()
	}
	if err := o.end.combine(1-float64(lr*o.Decay), -lr, moved, at); err != nil {
		return err
	}
	if err := o.precondition(o.PreconditionerBeta); err != nil {
		return err
	}
	if t%int64(o.Every) != 0 {
		return nil
	}
	return o.refresh()
}

// first makes preconditioners and their bases of x[0].
func (o *rotatedMover) first() error {
	if err := o.precondition(o.PreconditionerBeta); err != nil {
		return err
	}
	// The longer axis' eigenvectors are the shorter one's times the gradient, and
	// whatever is orthogonal to them.
	short, long, g := o.sides[0], (*side)(nil), backend.Dense(o.x[0], o.rows, o.cols).T()
	if len(o.sides) == 2 {
		long = o.sides[1]
		if o.rows > o.cols {
			short, long, g = long, short, g.T()
		}
	}
	bases := o.on.b.(backend.Bases)
	e := backend.Eigenbasis{Q: short.q.Buffer, S: short.s.Buffer, N: short.q.Rows}
	if err := bases.Eigenbasis(e); err != nil || long == nil {
		return err
	}
	if err := o.on.b.Begin(plain(long.product.Buffer), backend.Buffer{}, 0, false); err != nil {
		return err
	}
	c := long.product
	c.Cols = short.q.Rows
	if err := o.on.b.MatMul(backend.MatMul{C: c, A: g, B: short.q}); err != nil {
		return err
	}
	return bases.Refresh(backend.Refresh{Q: long.q.Buffer, SQ: long.product.Buffer, N: long.q.Rows})
}

// precondition moves L and R to those of x[0].
func (o *rotatedMover) precondition(beta float64) error {
	for k, a := range o.sides {
		g := backend.Dense(o.x[0], o.rows, o.cols)
		if !o.onLeft(k) {
			g = g.T()
		}
		if err := o.on.b.MatMul(backend.MatMul{C: a.product, A: g, B: g.T(), Symmetric: true}); err != nil {
			return err
		}
		if err := a.follow.combine(beta, 1-beta, a.product.Buffer, 0); err != nil {
			return err
		}
	}
	return nil
}

// onLeft reports whether side k is that of rows.
func (o *rotatedMover) onLeft(k int) bool { return k == 0 && o.left }

// turn multiplies x by the bases, or back with their transposes; the product with
// the first goes to y, with a second to z, which may be x.
func (o *rotatedMover) turn(back bool, x, y, z backend.Buffer) error {
	for k, a := range o.sides {
		q := a.q
		if back != o.onLeft(k) {
			q = q.T()
		}
		m := backend.MatMul{
			C: backend.Dense(y, o.rows, o.cols), A: backend.Dense(x, o.rows, o.cols), B: q,
		}
		if o.onLeft(k) {
			m.A, m.B = m.B, m.A
		}
		if err := o.on.b.MatMul(m); err != nil {
			return err
		}
		x, y = y, z
	}
	return nil
}

// refresh makes new bases, and turns m and v into them.
func (o *rotatedMover) refresh() error {
	if err := o.turn(true, o.m, o.x[1], o.x[2]); err != nil {
		return err
	}
	for _, a := range o.sides {
		if err := o.on.b.MatMul(backend.MatMul{C: a.product, A: a.s, B: a.q}); err != nil {
			return err
		}
		r := a.refresh
		r.V, r.Spare = o.v, o.x[0]
		if err := o.on.b.(backend.Bases).Refresh(r); err != nil {
			return err
		}
	}
	if len(o.sides) == 2 {
		return o.turn(false, o.x[2], o.x[1], o.m)
	}
	return o.turn(false, o.x[1], o.m, backend.Buffer{})
}
