package host

import (
	"cmp"
	"math"
	"slices"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Eigenbasis implements backend.Bases, in float64. It is made once in a
// parameter's life and keeps no memory.
func (Backend) Eigenbasis(e backend.Eigenbasis) error {
	if !wide(e.Q) || e.S.Type != e.Q.Type {
		return unsupported("eigenvectors", e.Q.Type, e.S.Type)
	}
	if e.Q.Type == backend.Float64 {
		eigenbasis(f64(e.Q, 0, e.Q.Len), f64(e.S, 0, e.S.Len), e.N)
	} else {
		eigenbasis(f32(e.Q, 0, e.Q.Len), f32(e.S, 0, e.S.Len), e.N)
	}
	return nil
}

func eigenbasis[F kernel.Float](q, s []F, n int) {
	t := eigenTask[F]{q: q}
	if largest := largestOf(s); largest > 0 && largest <= math.MaxFloat64 {
		t.Eigen = kernel.NewEigen(n, make([]float64, n*n))
		for i, x := range s {
			t.A[i] = float64(x) / largest
		}
		if t.decompose() {
			return
		}
	}
	identity(q, n)
}

// largestOf is the largest magnitude, NaN where one is NaN.
func largestOf[F kernel.Float](x []F) (largest float64) {
	for _, v := range x {
		largest = max(largest, math.Abs(float64(v)))
	}
	return largest
}

func identity[F kernel.Float](q []F, n int) {
	clear(q)
	for i := range n {
		q[i*n+i] = 1
	}
}

// eigenTask spreads a kernel.Eigen over threads, some rows to an item.
type eigenTask[F kernel.Float] struct {
	*kernel.Eigen
	q       []F
	order   []int // of eigenvalues; nil while rows are reflected
	from    int   // first row
	perItem int
}

// decompose returns false where there is no decomposition.
func (t *eigenTask[F]) decompose() bool {
	for k := range t.N {
		t.Next(k)
		t.rows(k+1, t.N-k)
		t.Reflected()
	}
	if !t.Diagonalize() {
		return false
	}
	t.order = descending(t.D)
	t.from, t.perItem = 0, kernel.VectorRows
	spread(t.N*t.N, cut(t.N, t.perItem), t)
	return true
}

// rows runs rows from one on, each of which is work elements' time.
func (t *eigenTask[F]) rows(from, work int) {
	t.from, t.perItem = from, max(1, serial/4/max(1, work))
	spread((t.N-from)*work, cut(t.N-from, t.perItem), t)
}

func (t *eigenTask[F]) Run(item int) {
	lo := t.from + item*t.perItem
	hi := min(lo+t.perItem, t.N)
	if t.order == nil {
		for i := lo; i < hi; i++ {
			t.Row(i)
		}
		return
	}
	z := make([][kernel.VectorRows]float64, t.N)
	t.Vectors(lo, z)
	for i := lo; i < hi; i++ {
		for j, k := range t.order {
			t.q[i*t.N+j] = F(z[k][i-lo])
		}
	}
}

// descending is the order of x from its largest to its smallest, equal ones as
// they come.
func descending(x []float64) []int {
	return descendingInto(make([]int, len(x)), x)
}

func descendingInto(order []int, x []float64) []int {
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(x[j], x[i]) })
	return order
}

// Refresh implements backend.Bases. The reflections of the QR decomposition are
// applied kernel.PanelCols at a time, by matrix products.
func (Backend) Refresh(r backend.Refresh) error {
	for _, b := range [...]backend.Buffer{r.SQ, r.V, r.Spare} {
		if !wide(r.Q) || b.Type != r.Q.Type && b.Type != backend.Invalid {
			return unsupported("basis", r.Q.Type, b.Type)
		}
	}
	if r.Q.Type == backend.Float64 {
		refresh(&refreshes64, r)
	} else {
		refresh(&refreshes32, r)
	}
	return nil
}

// refresher is the scratch memory of a Refresh.
type refresher[F kernel.Float] struct {
	values []float64 // qᵀSq
	order  []int
	row    []F
	t      []F // of each panel
	w      []F // Vᵀ·A and T·Vᵀ·A
	panel  kernel.Panel[F]
}

var (
	refreshes32 pooled[refresher[float32]]
	refreshes64 pooled[refresher[float64]]
)

func refresh[F kernel.Float](pool *pooled[refresher[F]], b backend.Refresh) {
	n := b.N
	q, sq := backend.Slice[F](b.Q, 0, n*n), backend.Slice[F](b.SQ, 0, n*n)
	if !(largestOf(sq) <= math.MaxFloat64) {
		return
	}
	r := pool.get()
	defer pool.put(r)
	if b.V.Ptr != nil {
		r.reorder(b, q, sq)
	}
	r.orthonormalize(kernel.Dense(q, n, n), kernel.Dense(sq, n, n))
}

// reorder puts the columns of sq, and V, in the order of qᵀSq.
func (r *refresher[F]) reorder(b backend.Refresh, q, sq []F) {
	n := b.N
	r.values, r.order, r.row = resize(r.values, n), resize(r.order, n), resize(r.row, n)
	clear(r.values)
	for i := range n {
		for j, x := range q[i*n : (i+1)*n] {
			r.values[j] += float64(float64(x) * float64(sq[i*n+j]))
		}
	}
	descendingInto(r.order, r.values)
	for i := range n {
		row := sq[i*n : (i+1)*n]
		copy(r.row, row)
		for j, k := range r.order {
			row[j] = r.row[k]
		}
	}
	v, spare := backend.Slice[F](b.V, 0, b.V.Len), backend.Slice[F](b.Spare, 0, b.V.Len)
	copy(spare, v)
	for o := range b.Outer {
		at := o * n * b.Inner
		for j, k := range r.order {
			copy(v[at+j*b.Inner:at+(j+1)*b.Inner], spare[at+k*b.Inner:])
		}
	}
}

// orthonormalize sets q to the orthonormal factor of a, which it overwrites.
func (r *refresher[F]) orthonormalize(q, a kernel.Matrix[F]) {
	const w = kernel.PanelCols
	n := a.Rows
	r.t = resize(r.t, cut(n, w)*w*w)
	r.w = resize(r.w, 2*w*n)
	for j := 0; j < n; j += w {
		v := a.Part(j, n, j, min(j+w, n))
		t := r.t[j*w:][:w*w]
		r.panel.Factor(v, t)
		for i := range t {
			t[i] = -t[i]
		}
		if j+w < n {
			r.reflect(a.Part(j, n, j+w, n), v, kernel.Dense(t, w, w).T())
		}
	}
	identity(q.Data, n)
	for j := (n - 1) / w * w; j >= 0; j -= w {
		v := a.Part(j, n, j, min(j+w, n))
		r.reflect(q.Part(j, n, j, n), v, kernel.Dense(r.t[j*w:][:w*w], w, w))
	}
}

// reflect sets a = a + V·T·Vᵀ·a.
func (r *refresher[F]) reflect(a, v, t kernel.Matrix[F]) {
	w := v.Cols
	x, y := kernel.Dense(r.w, w, a.Cols), kernel.Dense(r.w[len(r.w)/2:], w, a.Cols)
	gemm(x, v.T(), a, false, false)
	gemm(y, t.Part(0, w, 0, w), x, false, false)
	gemm(a, v, y, true, false)
}
