package kernel

import "math"

// AddSquares adds the square of each x to its sum, and returns the sum of all:
// that of element i in accumulator i mod 4, the four added as (0+2) + (1+3).
func AddSquares[F Float](sums []float64, x []F) float64 {
	sums = sums[:len(x)]
	if x, ok := any(x).([]float32); ok {
		return addSquares(sums, x)
	}
	return addSquaresGeneric(sums, x)
}

func addSquaresGeneric[F Float](sums []float64, x []F) float64 {
	sums = sums[:len(x)]
	var l [4]float64
	for i, v := range x {
		d := float64(v)
		d = float64(d * d)
		sums[i] += d
		l[i%4] += d
	}
	return (l[0] + l[2]) + (l[1] + l[3])
}

// Moment moves a mean of squares:
//
//	to = Beta2·v + Omega2·(Factor²·square + Eps)
//
// What F cannot hold becomes its largest number: an infinite moment would stay.
func Moment[F Float](c *Adafactor, v F, square float64) F {
	x := float64(c.Beta2*float64(v)) + float64(c.Omega2*(float64(float64(c.Factor*square)*c.Factor)+c.Eps))
	return F(min(x, largest[F]()))
}

func largest[F Float]() float64 {
	var f F
	if _, single := any(f).(float32); single {
		return math.MaxFloat32
	}
	return math.MaxFloat64
}

// Factored is Adafactor of matrices that follow one another, whose second
// moment at row i and column j is the product of two factors, one a row and one
// a column of every matrix. Row and Col are the inverses of their roots.
//
//	u = Factor·g · min(Row[i]·Col[j], 1/Floor)
type Factored[F Float] struct {
	Rows, Cols int
	Row, Col   []F
}

// at is the factors of the row that an element lies in, from it on, for at most n.
func (f *Factored[F]) at(first, n int) (row F, col []F) {
	r, j := first/f.Cols, first%f.Cols
	c := r/f.Rows*f.Cols + j
	return f.Row[r], f.Col[c : c+min(n, f.Cols-j)]
}

// factoredCoef is laid out for the assembly: five elements in this order.
type factoredCoef[F Float] struct{ factor, row, limit, keep, step F }

func (f *Factored[F]) coef(c *Adafactor) *factoredCoef[F] {
	return &factoredCoef[F]{
		factor: F(c.Factor), limit: 1 / max(F(c.Floor), least[F]()), keep: F(c.Keep), step: F(c.Step),
	}
}

// Measure sums p² and u² of a block that begins at element first, and leaves u.
func (f *Factored[F]) Measure(u []F, c *Adafactor, p, g []F, first int) Sums {
	k := f.coef(c)
	for at := 0; at < len(p); {
		row, col := f.at(first+at, len(p)-at)
		k.row = row
		us, gs := u[at:at+len(col)], g[at:at+len(col)]
		if short, ok := any(us).([]float32); ok {
			ratio32(short, any(gs).([]float32), any(col).([]float32), any(k).(*factoredCoef[float32]))
		} else {
			ratioGeneric(us, gs, col, k)
		}
		at += len(col)
	}
	pp, _, _ := normBlock(p)
	uu, _, _ := normBlock(u[:len(p)])
	return Sums{pp, uu}
}

// Update moves a block that begins at element first.
func (f *Factored[F]) Update(c *Adafactor, p, g []F, first int) {
	k := f.coef(c)
	for at := 0; at < len(p); {
		row, col := f.at(first+at, len(p)-at)
		k.row = row
		ps, gs := p[at:at+len(col)], g[at:at+len(col)]
		if short, ok := any(ps).([]float32); ok {
			move32(short, any(gs).([]float32), any(col).([]float32), any(k).(*factoredCoef[float32]))
		} else {
			moveGeneric(ps, gs, col, k)
		}
		at += len(col)
	}
}

// ratioGeneric sets u of a row.
func ratioGeneric[F Float](u, g, col []F, c *factoredCoef[F]) {
	g, col = g[:len(u)], col[:len(u)]
	for i := range u {
		u[i] = c.ratio(g[i], col[i])
	}
}

// moveGeneric moves p of a row.
func moveGeneric[F Float](p, g, col []F, c *factoredCoef[F]) {
	g, col = g[:len(p)], col[:len(p)]
	for i := range p {
		p[i] = F(c.keep*p[i]) - F(c.step*c.ratio(g[i], col[i]))
	}
}

// ratio is u of one element. A product that is NaN stays.
func (c *factoredCoef[F]) ratio(g, col F) F {
	m := c.row * col
	if c.limit < m {
		m = c.limit
	}
	return F(c.factor*g) * m
}
