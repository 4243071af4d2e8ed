package descent_test

import (
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/accum"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/schedule"
)

// A linear classifier trained with gradient accumulation, warm-up and cosine,
// label smoothing, global-norm clipping and AdamW.
func Example() {
	const micro, in, classes = 8, 4, 3
	w, dw := make([]float32, in*classes), make([]float32, in*classes)
	b, db := make([]float32, classes), make([]float32, classes)
	x, targets := make([]float32, micro*in), make([]int32, micro)
	out, dout := make([]float32, micro*classes), make([]float32, micro*classes)

	logits, dlogits := descent.Of(out, micro, classes), descent.Of(dout, micro, classes)
	y := descent.Of(targets)
	at := 0
	next := func() { // the class is the position of the largest of three inputs
		for i := range targets {
			targets[i] = int32(at % classes)
			for j := range in {
				x[i*in+j] = float32((at*7+j*5)%4) / 8
			}
			x[i*in+int(targets[i])] = 1
			at++
		}
	}
	forward := func() {
		for i := range targets {
			for c := range classes {
				out[i*classes+c] = b[c]
				for j := range in {
					out[i*classes+c] += float32(x[i*in+j] * w[j*classes+c])
				}
			}
		}
	}
	backward := func() {
		clear(dw)
		clear(db)
		for i := range targets {
			for c := range classes {
				d := dout[i*classes+c]
				db[c] += d
				for j := range in {
					dw[j*classes+c] += float32(x[i*in+j] * d)
				}
			}
		}
	}

	params := []optim.Param{
		{Name: "w", Value: descent.Of(w, in, classes), Grad: descent.Of(dw, in, classes)},
		{Name: "b", Value: descent.Of(b), Grad: descent.Of(db)},
	}
	opt, err := optim.New(params, optim.AdamW{Decay: 0.01})
	if err != nil {
		fmt.Println(err)
		return
	}
	sum, err := accum.New(params)
	if err != nil {
		fmt.Println(err)
		return
	}
	lr := schedule.Warmup{Steps: 10, Then: schedule.Cosine{Peak: 0.1, Floor: 1e-3, Steps: 100}}
	ce := loss.CrossEntropy{Smoothing: 0.1}
	limit := clip.GlobalNorm{Max: 1}

	for step := 0; step < 100; {
		var total, weight float64
		for range 4 { // micro-batches
			next()
			forward()
			l, err := ce.Eval(dlogits, logits, y) // value, weight; gradient into dlogits
			if err != nil {
				fmt.Println(err)
				return
			}
			backward() // fills dw, db
			if err := sum.Add(l.Weight); err != nil {
				fmt.Println(err)
				return
			}
			total, weight = total+l.Sum, weight+l.Weight
		}
		g := sum.Take()                        // tensors × 1/Σweight: nothing moved
		if err := limit.Apply(g); err != nil { // one read: norm known, factor changed
			fmt.Println(err)
			return
		}
		report, err := opt.Step(g, lr.At(step)) // one fused pass
		if err != nil {
			fmt.Println(err)
			return
		}
		if step == 0 || step == 99 {
			fmt.Printf("loss %.3f, %v\n", total/weight, report)
		}
		if report.Applied {
			step++
		}
	}
	// Output:
	// loss 1.099, step 1 applied, norm 0.3421, factor 0.03125
	// loss 0.302, step 100 applied, norm 0.00112, factor 0.03125
}
