package regularize

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestLayerDrop(t *testing.T) {
	const steps = 20000
	d := LayerDrop{P: 0.2, Seed: 5}
	for layer := range 4 {
		kept := 0
		for step := range steps {
			forward := d.Keep(layer, step)
			if backward := d.Keep(layer, step); forward != backward {
				t.Fatal("the backward pass differs")
			}
			if forward {
				kept++
			}
		}
		// 16000 ± 5 standard deviations of 57
		if !(kept > 15717 && kept < 16283) {
			t.Errorf("layer %d ran in %d of %d steps", layer, kept, steps)
		}
	}
	together := 0
	for step := range steps {
		if !d.Keep(0, step) && !d.Keep(1, step) {
			together++
		}
	}
	// Independent: 800 ± 5 standard deviations of 28
	if !(together > 660 && together < 940) {
		t.Errorf("layers 0 and 1 dropped together in %d of %d steps", together, steps)
	}
	if !(LayerDrop{}).Keep(0, 0) || (LayerDrop{P: 1}).Keep(0, 0) || !(LayerDrop{P: math.NaN()}).Keep(0, 0) {
		t.Error("P = 0 keeps all, P = 1 none, NaN all")
	}
	noAllocations(t, func() { LayerDrop{P: 0.5, Layers: "4,8,12"}.Keep(8, 3) })
	if err := (LayerDrop{P: -0.1}).Validate(); err == nil || !strings.Contains(err.Error(), "P is -0.1") {
		t.Error(err)
	}
}

func ExampleLayerDrop() {
	drop := LayerDrop{P: 0.2, Seed: 1}
	for layer := range 6 {
		fmt.Print(drop.Keep(layer, 0), " ")
	}
	fmt.Println()
	// Output: true true true true false true
}

// With a list the others always run, and those in it as without one.
func TestLayerDropOfListedLayers(t *testing.T) {
	every, listed := LayerDrop{P: 0.5, Seed: 3}, LayerDrop{P: 0.5, Seed: 3, Layers: "4,8"}
	dropped := 0
	for step := range 100 {
		for layer := range 12 {
			want := every.Keep(layer, step)
			if layer != 4 && layer != 8 {
				want = true
			}
			if listed.Keep(layer, step) != want {
				t.Fatalf("layer %d at step %d runs: %t", layer, step, !want)
			}
			if !want {
				dropped++
			}
		}
	}
	if !(dropped > 60 && dropped < 140) { // 100 ± 6 standard deviations
		t.Errorf("%d of 200 dropped", dropped)
	}
	if err := (LayerDrop{Layers: "4,x"}).Validate(); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Error(err)
	}
}

func TestLayers(t *testing.T) {
	for list, ok := range map[Layers]bool{
		"": true, "0": true, "4,8": true, "10,2,7": true,
		",": false, "1,": false, ",1": false, "1,,2": false, "-1": false, "1 ,2": false, "a": false, "99999999999999999999": false,
	} {
		if err := list.Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", list, err)
		}
	}
	if l := Layers("10,2,7"); !l.Has(2) || !l.Has(10) || l.Has(1) || l.Has(0) || !slices.Equal(l.Of(9), []int{2, 7}) {
		t.Error("lists hold what they name")
	}
	if !slices.Equal(Layers("").Of(3), []int{0, 1, 2}) {
		t.Error("the empty list is every layer")
	}
	for _, c := range []struct {
		depth int
		share float64
		want  Layers
	}{
		{12, 0.5, "0,2,4,6,8,10"}, // fairseq's --decoder-layers-to-keep of the paper
		{6, 0.34, "0,2,4"},
		{6, 0.25, "0,1,2,4,5"},
		{3, 0, "0,1,2"},
		{1, 0.5, "0"},
	} {
		if got, err := Thin(c.depth, c.share); err != nil || got != c.want {
			t.Errorf("Thin(%d, %v) = %q, %v, want %q", c.depth, c.share, got, err, c.want)
		}
	}
	for _, share := range []float64{-0.1, 0.6, math.NaN()} {
		if _, err := Thin(4, share); err == nil {
			t.Errorf("a share of %v was taken", share)
		}
	}
	if _, err := Thin(0, 0.5); err == nil {
		t.Error("a depth of 0 was taken")
	}
}

func TestProgressiveLayerDrop(t *testing.T) {
	d := ProgressiveLayerDrop{Theta: 0.5, Gamma: 0.001}
	for _, step := range []int{0, 1, 1000, 1 << 30} {
		want := 0.5*math.Exp(-0.001*float64(step)) + 0.5
		if got := d.At(step); !(math.Abs(got-want) <= 1e-15) {
			t.Errorf("θ(%d) = %v, want %v", step, got, want)
		}
	}
	if d.At(-5) != 1 || (ProgressiveLayerDrop{}).Rate(3, 4, 1e6) != 0 {
		t.Error("before the start, and without Gamma, nothing is dropped")
	}
	if got := d.Rate(5, 12, 1<<30); got != 0.25 {
		t.Errorf("layer 6 of 12 in the end: %v", got)
	}
	for _, bad := range []ProgressiveLayerDrop{{Theta: 2}, {Gamma: -1}, {Gamma: math.Inf(1)}} {
		if bad.Validate() == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func ExampleLayers() {
	keep, err := Thin(12, 0.5)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(keep)
	fmt.Println(keep.Has(3), keep.Has(4))
	// Output:
	// 0,2,4,6,8,10
	// false true
}

func ExampleProgressiveLayerDrop() {
	progress := ProgressiveLayerDrop{Theta: 0.5, Gamma: 0.001}
	for _, step := range []int{0, 1000, 10000} {
		drop := LayerDrop{P: progress.Rate(11, 12, step), Seed: 1}
		fmt.Printf("%.3f %t\n", drop.P, drop.Keep(11, step))
	}
	// Output:
	// 0.000 true
	// 0.316 true
	// 0.500 false
}
