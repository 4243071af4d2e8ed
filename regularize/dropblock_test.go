package regularize

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/philox"
)

// slowDropBlock is the definition, position by position.
func slowDropBlock(d DropBlock, src []float64, planes, h, w, step int) []float64 {
	k := min(d.Size, h, w)
	scale := d.Scale
	if scale == 0 {
		scale = 1
	}
	gamma := min(1, scale*d.P*float64(h*w)/float64(k*k*(h-k+1)*(w-k+1)))
	key := philox.NewKey(d.Seed, d.Stream)
	keep := make([]bool, len(src))
	kept := 0
	for i := range src {
		p, y, x := i/(h*w), i/w%h, i%w
		keep[i] = true
		for top := max(0, y-k+1); top <= min(y, h-k); top++ {
			for left := max(0, x-k+1); left <= min(x, w-k); left++ {
				at := (p*(h-k+1)+top)*(w-k+1) + left
				if float64(key.Block(uint64(at/4), uint64(step))[at%4]) < math.Floor(gamma*(1<<32)) {
					keep[i] = false
				}
			}
		}
		if keep[i] {
			kept++
		}
	}
	dst := make([]float64, len(src))
	for i, v := range src {
		if keep[i] {
			dst[i] = v * (float64(len(src)) / float64(kept))
		}
	}
	return dst
}

func TestDropBlockFollowsItsSpecification(t *testing.T) {
	for _, c := range []struct {
		d            DropBlock
		planes, h, w int
	}{
		{DropBlock{P: 0.1, Size: 3, Seed: 1}, 6, 9, 11},
		{DropBlock{P: 0.1, Size: 2, Seed: 1, Stream: 3}, 5, 8, 8}, // of even size
		{DropBlock{P: 0.2, Size: 7, Seed: 1}, 4, 5, 6},            // larger than the plane
		{DropBlock{P: 0.1, Size: 3, Seed: 1, Scale: 2}, 3, 70, 70},
		{DropBlock{P: 0.5, Size: 1}, 7, 3, 1},
		{DropBlock{Size: 3}, 2, 4, 4},
	} {
		src := varied[float64](c.planes*c.h*c.w, 1)
		dst := make([]float64, len(src))
		must(t, c.d.Apply(descent.Of(dst, 1, c.planes, c.h, c.w), descent.Of(src, 1, c.planes, c.h, c.w), 5))
		for i, want := range slowDropBlock(c.d, src, c.planes, c.h, c.w, 5) {
			if dst[i] != want {
				t.Fatalf("%+v: element %d is %v, want %v", c.d, i, dst[i], want)
			}
		}
	}
}

func TestDropBlockSpecialCases(t *testing.T) {
	// Every position begins a square: nothing is kept, and nothing is 0/0.
	x := []float32{1, 2, float32(math.NaN()), 4}
	v := descent.Of(x, 2, 2)
	must(t, DropBlock{P: 1, Size: 1, Scale: 10}.Apply(v, v, 0))
	if x[0] != 0 || x[2] != 0 || x[3] != 0 {
		t.Errorf("nothing kept: %v", x)
	}
	// The sum of a constant tensor stays.
	y := ones(8 * 32 * 32)
	w := descent.Of(y, 8, 32, 32)
	must(t, DropBlock{P: 0.1, Size: 5, Seed: 3}.Apply(w, w, 0))
	sum, zeros := 0.0, 0
	for _, v := range y {
		sum += float64(v)
		if v == 0 {
			zeros++
		}
	}
	if !(math.Abs(sum-float64(len(y))) <= 1e-3) || !(zeros > 300 && zeros < 1300) {
		t.Errorf("sum %v of %d, %d dropped", sum, len(y), zeros)
	}
	if g := (DropBlock{P: 0.1, Size: 7}).Gamma(14, 14); !(math.Abs(g-0.1*196/(49*64)) <= 1e-17) {
		t.Errorf("γ = %v", g) // timm's for 14 × 14
	}
	must(t, DropBlock{P: 0.1, Size: 3}.Apply(descent.Of([]float32{}, 0, 3, 3), descent.Of([]float32{}, 0, 3, 3), 0))
}

func TestDropBlockRefuses(t *testing.T) {
	v := descent.Of(ones(16), 4, 4)
	for name, c := range map[string]struct {
		d    DropBlock
		v    descent.View
		want error
	}{
		"size":   {DropBlock{}, v, nil},
		"p":      {DropBlock{P: -1, Size: 1}, v, nil},
		"scale":  {DropBlock{Size: 1, Scale: -1}, v, nil},
		"vector": {DropBlock{Size: 1}, descent.Of(ones(16)), descent.ErrShape},
		"type":   {DropBlock{Size: 1}, descent.Of(make([]int32, 4), 2, 2), descent.ErrDType},
	} {
		if err := c.d.Apply(c.v, c.v, 0); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := DropBlock{P: 0.1, Size: 3, Seed: 1}
	w := descent.Of(ones(1<<17), 8, 128, 128)
	noAllocations(t, func() { _ = d.Apply(w, w, 1) })
	anyThreads(t, func() []float32 {
		y := ones(1 << 17)
		must(t, d.Apply(descent.Of(y, 8, 128, 128), descent.Of(y, 8, 128, 128), 2))
		return y
	})
}

func ExampleDropBlock() {
	drop := DropBlock{P: 0.3, Size: 2, Seed: 5}
	x := ones(16)
	if err := drop.Apply(descent.Of(x, 4, 4), descent.Of(x, 4, 4), 0); err != nil {
		fmt.Println(err)
		return
	}
	for y := range 4 {
		fmt.Printf("%.2f\n", x[4*y:4*y+4])
	}
	// Output:
	// [1.33 0.00 0.00 1.33]
	// [1.33 0.00 0.00 1.33]
	// [1.33 1.33 1.33 1.33]
	// [1.33 1.33 1.33 1.33]
}
