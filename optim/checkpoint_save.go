package optim

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/descent-ml/descent"
)

// savedState is State in the metadata, without its tensors.
type savedState struct {
	Step   int64        `json:"step"`
	Params []savedParam `json:"params"`
}

type savedParam struct {
	Name    string    `json:"name"`
	Rule    string    `json:"rule"`
	Step    int64     `json:"step"`
	Scalars []float64 `json:"scalars,omitempty"` // JSON's shortest digits are exact
}

// Save writes a file. meta is the caller's own: counters, the state of a
// schedule as JSON. The same state gives the same bytes, whatever the order of
// the parameters.
//
// All of it is on the disk before it takes the place of the file of that name:
// whatever happens, one of the two is there, whole. An error leaves the old
// one, but for an error in making the new name durable. A process that is
// killed may leave a file path.*.tmp behind.
func (c Checkpoint) Save(path string, meta map[string]string) error {
	list, err := c.members()
	if err != nil {
		return err
	}
	all := map[string]string{versionKey: version}
	for key, text := range meta {
		if strings.HasPrefix(key, ours) || !utf8.ValidString(key) || !utf8.ValidString(text) {
			return fmt.Errorf("optim: metadata %q: %q, want UTF-8 and a key that does not begin with %q", key, text, ours)
		}
		all[key] = text
	}
	if o := c.Optimizer; o != nil {
		s := savedState{Step: o.step, Params: []savedParam{}}
		for _, p := range o.params {
			s.Params = append(s.Params, savedParam{p.name, p.rule.name(), p.clock.t, p.clock.scalars})
		}
		slices.SortFunc(s.Params, func(a, b savedParam) int { return cmp.Compare(a.Name, b.Name) })
		text, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("optim: state of the optimizer: %w", err)
		}
		all[optimizerKey] = string(text)
	}
	// Wide types first, so that every tensor is aligned to its type.
	slices.SortFunc(list, func(a, b member) int {
		return cmp.Or(cmp.Compare(b.value.DType().Size(), a.value.DType().Size()), cmp.Compare(a.name, b.name))
	})
	err = replace(path, func(f *os.File) error { return write(f, list, all) })
	if err != nil {
		return fmt.Errorf("optim: %s: %w", path, err)
	}
	return nil
}

// chunk is how many bytes are read and written at a time, a multiple of every
// element's.
const chunk = 1 << 18

// write writes the tensors, then the header, whose checksums are known by then.
func write(f *os.File, list []member, meta map[string]string) error {
	pieces, at := make([]*piece, len(list)), int64(0)
	of := map[string]record{}
	for i, m := range list {
		p := &piece{name: m.name, entry: entry{DType: dtypeNames[m.value.DType()], Shape: m.of}}
		r := record{CRC: noCRC}
		if n, _ := product(m.of); m.value.Len() != n {
			p.Shape, r.First, r.Of = []int{m.value.Len()}, m.first, m.of
		}
		if p.Shape == nil {
			p.Shape = []int{}
		}
		p.Offsets = []int64{at, at + int64(m.value.Bytes())}
		at = p.Offsets[1]
		pieces[i], of[m.name] = p, r
	}
	header := func() ([]byte, error) {
		text, err := json.Marshal(of)
		if err != nil {
			return nil, err
		}
		meta[tensorsKey] = string(text)
		return encodeHeader(pieces, meta)
	}
	b, err := header()
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, chunk)
	if _, err := w.Write(b); err != nil {
		return err
	}
	buf := make([]byte, chunk)
	for _, m := range list {
		crc, err := writeTensor(w, m, buf)
		if err != nil {
			return err
		}
		r := of[m.name]
		r.CRC = hex(crc)
		of[m.name] = r
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if b, err = header(); err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	return err
}

func writeTensor(w io.Writer, m member, buf []byte) (crc uint32, err error) {
	size := m.value.DType().Size()
	for at, n := 0, m.value.Len(); at < n; {
		b := buf[:min(len(buf), (n-at)*size)]
		if err := m.get(b, at); err != nil {
			return 0, fmt.Errorf("%s: %w", m.name, err)
		}
		at += len(b) / size
		little(b, m.value.DType())
		crc = crc32.Update(crc, castagnoli, b)
		if _, err := w.Write(b); err != nil {
			return 0, err
		}
	}
	return crc, nil
}

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// little turns elements between the processor's order of bytes and
// little-endian.
func little(b []byte, t descent.DType) {
	for size := t.Size(); bigEndian && len(b) > 0; b = b[size:] {
		slices.Reverse(b[:size])
	}
}

// replace makes a file that takes the place of the one at path once it is on
// the disk.
func replace(path string, fill func(f *os.File) error) (err error) {
	f, err := os.OpenFile(path+"."+rand.Text()[:10]+".tmp", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes the names in a folder durable, where the system can.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
