package gpu

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"unsafe"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/host"
)

// memory is an engine whose device is the host, without kernels.
type memory struct{ held map[unsafe.Pointer][]uint64 }

func (m *memory) alloc(n int) (unsafe.Pointer, error) {
	words := make([]uint64, (n+7)/8+64)
	p := unsafe.Pointer(&words[0])
	p = unsafe.Add(p, (256-uintptr(p)%256)%256)
	m.held[p] = words
	return p, nil
}

func (m *memory) free(p unsafe.Pointer) error {
	if m.held[p] == nil {
		return errors.New("freed twice")
	}
	delete(m.held, p)
	return nil
}

func (m *memory) copy(dst, src unsafe.Pointer, n int) error {
	copy(unsafe.Slice((*byte)(dst), n), unsafe.Slice((*byte)(src), n))
	return nil
}

func (m *memory) write(dst, src unsafe.Pointer, n int) error { return m.copy(dst, src, n) }
func (m *memory) read(dst, src unsafe.Pointer, n int) error  { return m.copy(dst, src, n) }
func (m *memory) sync() error                                { return nil }
func (m *memory) memory() (free, total int64, err error)     { return 0, 0, nil }
func (m *memory) health() (Health, error)                    { return Health{}, ErrUnavailable }
func (m *memory) landing() unsafe.Pointer                    { return nil }
func (m *memory) mark() error                                { return nil }
func (m *memory) wait() error                                { return nil }
func (m *memory) unload(module) error                        { return nil }
func (m *memory) close()                                     {}
func (m *memory) load(string) (module, error)                { return nil, errors.New("no kernels") }

func (m *memory) function(module, string, int) (function, error) {
	return nil, errors.New("no kernels")
}

func (m *memory) launch(function, int, int, int, unsafe.Pointer, int) error {
	return errors.New("no kernels")
}

// columns is blas in float64 over host memory.
type columns struct {
	t        *testing.T
	prepared []*product
	released int
	closed   bool
	none     bool // it has no algorithm
}

func (b *columns) prepare(p product, _ operands) (algorithm, error) {
	if b.none {
		return nil, errNoProduct
	}
	b.prepared = append(b.prepared, &p)
	return algorithm(unsafe.Pointer(&p)), nil
}

func (b *columns) release(algorithm) { b.released++ }

func (b *columns) close() {
	if b.released != len(b.prepared) {
		b.t.Errorf("closed with %d products prepared and %d released", len(b.prepared), b.released)
	}
	b.closed = true
}

func (b *columns) multiply(a algorithm, on operands, room unsafe.Pointer) error {
	p := (*product)(unsafe.Pointer(a))
	if room == nil {
		b.t.Error("no workspace")
	}
	left, right, out := side(p.left, on.left), side(p.right, on.right), side(p.out, on.out)
	m, k := p.left.rows, p.left.cols
	if p.transLeft {
		left, m, k = left.T(), k, m
	}
	inner, n := p.right.rows, p.right.cols
	if p.transRight {
		right, inner, n = right.T(), n, inner
	}
	if k != inner || p.out.rows != m || p.out.cols != n {
		b.t.Errorf("%d × %d · %d × %d = %d × %d", m, k, inner, n, p.out.rows, p.out.cols)
	}
	for _, l := range []layout{p.left, p.right, p.out} {
		if l.ld < l.rows {
			b.t.Errorf("a column of %d in %d", l.rows, l.ld)
		}
	}
	scale := on.alpha * number1(on.scaleLeft) * number1(on.scaleRight)
	for i := range m {
		for j := range n {
			sum := 0.
			for l := range k {
				sum += element(left, i, l) * element(right, l, j)
			}
			sum *= scale
			if on.beta != 0 {
				sum += on.beta * element(out, i, j)
			}
			if p.bias != backend.Invalid {
				bias := backend.Buffer{Ptr: pointer(on.bias), Len: m, Type: p.bias}
				sum += element(backend.Dense(bias, m, 1), i, 0)
			}
			set(out, i, j, sum)
		}
	}
	return nil
}

func side(l layout, at uint64) backend.Matrix {
	b := backend.Buffer{Ptr: pointer(at), Len: (l.cols-1)*l.ld + l.rows, Type: l.typ}
	return backend.Matrix{Buffer: b, Rows: l.rows, Cols: l.cols, RowStride: 1, ColStride: l.ld}
}

func number1(at uint64) float64 {
	if at == 0 {
		return 1
	}
	return float64(*(*float32)(pointer(at)))
}

func element(m backend.Matrix, i, j int) float64 {
	p := unsafe.Add(m.Ptr, (i*m.RowStride+j*m.ColStride)*m.Type.Size())
	switch m.Type {
	case backend.Float32:
		return float64(*(*float32)(p))
	case backend.Float64:
		return *(*float64)(p)
	case backend.Float16:
		return float64((*(*descent.Float16)(p)).Float32())
	case backend.BFloat16:
		return float64((*(*descent.BFloat16)(p)).Float32())
	case backend.Float8E4M3:
		return float64((*(*descent.Float8E4M3)(p)).Float32())
	case backend.Float8E5M2:
		return float64((*(*descent.Float8E5M2)(p)).Float32())
	}
	panic(m.Type)
}

func set(m backend.Matrix, i, j int, x float64) {
	p := unsafe.Add(m.Ptr, (i*m.RowStride+j*m.ColStride)*m.Type.Size())
	switch m.Type {
	case backend.Float32:
		*(*float32)(p) = float32(x)
	case backend.Float64:
		*(*float64)(p) = x
	case backend.Float16:
		*(*descent.Float16)(p) = descent.NewFloat16(x)
	case backend.BFloat16:
		*(*descent.BFloat16)(p) = descent.NewBFloat16(x)
	case backend.Float8E4M3:
		*(*descent.Float8E4M3)(p) = descent.NewFloat8E4M3(x)
	case backend.Float8E5M2:
		*(*descent.Float8E5M2)(p) = descent.NewFloat8E5M2(x)
	default:
		panic(m.Type)
	}
}

// simulated is a device on the host whose products are columns'.
func simulated(t *testing.T, minor int) (*Device, *columns) {
	t.Helper()
	b := &columns{t: t}
	d := newDevice(Info{Name: "simulated", Major: 8, Minor: minor}, &memory{held: map[unsafe.Pointer][]uint64{}})
	d.matmuls.blas = b
	t.Cleanup(func() {
		held := d.engine
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if m, ok := held.(*memory); ok && (len(m.held) != 0 || !b.closed) {
			t.Errorf("%d allocations left, closed %v", len(m.held), b.closed)
		}
	})
	return d, b
}

// whole is a tensor of whole numbers from -2 to 2: their products and the sums
// of a few are exact in every type.
func whole(t *testing.T, d *Device, typ descent.DType, shape ...int) descent.View {
	t.Helper()
	v, err := d.Alloc(typ, shape...)
	if err != nil {
		t.Fatal(err)
	}
	m := backend.Dense(v.View().Buffer(), 1, v.View().Len())
	for i := range m.Cols {
		set(m, 0, i, float64((i*7+i*i*3+len(shape))%5-2))
	}
	return v.View()
}

func numbers(v descent.View) []float64 {
	m := backend.Dense(v.Buffer(), 1, v.Len())
	x := make([]float64, v.Len())
	for i := range x {
		x[i] = element(m, 0, i)
	}
	return x
}

// TestMatMulLayouts: what is in rows arrives as it should over columns.
func TestMatMulLayouts(t *testing.T) {
	for types, results := range results {
		for _, typ := range results {
			for form := range 4 {
				name := fmt.Sprintf("%v×%v=%v/%d", types[0], types[1], typ, form)
				t.Run(name, func(t *testing.T) { layouts(t, types[0], types[1], typ, form&1 != 0, form&2 != 0) })
			}
		}
	}
}

func layouts(t *testing.T, typA, typB, typC descent.DType, transA, transB bool) {
	d, _ := simulated(t, 9)
	narrow := typA.Size() == 1
	if narrow && (transA || !transB) {
		return
	}
	rows, inner, cols := 3, 16, 32
	shapeA, shapeB := []int{rows, inner}, []int{inner, cols}
	if transA {
		shapeA = []int{inner, rows}
	}
	if transB {
		shapeB = []int{cols, inner}
	}
	a, b, c := whole(t, d, typA, shapeA...), whole(t, d, typB, shapeB...), whole(t, d, typC, rows, cols)
	m := MatMul{TransA: transA, TransB: transB, Alpha: 0.5, Beta: 2}
	m.Bias = whole(t, d, m.biasType(c, a), cols)
	factor := 0.5
	if narrow {
		scales := whole(t, d, descent.F32, 2)
		set(backend.Dense(scales.Buffer(), 1, 2), 0, 1, 4)
		m.ScaleA = descent.NewView(d, part(scales.Buffer(), 1))
		factor *= 4
	}
	x, y, old, bias := numbers(a), numbers(b), numbers(c), numbers(m.Bias)
	if err := m.Apply(c, a, b); err != nil {
		t.Fatal(err)
	}
	want := whole(t, d, typC, rows, cols)
	for i := range rows {
		for j := range cols {
			sum := 0.
			for l := range inner {
				ia, ib := i*inner+l, l*cols+j
				if transA {
					ia = l*rows + i
				}
				if transB {
					ib = j*inner + l
				}
				sum += x[ia] * y[ib]
			}
			sum = factor*sum + m.Beta*old[i*cols+j] + bias[j]
			set(backend.Dense(want.Buffer(), rows, cols), i, j, sum)
		}
	}
	for i, w := range numbers(want) {
		if got := numbers(c)[i]; got != w {
			t.Fatalf("element %d is %v, want %v", i, got, w)
		}
	}
}

// part is one element.
func part(b backend.Buffer, i int) backend.Buffer {
	return backend.Buffer{Ptr: unsafe.Add(b.Ptr, i*b.Type.Size()), Len: 1, Type: b.Type}
}

// TestMatMulPrepares: equal products are prepared once, others anew, and not
// without end.
func TestMatMulPrepares(t *testing.T) {
	d, b := simulated(t, 9)
	x, y, z := whole(t, d, descent.F32, 4, 4), whole(t, d, descent.F32, 4, 4), whole(t, d, descent.F32, 4, 4)
	bias := whole(t, d, descent.F32, 4)
	for i, m := range []MatMul{{}, {Compute: TF32}, {TransA: true}, {TransB: true}, {Bias: bias}} {
		for _, alpha := range []float64{1, 2} {
			m.Alpha, m.Beta = alpha, alpha
			if err := m.Apply(z, x, y); err != nil {
				t.Fatal(err)
			}
			if err := m.Apply(z, y, x); err != nil {
				t.Fatal(err)
			}
		}
		if len(b.prepared) != i+1 {
			t.Fatalf("%d products prepared after %d kinds", len(b.prepared), i+1)
		}
	}
	if n := testing.AllocsPerRun(10, func() { _ = (MatMul{Bias: bias}).Apply(z, x, y) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for n := 1; n <= mostProducts+10; n++ {
		x := descent.NewView(d, backend.Buffer{Ptr: x.Buffer().Ptr, Len: 1, Type: backend.Float32}, 1, 1)
		buf, err := d.Alloc(descent.F32, 1, n)
		if err != nil {
			t.Fatal(err)
		}
		out, err := d.Alloc(descent.F32, 1, n)
		if err != nil {
			t.Fatal(err)
		}
		if err := (MatMul{}).Apply(out.View(), x, buf.View()); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(buf.Free(), out.Free()); err != nil {
			t.Fatal(err)
		}
	}
	if kept := len(b.prepared) - b.released; kept > mostProducts {
		t.Errorf("%d products are kept", kept)
	}
}

// TestMatMulRefuses: nothing is prepared, and the error names what is wrong.
func TestMatMulRefuses(t *testing.T) {
	d, b := simulated(t, 9)
	other, _ := simulated(t, 9)
	old, oldBLAS := simulated(t, 0)
	_ = oldBLAS
	f := func(typ descent.DType, shape ...int) descent.View { return whole(t, d, typ, shape...) }
	a, bb, c := f(descent.F32, 2, 3), f(descent.F32, 3, 4), f(descent.F32, 2, 4)
	qa, qb, qc := f(descent.E4M3, 2, 16), f(descent.E4M3, 16, 16), f(descent.BF16, 2, 16)
	one, two := f(descent.F32, 1), f(descent.F32, 2)
	host := descent.Of(make([]float32, 6), 2, 3)
	refused := []struct {
		m       MatMul
		c, a, b descent.View
		want    error
		text    string
	}{
		{MatMul{Alpha: math.NaN()}, c, a, bb, nil, "gpu.MatMul: Alpha is NaN, want a finite number"},
		{MatMul{Beta: math.Inf(1)}, c, a, bb, nil, "gpu.MatMul: Beta is +Inf"},
		{MatMul{Compute: 2}, c, a, bb, nil, "gpu.MatMul: Compute is 2"},
		{MatMul{}, descent.View{}, a, bb, descent.ErrNil, "C: "},
		{MatMul{}, c, a, f(descent.F32, 12), descent.ErrShape, "B is float32[12]"},
		{MatMul{}, host, a, bb, descent.ErrDevice, "C is float32[2 3]"},
		{MatMul{}, c, host, bb, descent.ErrDevice, "A on host"},
		{MatMul{}, c, a, whole(t, other, descent.F32, 3, 4), descent.ErrDevice, "C on"},
		{MatMul{Bias: descent.Of(make([]float32, 4))}, c, a, bb, descent.ErrDevice, "Bias on host"},
		{MatMul{}, c, a, f(descent.F32, 4, 4), descent.ErrShape, "A is float32[2 3]"},
		{MatMul{TransA: true}, c, a, bb, descent.ErrShape, "A to be transposed is float32[2 3]"},
		{MatMul{TransB: true}, c, a, bb, descent.ErrShape, "B to be transposed is float32[3 4]"},
		{MatMul{}, f(descent.F32, 4, 2), a, bb, descent.ErrShape, "want [2 4]"},
		{MatMul{}, c, f(descent.F32, 2, 0), f(descent.F32, 0, 4), descent.ErrShape, "nothing to add up"},
		{MatMul{}, c, f(descent.F64, 2, 3), bb, descent.ErrDType, "A, float64[2 3]"},
		{MatMul{}, c, f(descent.BF16, 2, 3), f(descent.F16, 3, 4), descent.ErrDType, "bfloat16[2 3]"},
		{MatMul{}, f(descent.BF16, 2, 4), a, bb, descent.ErrDType, "C is bfloat16[2 4]"},
		{MatMul{}, c, c, f(descent.F32, 4, 4), descent.ErrOverlap, "C and A"},
		{MatMul{}, c, f(descent.F32, 2, 2), c, descent.ErrOverlap, "C and B"},
		{MatMul{Bias: two}, c, a, bb, descent.ErrShape, "Bias is float32[2]"},
		{MatMul{Bias: f(descent.BF16, 4)}, c, a, bb, descent.ErrDType, "Bias is bfloat16[4]"},
		{MatMul{ScaleA: one}, c, a, bb, descent.ErrDType, "ScaleA is float32[1]"},
		{MatMul{TransB: true, ScaleA: two}, qc, qa, qb, descent.ErrDType, "want one float32"},
		{MatMul{}, qc, qa, qb, descent.ErrShape, "with TransB and without TransA"},
		{MatMul{TransB: true}, f(descent.BF16, 2, 8), qa, f(descent.E4M3, 8, 16), descent.ErrShape, "multiples of 16"},
		{MatMul{TransB: true}, qc, f(descent.E4M3, 2, 8), f(descent.E4M3, 16, 8), descent.ErrShape, "multiples of 16"},
		{MatMul{TransB: true}, qc, f(descent.E5M2, 2, 16), f(descent.E5M2, 16, 16), descent.ErrDType, "no product of A"},
		{MatMul{TransB: true}, f(descent.E5M2, 2, 16), qa, qb, descent.ErrDType, "C is float8_e5m2[2 16]"},
		{MatMul{TransB: true}, f(descent.E4M3, 2, 16), qa, qb, descent.ErrDType, "C is float8_e4m3[2 16]"},
		{MatMul{TransB: true, Bias: f(descent.F32, 16)}, f(descent.F32, 2, 16), qa, qb, descent.ErrDType, "want [bfloat16]"},
		{
			MatMul{TransB: true},
			whole(t, old, descent.BF16, 2, 16), whole(t, old, descent.E4M3, 2, 16),
			whole(t, old, descent.E4M3, 16, 16), descent.ErrDType, "compute capability 8.9, this is 8.0",
		},
	}
	for _, r := range refused {
		err := r.m.Apply(r.c, r.a, r.b)
		if err == nil || r.want != nil && !errors.Is(err, r.want) || !strings.Contains(err.Error(), r.text) {
			t.Errorf("%+v of %v, %v, %v: %v, want %v with %q", r.m, r.c, r.a, r.b, err, r.want, r.text)
		}
	}
	if len(b.prepared) != 0 {
		t.Errorf("%d products prepared", len(b.prepared))
	}
	if err := (MatMul{}).Apply(f(descent.F32, 0, 4), f(descent.F32, 0, 3), bb); err != nil || len(b.prepared) != 0 {
		t.Errorf("no rows: %v", err)
	}
	b.none = true
	if err := (MatMul{}).Apply(c, a, bb); err == nil || !strings.Contains(err.Error(), "no algorithm") {
		t.Errorf("without an algorithm: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	var x [3]descent.View
	for i := range x {
		x[i] = descent.NewView(other, backend.Buffer{Ptr: unsafe.Pointer(new([4]float32)), Len: 4, Type: backend.Float32}, 2, 2)
	}
	if err := (MatMul{}).Apply(x[0], x[1], x[2]); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestMatMulBackend: matrices however they lie, and the host's product where
// cuBLASLt does not take them or is not there.
func TestMatMulBackend(t *testing.T) {
	d, b := simulated(t, 9)
	for _, typ := range []descent.DType{descent.F32, descent.F64} {
		for form := range 4 * 4 * 4 {
			for _, size := range [][3]int{{3, 4, 5}, {1, 4, 5}, {3, 1, 5}, {3, 4, 1}, {1, 1, 1}} {
				rows, inner, cols := size[0], size[1], size[2]
				m := backend.MatMul{
					C:   lies(t, d, typ, rows, cols, form&3),
					A:   lies(t, d, typ, rows, inner, form>>2&3),
					B:   lies(t, d, typ, inner, cols, form>>4&3),
					Add: form%2 == 0,
				}
				want := whole(t, d, typ, m.C.Len).Buffer()
				if err := d.back.Copy(want, m.C.Buffer); err != nil {
					t.Fatal(err)
				}
				on := m
				on.C.Buffer = want
				if err := (host.Backend{}).MatMul(on); err != nil {
					t.Fatal(err)
				}
				prepared := len(b.prepared)
				for _, none := range []bool{false, true} {
					b.none = none
					again := m
					again.C.Buffer = whole(t, d, typ, m.C.Len).Buffer()
					if err := d.back.Copy(again.C.Buffer, m.C.Buffer); err != nil {
						t.Fatal(err)
					}
					if err := d.back.MatMul(again); err != nil {
						t.Fatal(err)
					}
					for i, w := range numbers(descent.NewView(d, want, want.Len)) {
						if got := numbers(descent.NewView(d, again.C.Buffer, want.Len))[i]; got != w {
							t.Fatalf("%v, form %d, none %v: element %d is %v, want %v", size, form, none, i, got, w)
						}
					}
				}
				spread := form&3 == 3 || form>>2&3 == 3 || form>>4&3 == 3
				if size == [3]int{3, 4, 5} && spread && len(b.prepared) != prepared {
					t.Fatalf("form %d is not for cuBLASLt", form)
				}
			}
		}
	}
	if len(b.prepared) == 0 {
		t.Error("nothing prepared")
	}
	out := whole(t, d, descent.F32, 2, 2)
	x := whole(t, d, descent.F32, 2, 0)
	none := backend.MatMul{C: backend.Dense(out.Buffer(), 2, 2), A: backend.Dense(x.Buffer(), 2, 0), B: backend.Dense(x.Buffer(), 0, 2)}
	if err := d.back.MatMul(none); err != nil || numbers(out)[0] != 0 || numbers(out)[3] != 0 {
		t.Errorf("a sum of nothing: %v, %v", numbers(out), err)
	}
}

// lies is a matrix in rows, in columns, in rows with room between them, or with
// room between all elements.
func lies(t *testing.T, d *Device, typ descent.DType, rows, cols, form int) backend.Matrix {
	t.Helper()
	m := backend.Matrix{Rows: rows, Cols: cols, RowStride: cols, ColStride: 1}
	switch form {
	case 1:
		m.RowStride, m.ColStride = 1, rows
	case 2:
		m.RowStride = cols + 3
	case 3:
		m.RowStride, m.ColStride = 2*cols, 2
	}
	m.Buffer = whole(t, d, typ, rows*m.RowStride+cols*m.ColStride).Buffer()
	return m
}
