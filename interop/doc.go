// Package interop is where descent meets other Go libraries: a package for each,
// so that a program depends on those alone that it uses.
//
//	interop/gonum     mat.Dense, mat.VecDense, blas32, blas64
//	interop/gorgonia  gorgonia.org/tensor
//	interop/spago     mat.Tensor, nn.Param, gradients
//	interop/gomlx     tensors.Tensor
//
// Each gives a descent.View of the other library's own memory, or an error.
package interop
