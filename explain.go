package descent

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/descent-ml/descent/internal/cpu"
	"github.com/descent-ml/descent/internal/kernel"
)

// Explanation says what the library found on this machine and what it will
// run. It prints as a short text; its fields are for logs and tests.
type Explanation struct {
	Processor string
	OS, Arch  string
	Threads   int // GOMAXPROCS: no result depends on it
	Caches    string
	Tiers     []Tier
	Kernels   []KernelPath
	Devices   []string
}

// Tier is an instruction set the library has kernels for.
type Tier struct {
	Name string // "avx512", "avx2", "neon"
	Used bool
	Why  string // "found", or what is missing
}

// KernelPath says which tier a kernel runs on; "go" is the portable reference.
// Every tier gives the same bits.
type KernelPath = kernel.Path

// Explain looks at this machine as the library does.
func Explain() Explanation {
	e := Explanation{
		Processor: cpu.Name(),
		OS:        runtime.GOOS,
		Arch:      runtime.GOARCH,
		Threads:   runtime.GOMAXPROCS(0),
		Caches:    cpu.Cache().String(),
		Kernels:   kernel.Paths(),
		Devices:   []string{Host.String()},
	}
	for _, t := range []string{"avx512", "avx2", "neon"} {
		e.Tiers = append(e.Tiers, Tier{t, cpu.Has(t), cpu.Why(t)})
	}
	return e
}

func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "processor  %s (%s/%s), %d threads\n", e.Processor, e.OS, e.Arch, e.Threads)
	fmt.Fprintf(&b, "caches     %s\n", e.Caches)
	for _, t := range e.Tiers {
		used := "not used"
		if t.Used {
			used = "used"
		}
		fmt.Fprintf(&b, "%-10s %s: %s\n", t.Name, used, t.Why)
	}
	by := map[string][]string{}
	var order []string
	for _, k := range e.Kernels {
		if by[k.Tier] == nil {
			order = append(order, k.Tier)
		}
		by[k.Tier] = append(by[k.Tier], k.Kernel)
	}
	for _, t := range order {
		fmt.Fprintf(&b, "kernels    %s: %s\n", t, strings.Join(by[t], " "))
	}
	fmt.Fprintf(&b, "devices    %s\n", strings.Join(e.Devices, ", "))
	return b.String()
}
