package descenttest

import (
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

// shapes are those that Tensor asks for.
var shapes = [][]int{{}, {1}, {5}, {3, 4}, {2, 1, 3}, {2, 3, 1, 2, 1, 3}, {0}, {3, 0, 2}}

// Tensor checks a tensor type in host memory. create makes a tensor of a shape;
// without one, a scalar, which has one element and rank 0 or 1. It checks that
//
//   - View can be used and has the shape asked for, also for scalars, for tensors
//     without elements and for MaxRank dimensions;
//   - View is the same memory each time, not a copy: what is written through
//     descent.Data is what the next View shows;
//   - tensors do not share memory, and keep their elements while others are made;
//   - View allocates nothing.
func Tensor(t testing.TB, create func(shape ...int) descent.Tensor) {
	t.Helper()
	var tensors []descent.Tensor
	var views []descent.View
	var names []string
	for k, shape := range shapes {
		tensor := create(shape...)
		v, err := descent.ViewOf("the tensor", tensor)
		if err != nil {
			t.Fatalf("shape %v: %v", shape, err)
		}
		scalar := len(shape) == 0 && v.Rank() <= 1 && v.Len() == 1
		if !scalar && !slices.Equal(v.Shape(), shape) {
			t.Fatalf("shape %v: View is %v", shape, v)
		}
		fill(t, v, k)
		if again := tensor.View(); again != v {
			t.Errorf("shape %v: View is other memory, or %v and then %v", shape, v, again)
		}
		if n := testing.AllocsPerRun(100, func() { _ = tensor.View() }); n != 0 {
			t.Errorf("shape %v: View allocates %v times", shape, n)
		}
		tensors, views, names = append(tensors, tensor), append(views, v), append(names, v.String())
	}
	if err := descent.Disjoint(names, views); err != nil {
		t.Error(err)
	}
	for k, tensor := range tensors {
		filled(t, tensor.View(), k)
	}
}

// fill writes numbers that differ from tensor to tensor.
func fill(t testing.TB, v descent.View, k int) {
	t.Helper()
	x, err := elementsOf(v)
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.Len() {
		x.set(i, pattern(k, i))
	}
}

// filled wants what fill has written.
func filled(t testing.TB, v descent.View, k int) {
	t.Helper()
	x, err := elementsOf(v)
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.Len() {
		if got, want := x.get(i), pattern(k, i); got != want {
			t.Errorf("element %d of %v is %v, written was %v", i, v, got, want)
			return
		}
	}
}

// pattern is exact in every format: 3 bits, at most 56.
func pattern(k, i int) float64 {
	x := float64((4 + k%4) << (i % 4))
	if (i/4+k/4)%2 == 1 {
		return -x
	}
	return x
}
