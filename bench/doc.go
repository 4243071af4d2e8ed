// Package bench holds the benchmarks against copying, against other Go
// libraries and, in cmd/compare and torch, against PyTorch and plain C.
package bench
