package descenttest

import "github.com/descent-ml/descent"

// elements are those of a View of any type, as numbers.
type elements struct {
	get func(i int) float64
	set func(i int, x float64)
}

func elementsOf(v descent.View) (elements, error) {
	switch v.DType() {
	case descent.F64:
		return numbers[float64](v)
	case descent.I32:
		return numbers[int32](v)
	case descent.I64:
		return numbers[int64](v)
	case descent.BF16:
		return patterns(v, descent.NewBFloat16[float64])
	case descent.F16:
		return patterns(v, descent.NewFloat16[float64])
	case descent.E4M3:
		return patterns(v, descent.NewFloat8E4M3[float64])
	case descent.E5M2:
		return patterns(v, descent.NewFloat8E5M2[float64])
	}
	return numbers[float32](v)
}

func numbers[T float32 | float64 | int32 | int64](v descent.View) (elements, error) {
	d, err := descent.Data[T](v)
	return elements{
		func(i int) float64 { return float64(d[i]) },
		func(i int, x float64) { d[i] = T(x) },
	}, err
}

// patterns are elements whose Go value is a bit pattern.
func patterns[T interface {
	descent.BFloat16 | descent.Float16 | descent.Float8E4M3 | descent.Float8E5M2
	Float32() float32
}](v descent.View, from func(float64) T) (elements, error) {
	d, err := descent.Data[T](v)
	return elements{
		func(i int) float64 { return float64(d[i].Float32()) },
		func(i int, x float64) { d[i] = from(x) },
	}, err
}
