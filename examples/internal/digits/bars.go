package digits

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// WriteBars writes a folder like MNIST's for tests, of so many images that
// anybody can tell apart: bars at ten places, in noise.
func WriteBars(dir string, train, test int) error {
	for set, n := range map[string]int{"train": train, "t10k": test} {
		random := rand.New(rand.NewPCG(7, uint64(n)))
		labels, images := make([]byte, n), make([]byte, n*Pixels)
		for i := range labels {
			labels[i] = byte(i % Classes)
			for range 40 {
				images[i*Pixels+random.IntN(Pixels)] = byte(random.IntN(256))
			}
			for j := range 2 * Side {
				images[i*Pixels+int(labels[i])*2*Side+j] = 200
			}
		}
		small, err := compressed(idx(images, n, Side, Side))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, set+"-images-idx3-ubyte.gz"), small, 0o666); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, set+"-labels-idx1-ubyte"), idx(labels, n), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// idx is an IDX file of bytes.
func idx(data []byte, dims ...int) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, data...)
}

func compressed(b []byte) ([]byte, error) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err := w.Close()
	return z.Bytes(), err
}
