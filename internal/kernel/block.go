package kernel

// The shape of every sum, shared by Go, assembly and CUDA.
const (
	// Lanes is how many float64 accumulators a block has. 32 fill eight AVX2
	// registers, sixteen of NEON, four of AVX-512 and one CUDA warp.
	Lanes = 32

	// Block is how many elements share one set of lanes: 16 KiB of float32.
	Block = 4096
)

// Float is an element type the arithmetic kernels work on.
type Float interface{ float32 | float64 }

// Blocks returns how many blocks n elements make.
func Blocks(n int) int { return (n + Block - 1) / Block }

// fold adds the lanes of a block in a fixed tree: lane j gets lane j+16, then
// j+8, j+4, j+2 and j+1.
func fold(l *[Lanes]float64) float64 {
	for half := Lanes / 2; half > 0; half /= 2 {
		for j := range half {
			l[j] += l[j+half]
		}
	}
	return l[0]
}
