package gpu

import (
	"fmt"
	"strings"
)

// Info is what the driver says of a device.
type Info struct {
	Index        int
	Name         string
	Major, Minor int     // compute capability
	Processors   int     // multiprocessors
	Memory       int64   // bytes
	Bandwidth    float64 // of the memory at its clock and width, bytes a second
	Cache        int     // second-level cache, bytes

	shared int // bytes of shared memory that a block can have
}

// attributes are the driver's numbers of what an Info is made of.
var attributes = [...]int32{75, 76, 16, 36, 37, 38, 97}

// newInfo makes an Info of the attributes' values. The memory's clock is in kHz
// and moves two words of its width, in bits, a cycle.
func newInfo(i int, name string, memory int64, a [len(attributes)]int32) Info {
	return Info{
		Index: i, Name: name, Memory: memory,
		Major: int(a[0]), Minor: int(a[1]), Processors: int(a[2]),
		Bandwidth: 2 * 1000 * float64(a[3]) * float64(a[4]) / 8,
		Cache:     int(a[5]), shared: int(a[6]),
	}
}

// TF32 reports whether matrix products can round to TF32.
func (i Info) TF32() bool { return i.Major >= 8 }

// BF16 reports whether there are matrix products of bfloat16.
func (i Info) BF16() bool { return i.Major >= 8 }

// F16 reports whether there are matrix products of float16.
func (i Info) F16() bool { return i.Major >= 7 }

// FP8 reports whether there are matrix products of FP8.
func (i Info) FP8() bool { return i.Major*10+i.Minor >= 89 }

// usable says why the kernels do not run on the device, or nothing.
func (i Info) usable() string {
	if i.Major < 8 {
		return fmt.Sprintf("compute capability %d.%d, want at least 8.0", i.Major, i.Minor)
	}
	return ""
}

func (i Info) String() string {
	return fmt.Sprintf("cuda:%d %s (compute %d.%d, %.1f GiB)", i.Index, i.Name, i.Major, i.Minor, float64(i.Memory)/(1<<30))
}

// Devices returns what the driver finds, in its order. Without a driver the
// error wraps ErrUnavailable and says why.
func Devices() ([]Info, error) {
	n, _, err := deviceCount()
	if err != nil {
		return nil, err
	}
	infos := make([]Info, n)
	for i := range infos {
		if infos[i], err = deviceInfo(i); err != nil {
			return nil, fmt.Errorf("gpu: device %d: %w", i, err)
		}
	}
	return infos, nil
}

// Library is one that is opened at run time.
type Library struct {
	Name    string // without its ending
	Version string // of libcuda that of CUDA, of libnvidia-ml the driver's
	Why     string // it cannot be used, "" where it can
}

func newLibrary(name string, load func() (version string, err error)) Library {
	l := Library{Name: name}
	var err error
	if l.Version, err = load(); err != nil {
		l.Version = ""
		l.Why = strings.TrimPrefix(strings.TrimPrefix(err.Error(), "gpu: "), ErrUnavailable.Error()+": ")
	}
	return l
}

func (l Library) String() string {
	if l.Why != "" {
		return l.Name + ": not used: " + l.Why
	}
	return l.Name + " " + l.Version + ": used"
}

// cudaVersion is the version of CUDA that the driver says it has.
func cudaVersion(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// dotted is a version of cuBLASLt's and NCCL's.
func dotted(v int) string { return fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100) }

// Explanation says what was found and what can be used. It prints as a short
// text.
type Explanation struct {
	Driver    string // its CUDA version, "" without one
	Libraries []Library
	Devices   []Info
	Why       []string // for each device why it cannot be used, "" where it can; without devices one reason
}

// Explain looks for devices as Open does, and opens every library: driver, matrix
// products, Group, Health.
func Explain() Explanation {
	n, version, err := deviceCount()
	if err != nil {
		return Explanation{Libraries: libraries(), Why: []string{err.Error()}}
	}
	e := Explanation{Driver: cudaVersion(version), Libraries: libraries()}
	for i := range n {
		in, err := deviceInfo(i)
		why := in.usable()
		if err != nil {
			why = err.Error()
		}
		e.Devices, e.Why = append(e.Devices, in), append(e.Why, why)
	}
	return e
}

func (e Explanation) String() string {
	var b strings.Builder
	if e.Driver == "" {
		fmt.Fprintf(&b, "cuda       %s\n", strings.Join(e.Why, "; "))
	} else {
		fmt.Fprintf(&b, "cuda       driver for CUDA %s\n", e.Driver)
	}
	for i, d := range e.Devices {
		state := "used"
		if e.Why[i] != "" {
			state = "not used: " + e.Why[i]
		}
		fmt.Fprintf(&b, "device     %v: %s\n", d, state)
	}
	for _, l := range e.Libraries {
		fmt.Fprintf(&b, "library    %v\n", l)
	}
	return b.String()
}
