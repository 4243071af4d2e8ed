//go:build cgo

package gpu

/*
#include "library.h"

// What of the management library is used, declared here so that no header of
// NVIDIA's is needed. See https://docs.nvidia.com/deploy/nvml-api.
typedef struct nvml_device *nvml_device;

typedef struct {
	unsigned gpu, memory; // %
} nvml_utilization;

#define NVML(X) \
	X(int, nvmlInit_v2, (void)) \
	X(const char *, nvmlErrorString, (int)) \
	X(int, nvmlSystemGetDriverVersion, (char *, unsigned)) \
	X(int, nvmlDeviceGetHandleByPciBusId_v2, (const char *, nvml_device *)) \
	X(int, nvmlDeviceGetName, (nvml_device, char *, unsigned)) \
	X(int, nvmlDeviceGetPowerUsage, (nvml_device, unsigned *)) \
	X(int, nvmlDeviceGetTemperature, (nvml_device, int, unsigned *)) \
	X(int, nvmlDeviceGetUtilizationRates, (nvml_device, nvml_utilization *))

#define DECLARE(result, name, args) static result (*name) args;
NVML(DECLARE)

static int open_nvml(char *why, size_t room) {
	static const char *const files[] = {"libnvidia-ml.so.1"};
#define SYMBOL(result, name, args) {#name, (void **)&name},
	static const symbol symbols[] = {NVML(SYMBOL)};
	return open_library(files, COUNT(files), symbols, COUNT(symbols), why, room);
}

static int init_nvml(char *version, unsigned n) {
	int r = nvmlInit_v2();
	return r ? r : nvmlSystemGetDriverVersion(version, n);
}

static const char *nvml_error(int result) {
	const char *s = nvmlErrorString(result);
	return s ? s : "";
}

enum { POWER, TEMPERATURE, BUSY, MEMORY_BUSY, SENSORS };

// read_nvml sets the values and, for each, whether it could be read.
static int read_nvml(const char *bus, char *name, unsigned n, unsigned *value, int *result) {
	nvml_device d = 0;
	int r = nvmlDeviceGetHandleByPciBusId_v2(bus, &d);
	if (!r) r = nvmlDeviceGetName(d, name, n);
	if (r) return r;
	nvml_utilization used = {0, 0};
	result[POWER] = nvmlDeviceGetPowerUsage(d, &value[POWER]);
	result[TEMPERATURE] = nvmlDeviceGetTemperature(d, 0, &value[TEMPERATURE]);
	result[BUSY] = result[MEMORY_BUSY] = nvmlDeviceGetUtilizationRates(d, &used);
	value[BUSY] = used.gpu, value[MEMORY_BUSY] = used.memory;
	return 0;
}
*/
import "C"

import (
	"fmt"
	"math"
	"sync"
	"unsafe"
)

// loadNVML opens libnvidia-ml once for the process and returns the driver's
// version.
var loadNVML = sync.OnceValues(func() (string, error) {
	err := openLibrary("libnvidia-ml", func(why *C.char, room C.size_t) C.int { return C.open_nvml(why, room) })
	if err != nil {
		return "", err
	}
	var version [96]byte
	if err := checkNVML(C.init_nvml((*C.char)(unsafe.Pointer(&version[0])), C.uint(len(version)))); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return text(version[:]), nil
})

// checkNVML makes an error of an nvmlReturn_t.
func checkNVML(result C.int) error {
	if result == 0 {
		return nil
	}
	return fmt.Errorf("NVML error %d: %s", int(result), C.GoString(C.nvml_error(result)))
}

// readHealth is the health of the device on a PCI bus.
func readHealth(bus string) (Health, error) {
	if _, err := loadNVML(); err != nil {
		return Health{}, err
	}
	var name [96]byte
	var value [C.SENSORS]C.uint
	var result [C.SENSORS]C.int
	at := append([]byte(bus), 0)
	err := checkNVML(C.read_nvml((*C.char)(unsafe.Pointer(&at[0])),
		(*C.char)(unsafe.Pointer(&name[0])), C.uint(len(name)), &value[0], &result[0]))
	if err != nil {
		return Health{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	read := func(i int, unit float64) float64 {
		if result[i] != 0 {
			return math.NaN()
		}
		return unit * float64(value[i])
	}
	return Health{
		Name: text(name[:]), Power: read(C.POWER, 1e-3), Temperature: read(C.TEMPERATURE, 1),
		Busy: read(C.BUSY, 1), MemoryBusy: read(C.MEMORY_BUSY, 1),
	}, nil
}
