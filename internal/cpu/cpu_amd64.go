//go:build !purego

package cpu

import (
	"github.com/klauspost/cpuid/v2"
	"golang.org/x/sys/cpu"
)

const pureGo = false

// feature pairs a bit with its name, so that Why can say which one is absent.
type feature struct {
	name string
	has  bool
}

// The registers that the operating system saves are part of avx, avx2 and
// avx512f in x/sys/cpu, which does not know F16C. GODEBUG clears the one bit it
// names.
func avx2Features() []feature {
	return []feature{
		{"osxsave", cpu.X86.HasOSXSAVE},
		{"avx", cpu.X86.HasAVX},
		{"avx2", cpu.X86.HasAVX2},
		{"fma", cpu.X86.HasFMA},
		{"f16c", cpuid.CPU.Supports(cpuid.F16C)},
	}
}

func avx512Features() []feature {
	return []feature{
		{"avx512f", cpu.X86.HasAVX512F},
		{"avx512bw", cpu.X86.HasAVX512BW},
		{"avx512dq", cpu.X86.HasAVX512DQ},
		{"avx512vl", cpu.X86.HasAVX512VL},
		{"bmi2", cpu.X86.HasBMI2},
	}
}

func missing(fs []feature) (names []string) {
	for _, f := range fs {
		if !f.has {
			names = append(names, f.name)
		}
	}
	return names
}

func hasAVX2() bool   { return len(missing(avx2Features())) == 0 }
func hasAVX512() bool { return len(missing(avx512Features())) == 0 }
func hasNEON() bool   { return false }

func missingFeatures(tier string) []string {
	names := missing(avx2Features())
	if tier == "avx512" {
		names = append(names, missing(avx512Features())...)
	}
	return names
}
