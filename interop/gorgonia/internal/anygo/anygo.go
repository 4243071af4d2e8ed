// Package anygo lets the tests run gorgonia on a Go that is newer than it knows.
//
// Packages are initialized in the order of their paths as far as their imports
// let them be, https://go.dev/ref/spec#Program_initialization: this one before
// go4.org/unsafe/assume-no-moving-gc, which panics.
package anygo

import (
	"os"
	"runtime"
)

func init() {
	version, dots := runtime.Version(), 0
	for i, c := range version {
		if c == '.' {
			dots++
		}
		if dots == 2 {
			version = version[:i]
			break
		}
	}
	if err := os.Setenv("ASSUME_NO_MOVING_GC_UNSAFE_RISK_IT_WITH", version); err != nil {
		panic(err)
	}
}
