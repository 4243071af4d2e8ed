package regularize

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/philox"
)

func TestDropPathFollowsItsSpecification(t *testing.T) {
	const rows, width = 37, 4099 // rows end inside of items and blocks
	src := varied[float32](rows*width, 1)
	for _, d := range []DropPath{
		{P: 0.4, Seed: 5, Stream: 6},
		{P: 0.4, Seed: 5, Stream: 6, Unscaled: true},
		{P: 0.4, Seed: 5, Stream: 6, Batch: true},
		{P: 0.4, Seed: 6, Stream: 6, Batch: true},
		{P: 1},
		{},
	} {
		res := varied[float32](rows*width, 2)
		y, z := make([]float32, len(src)), slices.Clone(res)
		must(t, d.Apply(descent.Of(y, rows, width), descent.Of(src, rows, width), 3))
		must(t, d.AddTo(descent.Of(z, rows, width), descent.Of(z, rows, width), descent.Of(src, rows, width), 3))
		key := philox.NewKey(d.Seed, d.Stream)
		scale := float32(1)
		if !d.Unscaled && d.P < 1 {
			scale = float32(1 / (1 - d.P))
		}
		for i, v := range src {
			row := i / width
			if d.Batch {
				row = 0
			}
			want := scale * v
			if uint64(key.Block(uint64(row/4), 3)[row%4]) < uint64(math.Floor(d.P*(1<<32))) {
				want = 0
			}
			if y[i] != want || z[i] != res[i]+want {
				t.Fatalf("%+v: element %d is %v and %v, want %v and %v", d, i, y[i], z[i], want, res[i]+want)
			}
		}
	}
}

func TestDropPathRates(t *testing.T) {
	d := DropPath{P: 0.3, Stream: 100}
	for layer, want := range []float64{0, 0.1, 0.2, 0.3} { // numpy.linspace(0, 0.3, 4)
		if got := d.At(layer, 4); !(math.Abs(got.P-want) <= 1e-16) || got.Stream != 100+uint64(layer) {
			t.Errorf("block %d: %+v, want the rate %v", layer, got, want)
		}
	}
	if d.At(0, 1).P != 0.3 {
		t.Error("a single block has the full rate")
	}
}

func TestDropPathSubset(t *testing.T) {
	for _, c := range []struct {
		n     int
		p     float64
		k     int
		scale float64
	}{
		{10, 0.3, 7, 10.0 / 7},
		{10, 0, 10, 1},
		{3, 0.9, 1, 3}, // at least one, as in DINOv2
		{3, 1, 0, 0},   // nothing is kept and nothing divided by 0
		{0, 0.5, 0, 0},
		{1, 0.5, 1, 1},
	} {
		rows, scale := DropPath{P: c.p, Seed: 1}.Subset(nil, c.n, 4)
		if len(rows) != c.k || scale != c.scale || !slices.IsSorted(rows) {
			t.Errorf("%+v: rows %v, scale %v", c, rows, scale)
		}
	}
	if _, scale := (DropPath{P: 0.5, Unscaled: true}).Subset(nil, 8, 0); scale != 1 {
		t.Errorf("unscaled is %v", scale)
	}
	// Every pair of 6 is drawn equally often: 15 pairs, 5 standard deviations.
	const draws = 15000
	d := DropPath{P: 0.67, Seed: 2}
	count := map[[2]int]int{}
	var rows []int
	for step := range draws {
		rows, _ = d.Subset(rows, 6, step)
		if len(rows) != 1 {
			t.Fatal(rows)
		}
		pair, _ := DropPath{P: 0.5, Seed: 2}.Subset(nil, 4, step)
		count[[2]int{pair[0], pair[1]}]++
	}
	for pair, k := range count {
		if !(math.Abs(float64(k)-draws/6) <= 5*math.Sqrt(draws*5.0/36)) {
			t.Errorf("pair %v drawn %d times of %d", pair, k, draws)
		}
	}
	if len(count) != 6 {
		t.Errorf("%d pairs of 4, want 6", len(count))
	}
	rows = make([]int, 0, 100)
	noAllocations(t, func() { rows, _ = d.Subset(rows, 100, 3) })
}

// The subset form on a linear branch is DropPath with that subset: forward and
// backward.
func TestSubsetTrains(t *testing.T) {
	const n, width = 9, 5
	x := varied[float64](n*width, 1)
	d := DropPath{P: 0.4, Seed: 8}
	rows, scale := d.Subset(nil, n, 1)
	part := make([]float64, len(rows)*width)
	must(t, Gather(descent.Of(part, len(rows), width), descent.Of(x, n, width), rows, 1))
	for i := range part {
		part[i] *= 3
	}
	y := slices.Clone(x)
	must(t, ScatterAdd(descent.Of(y, n, width), descent.Of(part, len(rows), width), rows, scale))
	for r := range n {
		for c := range width {
			want := x[r*width+c]
			if slices.Contains(rows, r) {
				want += float64(scale * (3 * want))
			}
			if y[r*width+c] != want {
				t.Fatalf("row %d is %v, want %v", r, y[r*width+c], want)
			}
		}
	}
	back := make([]float64, len(part))
	must(t, Gather(descent.Of(back, len(rows), width), descent.Of(y, n, width), rows, scale))
	for i, r := range rows {
		if back[i*width] != scale*y[r*width] {
			t.Error("the branch's gradient")
		}
	}
}

func TestRowsRefuse(t *testing.T) {
	x, y := descent.Of(ones(12), 4, 3), descent.Of(ones(6), 2, 3)
	for name, c := range map[string]struct {
		dst, src descent.View
		rows     []int
		want     error
	}{
		"order":     {y, x, []int{2, 1}, nil},
		"twice":     {y, x, []int{1, 1}, nil},
		"range":     {y, x, []int{1, 4}, nil},
		"negative":  {y, x, []int{-1, 1}, nil},
		"count":     {y, x, []int{1}, descent.ErrShape},
		"width":     {descent.Of(ones(4), 2, 2), x, []int{0, 1}, descent.ErrShape},
		"type":      {descent.Of(make([]float64, 6), 2, 3), x, []int{0, 1}, descent.ErrDType},
		"integers":  {descent.Of(make([]int32, 6), 2, 3), descent.Of(make([]int32, 12), 4, 3), []int{0, 1}, descent.ErrDType},
		"same":      {descent.Of(ones(12)[:6:12], 2, 3), descent.View{}, []int{0, 1}, descent.ErrNil},
		"one array": {x, x, []int{0, 1, 2, 3}, descent.ErrOverlap},
	} {
		if err := Gather(c.dst, c.src, c.rows, 1); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("Gather, %s: %v", name, err)
		}
		if err := ScatterAdd(c.src, c.dst, c.rows, 1); err == nil {
			t.Errorf("ScatterAdd, %s: taken", name)
		}
	}
}

func TestDropPathThreadsAndMemory(t *testing.T) {
	d := DropPath{P: 0.3, Seed: 2}
	anyThreads(t, func() []float32 {
		y := varied[float32](64*5000, 3)
		v := descent.Of(y, 64, 5000)
		must(t, d.AddTo(v, v, descent.Of(varied[float32](64*5000, 4), 64, 5000), 1))
		return y
	})
	v, w := descent.Of(ones(300000), 30, 10000), descent.Of(ones(300000), 30, 10000)
	noAllocations(t, func() { _ = d.AddTo(v, v, w, 1) })
	rows, scale := d.Subset(nil, 30, 1)
	part := descent.Of(ones(len(rows)*10000), len(rows), 10000)
	noAllocations(t, func() { _ = Gather(part, v, rows, 1); _ = ScatterAdd(v, part, rows, scale) })
	if err := (DropPath{P: -1}).Apply(v, v, 0); err == nil {
		t.Error("P = -1 was taken")
	}
	empty := descent.Of([]float32{}, 0, 5)
	if err := d.Apply(empty, empty, 0); err != nil {
		t.Error(err)
	}
}

func ExampleDropPath() {
	drop := DropPath{P: 0.5, Seed: 1}
	x := descent.Of([]float32{1, 1, 1, 1, 1, 1, 1, 1}, 4, 2) // four samples
	branch := descent.Of([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 4, 2)
	if err := drop.AddTo(x, x, branch, 0); err != nil {
		fmt.Println(err)
		return
	}
	y, _ := descent.Data[float32](x)
	fmt.Println(y)
	for layer := range 3 {
		fmt.Println(drop.At(layer, 3).P)
	}
	// Output:
	// [1 1 1 1 1 1 15 17]
	// 0
	// 0.25
	// 0.5
}

func ExampleDropPath_Subset() {
	drop := DropPath{P: 0.5, Seed: 1}
	rows, scale := drop.Subset(nil, 6, 0)
	fmt.Println(rows, scale)
	// Output: [0 2 5] 2
}
