package kernel

import (
	"slices"

	"github.com/descent-ml/descent/internal/cpu"
)

// Path says which implementation of a kernel runs on this machine.
type Path struct {
	Kernel string
	Tier   string // "avx512", "avx2", "neon" or "go"
}

// names are the kernels that have assembly, in the order of their files.
var names = []string{
	"norm", "scale", "add", "sgd", "momentum", "adam", "lion", "lerp", "maxabs", "rootscale", "scalesquare",
	"maxsum", "expsum", "scalesub", "softcap", "softcapgradient", "dropout",
	"tobf16", "frombf16", "tof16", "fromf16", "toe4m3", "frome4m3", "toe5m2", "frome5m2",
	"stochastic", "adamscaled", "target", "ratio", "move", "addsquares", "gemm",
}

// Paths lists every kernel with the implementation that dispatch picks for a
// long float32 run. A test compares it with the tests' table of
// implementations.
func Paths() []Path {
	paths := make([]Path, len(names))
	for i, name := range names {
		tier := "go"
		switch {
		case cpu.AVX512 && slices.Contains(avx512Pays, name):
			tier = "avx512"
		case cpu.AVX2 || cpu.AVX512:
			tier = "avx2"
		case cpu.NEON && name != "stochastic" && name != "addsquares":
			tier = "neon"
		}
		paths[i] = Path{name, tier}
	}
	return paths
}

// avx512Pays lists the kernels whose AVX-512 version a benchmark has shown to
// be faster than AVX2; the others have none. On Zen 4, with data in the caches,
// expsum and dropout are 1.5 times as fast, the casts to FP8 1.4 and to
// bfloat16 1.2, at random 1.5, Adam over 8 bits 1.4, whole products 1.1; the norm
// was 1.0 to 1.05.
var avx512Pays = []string{"expsum", "dropout", "tobf16", "toe4m3", "toe5m2", "stochastic", "adamscaled", "gemm"}
