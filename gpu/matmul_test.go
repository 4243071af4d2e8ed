package gpu_test

import (
	"errors"
	"fmt"
	"log"
	"math"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/gpu"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/precision"
)

// A product on the first GPU in the formats of a policy, or in plain loops where
// there is none.
func ExampleMatMul() {
	policy := precision.For(precision.Hopper)
	m := gpu.MatMul{Compute: gpu.Float32, TransB: true}
	if policy.TF32 {
		m.Compute = gpu.TF32
	}
	x := []float32{1, 2, 3, 4, 5, 6}  // two examples of three features
	w := []float32{1, 0, -1, 2, 2, 2} // two outputs
	bias, y := []float32{10, 20}, make([]float32, 4)

	err := func() error {
		dev, err := gpu.Open(0)
		if err != nil {
			return err
		}
		defer dev.Close()
		var t [4]gpu.Tensor
		for i, v := range []descent.View{descent.Of(x, 2, 3), descent.Of(w, 2, 3), descent.Of(bias), descent.Of(y, 2, 2)} {
			if t[i], err = dev.Upload(v); err != nil {
				return err
			}
		}
		m.Bias = t[2].View()
		if err := m.Apply(t[3].View(), t[0].View(), t[1].View()); err != nil {
			return err
		}
		return t[3].Read(descent.Of(y, 2, 2))
	}()
	switch {
	case errors.Is(err, gpu.ErrUnavailable): // err says why
		for i := range 2 {
			for j := range 2 {
				y[2*i+j] = bias[j]
				for k := range 3 {
					y[2*i+j] += x[3*i+k] * w[3*j+k]
				}
			}
		}
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(m.Compute, y)
	// Output:
	// tf32 [8 32 8 50]
}

// format is how a test writes and reads elements of a type.
type format struct {
	typ  descent.DType
	unit float64 // the unit roundoff
	tiny float64 // half of the least subnormal number
	most float64 // where it saturates
}

var formats = map[descent.DType]format{
	descent.F32:  {descent.F32, 0x1p-24, 0x1p-150, math.MaxFloat32},
	descent.F64:  {descent.F64, 0x1p-53, 0, math.MaxFloat64},
	descent.F16:  {descent.F16, 0x1p-11, 0x1p-25, 65504},
	descent.BF16: {descent.BF16, 0x1p-8, 0x1p-134, math.MaxFloat32},
	descent.E4M3: {descent.E4M3, 0x1p-4, 0x1p-10, 448},
	descent.E5M2: {descent.E5M2, 0x1p-3, 0x1p-17, 57344},
}

// encode makes a host tensor of numbers and returns them as they were rounded.
func encode(typ descent.DType, x []float64, shape ...int) (descent.View, []float64) {
	switch typ {
	case descent.F32:
		return encoded(x, func(x float64) float32 { return float32(x) }, func(v float32) float64 { return float64(v) }, shape)
	case descent.F64:
		return encoded(x, func(x float64) float64 { return x }, func(v float64) float64 { return v }, shape)
	case descent.F16:
		return encoded(x, descent.NewFloat16[float64], func(v descent.Float16) float64 { return float64(v.Float32()) }, shape)
	case descent.BF16:
		return encoded(x, descent.NewBFloat16[float64], func(v descent.BFloat16) float64 { return float64(v.Float32()) }, shape)
	case descent.E4M3:
		return encoded(x, descent.NewFloat8E4M3[float64], func(v descent.Float8E4M3) float64 { return float64(v.Float32()) }, shape)
	case descent.E5M2:
		return encoded(x, descent.NewFloat8E5M2[float64], func(v descent.Float8E5M2) float64 { return float64(v.Float32()) }, shape)
	}
	panic(typ)
}

func encoded[E descent.Element](x []float64, to func(float64) E, from func(E) float64, shape []int) (descent.View, []float64) {
	data, back := make([]E, len(x)), make([]float64, len(x))
	for i, x := range x {
		data[i] = to(x)
		back[i] = from(data[i])
	}
	return descent.Of(data, shape...), back
}

// decode reads a tensor of the device.
func decode(t testing.TB, v gpu.Tensor) []float64 {
	t.Helper()
	return got(t, v.View())
}

// got is decode of a view.
func got(t testing.TB, v descent.View) []float64 {
	t.Helper()
	host, _ := encode(v.DType(), make([]float64, v.Len()))
	if err := descent.Copy(host, descent.NewView(v.Device(), v.Buffer(), v.Len())); err != nil {
		t.Fatal(err)
	}
	switch v.DType() {
	case descent.F32:
		return widened(t, host, func(v float32) float64 { return float64(v) })
	case descent.F64:
		return widened(t, host, func(v float64) float64 { return v })
	case descent.F16:
		return widened(t, host, func(v descent.Float16) float64 { return float64(v.Float32()) })
	case descent.BF16:
		return widened(t, host, func(v descent.BFloat16) float64 { return float64(v.Float32()) })
	case descent.E4M3:
		return widened(t, host, func(v descent.Float8E4M3) float64 { return float64(v.Float32()) })
	}
	return widened(t, host, func(v descent.Float8E5M2) float64 { return float64(v.Float32()) })
}

func widened[E descent.Element](t testing.TB, v descent.View, from func(E) float64) []float64 {
	t.Helper()
	data, err := descent.Data[E](v)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float64, len(data))
	for i, e := range data {
		x[i] = from(e)
	}
	return x
}

// noise is n numbers from -1 to 1, or whole ones from -2 to 2, the same at
// every call.
func noise(n int, seed uint64, whole bool) []float64 {
	x := make([]float64, n)
	s := seed*0x9e3779b97f4a7c15 + 1
	for i := range x {
		s ^= s << 13
		s ^= s >> 7
		s ^= s << 17
		x[i] = float64(int64(s)>>11) / (1 << 52)
		if whole {
			x[i] = float64(s>>33%5) - 2
		}
	}
	return x
}

// trial is a product, its sizes and types.
type trial struct {
	a, b, c           descent.DType
	rows, inner, cols int
	by                gpu.MatMul // without tensors
	bias, scales      bool
	whole             bool // exact
}

func (r trial) String() string {
	s := fmt.Sprintf("%v×%v=%v/%d×%d×%d/%v", r.a, r.b, r.c, r.rows, r.inner, r.cols, r.by.Compute)
	for _, o := range []struct {
		name string
		on   bool
	}{
		{"A'", r.by.TransA},
		{"B'", r.by.TransB},
		{"fast", r.by.FastAccumulation},
		{"bias", r.bias},
		{"scales", r.scales},
		{"whole", r.whole},
	} {
		if o.on {
			s += "/" + o.name
		}
	}
	return s + fmt.Sprintf("/%v,%v", r.by.Alpha, r.by.Beta)
}

func (r trial) narrow() bool { return r.a.Size() == 1 }

// bound is how far an element may lie from want: size is the sum of the
// magnitudes of what was added up.
func (r trial) bound(want, size float64) float64 {
	if r.whole {
		return 0
	}
	// A sum of n numbers in a precision u, in any order, is within n·u of them.
	terms := float64(r.inner + 4)
	var sum float64
	switch {
	case r.a == descent.F64:
		sum = terms * 0x1p-53
	case r.a == descent.F32 && r.by.Compute == gpu.TF32:
		// Each operand loses up to a unit of its 10 bits, as some devices cut them;
		// matrix units cut their sums too, and keep one bit less.
		sum = 2*0x1p-10*1.001 + terms*0x1p-22
	case r.a == descent.F32:
		sum = terms * 0x1p-24
	case r.narrow():
		// Matrix units add up 32 products of FP8 at a time in about 14 bits: Hopper
		// as measured in arXiv:2412.19437. Without fast accumulation each 128 are
		// added in float32.
		parts := 4.
		if r.by.FastAccumulation {
			parts = math.Ceil(float64(r.inner)/32) + 1
		}
		sum = parts*0x1p-13 + terms*0x1p-22
	default:
		sum = terms * 0x1p-22
	}
	f := formats[r.c]
	return sum*size + f.unit*(math.Abs(want)+sum*size) + f.tiny
}

// check makes the product on the device and compares it with float64's.
func (r trial) check(t *testing.T, dev *gpu.Device) {
	t.Helper()
	shapeA, shapeB := []int{r.rows, r.inner}, []int{r.inner, r.cols}
	if r.by.TransA {
		shapeA = []int{r.inner, r.rows}
	}
	if r.by.TransB {
		shapeB = []int{r.cols, r.inner}
	}
	hostA, a := encode(r.a, noise(r.rows*r.inner, 1, r.whole), shapeA...)
	hostB, b := encode(r.b, noise(r.inner*r.cols, 2, r.whole), shapeB...)
	old := noise(r.rows*r.cols, 3, r.whole)
	if r.by.Beta == 0 {
		for i := range old {
			old[i] = math.NaN() // not read
		}
	}
	hostC, old := encode(r.c, old, r.rows, r.cols)
	give := func(v descent.View) gpu.Tensor {
		u, err := dev.Upload(v)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := u.Free(); err != nil {
				t.Error(err)
			}
		})
		return u
	}
	m := r.by
	bias := make([]float64, r.cols)
	if r.bias {
		typ := r.c
		if r.narrow() && r.c != descent.F16 {
			typ = descent.BF16
		}
		var v descent.View
		v, bias = encode(typ, noise(r.cols, 4, r.whole), r.cols)
		m.Bias = give(v).View()
	}
	scaleA, scaleB := 1., 1.
	if r.scales {
		scaleA, scaleB = 0.5, 4
		m.ScaleA = give(descent.Of([]float32{0.5})).View()
		m.ScaleB = give(descent.Of([]float32{4})).View()
	}
	c := give(hostC)
	err := m.Apply(c.View(), give(hostA).View(), give(hostB).View())
	if errors.Is(err, gpu.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, c)
	alpha := r.by.Alpha
	if alpha == 0 {
		alpha = 1
	}
	f := formats[r.c]
	worst := 0.
	for i := range r.rows {
		for j := range r.cols {
			sum, size := 0., 0.
			for k := range r.inner {
				ia, ib := i*r.inner+k, k*r.cols+j
				if r.by.TransA {
					ia = k*r.rows + i
				}
				if r.by.TransB {
					ib = j*r.inner + k
				}
				sum += a[ia] * b[ib]
				size += math.Abs(a[ia] * b[ib])
			}
			factor := alpha * scaleA * scaleB
			at := i*r.cols + j
			sum, size = factor*sum+bias[j], math.Abs(factor)*size+math.Abs(bias[j])
			if r.by.Beta != 0 {
				sum += r.by.Beta * old[at]
				size += math.Abs(r.by.Beta * old[at])
			}
			want := max(-f.most, min(f.most, sum))
			d, bound := math.Abs(got[at]-want), r.bound(want, size)
			if !(d <= bound) {
				t.Fatalf("element (%d, %d) is %v, want %v within %v", i, j, got[at], want, bound)
			}
			if bound > 0 {
				worst = max(worst, d/bound)
			}
		}
	}
	t.Logf("worst error %.3g of its bound", worst)
}

// results are the types of C for those of A and B.
var results = []struct {
	a, b descent.DType
	c    []descent.DType
}{
	{descent.F32, descent.F32, []descent.DType{descent.F32}},
	{descent.F64, descent.F64, []descent.DType{descent.F64}},
	{descent.F16, descent.F16, []descent.DType{descent.F16, descent.F32}},
	{descent.BF16, descent.BF16, []descent.DType{descent.BF16, descent.F32}},
	{descent.E4M3, descent.E4M3, []descent.DType{descent.BF16, descent.F16, descent.F32}},
	{descent.E4M3, descent.E5M2, []descent.DType{descent.BF16, descent.F16, descent.F32}},
	{descent.E5M2, descent.E4M3, []descent.DType{descent.BF16, descent.F16, descent.F32}},
}

// trials are products of every type in every form.
func trials() (list []trial) {
	for _, types := range results {
		for _, c := range types.c {
			r := trial{a: types.a, b: types.b, c: c}
			sizes := [][3]int{{1, 1, 1}, {7, 5, 3}, {33, 65, 17}, {1, 384, 50}, {128, 256, 64}}
			if r.narrow() {
				r.by.TransB = true
				sizes = [][3]int{{1, 16, 16}, {5, 32, 16}, {33, 272, 48}, {128, 256, 64}}
			}
			for _, size := range sizes {
				r.rows, r.inner, r.cols = size[0], size[1], size[2]
				list = append(list, r)
			}
			// The forms, of the last size.
			if !r.narrow() {
				for form := range 4 {
					s := r
					s.by.TransA, s.by.TransB = form&1 != 0, form&2 != 0
					list = append(list, s)
					s.rows, s.inner, s.cols = 33, 65, 17
					list = append(list, s)
				}
			}
			s := r
			s.bias = true
			list = append(list, s)
			s.by.Alpha = -1.5
			list = append(list, s)
			if c.Size() > 1 {
				s.by.Beta = 0.75
				list = append(list, s)
			}
			if r.narrow() {
				s.scales = true
				list = append(list, s)
				s.by.FastAccumulation = true
				list = append(list, s)
			}
			if r.a == descent.F32 {
				s.by.Compute = gpu.TF32
				list = append(list, s)
			}
			// Sums of at most 128, exact but in FP8.
			s = r
			s.whole, s.rows, s.inner, s.cols = true, 48, 32, 16
			if c.Size() > 1 {
				list = append(list, s)
			}
		}
	}
	return list
}

// TestMatMul compares products with float64's.
func TestMatMul(t *testing.T) {
	dev := open(t)
	for _, r := range trials() {
		if r.narrow() && !dev.Info().FP8() {
			continue
		}
		t.Run(r.String(), func(t *testing.T) { r.check(t, dev) })
	}
}

// TestMatMulRepeats: the same call gives the same bits, and allocates nothing.
func TestMatMulRepeats(t *testing.T) {
	dev := open(t)
	const n = 512
	host, _ := encode(descent.BF16, noise(n*n, 5, false), n, n)
	a, err := dev.Upload(host)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dev.Alloc(descent.F32, n, n)
	if err != nil {
		t.Fatal(err)
	}
	apply := func() error { return gpu.MatMul{TransB: true}.Apply(c.View(), a.View(), a.View()) }
	err = apply()
	if errors.Is(err, gpu.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := decode(t, c)
	for range 5 {
		if err := apply(); err != nil {
			t.Fatal(err)
		}
		for i, x := range decode(t, c) {
			if x != want[i] {
				t.Fatalf("element %d is %v, was %v", i, x, want[i])
			}
		}
	}
	if allocs := testing.AllocsPerRun(20, func() { _ = apply() }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// TestMatMulTwice: a device opened twice has two handles, and what is left when
// one is closed works; then it works again from the start.
func TestMatMulTwice(t *testing.T) {
	r := trial{a: descent.F32, b: descent.F32, c: descent.F32, rows: 33, inner: 65, cols: 17}
	one, err := gpu.Open(0)
	if errors.Is(err, gpu.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two := open(t)
	// Each in a test of its own, as they free their tensors when they end.
	step := func(name string, dev *gpu.Device) {
		t.Run(name, func(t *testing.T) { r.check(t, dev) })
	}
	step("first", one)
	step("second", two)
	step("first again", one)
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	step("second alone", two)
	if err := two.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		dev, err := gpu.Open(0)
		if err != nil {
			t.Fatal(err)
		}
		step(fmt.Sprint("opened anew ", i), dev)
		if err := dev.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMatMulMemory: Close gives back the workspace and what was prepared.
func TestMatMulMemory(t *testing.T) {
	watch := open(t) // keeps what the driver loads once
	r := trial{a: descent.BF16, b: descent.BF16, c: descent.F32, rows: 128, inner: 256, cols: 64}
	round := func() {
		dev, err := gpu.Open(0)
		if err != nil {
			t.Fatal(err)
		}
		t.Run("product", func(t *testing.T) { r.check(t, dev) })
		if err := dev.Close(); err != nil {
			t.Fatal(err)
		}
	}
	free := func() int64 {
		n, _, err := watch.Memory()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	round()
	before := free()
	for range 10 {
		round()
	}
	// Ten workspaces are 320 MiB. Others on the device may come and go.
	if lost := before - free(); lost > 16<<20 {
		t.Errorf("%d bytes of device memory lost in 10 rounds", lost)
	}
}

// TestMatMulSeam: the backend's products of matrices that lie in rows or in
// columns, and of those that do not.
func TestMatMulSeam(t *testing.T) {
	dev := open(t)
	const rows, inner, cols = 33, 65, 17
	for _, typ := range []descent.DType{descent.F32, descent.F64} {
		for form := range 4 * 4 * 4 {
			for _, add := range []bool{false, true} {
				a, x := spread(t, dev, typ, rows, inner, form&3, 6)
				b, y := spread(t, dev, typ, inner, cols, form>>2&3, 7)
				c, old := spread(t, dev, typ, rows, cols, form>>4&3, 8)
				err := dev.Backend().MatMul(backend.MatMul{C: c.matrix, A: a.matrix, B: b.matrix, Add: add})
				if err != nil {
					t.Fatal(err)
				}
				got := decode(t, c.tensor)
				used := make([]bool, len(got))
				for i := range rows {
					for j := range cols {
						sum, size := 0., 0.
						if add {
							sum = old[c.at(i, j)]
							size = math.Abs(sum)
						}
						for k := range inner {
							p := x[a.at(i, k)] * y[b.at(k, j)]
							sum += p
							size += math.Abs(p)
						}
						used[c.at(i, j)] = true
						bound := float64(inner+4) * formats[typ].unit * size
						if d := math.Abs(got[c.at(i, j)] - sum); !(d <= bound) {
							t.Fatalf("%v, form %d, add %v: (%d, %d) is %v, want %v within %v",
								typ, form, add, i, j, got[c.at(i, j)], sum, bound)
						}
					}
				}
				for i, u := range used {
					if !u && got[i] != old[i] {
						t.Fatalf("%v, form %d, add %v: element %d, between those of C, was written", typ, form, add, i)
					}
				}
				for _, v := range []gpu.Tensor{a.tensor, b.tensor, c.tensor} {
					if err := v.Free(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}

type spreadMatrix struct {
	tensor gpu.Tensor
	matrix backend.Matrix
}

func (m spreadMatrix) at(i, j int) int { return i*m.matrix.RowStride + j*m.matrix.ColStride }

// spread is a matrix in rows, in columns, in rows with room between them, or
// with room between all elements; and the whole tensor's numbers.
func spread(t *testing.T, dev *gpu.Device, typ descent.DType, rows, cols, form int, seed uint64) (spreadMatrix, []float64) {
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
	host, x := encode(typ, noise(rows*m.RowStride+cols*m.ColStride, seed, false))
	v, err := dev.Upload(host)
	if err != nil {
		t.Fatal(err)
	}
	m.Buffer = v.View().Buffer()
	return spreadMatrix{v, m}, x
}
