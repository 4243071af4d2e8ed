package backend

// LinearRows is how many rows of a LinearCrossEntropy have logits in memory at a
// time: 512 × 50257 float32 are 98 MiB. Being a multiple of kernel.Depth it leaves
// the sums of GradWeight in the order that one product of all rows has.
const LinearRows = 512

// LinearCrossEntropy is CrossEntropy, whose Logits and Grad have no memory, of
// the logits Hidden·Weightᵀ + Bias. The gradients become Scale times those of the
// sum of the rows' losses; each has no memory when it is not wanted. All
// buffers here have one type, Float32 or Float64.
type LinearCrossEntropy struct {
	CrossEntropy
	Hidden, GradHidden Buffer // Rows × Width
	Weight, GradWeight Buffer // Classes × Width
	Bias, GradBias     Buffer // Classes; Bias without memory is 0
	Width              int
}
