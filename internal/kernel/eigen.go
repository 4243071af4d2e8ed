package kernel

import "math"

// reflect turns x into the vector v of a reflection I − tau·v·vᵀ, v[0] = 1, that
// maps x to (beta, 0, 0, …). A tail of 0 has tau = 0.
//
//	beta = −sign(x[0])·‖x‖,  v = x / (x[0] − beta),  tau = 2 / vᵀv
func reflect(x []float64) (beta, tau float64) {
	x0 := x[0]
	tail := dot4(x[1:], x[1:])
	x[0] = 1
	if tail == 0 {
		return x0, 0
	}
	beta = -math.Copysign(math.Sqrt(float64(x0*x0)+tail), x0)
	d := x0 - beta
	for i, v := range x[1:] {
		x[1+i] = v / d
	}
	return beta, 2 / (1 + dot4(x[1:], x[1:]))
}

// dot4 is Σ x·y: element i is added to lane i mod 4, every product rounded, and
// the lanes are folded as (0+2) + (1+3).
func dot4(x, y []float64) float64 {
	y = y[:len(x)]
	var s0, s1, s2, s3 float64
	for len(x) >= 4 {
		s0 += float64(x[0] * y[0])
		s1 += float64(x[1] * y[1])
		s2 += float64(x[2] * y[2])
		s3 += float64(x[3] * y[3])
		x, y = x[4:], y[4:]
	}
	switch len(x) {
	case 3:
		s2 += float64(x[2] * y[2])
		fallthrough
	case 2:
		s1 += float64(x[1] * y[1])
		fallthrough
	case 1:
		s0 += float64(x[0] * y[0])
	}
	return (s0 + s2) + (s1 + s3)
}

// Eigen decomposes a symmetric matrix of N × N in three parts, of which the
// first and the last do rows that may be spread over threads:
//
//	A = H·T·Hᵀ   for each row Next, then Row of every later one and Reflected
//	T = G·D·Gᵀ   Diagonalize: implicit QL steps
//	rows of H·G  Vectors
//
// Tridiagonalization is by reflections, whose vectors replace A's rows.
// See Golub and Van Loan, Matrix Computations, 8.3.
type Eigen struct {
	N         int
	A         []float64 // N × N in rows; its largest magnitude should be near 1
	D, E      []float64 // diagonal of T and what is beside it, then D the eigenvalues
	tau       []float64
	v, w, p   []float64 // of the last reflection: A −= v·wᵀ + w·vᵀ; p = A·(the next v)
	rotations []rotation
	sweeps    []sweep
	step      int // the row that Next has made a reflection of
}

// rotation is of columns i and i+1, sweep those of columns hi, hi−1, …, lo.
type (
	rotation struct{ c, s float64 }
	sweep    struct{ hi, lo int }
)

// NewEigen is the decomposition of a, which it overwrites.
func NewEigen(n int, a []float64) *Eigen {
	room := make([]float64, 6*n)
	cut := func() (x []float64) {
		x, room = room[:n:n], room[n:]
		return x
	}
	return &Eigen{N: n, A: a, D: cut(), E: cut(), tau: cut(), v: cut(), w: cut(), p: cut()}
}

// Next brings row k up to reflection k−1, whose products with rows from k on
// are in p, and makes reflection k of it.
func (e *Eigen) Next(k int) {
	n := e.N
	row := e.A[k*n : (k+1)*n]
	if k > 0 {
		v, p, tau := e.v[k:], e.p[k:], e.tau[k-1]
		half := tau * tau / 2 * dot4(p, v)
		for i := range p {
			e.w[k+i] = float64(tau*p[i]) - float64(half*v[i])
		}
		e.rank2(row[k:], k, k)
	}
	e.D[k] = row[k]
	e.step = k
	if k+1 >= n {
		return
	}
	e.E[k], e.tau[k] = reflect(row[k+1:])
}

// Row brings row i > k up to reflection k−1 and multiplies it by the vector of
// reflection k, which Next has made.
func (e *Eigen) Row(i int) {
	n, k := e.N, e.step
	row := e.A[i*n : (i+1)*n]
	if k > 0 {
		e.rank2(row[k+1:], i, k+1)
	}
	e.p[i] = dot4(row[k+1:], e.A[k*n+k+1:(k+1)*n])
}

// Reflected ends step k, when every row after k has been Row's.
func (e *Eigen) Reflected() {
	k := e.step
	copy(e.v[k+1:], e.A[k*e.N+k+1:(k+1)*e.N])
}

// rank2 sets row −= v[i]·w + w[i]·v over columns from j on.
func (e *Eigen) rank2(row []float64, i, j int) {
	vi, wi := e.v[i], e.w[i]
	v, w := e.v[j:][:len(row)], e.w[j:][:len(row)]
	for h := range row {
		row[h] -= float64(vi*w[h]) + float64(wi*v[h])
	}
}

// mostSteps is how many QL steps an eigenvalue gets; two are usual.
const mostSteps = 60

// Diagonalize finds the eigenvalues, in D, and keeps the rotations. It returns
// false where that does not end, as with NaN.
func (e *Eigen) Diagonalize() bool {
	d, off := e.D, e.E
	n := e.N
	e.rotations, e.sweeps = make([]rotation, 0, n*n), make([]sweep, 0, 2*n)
	for l := range n {
		for steps := 0; ; steps++ {
			m := l
			for ; m < n-1; m++ {
				// 2⁻⁵² of its neighbours, or of nothing: A's largest is near 1.
				if math.Abs(off[m]) <= float64(0x1p-52*(math.Abs(d[m])+math.Abs(d[m+1])))+0x1p-120 {
					break
				}
			}
			if m == l {
				break
			}
			if steps == mostSteps {
				return false
			}
			e.sweep(l, m)
		}
	}
	return true
}

// sweep is one QL step, shifted, on rows l to m.
func (e *Eigen) sweep(l, m int) {
	d, off := e.D, e.E
	g := (d[l+1] - d[l]) / (2 * off[l])
	r := math.Sqrt(float64(g*g) + 1)
	g = d[m] - d[l] + off[l]/(g+math.Copysign(r, g))
	s, c, p := 1.0, 1.0, 0.0
	for i := m - 1; i >= l; i-- {
		f, b := s*off[i], float64(c*off[i])
		r = math.Sqrt(float64(f*f) + float64(g*g))
		off[i+1] = r
		if r == 0 {
			d[i+1] -= p
			off[m] = 0
			e.sweeps = append(e.sweeps, sweep{m - 1, i + 1})
			return
		}
		s, c = f/r, g/r
		e.rotations = append(e.rotations, rotation{c, s})
		g = d[i+1] - p
		r = float64((d[i]-g)*s) + float64(float64(2*c)*b)
		p = float64(s * r)
		d[i+1] = g + p
		g = float64(c*r) - b
	}
	d[l] -= p
	off[l], off[m] = g, 0
	e.sweeps = append(e.sweeps, sweep{m - 1, l})
}

// VectorRows is how many rows of the eigenvectors are made at once: each is one
// chain of sums, and four keep the processor busy.
const VectorRows = 4

// Vectors sets z to rows i to i+3 of the eigenvectors: z[j] holds their numbers
// in the eigenvector of D[j]. Rows from N on are without meaning.
func (e *Eigen) Vectors(i int, z [][VectorRows]float64) {
	n := e.N
	z = z[:n]
	clear(z)
	for k := range min(VectorRows, n-i) {
		z[i+k][k] = 1
	}
	for k, tau := range e.tau[:n-1] {
		if tau != 0 {
			reflectRows(z[k+1:], e.A[k*n+k+1:(k+1)*n], tau)
		}
	}
	at := e.rotations
	for _, s := range e.sweeps {
		if s.hi >= s.lo {
			rotateRows(z[s.lo:s.hi+2], at[:s.hi+1-s.lo])
			at = at[s.hi+1-s.lo:]
		}
	}
}

// reflectRows sets z = z − tau·(z·v)·vᵀ of each row, which is added up in order.
func reflectRows(z [][VectorRows]float64, v []float64, tau float64) {
	v = v[:len(z)]
	var s0, s1, s2, s3 float64
	for j := range z {
		x := v[j]
		s0 += float64(x * z[j][0])
		s1 += float64(x * z[j][1])
		s2 += float64(x * z[j][2])
		s3 += float64(x * z[j][3])
	}
	s0, s1, s2, s3 = tau*s0, tau*s1, tau*s2, tau*s3
	for j := range z {
		x := v[j]
		z[j][0] -= float64(x * s0)
		z[j][1] -= float64(x * s1)
		z[j][2] -= float64(x * s2)
		z[j][3] -= float64(x * s3)
	}
}

// rotateRows turns columns len(z)−2 and len(z)−1, then those before, down to the
// first two.
func rotateRows(z [][VectorRows]float64, by []rotation) {
	last := len(z) - 1
	n0, n1, n2, n3 := z[last][0], z[last][1], z[last][2], z[last][3]
	for k, r := range by {
		a, b := &z[last-1-k], &z[last-k]
		b[0] = float64(r.s*a[0]) + float64(r.c*n0)
		b[1] = float64(r.s*a[1]) + float64(r.c*n1)
		b[2] = float64(r.s*a[2]) + float64(r.c*n2)
		b[3] = float64(r.s*a[3]) + float64(r.c*n3)
		n0 = float64(r.c*a[0]) - float64(r.s*n0)
		n1 = float64(r.c*a[1]) - float64(r.s*n1)
		n2 = float64(r.c*a[2]) - float64(r.s*n2)
		n3 = float64(r.c*a[3]) - float64(r.s*n3)
	}
	z[0] = [VectorRows]float64{n0, n1, n2, n3}
}
