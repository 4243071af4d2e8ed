package gpu

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"unsafe"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	checks "github.com/descent-ml/descent/internal/check"
)

// Compute is how a product of float32 is computed.
type Compute uint8

// The ways. Sums are float32 in both.
const (
	// Float32 uses the operands as they are.
	Float32 Compute = iota
	// TF32 rounds them to TF32: 8 exponent bits, 10 mantissa bits.
	TF32
)

func (c Compute) String() string {
	switch c {
	case Float32:
		return "float32"
	case TF32:
		return "tf32"
	}
	return fmt.Sprintf("Compute(%d)", uint8(c))
}

// MatMul is a product of matrices that lie on one device, made by cuBLASLt.
//
//	C = Alpha·ScaleA·ScaleB·op(A)·op(B) + Beta·C + Bias
//
// op is the transpose where TransA or TransB says so: op(A) is m × k, op(B) is
// k × n, C is m × n, all in rows.
//
//	A × B                                    C
//	float32 × float32                        float32
//	float64 × float64                        float64
//	float16 × float16                        float16, float32
//	bfloat16 × bfloat16                      bfloat16, float32
//	E4M3 × E4M3, E4M3 × E5M2, E5M2 × E4M3    bfloat16, float16, float32
//
// Sums are float64 for float64 and float32 for all others, parts of them
// included; C is rounded once. cuBLASLt chooses their order, so that the bits
// differ between versions of it and between devices.
//
// FP8 wants a device of compute capability 8.9 and more; TransB and no TransA,
// so that both operands run along k; and k and n that are multiples of 16.
//
// Special cases are: of no rows or no columns there is nothing to do; k of 0 is
// an error. With Beta 0 what C held is not read, NaN included. NaN and ±Inf in
// an operand reach the elements of C that they are part of.
//
// C shares no memory with what is read. Operands of a wrong type or shape and
// scales where nothing is FP8 are errors, before anything is queued; so is a
// product that cuBLASLt has no algorithm for. The library is opened when the
// first product is made, as libcublasLt.so.13, .12 or without a number; where
// that fails, or it is older than 12, the error wraps ErrUnavailable and says
// why.
//
// A precision.Policy chooses: operands have its Compute type, Compute is TF32
// where its TF32 is true, and with precision.CurrentScaling as its FP8 ScaleA
// and ScaleB are the scales of the quantized operands. precision.Delayed's
// scales are divided by, so that their inverses belong here.
//
// PyTorch's torch.mm lets parts of a sum of 16-bit operands be rounded to
// their type; torch._scaled_mm has the same FastAccumulation, off as well.
// See https://docs.nvidia.com/cuda/cublas.
type MatMul struct {
	Compute        Compute // where A and B are float32
	TransA, TransB bool
	Alpha          float64 // 0 means 1
	Beta           float64
	// Bias is added to each row of C. It has C's type; bfloat16 where the operands
	// are FP8 and C is float32. The zero View is none.
	Bias descent.View
	// The scales of A and B are for FP8, one float32 each. The zero View is 1.
	ScaleA, ScaleB descent.View
	// FastAccumulation keeps sums of FP8 products in the registers of the matrix
	// units, which have about 14 bits, instead of adding them up in float32.
	FastAccumulation bool
}

// Validate reports the first field out of range.
func (m MatMul) Validate() error {
	infinity := math.Inf(1)
	return checks.Fields("gpu.MatMul",
		checks.Field{Name: "Compute", Value: float64(m.Compute), Max: float64(TF32)},
		checks.Field{Name: "Alpha", Value: m.Alpha, Min: -infinity, Max: infinity},
		checks.Field{Name: "Beta", Value: m.Beta, Min: -infinity, Max: infinity})
}

// Apply queues the product.
func (m MatMul) Apply(c, a, b descent.View) error {
	d, err := m.check(c, a, b)
	if err != nil || c.Len() == 0 {
		return err
	}
	p := product{
		left: dense(b), right: dense(a), out: dense(c),
		transLeft: m.TransB, transRight: m.TransA,
	}
	on := operands{
		left: address(b.Buffer()), right: address(a.Buffer()), out: address(c.Buffer()), bias: address(m.Bias.Buffer()),
		scaleLeft: address(m.ScaleB.Buffer()), scaleRight: address(m.ScaleA.Buffer()),
		alpha: m.Alpha, beta: m.Beta,
	}
	if on.alpha == 0 {
		on.alpha = 1
	}
	p.tf32 = m.Compute == TF32 && a.DType() == descent.F32
	p.fast = m.FastAccumulation && a.DType().Size() == 1
	if given(m.Bias) {
		p.bias = m.Bias.DType()
		p.out.align = min(p.out.align, alignment(on.bias))
	}
	if err := d.lock(); err != nil {
		return err
	}
	defer d.mu.Unlock()
	return d.failed("matrix product", d.product(p, on))
}

// check returns the device, or what is wrong.
func (m MatMul) check(c, a, b descent.View) (*Device, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	for _, v := range [...]struct {
		name string
		view descent.View
	}{{"C", c}, {"A", a}, {"B", b}} {
		if err := checks.Usable(v.name, v.view); err != nil {
			return nil, err
		}
		if v.view.Rank() != 2 {
			return nil, fmt.Errorf("gpu: %w: %s is %v, want a matrix", descent.ErrShape, v.name, v.view)
		}
	}
	d, ok := c.Device().(*Device)
	if !ok {
		return nil, fmt.Errorf("gpu: %w: C is %v, want it on a device of this package", descent.ErrDevice, c)
	}
	for _, v := range [...]struct {
		name string
		view descent.View
	}{{"A", a}, {"B", b}, {"Bias", m.Bias}, {"ScaleA", m.ScaleA}, {"ScaleB", m.ScaleB}} {
		if !given(v.view) {
			continue
		}
		if err := checks.Usable(v.name, v.view); err != nil {
			return nil, err
		}
		if err := checks.SameDevice("C", c, v.name, v.view); err != nil {
			return nil, err
		}
		if err := checks.Disjoint("C", c, v.name, v.view); err != nil {
			return nil, err
		}
	}
	if err := m.types(c, a, b); err != nil {
		return nil, err
	}
	if err := m.shapes(c, a, b); err != nil {
		return nil, err
	}
	if a.DType().Size() == 1 {
		return d, m.fp8(d, a, b)
	}
	return d, nil
}

// results are the types of C for those of A and B.
var results = map[[2]descent.DType][]descent.DType{
	{descent.F32, descent.F32}:   {descent.F32},
	{descent.F64, descent.F64}:   {descent.F64},
	{descent.F16, descent.F16}:   {descent.F16, descent.F32},
	{descent.BF16, descent.BF16}: {descent.BF16, descent.F32},
	{descent.E4M3, descent.E4M3}: {descent.BF16, descent.F16, descent.F32},
	{descent.E4M3, descent.E5M2}: {descent.BF16, descent.F16, descent.F32},
	{descent.E5M2, descent.E4M3}: {descent.BF16, descent.F16, descent.F32},
}

func (m MatMul) types(c, a, b descent.View) error {
	out, ok := results[[2]descent.DType{a.DType(), b.DType()}]
	if !ok {
		return fmt.Errorf("gpu: %w: no product of A, %v, and B, %v", descent.ErrDType, a, b)
	}
	if err := checks.DType("C", c, out...); err != nil {
		return fmt.Errorf("%w, A being %v and B %v", err, a, b)
	}
	if given(m.Bias) {
		if err := checks.DType("Bias", m.Bias, m.biasType(c, a)); err != nil {
			return fmt.Errorf("%w, C being %v", err, c)
		}
	}
	for _, s := range [...]struct {
		name, of string
		scale, v descent.View
	}{{"ScaleA", "A", m.ScaleA, a}, {"ScaleB", "B", m.ScaleB, b}} {
		switch {
		case !given(s.scale):
		case s.v.DType().Size() != 1:
			return fmt.Errorf("gpu: %w: %s is %v, %s is %v, want FP8", descent.ErrDType, s.name, s.scale, s.of, s.v)
		case s.scale.DType() != descent.F32 || s.scale.Len() != 1:
			return fmt.Errorf("gpu: %w: %s is %v, want one float32", descent.ErrDType, s.name, s.scale)
		}
	}
	return nil
}

func (m MatMul) biasType(c, a descent.View) descent.DType {
	if a.DType().Size() == 1 && c.DType() != descent.F16 {
		return descent.BF16
	}
	return c.DType()
}

func (m MatMul) shapes(c, a, b descent.View) error {
	rows, inner := sides(a, m.TransA)
	again, cols := sides(b, m.TransB)
	nameA, nameB := "A", "B"
	if m.TransA {
		nameA = "A to be transposed"
	}
	if m.TransB {
		nameB = "B to be transposed"
	}
	switch {
	case inner != again:
		return fmt.Errorf("gpu: %w: %s is %v, %s is %v", descent.ErrShape, nameA, a, nameB, b)
	case c.Dim(0) != rows || c.Dim(1) != cols:
		return fmt.Errorf("gpu: %w: C is %v, want [%d %d] as %s is %v, %s is %v",
			descent.ErrShape, c, rows, cols, nameA, a, nameB, b)
	case inner == 0 && c.Len() > 0:
		return fmt.Errorf("gpu: %w: %s is %v, %s is %v: nothing to add up", descent.ErrShape, nameA, a, nameB, b)
	case given(m.Bias) && m.Bias.Len() != cols:
		return fmt.Errorf("gpu: %w: Bias is %v, C is %v: want an element for each column", descent.ErrShape, m.Bias, c)
	}
	return nil
}

func sides(v descent.View, transposed bool) (rows, cols int) {
	if transposed {
		return v.Dim(1), v.Dim(0)
	}
	return v.Dim(0), v.Dim(1)
}

// fp8 is what cuBLASLt wants of FP8 beyond all products.
func (m MatMul) fp8(d *Device, a, b descent.View) error {
	switch {
	case !d.info.FP8():
		return fmt.Errorf("gpu: %w: A is %v, B is %v: FP8 wants compute capability 8.9, this is %d.%d",
			descent.ErrDType, a, b, d.info.Major, d.info.Minor)
	case m.TransA || !m.TransB:
		return fmt.Errorf("gpu: %w: A is %v, B is %v: FP8 wants A in rows of k and B in rows of k, with TransB and without TransA",
			descent.ErrShape, a, b)
	case a.Dim(1)%16 != 0 || b.Dim(0)%16 != 0:
		return fmt.Errorf("gpu: %w: A is %v, B is %v: FP8 wants k, the columns of both, and n, the rows of B, in multiples of 16",
			descent.ErrShape, a, b)
	}
	return nil
}

func given(v descent.View) bool { return v != descent.View{} }

// product is a matrix product as cuBLASLt sees it, over columns: C = op(A)·op(B)
// in rows is Cᵀ = op(B)ᵀ·op(A)ᵀ in columns, so that left is B and right is A.
// Those that are equal share what was prepared.
type product struct {
	left, right           layout
	out                   layout // C
	transLeft, transRight bool
	tf32, fast            bool
	bias                  backend.DType // Invalid for none
}

// layout is a matrix whose element (i, j) is i + j·ld. align is what its address
// is a multiple of.
type layout struct {
	typ            backend.DType
	rows, cols, ld int
	align          int
}

// operands are the addresses of one call, 0 for none, and its factors.
type operands struct {
	left, right, out, bias uint64
	scaleLeft, scaleRight  uint64
	alpha, beta            float64
}

// dense is a matrix in rows.
func dense(v descent.View) layout {
	return layout{v.DType(), v.Dim(1), v.Dim(0), max(1, v.Dim(1)), alignment(address(v.Buffer()))}
}

// alignment is the greatest power of two up to 256 that divides an address;
// cuBLASLt tells no greater ones apart.
func alignment(at uint64) int { return 1 << bits.TrailingZeros64(at|256) }

// blas is cuBLASLt on one device. A call queues its work.
type blas interface {
	// prepare chooses an algorithm that does with workspace bytes.
	prepare(p product, on operands) (algorithm, error)
	multiply(a algorithm, on operands, room unsafe.Pointer) error
	release(a algorithm)
	close()
}

// algorithm is what blas prepares for a product.
type algorithm unsafe.Pointer

// errNoProduct is what blas says of a product that it has no algorithm for.
var errNoProduct = errors.New("cuBLASLt has no algorithm for it")

// workspace is what NVIDIA recommends for Hopper, and more than others need.
const workspace = 32 << 20

// mostProducts is how many products are kept prepared. Those of a model are a
// few dozen; lengths that always change would fill the memory.
const mostProducts = 4096

// products is what a device keeps from one matrix product to the next.
type products struct {
	blas  blas
	err   error          // why there is none
	room  unsafe.Pointer // of workspace bytes
	found map[product]algorithm
}

// open opens the library where that has not been tried.
func (p *products) open(d *Device) error {
	if p.blas == nil && p.err == nil {
		p.blas, p.err = openBLAS(d.engine)
	}
	if p.err == nil && p.room == nil {
		var err error
		if p.room, err = d.alloc(workspace); err != nil {
			return err
		}
	}
	return p.err
}

// forget releases what was prepared. Queued work does not need it.
func (p *products) forget() {
	for _, a := range p.found {
		p.blas.release(a)
	}
	p.found = nil
}

// close gives back all but the workspace, which is the device's.
func (p *products) close() {
	p.forget()
	if p.blas != nil {
		p.blas.close()
	}
	*p = products{}
}

// product queues a product.
func (d *Device) product(p product, on operands) error {
	if err := d.matmuls.open(d); err != nil {
		return err
	}
	k := &d.matmuls
	a, ok := k.found[p]
	if !ok {
		if len(k.found) == mostProducts {
			k.forget()
		}
		var err error
		if a, err = k.blas.prepare(p, on); err != nil {
			return err
		}
		if k.found == nil {
			k.found = map[product]algorithm{}
		}
		k.found[p] = a
	}
	return k.blas.multiply(a, on, k.room)
}

// MatMul implements backend.Backend: with cuBLASLt, in float32 without TF32 or
// in float64, where rows or columns lie side by side.
func (k *kernels) MatMul(m backend.MatMul) error {
	p, on, ok := overColumns(m)
	if !ok {
		return k.staged.MatMul(m)
	}
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	err := d.product(p, on)
	d.mu.Unlock()
	if errors.Is(err, ErrUnavailable) || errors.Is(err, errNoProduct) {
		return k.staged.MatMul(m)
	}
	return d.failed("matrix product", err)
}

// overColumns is the product as cuBLASLt takes it; false for one that it does
// not take.
func overColumns(m backend.MatMul) (p product, on operands, ok bool) {
	typ := m.C.Type
	if typ != backend.Float32 && typ != backend.Float64 || m.A.Type != typ || m.B.Type != typ ||
		m.C.Rows == 0 || m.C.Cols == 0 || m.A.Cols == 0 {
		return p, on, false
	}
	out, trans, ok := strided(m.C)
	if ok && trans {
		// Cᵀ = Bᵀ·Aᵀ
		m.C, m.A, m.B = m.C.T(), m.B.T(), m.A.T()
		out, _, ok = strided(m.C)
	}
	if !ok {
		return p, on, false
	}
	p.out = out
	if p.left, p.transLeft, ok = strided(m.B); !ok {
		return p, on, false
	}
	if p.right, p.transRight, ok = strided(m.A); !ok {
		return p, on, false
	}
	on = operands{left: address(m.B.Buffer), right: address(m.A.Buffer), out: address(m.C.Buffer), alpha: 1}
	if m.Add {
		on.beta = 1
	}
	return p, on, true
}

// strided is a matrix in rows, or with trans one whose transpose is; false where
// neither lies side by side.
func strided(m backend.Matrix) (l layout, trans, ok bool) {
	if t := m.T(); !inRows(m) && inRows(t) {
		m, trans = t, true
	}
	l = layout{m.Type, m.Cols, m.Rows, max(m.RowStride, m.Cols), alignment(address(m.Buffer))}
	return l, trans, inRows(m)
}

func inRows(m backend.Matrix) bool {
	return (m.ColStride == 1 || m.Cols == 1) && (m.RowStride >= m.Cols || m.Rows == 1)
}
