package precision

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/kernel"
)

// integerConfigs are all kinds.
func integerConfigs() (all []Integer) {
	for _, bits := range []int{8, 4} {
		for _, asymmetric := range []bool{false, true} {
			for _, per := range []Granularity{PerTensor, PerRow, PerGroup} {
				all = append(all, Integer{Bits: bits, Asymmetric: asymmetric, Per: per, Group: 32})
			}
		}
	}
	return all
}

// gaussian is n numbers of about a normal distribution.
func gaussian(n int, seed uint64) []float32 {
	x := make([]float32, n)
	s := 2*seed + 1
	for i := range x {
		sum := 0.0
		for range 6 {
			s = s*6364136223846793005 + 1442695040888963407
			sum += float64(int32(s>>32)) / (1 << 31)
		}
		x[i] = float32(sum / math.Sqrt2)
	}
	return x
}

// scaleOf is the scale and the zero point of an element, found anew.
func (x *Integers) scaleOf(r, c int) (float64, int) {
	by := x.By.filled()
	_, cols := matrix(x.Shape)
	i := 0
	switch by.Per {
	case PerRow:
		i = r
	case PerGroup:
		i = r*((cols+by.Group-1)/by.Group) + c/by.Group
	}
	if by.Asymmetric {
		return float64(x.Scales[i]), int(x.Zeros[i])
	}
	return float64(x.Scales[i]), 0
}

func TestIntegerHalfAScale(t *testing.T) {
	for _, by := range integerConfigs() {
		for _, cols := range []int{1, 15, 32, 77, 130} {
			src := gaussian(5*cols, uint64(cols))
			for i := range src {
				src[i] += 0.4 // so that symmetric and asymmetric differ
			}
			x, err := by.Quantize(descent.Of(src, 5, cols))
			must(t, err)
			got := make([]float32, len(src))
			must(t, x.Dequantize(descent.Of(got, 5, cols)))
			wide := make([]float64, len(src))
			must(t, x.Dequantize(descent.Of(wide, 5, cols)))
			stride := (cols*by.Bits + 7) / 8
			for i, v := range src {
				scale, zero := x.scaleOf(i/cols, i%cols)
				if d := math.Abs(float64(v) - float64(got[i])); !(d <= scale/2*(1+1e-5)) {
					t.Fatalf("%+v, %d columns: element %d is %v, from %v, scale %v", by, cols, i, got[i], v, scale)
				}
				code := kernel.IntegerCode(x.Codes[i/cols*stride:], i%cols, by.Bits, !by.Asymmetric)
				want := float32(float32(scale) * float32(code-zero))
				if got[i] != want || wide[i] != float64(want) {
					t.Fatalf("%+v: element %d is %v and %v, want %v", by, i, got[i], wide[i], want)
				}
			}
		}
	}
}

func TestIntegerCodesReturn(t *testing.T) {
	for _, by := range integerConfigs() {
		low, high := kernel.IntegerRange(by.Bits, !by.Asymmetric)
		zero := 0
		if by.Asymmetric {
			zero = 5
		}
		src := []float32{}
		for q := low; q <= high; q++ {
			src = append(src, 0.25*float32(q-zero))
		}
		if by.Per == PerGroup {
			by.Group = 256
		}
		x, err := by.Quantize(descent.Of(src, 1, len(src)))
		must(t, err)
		got := make([]float32, len(src))
		must(t, x.Dequantize(descent.Of(got, 1, len(src))))
		if !slices.Equal(got, src) {
			t.Errorf("%+v: %v, want %v", by, got, src)
		}
	}
}

func TestIntegerSpecialCases(t *testing.T) {
	for _, by := range integerConfigs() {
		for _, src := range [][]float32{make([]float32, 40), {1e-42, -1e-42, 0}, {math.MaxFloat32, -math.MaxFloat32, 0}, {}} {
			x, err := by.Quantize(descent.Of(src, 1, len(src)))
			must(t, err)
			got := make([]float32, len(src))
			must(t, x.Dequantize(descent.Of(got, 1, len(src))))
			for i, v := range got {
				scale, _ := x.scaleOf(0, i)
				if !(math.Abs(float64(v)-float64(src[i])) <= scale/2*(1+1e-5)) || src[i] == 0 && v != 0 {
					t.Errorf("%+v: %v of %v", by, got, src)
					break
				}
			}
			if len(src) == 40 && x.Scales[0] != 1 {
				t.Errorf("%+v: zeros have the scale %v", by, x.Scales[0])
			}
		}
	}
}

func TestIntegerSize(t *testing.T) {
	for _, c := range []struct {
		by   Integer
		want int
	}{
		{Integer{}, 4096*4096 + 4},
		{Integer{Per: PerRow}, 4096*4096 + 4*4096},
		{Integer{Bits: 4, Per: PerGroup}, 4096 * 4096 * 17 / 32}, // 4.25 bits
		{Integer{Bits: 4, Per: PerGroup, Asymmetric: true}, 4096*4096/2 + 5*4096*32},
	} {
		codes, scales := c.by.Size(4096, 4096)
		if codes+scales != c.want {
			t.Errorf("%+v: %d bytes, want %d", c.by, codes+scales, c.want)
		}
		x, err := c.by.New(3, 131)
		must(t, err)
		if got := len(x.Codes) + 4*len(x.Scales) + len(x.Zeros); got != x.Bytes() {
			t.Errorf("%+v: Bytes is %d, holds %d", c.by, x.Bytes(), got)
		}
	}
}

func TestIntegerProduct(t *testing.T) {
	for _, by := range integerConfigs() {
		for _, cols := range []int{1, 15, 64, 128, 300, 513} {
			const rows, batch = 71, 3
			src, v := gaussian(rows*cols, 1), gaussian(batch*cols, 2)
			x, err := by.Quantize(descent.Of(src, rows, cols))
			must(t, err)
			w := make([]float64, len(src))
			must(t, x.Dequantize(descent.Of(w, rows, cols)))
			y := make([]float32, batch*rows)
			must(t, x.MatMul(descent.Of(y, batch, rows), descent.Of(v, batch, cols)))
			one := make([]float32, rows)
			must(t, x.MatVec(descent.Of(one, rows), descent.Of(v[cols:2*cols], cols)))
			if !sameBits(one, y[rows:2*rows]) {
				t.Fatalf("%+v: MatVec and MatMul differ", by)
			}
			for b := range batch {
				for r := range rows {
					want, size := 0.0, 0.0
					for c := range cols {
						p := w[r*cols+c] * float64(v[b*cols+c])
						want += p
						scale, zero := x.scaleOf(r, c)
						size += math.Abs(p) + math.Abs(scale*float64(zero)*float64(v[b*cols+c]))
					}
					// A lane adds at most 8 products, the tree 4 times more.
					if d := math.Abs(float64(y[b*rows+r]) - want); !(d <= 13*0x1p-24*size+1e-12) {
						t.Fatalf("%+v, %d columns: y[%d][%d] is %v, want %v", by, cols, b, r, y[b*rows+r], want)
					}
				}
			}
		}
	}
}

func TestIntegerHash(t *testing.T) {
	anyThreads(t, func() []byte {
		var all [][]byte
		for _, by := range integerConfigs() {
			src, v := gaussian(301*300, 3), gaussian(300, 4)
			x, err := by.Quantize(descent.Of(src, 301, 300))
			must(t, err)
			y := descent.Of(make([]float32, 301), 301)
			must(t, x.MatVec(y, descent.Of(v, 300)))
			all = append(all, x.Codes, raw(t, descent.Of(x.Scales, len(x.Scales))), x.Zeros, raw(t, y))
		}
		if got := hash(all...); got != integerHash {
			t.Errorf("hash is %#x, want %#x", got, uint64(integerHash))
		}
		return slices.Concat(all...)
	})
}

const integerHash = 0x23a420dfa3c53db1

func TestIntegerRefusals(t *testing.T) {
	for _, by := range []Integer{{Bits: 3}, {Per: 3}, {Group: -16}, {Group: 20}} {
		if err := by.Validate(); err == nil || !strings.HasPrefix(err.Error(), "precision.Integer: ") {
			t.Errorf("%+v: %v", by, err)
		}
	}
	for _, by := range integerConfigs() {
		x, err := by.Quantize(descent.Of([]float32{1, 2, 3, 4}, 2, 2))
		must(t, err)
		before := fmt.Sprint(x)
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300} {
			err := x.Quantize(descent.Of([]float64{9, 8, bad, bad}, 2, 2))
			if err == nil || !strings.Contains(err.Error(), "element 2 of src") {
				t.Errorf("%v: %v", bad, err)
			}
		}
		if err := x.Quantize(descent.Of([]float32{1, 2}, 2)); !errors.Is(err, descent.ErrShape) {
			t.Error(err)
		}
		if err := x.Quantize(descent.Of([]int32{1, 2, 3, 4}, 2, 2)); !errors.Is(err, descent.ErrDType) {
			t.Error(err)
		}
		y, v := descent.Of([]float32{7, 7}, 2), descent.Of([]float32{1, 1}, 2)
		if err := x.MatVec(y, y); !errors.Is(err, descent.ErrOverlap) {
			t.Error(err)
		}
		if err := x.MatVec(descent.Of([]float32{7}, 1), v); !errors.Is(err, descent.ErrShape) {
			t.Error(err)
		}
		if err := x.MatVec(descent.Of([]float64{7, 7}, 2), v); !errors.Is(err, descent.ErrDType) {
			t.Error(err)
		}
		if err := x.MatMul(y, v); !errors.Is(err, descent.ErrShape) {
			t.Error(err)
		}
		if fmt.Sprint(x) != before {
			t.Errorf("%+v: a refused call wrote", by)
		}
		x.Scales = nil
		if err := x.MatVec(y, v); err == nil {
			t.Error("missing scales")
		}
	}
}

func TestIntegerAllocatesNothing(t *testing.T) {
	src, v := descent.Of(gaussian(200*1000, 1), 200, 1000), descent.Of(gaussian(1000, 1), 1000)
	dst, y := descent.Of(make([]float32, 200*1000), 200, 1000), descent.Of(make([]float32, 200), 200)
	for _, by := range integerConfigs() {
		x, err := by.Quantize(src)
		must(t, err)
		noAllocations(t, func() {
			must(t, x.Quantize(src))
			must(t, x.Dequantize(dst))
			must(t, x.MatVec(y, v))
		})
	}
}

func TestQAT(t *testing.T) {
	q := QAT{Start: 2, Freeze: 4}
	for step, want := range []QATStep{{true, false, false}, {true, false, false}, {true, true, false}, {true, true, false}, {false, true, true}} {
		if got := q.At(step); got != want {
			t.Errorf("step %d: %+v, want %+v", step, got, want)
		}
	}
	if (QAT{Start: -1}).Validate() == nil || (QAT{Start: 3, Freeze: 2}).Validate() == nil || q.Validate() != nil {
		t.Error("Validate")
	}
}
