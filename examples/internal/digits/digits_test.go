package digits

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent/examples/internal/nn"
)

func zipped(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := compressed(b)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestIDX(t *testing.T) {
	good := idx([]byte{1, 2, 3, 4, 5, 6}, 2, 3)
	small := zipped(t, good)
	damaged := slices.Clone(small)
	damaged[len(damaged)-6] ^= 1 // of the checksum
	for _, c := range []struct {
		name string
		file []byte
		want []int
		text string // of the error, empty for none
	}{
		{"good", good, []int{0, 3}, ""},
		{"good, compressed", small, []int{2, 3}, ""},
		{"empty", nil, []int{0, 3}, "header of 12 bytes: EOF"},
		{"header cut", good[:7], []int{0, 3}, "header of 12 bytes: unexpected EOF"},
		{"data cut", good[:len(good)-1], []int{0, 3}, "truncated after 5 of 6 bytes"},
		{"compressed and cut", small[:len(small)-12], []int{0, 3}, "truncated"},
		{"without checksum", small[:len(small)-8], []int{0, 3}, "truncated after 6 of 6 bytes"},
		{"checksum", damaged, []int{0, 3}, "checksum"},
		{"one byte more", append(slices.Clone(good), 7), []int{0, 3}, "more data than the 6 bytes"},
		{"other dimensions", good, []int{0, 3, 3}, "begins with 00 00 08 02"},
		{"other type", append([]byte{0, 0, 0x0d, 2}, good[4:]...), []int{0, 3}, "begins with 00 00 0d 02"},
		{"other size", good, []int{0, 4}, "dimension 1 is 3, want 4"},
		{"a header that lies", idx(nil, 1<<31, 3), []int{0, 3}, "truncated after 0 of 6442450944 bytes"},
	} {
		data, err := parseIDX(bytes.NewReader(c.file), c.want)
		switch {
		case c.text == "" && (err != nil || !bytes.Equal(data, good[12:])):
			t.Errorf("%s: %v, %v", c.name, data, err)
		case c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)):
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.text)
		}
	}
}

// bars writes a folder like MNIST's.
func bars(t *testing.T, train, test int) string {
	t.Helper()
	dir := t.TempDir()
	if err := WriteBars(dir, train, test); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestLoad(t *testing.T) {
	train, test, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 60000 || test.Len() != 10000 || train.labels[0] != 5 || test.labels[0] != 7 {
		t.Errorf("%d and %d images, the first a %d and a %d", train.Len(), test.Len(), train.labels[0], test.labels[0])
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct {
		name, file string
		data       []byte // nil: the file is missing
		text       string
	}{
		{"missing", "t10k-labels-idx1-ubyte", nil, "nor t10k-labels-idx1-ubyte.gz"},
		{"count", "train-labels-idx1-ubyte", idx([]byte{1, 2}, 2), "2 labels for 20 images"},
		{"no digit", "t10k-labels-idx1-ubyte", idx([]byte{1, 10}, 2), "label 1 is 10, want a digit"},
		{"cut", "train-images-idx3-ubyte.gz", idx([]byte{1}, 20, Side, Side), "truncated after 1 of 15680 bytes"},
	} {
		dir := bars(t, 20, 2)
		if c.data != nil {
			write(t, dir, c.file, c.data)
		} else if err := os.Remove(filepath.Join(dir, c.file)); err != nil {
			t.Fatal(err)
		}
		_, _, err := Load(dir)
		if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: %v, want an error with %q and %q", c.name, err, c.file, c.text)
		}
	}
}

func TestBatches(t *testing.T) {
	const images, micro = 12, 4
	set := Images{make([]byte, images*Pixels), make([]byte, images)}
	for i := range images {
		set.pixels[i*Pixels] = byte(i)
	}
	x, y := nn.NewMatrix(micro, Pixels), make([]int32, micro)
	order := func(b *Batches, from, to int) (which []float32) {
		for i := from; i < to; i++ {
			b.Fill(x, y, i)
			for row := range micro {
				which = append(which, x.Row(row)[0]*256)
			}
		}
		return which
	}
	all := order(&Batches{Images: set, Seed: 3}, 0, 6)
	first, second := all[:images], all[images:]
	if slices.Equal(first, second) {
		t.Error("two epochs in one order")
	}
	for _, epoch := range [][]float32{first, second} {
		seen := slices.Sorted(slices.Values(epoch))
		for i, v := range seen {
			if v != float32(i) {
				t.Fatalf("an epoch has %v", seen)
			}
		}
	}
	if got := order(&Batches{Images: set, Seed: 3}, 4, 6); !slices.Equal(got, all[4*micro:]) {
		t.Error("the order depends on where it began")
	}
	if slices.Equal(order(&Batches{Images: set, Seed: 4}, 0, 6), all) {
		t.Error("two seeds, one order")
	}
}
