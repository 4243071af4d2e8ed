package gpu

import (
	"fmt"
	"math"
	"strings"
)

// Health is what the driver's management library measures of a device: the GPU
// whatever process uses it, averaged over the library's own interval of less than
// a second. NaN is what it does not measure of the device.
type Health struct {
	Name        string  // the library's
	Power       float64 // W
	Temperature float64 // °C
	Busy        float64 // % of the time in which a kernel ran
	MemoryBusy  float64 // % of the time in which memory was read or written
}

func (h Health) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", h.Name)
	for _, m := range []struct {
		value        float64
		before, unit string
	}{{h.Power, "", "W"}, {h.Temperature, "", "°C"}, {h.Busy, "busy ", "%"}, {h.MemoryBusy, "memory ", "%"}} {
		if !math.IsNaN(m.value) {
			fmt.Fprintf(&b, " %s%.0f %s,", m.before, m.value, m.unit)
		}
	}
	return strings.TrimSuffix(strings.TrimSuffix(b.String(), ","), ":")
}

// Health reads the device's sensors; it waits for no work. The library is opened
// when it is first asked for, as libnvidia-ml.so.1, and knows the device by its
// PCI bus. Without it the error wraps ErrUnavailable and says why.
func (d *Device) Health() (Health, error) {
	if err := d.lock(); err != nil {
		return Health{}, err
	}
	defer d.mu.Unlock()
	h, err := d.engine.health()
	return h, d.failed("health", err)
}
