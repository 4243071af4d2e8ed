package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
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

// TestReadMail reads a package as the registry has it, but small.
func TestReadMail(t *testing.T) {
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	archive := tar.NewWriter(z)
	for _, f := range [][2]string{
		{"package/package.json", `{"name": "x"}`},
		{"package/data/file_list.json", `["easy-ham-1/1.txt"]`},
		{"package/data/easy-ham-1/1.json", `{"group": "easy-ham-1", "text": "From: me\nSubject: lunch\n\nat noon"}`},
		{"package/data/easy-ham-1/1.txt", "From: me"},
		{"package/data/spam-2/2.json", `{"group": "spam-2", "text": "Subject: win\n\na prize, a prize"}`},
		{"package/data/spam-2/3.json", `{"group": "spam-2", "text": "Subject: prize\n\nwin"}`}, // the same words
	} {
		if err := archive.WriteHeader(&tar.Header{Name: f[0], Size: int64(len(f[1])), Mode: 0o666}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(archive, f[1])
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := readMail(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].spam == all[1].spam {
		t.Fatalf("%v", all)
	}
	for _, m := range all {
		want := words("lunch noon")
		if m.spam {
			want = words("win prize")
		}
		if !slices.Equal(m.words, want) {
			t.Errorf("%v, want words %v", m, want)
		}
	}

	name := filepath.Join(t.TempDir(), "x.tgz")
	if err := os.WriteFile(name, file.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := loadMail(name); err == nil || !strings.Contains(err.Error(), "another SHA-512") {
		t.Errorf("another package: %v", err)
	}
}
