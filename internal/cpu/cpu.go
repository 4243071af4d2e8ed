// Package cpu says which instruction sets the kernels may use.
//
// Each flag is a tier: it is true only when every feature that the tier's
// kernels execute is present, because GODEBUG=cpu.avx2=off and its relatives
// clear just the one bit they name.
package cpu

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// Tiers, widest last. They are constants of the process: set in init, honouring
// GODEBUG=cpu.NAME=off, and all false with the tag purego.
var (
	AVX2   = hasAVX2()           // AVX2, FMA, F16C
	AVX512 = AVX2 && hasAVX512() // AVX512F, BW, DQ, VL and BMI2 over AVX2
	NEON   = hasNEON()           // Advanced SIMD, which every arm64 processor has
)

// Intel says that the processor is Intel's, for choices that only time shows.
var Intel = cpuid.CPU.IsVendor(cpuid.Intel)

// Best names the widest tier in use: "avx512", "avx2", "neon" or "go".
func Best() string {
	switch {
	case AVX512:
		return "avx512"
	case AVX2:
		return "avx2"
	case NEON:
		return "neon"
	}
	return "go"
}

// Has reports whether the tier of that name is in use.
func Has(tier string) bool {
	switch tier {
	case "avx512":
		return AVX512
	case "avx2":
		return AVX2
	case "neon":
		return NEON
	}
	return tier == "go"
}

// Why says in a few words why the tier is or is not in use.
func Why(tier string) string {
	arch := map[string]string{"avx512": "amd64", "avx2": "amd64", "neon": "arm64"}[tier]
	switch {
	case Has(tier):
		return "found"
	case arch == "":
		return "unknown tier"
	case runtime.GOARCH != arch:
		return "not " + arch
	case pureGo:
		return "built with the tag purego"
	}
	missing := missingFeatures(tier)
	return "missing or switched off: " + strings.Join(missing, ", ")
}

// Name is the processor's own name, or its architecture where it has none.
func Name() string {
	if n := strings.TrimSpace(cpuid.CPU.BrandName); n != "" {
		return n
	}
	return runtime.GOARCH
}

// Caches are sizes in bytes as the processor reports them, 0 where unknown.
type Caches struct{ L1, L2, L3 int }

// Cache returns the data cache sizes seen by one core.
func Cache() Caches {
	c := cpuid.CPU.Cache
	return Caches{L1: max(c.L1D, 0), L2: max(c.L2, 0), L3: max(c.L3, 0)}
}

func (c Caches) String() string {
	size := func(n int) string {
		switch {
		case n == 0:
			return "?"
		case n >= 1<<20:
			return fmt.Sprintf("%g MiB", float64(n)/(1<<20))
		}
		return fmt.Sprintf("%g KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("L1 %s, L2 %s, L3 %s", size(c.L1), size(c.L2), size(c.L3))
}
