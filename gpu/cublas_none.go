//go:build !cgo || !linux

package gpu

func openBLAS(engine) (blas, error) { return nil, unavailable() }
