package descent

import (
	"runtime"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	e := Explain()
	text := e.String()
	for _, want := range []string{e.Processor, runtime.GOARCH, "avx2", "neon", "devices    host"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, tier := range e.Tiers {
		if tier.Used != (tier.Why == "found") {
			t.Errorf("%+v", tier)
		}
	}
	if len(e.Kernels) == 0 || e.Threads < 1 {
		t.Errorf("%+v", e)
	}
	for _, k := range e.Kernels {
		used := k.Tier == "go"
		for _, tier := range e.Tiers {
			used = used || tier.Name == k.Tier && tier.Used
		}
		if !used {
			t.Errorf("%s runs on %s, which is not in use", k.Kernel, k.Tier)
		}
	}
	t.Log("\n" + text)
}
