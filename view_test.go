package descent

import (
	"errors"
	"math"
	"testing"
)

func TestOfChecksItsShape(t *testing.T) {
	six := make([]float32, 6)
	for _, c := range []struct {
		name string
		view View
		want error
	}{
		{"no shape", Of(six), nil},
		{"two dimensions", Of(six, 2, 3), nil},
		{"empty", Of([]float32{}, 0, 3), nil},
		{"nil", Of[float32](nil), nil},
		{"nil with a shape", Of[float32](nil, 0), nil},
		{"six dimensions", Of(six, 1, 1, 1, 1, 2, 3), nil},
		{"zero View", View{}, ErrNil},
		{"too few", Of(six, 2, 2), ErrShape},
		{"too many", Of(six, 2, 4), ErrShape},
		{"negative", Of(six, -2, -3), ErrShape},
		{"overflow", Of(six, math.MaxInt, math.MaxInt), ErrShape},
		{"overflow to the right product", Of(six, math.MaxInt/2+2, 2, 3), ErrShape},
		{"zero dimension over data", Of(six, 0), ErrShape},
		{"huge times zero", Of([]float32{}, math.MaxInt, 0), nil},
		{"seven dimensions", Of(six, 1, 1, 1, 1, 1, 2, 3), ErrShape},
		{"nil with elements", Of[float32](nil, 2), ErrShape},
	} {
		if err := c.view.Err(); !errors.Is(err, c.want) {
			t.Errorf("%s: Err() = %v, want %v", c.name, err, c.want)
		}
	}
}

func TestOfAliases(t *testing.T) {
	x := []float32{1, 2, 3, 4}
	v := Of(x, 2, 2)
	d, err := Data[float32](v)
	if err != nil {
		t.Fatal(err)
	}
	d[3] = 9
	if x[3] != 9 {
		t.Error("Data copied")
	}
	if _, err := Data[float64](v); !errors.Is(err, ErrDType) {
		t.Errorf("Data of another type: %v, want ErrDType", err)
	}
	if got, want := v.String(), "float32[2 2]"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if v.Dim(-1) != 2 || v.Dim(5) != 1 || v.Dim(-5) != 1 {
		t.Errorf("Dim: %d %d %d", v.Dim(-1), v.Dim(5), v.Dim(-5))
	}
}

func TestOfDoesNotAllocate(t *testing.T) {
	x := make([]float32, 6)
	var v View
	if n := testing.AllocsPerRun(100, func() { v = Of(x, 2, 3) }); n != 0 {
		t.Errorf("Of allocates %v times", n)
	}
	if v.Len() != 6 {
		t.Error(v)
	}
}

func TestDTypes(t *testing.T) {
	for _, c := range []struct {
		view View
		want DType
		size int
		name string
	}{
		{Of([]float32{1}), F32, 4, "float32"},
		{Of([]float64{1}), F64, 8, "float64"},
		{Of([]BFloat16{1}), BF16, 2, "bfloat16"},
		{Of([]Float16{1}), F16, 2, "float16"},
		{Of([]Float8E4M3{1}), E4M3, 1, "float8_e4m3"},
		{Of([]Float8E5M2{1}), E5M2, 1, "float8_e5m2"},
		{Of([]int32{1}), I32, 4, "int32"},
		{Of([]int64{1}), I64, 8, "int64"},
	} {
		if c.view.DType() != c.want || c.view.Bytes() != c.size || c.want.String() != c.name {
			t.Errorf("%v: %v, %d bytes; want %s, %d", c.view, c.view.DType(), c.view.Bytes(), c.name, c.size)
		}
	}
	if DType(200).String() != "invalid" || DType(200).Size() != 0 {
		t.Error("an unknown DType must be invalid")
	}
}

// Rounding float64 in two steps must be rounding it once: values just beside
// the midpoint of two numbers of the narrow format.
func TestNarrowingRoundsOnce(t *testing.T) {
	const tiny = 0x1p-40
	for _, c := range []struct {
		name           string
		low, high, got float64
	}{
		{"bfloat16 above", 1, 1 + 0x1p-7, float64(NewBFloat16(1 + 0x1p-8 + tiny).Float32())},
		{"float16 above", 1, 1 + 0x1p-10, float64(NewFloat16(1 + 0x1p-11 + tiny).Float32())},
		{"e4m3 above", 1, 1.125, float64(NewFloat8E4M3(1.0625 + tiny).Float32())},
		{"e5m2 above", 1, 1.25, float64(NewFloat8E5M2(1.125 + tiny).Float32())},
	} {
		if c.got != c.high {
			t.Errorf("%s the midpoint: %v, want %v", c.name, c.got, c.high)
		}
	}
	if got := NewBFloat16(1 + 0x1p-8 - tiny).Float32(); got != 1 {
		t.Errorf("below the midpoint: %v, want 1", got)
	}
	if got := NewBFloat16(1 + 0x1p-8); got.Float32() != 1 {
		t.Errorf("a tie: %v, want the even 1", got)
	}
	if got := NewBFloat16(-1 - 3*0x1p-8); got.Float32() != -1-0x1p-6 {
		t.Errorf("a negative tie: %v, want the even %v", got, -1-0x1p-6)
	}
	if got := NewBFloat16(1e300).Float32(); !math.IsInf(float64(got), 1) {
		t.Errorf("1e300 in bfloat16 is %v, want +Inf", got)
	}
	if got := NewFloat8E4M3(math.Inf(-1)).Float32(); got != -448 {
		t.Errorf("−Inf in E4M3 is %v, want −448", got)
	}
	if got := NewFloat8E5M2(float32(1e9)).Float32(); got != 57344 {
		t.Errorf("1e9 in E5M2 is %v, want 57344", got)
	}
	if got := NewFloat8E4M3(math.NaN()).String(); got != "NaN" {
		t.Errorf("NaN in E4M3 is %v", got)
	}
}

type pointerTensor struct{ data []float32 }

func (p *pointerTensor) View() View { return Of(p.data) }

func TestNilTensors(t *testing.T) {
	if _, err := NewGradients([]*pointerTensor{nil}); !errors.Is(err, ErrNil) {
		t.Errorf("a nil pointer: %v, want ErrNil", err)
	}
	if _, err := NewGradients([]Tensor{nil}); !errors.Is(err, ErrNil) {
		t.Errorf("a nil interface: %v, want ErrNil", err)
	}
	if _, err := GradientsOf([]Param{{Name: "w"}}); !errors.Is(err, ErrNil) {
		t.Errorf("a parameter without a gradient: %v, want ErrNil", err)
	}
}
