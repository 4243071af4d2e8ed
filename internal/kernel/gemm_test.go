package kernel

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"testing"

	"github.com/descent-ml/descent/internal/cpu"
)

// gemmTier is one implementation of the tile's kernel.
type gemmTier struct {
	name string
	have bool
	tile func(c []float32, stride uint64, a, b []float32, add bool)
	rows func(c []float32, stride uint64, a []float32, row uint64, b []float32, add bool) // nil where there is none
}

// gemmTiers are the reference and what the architecture has.
var gemmTiers = append([]gemmTier{{
	"go", true,
	func(c []float32, stride uint64, a, b []float32, add bool) {
		gemmTileGeneric(c, stride, a, 1, TileRows, b, add)
	},
	func(c []float32, stride uint64, a []float32, row uint64, b []float32, add bool) {
		gemmTileGeneric(c, stride, a, row, 1, b, add)
	},
}}, gemmArchTiers()...)

// triple is what Gemm's comment says, element after element.
func triple[F Float](c, a, b Matrix[F], add bool) {
	for i := range c.Rows {
		for j := range c.Cols {
			var sum F
			at := &c.Data[i*c.RowStride+j*c.ColStride]
			if add {
				sum = *at
			}
			for k := 0; k < a.Cols; k += Depth {
				var s F
				for l := k; l < min(k+Depth, a.Cols); l++ {
					s = fma(a.Data[i*a.RowStride+l*a.ColStride], b.Data[l*b.RowStride+j*b.ColStride], s)
				}
				sum += s
			}
			*at = sum
		}
	}
}

// equal says where two pieces of memory differ; NaNs are alike.
func equal[F Float](got, want []F) error {
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if math.Float64bits(g) != math.Float64bits(w) && (g == g || w == w) {
			return fmt.Errorf("element %d is %v, want %v", i, g, w)
		}
	}
	return nil
}

// layouts are the ways a matrix lies in memory.
var layouts = []struct {
	name    string
	strides func(rows, cols int) (row, col int)
}{
	{"rows", func(_, cols int) (int, int) { return cols, 1 }},
	{"columns", func(rows, _ int) (int, int) { return 1, rows }},
	{"rows apart", func(_, cols int) (int, int) { return cols + 5, 1 }},
	{"columns apart", func(rows, _ int) (int, int) { return 1, rows + 3 }},
	{"every second", func(_, cols int) (int, int) { return 2*cols + 1, 2 }},
}

// place makes a matrix of a layout, offset elements into memory whose other
// elements are NaN.
func place[F Float](layout, rows, cols, offset int, one func() F) (Matrix[F], []F) {
	rs, cs := layouts[layout].strides(rows, cols)
	all := make([]F, offset+rows*rs+cols*cs+8)
	for i := range all {
		all[i] = F(math.NaN())
	}
	m := Matrix[F]{all[offset:], rows, cols, rs, cs}
	for i := range rows {
		for j := range cols {
			m.Data[i*rs+j*cs] = one()
		}
	}
	return m, all
}

// element draws numbers of a kind of fills. To float64 they come by way of
// another 20 bits, so that it does not round as float32 does.
func element[F Float](kind int, w *words) func() F {
	return func() F {
		x := F(math.Float32frombits(fills[kind].one(w)))
		if y := float64(x); y == y && math.Abs(y) < 1e30 {
			return F(y + float64(y*(float64(w.next()>>12)*0x1p-50)))
		}
		return x
	}
}

// checkGemm compares one product with the plain loop, memory beside c included.
func checkGemm[F Float](t *testing.T, m, k, n, form, kind int, w *words, p *Panels[F]) {
	t.Helper()
	la, lb, lc := form%len(layouts), form/2%len(layouts), form/3%len(layouts)
	a, _ := place(la, m, k, form%3, element[F](kind, w))
	b, _ := place(lb, k, n, form%5, element[F](kind, w))
	for _, add := range []bool{false, true} {
		c, got := place(lc, m, n, form%7, element[F](kind, w))
		want := append([]F(nil), got...)
		triple(Matrix[F]{want[form%7:], m, n, c.RowStride, c.ColStride}, a, b, add)
		Gemm(c, a, b, add, p)
		if err := equal(got, want); err != nil {
			t.Fatalf("%d × %d × %d, %s times %s into %s, %s, add %t: %v", m, k, n,
				layouts[la].name, layouts[lb].name, layouts[lc].name, fills[kind].name, add, err)
		}
	}
}

// TestGemm holds what callers get to the plain loop: no rows, whole tiles and
// parts, sums of several depths, every layout and kind of number.
func TestGemm(t *testing.T) {
	var w words
	p32, p64 := new(Panels[float32]), new(Panels[float64])
	for i := range p32.b { // what a call leaves behind must not matter
		p32.b[i], p64.b[i] = float32(math.NaN()), math.NaN()
	}
	form := 0
	for _, m := range []int{0, 1, 4, 11, 12, 13, 27} {
		for _, n := range []int{0, 1, 3, 31, 32, 33, 70} {
			for _, k := range []int{0, 1, 2, 5, 20} {
				for range 5 {
					checkGemm(t, m, k, n, form, form/3%len(fills), &w, p32)
					checkGemm(t, m, k, n, form, form/3%len(fills), &w, p64)
					form++
				}
			}
		}
	}
	for _, s := range [][3]int{
		{13, Depth - 1, 33},
		{12, Depth, 32},
		{13, Depth + 1, 33},
		{5, 2*Depth + 7, 40},
		{3, 9, panelCols - 1},
		{14, 9, panelCols},
		{3, 300, panelCols + 1},
		{12, 4, 2*panelCols + 37},
	} {
		for kind := range fills {
			checkGemm(t, s[0], s[1], s[2], form, kind, &w, p32)
			checkGemm(t, s[0], s[1], s[2], form, kind, &w, p64)
			form++
		}
	}
}

// TestGemmTiles holds every tier's tile to the plain loop: depths, strides,
// misalignments, kinds of numbers, a packed or where it lies, guards between the
// rows.
func TestGemmTiles(t *testing.T) {
	for _, k := range gemmTiers {
		t.Run(k.name, func(t *testing.T) {
			if !k.have {
				t.Skipf("%s: %s", k.name, cpu.Why(k.name))
			}
			var w words
			for _, depth := range []int{1, 2, 3, 4, 5, 6, 7, 8, 31, Depth} {
				for offset := range 17 {
					for kind := range fills {
						one := element[float32](kind, &w)
						layout := 1 // a packed panel is columns
						if k.rows != nil && offset%3 > 0 {
							layout = 2 * (offset%3 - 1) // rows, side by side or apart
						}
						add := (offset+depth)%2 == 0
						a, _ := place(layout, TileRows, depth, offset, one)
						b, _ := place(0, depth, TileCols, offset%5, one)
						c, got := place(2*(kind%2), TileRows, TileCols, offset%7, one)
						want := append([]float32(nil), got...)
						triple(Matrix[float32]{want[offset%7:], TileRows, TileCols, c.RowStride, 1}, a, b, add)
						if layout == 1 {
							k.tile(c.Data, uint64(c.RowStride), a.Data[:TileRows*depth], b.Data[:TileCols*depth], add)
						} else {
							k.rows(c.Data, uint64(c.RowStride), a.Data, uint64(a.RowStride), b.Data[:TileCols*depth], add)
						}
						if err := equal(got, want); err != nil {
							t.Fatalf("depth %d, offset %d, %s, a in %s, add %t: %v",
								depth, offset, fills[kind].name, layouts[layout].name, add, err)
						}
					}
				}
			}
		})
	}
}

// TestPack: every element is in its panel's place, bit for bit, the rows that the
// last panel lacks are 0, and nothing behind the panels is written.
func TestPack(t *testing.T) {
	var w words
	for _, width := range []int{TileRows, TileCols} {
		for _, rows := range []int{1, 3, 4, 7, 11, 12, 13, 32, 33, 63, 64, 70} {
			for _, cols := range []int{1, 7, 8, 9, 16, 27, 40} {
				for layout := range layouts {
					checkPack(t, width, rows, cols, layout, element[float32](2, &w))
					checkPack(t, width, rows, cols, layout, element[float64](2, &w))
				}
			}
		}
	}
}

func checkPack[F Float](t *testing.T, width, rows, cols, layout int, one func() F) {
	t.Helper()
	const guard = 5
	m, _ := place(layout, rows, cols, rows%3, one)
	panels := (rows + width - 1) / width
	got := make([]F, panels*width*cols+guard)
	for i := range got {
		got[i] = guard
	}
	pack(got, m, width)
	want := make([]F, panels*width*cols, len(got))
	for i := range rows {
		for k := range cols {
			want[i/width*width*cols+k*width+i%width] = m.Data[i*m.RowStride+k*m.ColStride]
		}
	}
	for range guard {
		want = append(want, guard)
	}
	for i := range want {
		if math.Float64bits(float64(got[i])) != math.Float64bits(float64(want[i])) {
			t.Fatalf("%d × %d, %s, panels of %d: element %d is %v, want %v",
				rows, cols, layouts[layout].name, width, i, got[i], want[i])
		}
	}
}

// TestGemmParts: any part of c has the bits it has in the whole, a transposed
// product those of the product, a·aᵀ is symmetric, and k may be cut at Depth.
func TestGemmParts(t *testing.T) {
	const m, k, n = 40, 300, 75
	var w words
	p := new(Panels[float32])
	one := element[float32](0, &w)
	a, _ := place(0, m, k, 0, one)
	b, _ := place(1, k, n, 0, one)
	whole, part := Dense(make([]float32, m*n), m, n), Dense(make([]float32, m*n), m, n)
	Gemm(whole, a, b, false, p)
	for i := 0; i < m; i += 7 {
		for j := 0; j < n; j += 50 {
			i1, j1 := min(i+7, m), min(j+50, n)
			Gemm(part.Part(i, i1, j, j1), a.Part(i, i1, 0, k), b.Part(0, k, j, j1), false, p)
		}
	}
	if err := equal(part.Data, whole.Data); err != nil {
		t.Error("by parts:", err)
	}
	Gemm(part, a.Part(0, m, 0, Depth), b.Part(0, Depth, 0, n), false, p)
	Gemm(part, a.Part(0, m, Depth, k), b.Part(Depth, k, 0, n), true, p)
	if err := equal(part.Data, whole.Data); err != nil {
		t.Error("by parts of k:", err)
	}
	clear(part.Data)
	Gemm(part.T(), b.T(), a.T(), false, p)
	if err := equal(part.Data, whole.Data); err != nil {
		t.Error("transposed:", err)
	}
	square := Dense(make([]float32, m*m), m, m)
	Gemm(square, a, a.T(), false, p)
	for i := range m {
		for j := range i {
			if square.Data[i*m+j] != square.Data[j*m+i] {
				t.Fatalf("a·aᵀ is not symmetric at %d, %d", i, j)
			}
		}
	}
}

// TestGemmSpecial: nothing is skipped because a factor is 0, and a tile's
// padding brings no NaN in.
func TestGemmSpecial(t *testing.T) {
	inf, negZero := float32(math.Inf(1)), float32(math.Copysign(0, -1))
	p := new(Panels[float32])
	c := []float32{7, 7, 7, 7}
	Gemm(Dense(c, 2, 2), Dense([]float32{0, 1, 2, 3}, 2, 2), Dense([]float32{inf, 1, 1, 2}, 2, 2), false, p)
	if c[0] == c[0] || c[1] != 2 || c[2] != inf || c[3] != 8 {
		t.Errorf("with Inf: %v", c)
	}
	c = []float32{7}
	Gemm(Dense(c, 1, 1), Dense([]float32{negZero}, 1, 1), Dense([]float32{1}, 1, 1), false, p)
	if math.Float32bits(c[0]) != 0 {
		t.Errorf("0 + −0 is %v", c[0])
	}
	c = []float32{negZero, 5}
	Gemm(Dense(c, 1, 2), Dense[float32](nil, 1, 0), Dense[float32](nil, 0, 2), true, p)
	if math.Float32bits(c[0]) != 1<<31 || c[1] != 5 {
		t.Errorf("adding nothing: %v", c)
	}
	Gemm(Dense(c, 1, 2), Dense[float32](nil, 1, 0), Dense[float32](nil, 0, 2), false, p)
	if math.Float32bits(c[0]) != 0 || c[1] != 0 {
		t.Errorf("the sum of nothing: %v", c)
	}
}

// TestGemmAccuracy: an element has at most Depth + ⌈k/Depth⌉ roundings, each of
// 2⁻²⁴ of what Σ|a|·|b| bounds.
func TestGemmAccuracy(t *testing.T) {
	const m, k, n = 13, 5000, 33
	var w words
	one := element[float32](0, &w)
	a, _ := place(0, m, k, 0, one)
	b, _ := place(0, k, n, 0, one)
	c := Dense(make([]float32, m*n), m, n)
	Gemm(c, a, b, false, new(Panels[float32]))
	bound := float64(Depth+(k+Depth-1)/Depth) * 0x1p-24
	worst := 0.0
	for i := range m {
		for j := range n {
			sum, magnitude := 0.0, 0.0
			for l := range k {
				x := float64(a.Data[i*k+l]) * float64(b.Data[l*n+j])
				sum += x
				magnitude += math.Abs(x)
			}
			d := math.Abs(float64(c.Data[i*n+j])-sum) / magnitude
			if !(d <= bound) {
				t.Fatalf("element %d, %d is %v, want %v", i, j, c.Data[i*n+j], sum)
			}
			worst = max(worst, d)
		}
	}
	t.Logf("worst error %.2g of the magnitudes, bound %.2g", worst, bound)
}

// gemmHash is over products of both types; every processor has it.
const gemmHash = "1b9820cd3271a37d41e5c50c0869c935438f0558987a47e39b0f3c5f6b12d47d"

func TestGemmHash(t *testing.T) {
	sum := sha256.New()
	var w words
	p32, p64 := new(Panels[float32]), new(Panels[float64])
	for _, s := range [][3]int{{1, 1, 1}, {12, 256, 32}, {25, 600, 70}, {7, 30, 530}} {
		for kind := range fills {
			hashGemm(sum.Write, s[0], s[1], s[2], kind, &w, p32)
			hashGemm(sum.Write, s[0], s[1], s[2], kind, &w, p64)
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != gemmHash {
		t.Errorf("results changed: %s, want %s", got, gemmHash)
	}
}

func hashGemm[F Float](write func([]byte) (int, error), m, k, n, kind int, w *words, p *Panels[F]) {
	one := element[F](kind, w)
	a, _ := place(0, m, k, 0, one)
	b, _ := place(1, k, n, 0, one)
	c := Dense(make([]F, m*n), m, n)
	for _, add := range []bool{false, true} {
		Gemm(c, a, b, add, p)
		for _, v := range c.Data {
			bits := math.Float64bits(float64(v))
			if v != v {
				bits = 0x7ff8000000000000
			}
			write(binary.LittleEndian.AppendUint64(nil, bits))
		}
	}
}

func TestGemmAllocatesNothing(t *testing.T) {
	p := new(Panels[float32])
	x := Dense(make([]float32, 40*40), 40, 40)
	c := Dense(make([]float32, 40*40), 40, 40)
	if n := testing.AllocsPerRun(10, func() { Gemm(c.T(), x, x.T(), true, p) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
