//go:build !purego

package kernel

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRequires holds the assembly to the features that package cpu asks for:
// those of AVX2, and for AVX-512 more. Every amd64 has MMX+, SSE and SSE2.
func TestRequires(t *testing.T) {
	avx2 := []string{"MMX+", "SSE", "SSE2", "AVX", "AVX2", "FMA3", "F16C"}
	avx512 := append([]string{"AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL", "BMI2"}, avx2...)
	text := regexp.MustCompile(`(?m)^// Requires: (.*)\nTEXT ·(\w+)`)
	files, err := filepath.Glob("*_amd64.s")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		functions := text.FindAllStringSubmatch(string(source), -1)
		if len(functions) == 0 {
			t.Errorf("%s: no function says what it requires", name)
		}
		for _, f := range functions {
			allowed := avx2
			if strings.HasSuffix(f[2], "AVX512") {
				allowed = avx512
			}
			for _, feature := range strings.Split(f[1], ", ") {
				if !slices.Contains(allowed, feature) {
					t.Errorf("%s requires %s, which the tier does not", f[2], feature)
				}
			}
		}
	}
}
