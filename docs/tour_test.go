// Package docs_test holds the code of tour.md.
package docs_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/accum"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/precision"
	"github.com/descent-ml/descent/schedule"
)

func Example_tensors() {
	w := []float32{1, 2, 3, 4, 5, 6}
	v := descent.Of(w, 2, 3)
	w[0] = 7
	data, err := descent.Data[float32](v)
	fmt.Println(v, data, err)
	fmt.Println(descent.Of(w, 4, 2).Err())
	// Output:
	// float32[2 3] [7 2 3 4 5 6] <nil>
	// descent: shapes differ: shape [4 2] over 6 elements
}

func Example_schedules() {
	lr := schedule.Warmup{Steps: 10, Then: schedule.Cosine{Peak: 0.1, Floor: 0.001, Steps: 90}}
	for _, step := range []int{0, 10, 55, 1000} {
		fmt.Printf("%d: %.4f\n", step, lr.At(step))
	}
	text, err := schedule.Marshal(lr)
	fmt.Printf("%s %v\n", text, err)
	// Output:
	// 0: 0.0091
	// 10: 0.1000
	// 55: 0.0505
	// 1000: 0.0010
	// {"kind":"warmup","steps":10,"then":{"kind":"cosine","peak":0.1,"floor":0.001,"steps":90}} <nil>
}

func Example_losses() {
	logits := descent.Of([]float32{2, 0, 0, 0, 1, 0}, 2, 3)
	dx := make([]float32, 6)
	ce := loss.CrossEntropy{Smoothing: 0.1}
	l, err := ce.Eval(descent.Of(dx, 2, 3), logits, descent.Of([]int64{0, 2}))
	fmt.Printf("sum %.4f, weight %v, mean %.4f %v\n", l.Sum, l.Weight, l.Mean(), err)
	fmt.Printf("%.3f\n", dx)
	// Output:
	// sum 1.8910, weight 2, mean 0.9455 <nil>
	// [-0.146 0.073 0.073 0.179 0.543 -0.721]
}

func Example_accumulation() {
	w, dw := make([]float32, 2), make([]float32, 2)
	params := []descent.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(dw)}}
	sum, err := accum.New(params)
	if err != nil {
		fmt.Println(err)
		return
	}
	dw[0], dw[1] = 8, 4 // the sum over a batch of 3 examples
	err = sum.Add(3)
	dw[0], dw[1] = 4, 8 // and over the last, which is short
	fmt.Println(err, sum.Add(1))

	g := sum.Take()
	n, err := g.Norm()
	fmt.Printf("factor %v, norm %.4f %v\n", g.Factor(), n.L2, err)
	// Output:
	// <nil> <nil>
	// factor 0.25, norm 4.2426 <nil>
}

func Example_clipping() {
	g, err := descent.NewGradients([]descent.View{descent.Of([]float32{3, 4}), descent.Of([]float32{12})})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = clip.GlobalNorm{Max: 1}.Apply(g)
	n, _ := g.Norm()
	fmt.Printf("%.0f became %.0f, factor %.4f %v\n", n.PreClip, n.L2, g.Factor(), err)
	// Output:
	// 13 became 1, factor 0.0769 <nil>
}

func Example_step() {
	w, dw := []float32{1, -2}, []float32{3, 4}
	params := []optim.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(dw)}}
	opt, err := optim.New(params, optim.AdamW{Decay: 0.01})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(params)
	report, err := opt.Step(g, 0.1)
	fmt.Println(report, err)
	fmt.Printf("%.3f\n", w)
	// Output:
	// step 1 applied, norm 5, factor 1 <nil>
	// [0.899 -2.098]
}

func Example_skipping() {
	w, dw := []float32{1, -2}, []float32{3, float32(math.NaN())}
	params := []optim.Param{{Name: "head.w", Value: descent.Of(w), Grad: descent.Of(dw)}}
	opt, err := optim.New(params, optim.AdamW{})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(params)
	report, err := opt.Step(g, 0.1)
	fmt.Println(report.Applied, report.Reason)
	fmt.Println(report.NonFinite, err)
	fmt.Println(w, opt.Steps())
	// Output:
	// false a gradient is not finite
	// 1 non-finite, first in head.w at element 1 <nil>
	// [1 -2] 0
}

func Example_checkpoints() {
	w, dw := []float32{1, -2}, []float32{3, 4}
	params := []optim.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(dw)}}
	opt, err := optim.New(params, optim.AdamW{})
	if err != nil {
		fmt.Println(err)
		return
	}
	g, _ := descent.GradientsOf(params)
	_, err = opt.Step(g, 0.1)

	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "run.safetensors")
	run := optim.Checkpoint{Optimizer: opt}
	fmt.Println(err, run.Save(path, map[string]string{"data": "mnist"}))

	_, err = opt.Step(g, 0.1)
	straight := [2]float32(w)
	fmt.Println(opt.Steps(), err)

	meta, err := run.Load(path)
	fmt.Println(opt.Steps(), meta["data"], err)
	_, err = opt.Step(g, 0.1)
	fmt.Println(straight == [2]float32(w), err)
	// Output:
	// <nil> <nil>
	// 2 <nil>
	// 1 mnist <nil>
	// true <nil>
}

func Example_precision() {
	x := []float32{0.1, math.Pi, 500}
	half, eight := make([]descent.BFloat16, 3), make([]descent.Float8E4M3, 3)
	var cast precision.Cast
	err := cast.Apply(descent.Of(half), descent.Of(x), 0)
	fmt.Println(half, err)
	amax, err := cast.ApplyAmax(descent.Of(eight), descent.Of(x), 0)
	fmt.Println(eight, amax, err)
	// Output:
	// [0.100097656 3.140625 500] <nil>
	// [0.1015625 3.25 448] 500 <nil>
}

// TestTour wants the blocks of tour.md to be the bodies of the examples here,
// in order.
func TestTour(t *testing.T) {
	examples := bodies(t, "tour_test.go")
	text, err := os.ReadFile("tour.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for i, part := range strings.Split(string(text), "\n```") {
		if code, ok := strings.CutPrefix(part, "go\n"); ok && i%2 == 1 {
			blocks = append(blocks, code)
		}
	}
	if len(blocks) == 0 || len(blocks) != len(examples) {
		t.Fatalf("tour.md has %d blocks of Go, want %d", len(blocks), len(examples))
	}
	for i, e := range examples {
		if blocks[i] != e.body {
			t.Errorf("block %d is not %s:\n%s\nwant:\n%s", i+1, e.name, blocks[i], e.body)
		}
	}
}

type example struct{ name, body string }

// bodies are the examples of a file, moved one tab to the left.
func bodies(t *testing.T, path string) (out []example) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(fn.Name.Name, "Example") {
			continue
		}
		body := source[fset.Position(fn.Body.Lbrace).Offset+2 : fset.Position(fn.Body.Rbrace).Offset-1]
		body = bytes.ReplaceAll(append([]byte("\n"), body...), []byte("\n\t"), []byte("\n"))
		out = append(out, example{fn.Name.Name, string(body[1:])})
	}
	return out
}
