package descenttest_test

import (
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/descenttest"
)

func TestDevice(t *testing.T) { descenttest.Device(t, descent.Host) }
