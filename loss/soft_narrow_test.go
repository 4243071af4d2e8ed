package loss

import (
	"math"
	"testing"

	"github.com/descent-ml/descent"
)

// softNarrow compares a narrow type with float32 of the same numbers: all is
// computed in float32 and float64 there, so that the values are the same and a
// gradient is at most one rounding to float32 and one to T away.
func softNarrow[T descent.BFloat16 | descent.Float16](t *testing.T, c softCase, cols int,
	from func(float32) T, to func(T) float32, ulp, least float64,
) {
	const rows = 3
	x, y, g, h, w := softRun[float32](rows, cols)
	n := rows * cols
	nx, ny, ng, nh := make([]T, n), make([]T, n), make([]T, n), make([]T, n)
	for row := range rows {
		y[(row+1)*cols-2] = 12 // sure enough for a pseudo-label
	}
	for i := range x {
		nx[i], ny[i] = from(x[i]), from(y[i])
		x[i], y[i] = to(nx[i]), to(ny[i])
	}
	wide := func(s []float32) descent.View { return descent.Of(s, rows, cols) }
	narrow := func(s []T) descent.View { return descent.Of(s, rows, cols) }
	weights := descent.Of(w)
	for _, add := range []bool{false, true} {
		if add {
			for i := range g {
				g[i], h[i] = to(ng[i]), to(nh[i])
			}
		}
		want, err := c.eval(wide(g), wide(h), wide(x), wide(y), weights, add, 4)
		got, err2 := c.eval(narrow(ng), narrow(nh), narrow(nx), narrow(ny), weights, add, 4)
		if err != nil || err2 != nil || got != want {
			t.Fatalf("%s %T × %d: %+v, float32 gives %+v, %v, %v", c.name, from(0), cols, got, want, err, err2)
		}
		for side, s := range [][]T{ng, nh}[:c.sides] {
			other, some := [][]float32{g, h}[side], false
			for i, v := range s {
				a, b := float64(to(v)), float64(other[i])
				if !(math.Abs(a-b) <= ulp*math.Abs(b)+least) {
					t.Fatalf("%s %T × %d: gradient %d of side %d is %v, float32 gives %v", c.name, from(0), cols, i, side, a, b)
				}
				some = some || a != 0
			}
			if !some {
				t.Errorf("%s %T × %d: all gradients of side %d are 0", c.name, from(0), cols, side)
			}
		}
	}
}

// Half an ulp of the type, or of its smallest numbers, and a little for the
// rounding to float32 before.
func TestSoftNarrow(t *testing.T) {
	for _, c := range softCases() {
		for _, cols := range []int{7, 513} {
			softNarrow(t, c, cols, descent.NewBFloat16[float32], descent.BFloat16.Float32, 0x1.001p-8, 0x1p-134)
			softNarrow(t, c, cols, descent.NewFloat16[float32], descent.Float16.Float32, 0x1.01p-11, 0x1p-25)
		}
	}
}

func TestKLDivNarrow(t *testing.T) {
	x, y, _, _, _ := softRun[float32](1, 1100)
	var bx, by []descent.BFloat16
	for i := range x {
		bx, by = append(bx, descent.NewBFloat16(x[i])), append(by, descent.NewBFloat16(float32(math.Abs(float64(y[i])))))
		x[i], y[i] = bx[i].Float32(), by[i].Float32()
	}
	g, bg := make([]float32, len(x)), make([]descent.BFloat16, len(x))
	want, err := KLDiv{Scale: 3}.Eval(descent.Of(g), descent.Of(x), descent.Of(y))
	got, err2 := KLDiv{Scale: 3}.Eval(descent.Of(bg), descent.Of(bx), descent.Of(by))
	if err != nil || err2 != nil || !(math.Abs(got.Sum-want.Sum) <= 1e-6*math.Abs(want.Sum)) {
		t.Fatalf("%+v, float32 gives %+v, %v, %v", got, want, err, err2)
	}
	for i, v := range bg {
		if v != descent.NewBFloat16(-3*y[i]) || g[i] != -3*y[i] {
			t.Fatalf("gradient %d is %v, float32 gives %v, want %v", i, v, g[i], -3*y[i])
		}
	}
}
