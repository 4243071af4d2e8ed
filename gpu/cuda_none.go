//go:build !cgo || !linux

package gpu

import (
	"fmt"
	"runtime"
)

func unavailable() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("gpu: %w: CUDA devices are supported on Linux, this is %s", ErrUnavailable, runtime.GOOS)
	}
	return fmt.Errorf("gpu: %w: built with CGO_ENABLED=0", ErrUnavailable)
}

func deviceCount() (count, version int, err error) { return 0, 0, unavailable() }

func deviceInfo(int) (Info, error) { return Info{}, unavailable() }

func openEngine(int) (engine, error) { return nil, unavailable() }

func libraries() []Library { return nil }
