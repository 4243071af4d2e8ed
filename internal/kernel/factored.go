package kernel

import "math"

// AddSquares adds the square of each x to its sum, and returns the sum of all:
// that of element i in accumulator i mod 4, the four added as (0+2) + (1+3).
func AddSquares[F Float](sums []float64, x []F) float64 {
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

// Measure sums p² and u² of a block that begins at element first.
func (f *Factored[F]) Measure(c *Adafactor, p, g []F, first int) Sums {
	factor, limit := F(c.Factor), 1/max(F(c.Floor), least[F]())
	var pp, uu [Lanes]float64
	for at := 0; at < len(p); {
		row, col := f.at(first+at, len(p)-at)
		gs := g[at : at+len(col)]
		for j, cf := range col {
			x, u := float64(p[at+j]), float64(F(factor*gs[j])*min(F(row*cf), limit))
			pp[(at+j)%Lanes] += float64(x * x)
			uu[(at+j)%Lanes] += float64(u * u)
		}
		at += len(col)
	}
	return Sums{fold(&pp), fold(&uu)}
}

// Update moves a block that begins at element first.
func (f *Factored[F]) Update(c *Adafactor, p, g []F, first int) {
	factor, limit, keep, step := F(c.Factor), 1/max(F(c.Floor), least[F]()), F(c.Keep), F(c.Step)
	for at := 0; at < len(p); {
		row, col := f.at(first+at, len(p)-at)
		ps, gs := p[at:at+len(col)], g[at:at+len(col)]
		for j, cf := range col {
			ps[j] = F(keep*ps[j]) - F(step*F(F(factor*gs[j])*min(F(row*cf), limit)))
		}
		at += len(col)
	}
}
