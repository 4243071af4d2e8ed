// Package layering holds the import table of the module as a test.
package layering

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/descent-ml/descent"

// table says what each package may import of this module and of others; the
// standard library is free to all. Primitive packages never import each other,
// and none of them knows that a GPU exists.
var table = map[string][]string{
	"": {"internal/backend", "internal/cpu", "internal/fmath", "internal/host", "internal/kernel"},

	"schedule":                 {"internal/fmath", "internal/glob", "internal/philox", "schedule/internal/plot"},
	"schedule/internal/plot":   {},
	"schedule/deepspeed":       {"schedule"},
	"schedule/fairseq":         {"schedule"},
	"schedule/internal/cycles": {"internal/fmath"},
	"schedule/megatron":        {"schedule"},
	"schedule/optax":           {"internal/fmath", "schedule"},
	"schedule/timm":            {"internal/fmath", "schedule"},
	"schedule/torch":           {"internal/fmath", "schedule", "schedule/internal/cycles"},
	"schedule/transformers":    {"internal/fmath", "schedule"},
	"loss":                     {"", "internal/backend", "internal/check", "internal/fmath", "internal/kernel"},
	"clip":                     {"", "internal/backend", "internal/check"},
	"accum":                    {"", "internal/backend", "internal/check"},
	"regularize":               {"", "internal/backend", "internal/check", "internal/fmath", "internal/glob", "internal/philox"},
	"optim":                    {"", "internal/backend", "internal/check", "internal/fmath", "internal/glob", "internal/kernel"},

	"precision": {"", "internal/backend", "internal/check", "internal/kernel", "internal/philox"},

	"docs":        {},
	"descenttest": {"", "accum", "clip", "internal/backend", "internal/kernel", "loss", "optim", "precision", "regularize", "schedule"},
	"gpu":         {"", "internal/backend", "internal/check", "internal/host", "internal/kernel", "internal/philox"},

	"internal/backend":  {"internal/kernel"},
	"internal/check":    {""},
	"internal/cpu":      {"github.com/klauspost/cpuid/v2", "golang.org/x/sys/cpu"},
	"internal/fmath":    {},
	"internal/glob":     {},
	"internal/golden":   {},
	"internal/host":     {"internal/backend", "internal/cpu", "internal/fmath", "internal/kernel", "internal/parallel", "internal/philox"},
	"internal/kernel":   {"internal/cpu", "internal/fmath", "internal/philox"},
	"internal/layering": {},
	"internal/parallel": {},
	"internal/philox":   {},
}

// list returns the imports of every package, without those of tests, as the
// table writes them.
func list(t *testing.T, goarch string) map[string][]string {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...")
	cmd.Env = append(cmd.Environ(), "GOARCH="+goarch, "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.String())
	}
	short := func(path string) string {
		return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	}
	got := map[string][]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		imports := []string{}
		for _, path := range p.Imports {
			if ours := strings.HasPrefix(path, module); ours || strings.Contains(strings.Split(path, "/")[0], ".") {
				imports = append(imports, short(path))
			}
		}
		got[short(p.ImportPath)] = imports
	}
	if len(got) == 0 {
		t.Fatal("go list named no package")
	}
	return got
}

func TestImports(t *testing.T) {
	for _, goarch := range []string{"amd64", "arm64", "riscv64"} {
		for pkg, imports := range list(t, goarch) {
			allowed, known := table[pkg]
			if !known {
				t.Errorf("%s: package %q is not in the table", goarch, pkg)
				continue
			}
			for _, path := range imports {
				if !slices.Contains(allowed, path) {
					t.Errorf("%s: package %q imports %q", goarch, pkg, path)
				}
			}
		}
	}
}
