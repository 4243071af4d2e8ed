package host

import (
	"errors"
	"hash/fnv"
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// gram is x·xᵀ of n × k numbers, of rank k at most, with rows that are 0 where
// zero says so.
func gram[F kernel.Float](n, k int, zero func(i int) bool) []F {
	x := numbers(make([]float64, n*k), 77)
	s := make([]F, n*n)
	for i := range n {
		for j := range n {
			if zero != nil && (zero(i) || zero(j)) {
				continue
			}
			sum := 0.0
			for l := range k {
				sum += float64(x[i*k+l] * x[j*k+l]) // not fused, anywhere
			}
			s[i*n+j] = F(sum)
		}
	}
	return s
}

// apart is the largest |qᵀq − 1|, and beside the largest number beside the
// diagonal of qᵀsq relative to the largest on it, which must not rise.
func apart[F kernel.Float](t *testing.T, q, s []F, n int) (apart, beside float64) {
	t.Helper()
	product := func(f func(i, k int) float64, j int) []float64 {
		y := make([]float64, n)
		for i := range y {
			for k := range n {
				y[i] += f(i, k) * float64(q[k*n+j])
			}
		}
		return y
	}
	last, largest := math.Inf(1), 0.0
	for j := range n {
		sq := product(func(i, k int) float64 { return float64(s[i*n+k]) }, j)
		for i := range n {
			one, value := 0.0, 0.0
			for k := range n {
				one += float64(q[k*n+i]) * float64(q[k*n+j])
				value += float64(q[k*n+i]) * sq[k]
			}
			if i == j {
				one--
				largest = max(largest, math.Abs(value))
				if !(value <= last+1e-6*largest) {
					t.Errorf("eigenvalue %d is %v after %v", j, value, last)
				}
				last = value
			} else {
				beside = max(beside, math.Abs(value))
			}
			apart = max(apart, math.Abs(one))
		}
	}
	return apart, beside / max(largest, math.SmallestNonzeroFloat64)
}

func typeOf[F kernel.Float]() backend.DType {
	if unsafe.Sizeof(F(0)) == 8 {
		return backend.Float64
	}
	return backend.Float32
}

// checkEigen decomposes matrices of full and of low rank, with whole rows of 0,
// and of numbers near both ends.
func checkEigen[F kernel.Float](t *testing.T, eps float64) {
	typ := typeOf[F]()
	for _, n := range []int{1, 2, 3, 4, 5, 33, 90} {
		for form, s := range [][]F{
			gram[F](n, n+3, nil),
			gram[F](n, 2, nil),
			gram[F](n, n, func(i int) bool { return i%3 == 1 }),
			gram[F](n, 0, nil),
		} {
			for _, size := range []float64{1, 1e-25, 1e30} {
				scaled := make([]F, n*n)
				for i := range s {
					scaled[i] = F(float64(s[i]) * size)
				}
				q := make([]F, n*n)
				e := backend.Eigenbasis{Q: backend.Of(q, typ), S: backend.Of(scaled, typ), N: n}
				if err := (Backend{}).Eigenbasis(e); err != nil {
					t.Fatal(err)
				}
				// Found: 31 and 5 of eps.
				if a, b := apart(t, q, scaled, n); !(a <= 64*eps) || !(b <= 16*eps) {
					t.Errorf("%d × %d, form %d, %v: not orthonormal by %.2g, not diagonal by %.2g", n, n, form, size, a, b)
				}
			}
		}
	}
}

func TestEigenbasis(t *testing.T) {
	t.Run("float32", func(t *testing.T) { checkEigen[float32](t, 0x1p-24) })
	t.Run("float64", func(t *testing.T) { checkEigen[float64](t, 0x1p-52) })
}

// refreshed is q after SQ = s·q and Refresh; v is 1, 2, 3, … in columns.
func refreshed[F kernel.Float](t *testing.T, q, s []F, n int) (v []F) {
	t.Helper()
	typ := typeOf[F]()
	v = make([]F, 2*n*3)
	for i := range v {
		v[i] = F(i / 3 % n)
	}
	sq, spare := make([]F, n*n), make([]F, len(v))
	p := new(kernel.Panels[F])
	kernel.Gemm(kernel.Dense(sq, n, n), kernel.Dense(s, n, n), kernel.Dense(q, n, n), false, p)
	err := Backend{}.Refresh(backend.Refresh{
		Q: backend.Of(q, typ), SQ: backend.Of(sq, typ), V: backend.Of(v, typ), Spare: backend.Of(spare, typ),
		N: n, Outer: 2, Inner: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// checkRefresh: the result is orthonormal, also where columns are 0; eigenvectors
// stay; repeated it finds them; and what it does to the order it does to V.
func checkRefresh[F kernel.Float](t *testing.T, eps float64) {
	typ := typeOf[F]()
	for _, n := range []int{1, 2, 3, 31, 32, 33, 64, 65, 100} {
		for form, s := range [][]F{gram[F](n, n, nil), gram[F](n, 2, nil), gram[F](n, n, func(i int) bool { return i%3 == 1 }), gram[F](n, 0, nil)} {
			q := make([]F, n*n)
			identity(q, n)
			v := refreshed(t, q, s, n)
			if a, _ := orthonormal(q, n); !(a <= 64*eps) { // found: 9.6 eps
				t.Errorf("%d × %d, form %d: not orthonormal by %.2g", n, n, form, a)
			}
			diagonal := make([]float64, n)
			for i := range n {
				diagonal[i] = float64(s[i*n+i])
			}
			for j, k := range descending(diagonal) {
				for _, at := range []int{3 * j, 3*j + 2, 3 * (n + j)} {
					if v[at] != F(k) {
						t.Fatalf("%d × %d, form %d: number %d of V is %v, want %d", n, n, form, at, v[at], k)
					}
				}
			}
		}
		s, q := gram[F](n, 2*n+8, nil), make([]F, n*n)
		e := backend.Eigenbasis{Q: backend.Of(q, typ), S: backend.Of(s, typ), N: n}
		if err := (Backend{}).Eigenbasis(e); err != nil {
			t.Fatal(err)
		}
		refreshed(t, q, s, n)
		if a, b := apart(t, q, s, n); !(a <= 64*eps) || !(b <= 64*eps) {
			t.Errorf("%d × %d: of eigenvectors, not orthonormal by %.2g, not diagonal by %.2g", n, n, a, b)
		}
	}
	const n = 5
	s, q := gram[F](n, 3*n, nil), make([]F, n*n)
	identity(q, n)
	for range 300 {
		refreshed(t, q, s, n)
	}
	if _, b := apart(t, q, s, n); !(b <= 64*eps) {
		t.Errorf("after 300 refreshes not diagonal by %.2g", b)
	}
}

// orthonormal is the largest |qᵀq − 1|, and where.
func orthonormal[F kernel.Float](q []F, n int) (worst float64, at int) {
	for i := range n {
		for j := range n {
			d := 0.0
			for k := range n {
				d += float64(q[k*n+i]) * float64(q[k*n+j])
			}
			if i == j {
				d--
			}
			if d = math.Abs(d); d > worst {
				worst, at = d, i*n+j
			}
		}
	}
	return worst, at
}

func TestRefresh(t *testing.T) {
	t.Run("float32", func(t *testing.T) { checkRefresh[float32](t, 0x1p-24) })
	t.Run("float64", func(t *testing.T) { checkRefresh[float64](t, 0x1p-52) })
}

// What is not finite gives the unit matrix at first, and later changes nothing.
func TestBasisNotFinite(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		s := gram[float32](4, 4, nil)
		s[7] = bad
		q, one := make([]float32, 16), make([]float32, 16)
		identity(one, 4)
		e := backend.Eigenbasis{Q: backend.Of(q, backend.Float32), S: backend.Of(s, backend.Float32), N: 4}
		if err := (Backend{}).Eigenbasis(e); err != nil || !slices.Equal(q, one) {
			t.Errorf("%v: %v, %v", bad, err, q)
		}
		v := refreshed(t, q, s, 4)
		if !slices.Equal(q, one) || v[3] != 1 || v[9] != 3 {
			t.Errorf("%v: refreshed to %v, %v", bad, q, v)
		}
	}
}

// The hashes were made on amd64; every processor, build and thread count must
// make the same.
func TestBasisSameBitsEverywhere(t *testing.T) {
	const n = 200
	threads(func(procs int) {
		s32, s64 := gram[float32](n, n/2, nil), gram[float64](n, n/2, nil)
		q32, q64 := make([]float32, n*n), make([]float64, n*n)
		err := errors.Join(
			Backend{}.Eigenbasis(backend.Eigenbasis{Q: backend.Of(q32, backend.Float32), S: backend.Of(s32, backend.Float32), N: n}),
			Backend{}.Eigenbasis(backend.Eigenbasis{Q: backend.Of(q64, backend.Float64), S: backend.Of(s64, backend.Float64), N: n}))
		if err != nil {
			t.Fatal(err)
		}
		h := fnv.New64a()
		add := func() {
			for i := range q32 {
				b := math.Float64bits(q64[i]) ^ uint64(math.Float32bits(q32[i]))
				for k := range 8 {
					h.Write([]byte{byte(b >> (8 * k))})
				}
			}
		}
		add()
		refreshed(t, q32, s32, n)
		refreshed(t, q64, s64, n)
		add()
		if got := h.Sum64(); got != 0xad911c93cbaf754 {
			t.Errorf("with GOMAXPROCS %d: %#x", procs, got)
		}
	})
}

func TestBasisRefusesTypes(t *testing.T) {
	a, b := backend.Of(make([]float32, 1), backend.Float32), backend.Of(make([]uint16, 1), backend.BFloat16)
	for _, e := range []backend.Eigenbasis{{Q: a, S: b, N: 1}, {Q: b, S: b, N: 1}} {
		if err := (Backend{}).Eigenbasis(e); err == nil {
			t.Errorf("%v: no error", e)
		}
	}
	for _, r := range []backend.Refresh{{Q: a, SQ: b, V: a, Spare: a, N: 1}, {Q: a, SQ: a, V: b, Spare: a, N: 1}, {Q: b, SQ: b, V: b, Spare: b, N: 1}} {
		if err := (Backend{}).Refresh(r); err == nil {
			t.Errorf("%v: no error", r)
		}
	}
}

func BenchmarkBasis(b *testing.B) {
	const n = 768
	s, q, sq, v := gram[float32](n, n, nil), make([]float32, n*n), make([]float32, n*n), make([]float32, n)
	b.Run("eigenbasis", func(b *testing.B) {
		for b.Loop() {
			_ = Backend{}.Eigenbasis(backend.Eigenbasis{Q: backend.Of(q, backend.Float32), S: backend.Of(s, backend.Float32), N: n})
		}
	})
	b.Run("refresh", func(b *testing.B) {
		r := backend.Refresh{
			Q: backend.Of(q, backend.Float32), SQ: backend.Of(sq, backend.Float32),
			V: backend.Of(v, backend.Float32), Spare: backend.Of(slices.Clone(v), backend.Float32), N: n, Outer: 1, Inner: 1,
		}
		for b.Loop() {
			copy(sq, s)
			_ = Backend{}.Refresh(r)
		}
	})
}
