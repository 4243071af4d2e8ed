package precision

import (
	"fmt"

	"github.com/descent-ml/descent"
)

// Policy is one answer for all formats of a training run.
type Policy struct {
	Params  descent.DType // the weights that the optimizer moves
	Compute descent.DType // their copy, and activations: the products' operands
	Grads   descent.DType // what backward writes
	Reduce  descent.DType // sums over micro-batches and processes
	State   descent.DType // the optimizer's averages
	TF32    bool          // products of float32 round their operands to TF32
	FP8     Recipe        // how products quantize Compute's operands; zero for not at all
	Loss    LossScale     // where Scaled
	Scaled  bool          // the loss needs a scale
	Why     string
}

// Capabilities is what a processor multiplies matrices of at full rate, with
// float32 sums.
type Capabilities struct {
	TF32, F16, BF16 bool
	FP8             bool // with scales of whole tensors or rows
	Blocks          bool // FP8 with the scales of MX blocks
	Host            bool // the processor itself: memory limits it, not products
}

// Some processors.
var (
	Volta     = Capabilities{F16: true}
	Ampere    = Capabilities{TF32: true, F16: true, BF16: true}
	Hopper    = Capabilities{TF32: true, F16: true, BF16: true, FP8: true}
	Blackwell = Capabilities{TF32: true, F16: true, BF16: true, FP8: true, Blocks: true}
	CPU       = Capabilities{Host: true}             // widens 16-bit numbers as it reads
	CPUBF16   = Capabilities{Host: true, BF16: true} // AVX512-BF16, AMX, ARMv8.6
	CPUF16    = Capabilities{Host: true, F16: true}  // AVX512-FP16, ARMv8.2
)

// For recommends formats for a processor. Why explains the choice; every field
// may be changed afterwards.
//
// Weights, sums and the optimizer's state are float32 everywhere: an update
// below 2⁻⁹ of its weight is lost in bfloat16.
func For(c Capabilities) Policy {
	p := Policy{
		Params: descent.F32, Compute: descent.BF16, Grads: descent.BF16,
		Reduce: descent.F32, State: descent.F32, TF32: c.TF32,
	}
	const master = " Weights, sums and optimizer state stay float32: an update below 1/512 of its weight would be lost in bfloat16."
	const bf16 = "bfloat16 has float32's range: no loss scale."
	switch {
	case c.Host && c.F16 && !c.BF16:
		p.float16()
		p.Why = "This processor multiplies float16 at twice float32's rate. float16 ends at 65504 and loses gradients below 6e-8: the loss is scaled."
	case c.Host && c.BF16:
		p.Why = "This processor multiplies bfloat16 with float32 sums. " + bf16
	case c.Host:
		p.Why = "Memory limits this processor: a bfloat16 copy of the weights halves what products read, and is widened to float32 in registers. " + bf16
	case c.Blocks && c.FP8:
		p.FP8 = MXScaling
		p.Why = "FP8 in blocks of 32 with a scale each doubles the rate of bfloat16, and one outlier costs only its block precision. What is not a product stays bfloat16. " + bf16
	case c.FP8:
		p.FP8 = CurrentScaling
		p.Why = "FP8 with a scale for each tensor doubles the rate of bfloat16; scales are taken from the tensor itself, so that there is no history to save. Gradients are E5M2 for its range. What is not a product stays bfloat16. " + bf16
	case c.BF16:
		p.Why = "bfloat16 at full rate. " + bf16
	case c.F16:
		p.float16()
		p.Why = "float16 at full rate, no bfloat16. float16 ends at 65504 and loses gradients below 6e-8: the loss is scaled."
	default:
		p.Compute, p.Grads = descent.F32, descent.F32
		p.Why = "No narrow format is faster here than float32."
	}
	if c.TF32 {
		p.Why += " Products that stay float32 run as TF32, with 10 mantissa bits."
	}
	p.Why += master
	return p
}

func (p *Policy) float16() {
	p.Compute, p.Grads, p.Scaled = descent.F16, descent.F16, true
}

// Validate reports formats that are no formats and those that cannot train.
func (p Policy) Validate() error {
	for _, f := range [...]struct {
		name string
		t    descent.DType
	}{{"Params", p.Params}, {"Compute", p.Compute}, {"Grads", p.Grads}, {"Reduce", p.Reduce}, {"State", p.State}} {
		if !f.t.Float() {
			return fmt.Errorf("precision.Policy: %s is %v, want floating point", f.name, f.t)
		}
	}
	if err := p.FP8.Validate(); err != nil {
		return err
	}
	if err := p.Loss.Validate(); err != nil {
		return err
	}
	if p.Grads == descent.F16 && !p.Scaled {
		return fmt.Errorf("precision.Policy: Grads is %v and Scaled is false: small gradients would become 0", p.Grads)
	}
	if p.Reduce.Size() < p.Grads.Size() {
		return fmt.Errorf("precision.Policy: Reduce is %v, want no less than Grads' %v", p.Reduce, p.Grads)
	}
	return nil
}

func (p Policy) String() string {
	s := fmt.Sprintf("params %v, compute %v, grads %v, reduce %v, state %v", p.Params, p.Compute, p.Grads, p.Reduce, p.State)
	if p.TF32 {
		s += ", tf32"
	}
	if p.FP8 != (Recipe{}) {
		s += fmt.Sprintf(", products %v", p.FP8.Inputs.Format)
	}
	if p.Scaled {
		s += ", loss scaled"
	}
	return s
}
