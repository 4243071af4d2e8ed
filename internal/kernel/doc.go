// Package kernel is the host's arithmetic: one small loop per file, each
// written three times. The pure Go reference is the specification and is
// always compiled in; the assembly for AVX2, AVX-512 and NEON returns its
// exact bits. Everything here works on one contiguous run on one goroutine;
// package host cuts whole tensors into runs and spreads them over threads.
//
// # The bits contract
//
// Elementwise float32 arithmetic uses + − × ÷ √, each rounded on its own. Go
// may fuse x*y + z into one rounding (arm64, and amd64 at GOAMD64=v3), so a
// product that feeds a sum is written float32(x*y) + z: an explicit conversion
// forbids it.
//
// Sums run in float64 in Lanes lanes per block of Block elements: element i of
// a block is added to lane i mod Lanes, lanes are folded by fold, and blocks
// are added in order. The product of two float32 is exact in float64, so there
// a fused multiply-add changes nothing. Matrix products are the exception: Gemm
// adds products up with fused multiply-adds in its operands' type, Depth at a time.
//
// A NaN result is a NaN everywhere, but its sign and payload are the
// processor's, except where a function says otherwise.
//
// # Uncached stores
//
// Kernels that only write dst can store past the caches: casts where uncached is
// set, the others under a name that ends in Uncached. Ordinary stores read each
// line of dst before it is written, so this spares a third of the traffic of a
// copy, but whoever reads dst next finds nothing in the caches: it is for work
// larger than these. dst and src are then different memory. The results have
// the same bits; without assembly for it the ordinary kernel runs.
//
// # Names
//
// Scale checks nothing and picks a kernel; scaleGeneric is the reference;
// scaleAVX2, scaleAVX512 and scaleNEON are the assembly. Lengths are the
// caller's duty: every slice of one call has the length of the first, and
// outputs alias inputs exactly or not at all.
package kernel

//go:generate sh -c "cd _asm && go run . -out .."
//go:generate sh -c "cd _asm_arm64 && go run . -out .."
