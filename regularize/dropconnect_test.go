package regularize

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

// The trap of quant_noise: its hook overwrites the weights.
func TestDropConnectLeavesTheWeights(t *testing.T) {
	w := varied[float32](6*8, 1)
	before := slices.Clone(w)
	dst := make([]float32, len(w))
	d := DropConnect{P: 0.5, Block: 4, Seed: 1}
	must(t, d.Apply(descent.Of(dst, 6, 8), descent.Of(w, 6, 8), 0))
	if !bitsEqual(w, before) {
		t.Error("the weights changed")
	}
	kept := 0
	for at := 0; at < len(w); at += 4 {
		zero := dst[at] == 0
		for i := at; i < at+4; i++ {
			if (dst[i] == 0) != zero || !zero && dst[i] != 2*w[i] {
				t.Fatalf("block %d is %v of %v", at/4, dst[at:at+4], w[at:at+4])
			}
		}
		if !zero {
			kept++
		}
	}
	if kept == 0 || kept == 12 {
		t.Errorf("%d of 12 blocks kept", kept)
	}
	grad := slices.Clone(dst)
	for i := range grad {
		grad[i] = 1
	}
	v := descent.Of(grad, 6, 8)
	must(t, d.Backward(v, v, 0))
	for i := range grad {
		if (grad[i] == 0) != (dst[i] == 0) || grad[i] != 0 && grad[i] != 2 {
			t.Fatal("the backward pass has another mask")
		}
	}
}

// Without Block it is Dropout of the weights.
func TestDropConnectIsDropoutOfWeights(t *testing.T) {
	w := varied[float64](999, 1)
	a, b := make([]float64, 999), make([]float64, 999)
	must(t, DropConnect{P: 0.2, Seed: 1, Stream: 2}.Apply(descent.Of(a), descent.Of(w), 3))
	must(t, Dropout{P: 0.2, Seed: 1, Stream: 2}.Apply(descent.Of(b), descent.Of(w), 3))
	if !bitsEqual(a, b) {
		t.Error("they differ")
	}
}

func TestDropConnectRefuses(t *testing.T) {
	w, dst := descent.Of(ones(12), 2, 6), descent.Of(ones(12), 2, 6)
	for name, c := range map[string]struct {
		d    DropConnect
		dst  descent.View
		want error
	}{
		"in place": {DropConnect{}, w, descent.ErrOverlap},
		"block":    {DropConnect{Block: 4}, dst, descent.ErrShape},
		"p":        {DropConnect{P: 1.1}, dst, nil},
		"negative": {DropConnect{Block: -1}, dst, nil},
	} {
		if err := c.d.Apply(c.dst, w, 0); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ExampleDropConnect() {
	drop := DropConnect{P: 0.5, Block: 2, Seed: 1}
	w := descent.Of([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 4)
	step := make([]float32, 8)
	if err := drop.Apply(descent.Of(step, 2, 4), w, 0); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(step)
	// Output: [0 0 0 0 0 0 14 16]
}
