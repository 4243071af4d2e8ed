package main

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/descent-ml/descent/examples/internal/report/reporttest"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	picture := filepath.Join(t.TempDir(), "x.png")
	if err := run([]string{"-quick", "-seeds", "2", "-out", picture}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"F1 on validation mail", "decay 0.3 ", "dropout 0.8", "in -quick", picture} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("no %q in %s", text, out.String())
		}
	}
	reporttest.CheckPicture(t, picture)
}
