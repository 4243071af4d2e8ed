package descenttest_test

import (
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/descenttest"
)

// array is a tensor type as another library might have it.
type array[T descent.Element] struct {
	shape []int
	data  []T
}

func newArray[T descent.Element](shape ...int) descent.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return &array[T]{shape, make([]T, n)}
}

func (a *array[T]) View() descent.View { return descent.Of(a.data, a.shape...) }

// viewer is a tensor that is nothing but its View method.
type viewer func() descent.View

func (v viewer) View() descent.View { return v() }

func TestTensor(t *testing.T) {
	descenttest.Tensor(t, newArray[float32])
	descenttest.Tensor(t, newArray[float64])
	descenttest.Tensor(t, newArray[descent.BFloat16])
	descenttest.Tensor(t, newArray[descent.Float16])
	descenttest.Tensor(t, newArray[descent.Float8E4M3])
	descenttest.Tensor(t, newArray[descent.Float8E5M2])
	descenttest.Tensor(t, newArray[int32])
	descenttest.Tensor(t, newArray[int64])
}

func TestTensorFinds(t *testing.T) {
	size := func(shape []int) int { return newArray[float32](shape...).View().Len() }
	arena := make([]float32, 1000)
	next := 0
	var sink []int
	for _, c := range []struct {
		name, says string
		create     func(shape ...int) descent.Tensor
	}{
		{"nil", "no tensor", func(...int) descent.Tensor { return nil }},
		{"zero View", "no tensor", func(...int) descent.Tensor { return descent.View{} }},
		{"flat", "shape [3 4]: View is float32[12]", func(shape ...int) descent.Tensor {
			return newArray[float32](size(shape))
		}},
		{"other order", "shape [3 4]: View is float32[4 3]", func(shape ...int) descent.Tensor {
			if len(shape) == 2 {
				shape = []int{shape[1], shape[0]}
			}
			return newArray[float32](shape...)
		}},
		{"scalar of rank 2", "shape []: View is float32[1 1]", func(shape ...int) descent.Tensor {
			if len(shape) == 0 {
				shape = []int{1, 1}
			}
			return newArray[float32](shape...)
		}},
		{"wrong length", "shapes differ", func(shape ...int) descent.Tensor {
			return &array[float32]{shape, make([]float32, len(shape)/2+size(shape))}
		}},
		{"copy", "View is other memory", func(shape ...int) descent.Tensor {
			return viewer(func() descent.View { return newArray[float64](shape...).View() })
		}},
		{"allocates", "View allocates 1 times", func(shape ...int) descent.Tensor {
			a := newArray[float32](shape...)
			return viewer(func() descent.View { sink = make([]int, 3); return a.View() })
		}},
		{"one memory", "overlap", func(shape ...int) descent.Tensor {
			return &array[float32]{shape, arena[:size(shape)]}
		}},
		{"neighbours overlap", "overlap", func(shape ...int) descent.Tensor {
			n := size(shape)
			a := &array[float32]{shape, arena[next : next+n]}
			next += max(n-1, 0)
			return a
		}},
		{"forgets", "element 0 of int32[1] is 0", func() func(shape ...int) descent.Tensor {
			var made []descent.Tensor
			return func(shape ...int) descent.Tensor {
				for _, old := range made {
					clear(old.(*array[int32]).data)
				}
				made = append(made, newArray[int32](shape...))
				return made[len(made)-1]
			}
		}()},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantFailure(t, c.says, func(t testing.TB) { descenttest.Tensor(t, c.create) })
		})
	}
	_ = sink
}
