package clip

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// tensors are the arrays prefix0, prefix1, … of a golden case.
func tensors[T float32 | float64](in map[string]golden.Array, prefix string) (x [][]T, v []descent.View) {
	for i := 0; ; i++ {
		a, ok := in[fmt.Sprintf("%s%d", prefix, i)]
		if !ok {
			return x, v
		}
		d := make([]T, len(a.Data))
		for k, e := range a.Data {
			d[k] = T(e)
		}
		x = append(x, d)
		v = append(v, descent.Of(d, append([]int{}, a.Shape...)...))
	}
}

// TestGolden holds every limit to its peers, in float64 and, where the peer has
// it, in float32.
func TestGolden(t *testing.T) {
	cases := golden.Load(t, "testdata/clip.json")
	for _, c := range cases {
		t.Run(c.Name+"/float64", func(t *testing.T) {
			// Sums of at most 42 terms in another order, a root and a product.
			run[float64](t, c, c.Out, 2e-14)
		})
		if c.OutF32 != nil {
			t.Run(c.Name+"/float32", func(t *testing.T) {
				// The peer sums in float32: half a unit for each of up to 20 terms of
				// a tensor and for the norm of norms, which orders 3 and ½ amplify.
				run[float32](t, c, c.OutF32, 6e-7)
			})
		}
	}
	if len(cases) != 63 {
		t.Errorf("%d golden rows, want 63", len(cases))
	}
}

func run[T float32 | float64](t *testing.T, c golden.Case, want map[string]golden.Array, tol float64) {
	x, views := tensors[T](c.In, "grad")
	g, err := descent.NewGradients(views)
	if err != nil {
		t.Fatal(err)
	}
	before := make([][]T, len(x))
	for i := range x {
		before[i] = slices.Clone(x[i])
	}
	norm, err := apply(t, c, g)
	if c.Name == "norm/max0" {
		// PyTorch sets every gradient to 0; a limit of 0 is a mistake here.
		if err == nil {
			t.Error("Max = 0 must be refused")
		}
		return
	}
	if strings.HasPrefix(c.Name, "nonfinite/") {
		// PyTorch multiplies by NaN, or by 0 where the norm is infinite, and its
		// clip_grad_value_ turns ±Inf into ±Max; here the gradients stay as they
		// were, and where the peer raises an error NonFinite returns one.
		n, nerr := g.Norm()
		if nerr != nil || n.NonFinite.Count == 0 || g.Factor() != 1 {
			t.Errorf("norm %+v, factor %v, %v", n, g.Factor(), nerr)
		}
		if raises := c.Config.Has("raises") && c.Config.Bool("raises"); raises != (err != nil) {
			t.Errorf("error %v, the peer's: %v", err, raises)
		}
		for i := range x {
			if !slices.EqualFunc(x[i], before[i], func(a, b T) bool { return a == b || a != a && b != b }) {
				t.Errorf("gradient %d is now %v, was %v", i, x[i], before[i])
			}
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if total, ok := want["total_norm"]; ok {
		if d := math.Abs(norm - total.Data[0]); !(d <= tol*total.Data[0]) {
			t.Errorf("norm %v, want %v", norm, total.Data[0])
		}
	}
	if c.Op == "total_norm" {
		return
	}
	if err := g.Apply(); err != nil {
		t.Fatal(err)
	}
	for i := range x {
		got := make([]float64, len(x[i]))
		for k, v := range x[i] {
			got[k] = float64(v)
		}
		if err := golden.Close(got, want[fmt.Sprintf("grad%d", i)].Data, tol, 0); err != nil {
			t.Errorf("gradient %d: %v", i, err)
		}
	}
}

// apply does what a row says and returns the norm before clipping, where the
// row has one.
func apply(t *testing.T, c golden.Case, g *descent.Gradients) (float64, error) {
	f := c.Config.Float
	switch c.Op {
	case "clip_grad_norm":
		if c.Config.Bool("error_if_nonfinite") {
			limit, err := New(NonFinite{Policy: Fail})
			if err != nil {
				return 0, err
			}
			return 0, limit.Apply(g)
		}
		norm, err := g.PNorm(f("norm_type"))
		if err != nil {
			return 0, err
		}
		return norm, GlobalNorm{Max: f("max_norm"), Eps: f("eps"), P: f("norm_type")}.Apply(g)
	case "clip_by_global_norm_optax":
		return 0, GlobalNorm{Max: f("max_norm")}.Apply(g)
	case "total_norm":
		return g.PNorm(f("norm_type"))
	case "clip_grad_value":
		return 0, Value{Max: f("clip_value")}.Apply(g)
	case "clip_per_parameter_norm":
		return 0, PerTensorNorm{Max: f("clip"), Eps: f("eps")}.Apply(g)
	case "clip_by_block_rms":
		return 0, BlockRMS{Max: f("threshold")}.Apply(g)
	case "agc_timm":
		return 0, AGC{Max: f("clip_factor"), Eps: f("eps"), P: f("norm_type"), Unit: 0}.Apply(g, values(c))
	case "agc_optax":
		return 0, AGC{Max: f("clipping"), Eps: f("eps"), Unit: -1}.Apply(g, values(c))
	}
	t.Fatalf("unknown operation %s", c.Op)
	return 0, nil
}

// values are the parameters of a row of AGC.
func values(c golden.Case) []descent.Param {
	_, views := tensors[float64](c.In, "param")
	params := make([]descent.Param, len(views))
	for i, v := range views {
		params[i] = descent.Param{Name: fmt.Sprint("param", i), Value: v}
	}
	return params
}
