package gpu_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/gpu"
	"github.com/descent-ml/descent/optim"
)

// The same step on the first GPU, or on the host where there is none: the bits
// are the same.
func ExampleOpen() {
	w := descent.Of([]float32{1, -2, 3})
	dw := descent.Of([]float32{0.1, 0.2, -0.3})
	p := optim.Param{Name: "w", Value: w, Grad: dw}

	var dev *gpu.Device
	var onGPU gpu.Tensor
	dev, err := gpu.Open(0)
	switch {
	case errors.Is(err, gpu.ErrUnavailable): // err says why
	case err != nil:
		log.Fatal(err)
	default:
		defer dev.Close()
		grad, err := dev.Upload(dw)
		if err != nil {
			log.Fatal(err)
		}
		if onGPU, err = dev.Upload(w); err != nil {
			log.Fatal(err)
		}
		p.Value, p.Grad = onGPU, grad
	}
	opt, err := optim.New([]optim.Param{p}, optim.AdamW{Decay: 0.1})
	if err != nil {
		log.Fatal(err)
	}
	g, err := descent.GradientsOf([]optim.Param{p})
	if err != nil {
		log.Fatal(err)
	}
	report, err := opt.Step(g, 0.01)
	if err != nil {
		log.Fatal(err)
	}
	if dev != nil {
		if err := onGPU.Read(w); err != nil {
			log.Fatal(err)
		}
	}
	data, err := descent.Data[float32](w)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report)
	fmt.Println(data)
	// Output:
	// step 1 applied, norm 0.3742, factor 1
	// [0.989 -2.0080001 3.007]
}
