package gpu_test

import (
	"errors"
	"testing"

	"github.com/descent-ml/descent/descenttest"
	"github.com/descent-ml/descent/gpu"
)

// open returns device 0, or skips the test where there is none.
func open(t testing.TB) *gpu.Device {
	t.Helper()
	dev, err := gpu.Open(0)
	if errors.Is(err, gpu.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

func TestConformance(t *testing.T) { descenttest.Device(t, open(t)) }
