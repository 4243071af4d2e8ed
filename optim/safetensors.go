package optim

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/descent-ml/descent"
)

// The safetensors format: the length of the header as a little-endian uint64,
// the header as JSON, the tensors' elements, little-endian, with nothing
// between them. See https://github.com/huggingface/safetensors.

const (
	maxHeader   = 100_000_000 // bytes, as in Hugging Face's reader
	metadataKey = "__metadata__"

	ours         = "descent." // begins the keys of metadata that are not the caller's
	versionKey   = ours + "checkpoint"
	optimizerKey = ours + "optimizer"
	tensorsKey   = ours + "tensors"
	version      = "1"

	// headerStart is how a header of ours begins. Eight hexadecimal digits
	// follow: the CRC-32C of the header with zeros in their place.
	headerStart = `{"` + metadataKey + `":{"` + ours + `crc32c":"`
	noCRC       = "00000000"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func hex(crc uint32) string { return fmt.Sprintf("%08x", crc) }

// dtypeNames are the format's names of our types.
var dtypeNames = map[descent.DType]string{
	descent.F32: "F32", descent.F64: "F64", descent.BF16: "BF16", descent.F16: "F16",
	descent.E4M3: "F8_E4M3", descent.E5M2: "F8_E5M2", descent.I32: "I32", descent.I64: "I64",
}

// entry is a tensor in a header.
type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"` // begin and end, from the end of the header
}

// record is what our metadata says of a tensor.
type record struct {
	CRC   string `json:"crc32c"`
	First int    `json:"first,omitempty"` // of a part: its first element
	Of    []int  `json:"of,omitempty"`    // and the shape of the whole
}

// piece is a tensor of a file: a whole one, or a run of elements of a larger
// one.
type piece struct {
	name string
	entry
	first int   // element of the whole
	of    []int // shape of the whole
	crc   string
	file  *file
}

// len is the number of elements.
func (p *piece) len() int {
	n, _ := product(p.Shape)
	return n
}

func (p *piece) String() string {
	s := p.DType + fmt.Sprint(p.of)
	if n, _ := product(p.of); p.len() != n {
		s = fmt.Sprintf("elements %d to %d of %s", p.first, p.first+p.len()-1, s)
	}
	return s
}

// product is the number of elements of a shape; false if it is not one.
func product(shape []int) (n int, ok bool) {
	n, ok = 1, true
	for _, d := range shape {
		if d < 0 {
			return 0, false
		}
		if d > 0 && n > math.MaxInt/d {
			ok = false // unless a dimension is 0
		} else {
			n *= d
		}
		if d == 0 {
			n = 0
		}
	}
	return n, ok || n == 0
}

// encodeHeader returns a header, its length before it.
func encodeHeader(pieces []*piece, meta map[string]string) ([]byte, error) {
	b := append(make([]byte, 8), headerStart+noCRC+`"`...)
	add := func(key string, value any) error {
		k, err := json.Marshal(key)
		if err != nil {
			return err
		}
		v, err := json.Marshal(value)
		b = append(append(append(b, k...), ':'), v...)
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		b = append(b, ',')
		if err := add(key, meta[key]); err != nil {
			return nil, err
		}
	}
	b = append(b, '}')
	for _, p := range pieces {
		b = append(b, ',')
		if err := add(p.name, p.entry); err != nil {
			return nil, err
		}
	}
	b = append(b, '}')
	for len(b)%8 != 0 { // the data is aligned
		b = append(b, ' ')
	}
	if len(b)-8 > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes, at most %d", len(b)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	copy(b[8+len(headerStart):], hex(crc32.Checksum(b[8:], castagnoli)))
	return b, nil
}

// parseHeader reads a header that size bytes of data follow. Files of others
// have neither records nor checksums.
func parseHeader(b []byte, size int64) (pieces []*piece, meta map[string]string, err error) {
	meta = map[string]string{}
	d := json.NewDecoder(strings.NewReader(string(b)))
	err = members(d, func(name string) error {
		if name == metadataKey {
			return members(d, func(key string) error {
				var text *string
				if err := d.Decode(&text); err != nil {
					return err
				}
				if text == nil {
					return fmt.Errorf("metadata %q is no text", key)
				}
				meta[key] = *text
				return nil
			})
		}
		p := &piece{name: name}
		if err := d.Decode(&p.entry); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		p.of = p.Shape
		pieces = append(pieces, p)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("the header does not end where it should")
	}
	if err := layout(pieces, size); err != nil {
		return nil, nil, err
	}
	for key := range meta {
		if strings.HasPrefix(key, ours) {
			return pieces, meta, records(b, pieces, meta)
		}
	}
	return pieces, meta, nil
}

// members calls member for each key of the object that follows; member reads
// the value.
func members(d *json.Decoder, member func(key string) error) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("%v in the header, want an object", t)
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		key := t.(string) // the decoder has seen to it
		if seen[key] {
			return fmt.Errorf("%q twice in the header", key)
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// layout returns an error unless the tensors fill the data, each with as many
// bytes as its shape and type take.
func layout(pieces []*piece, size int64) error {
	sizes := map[string]int{}
	for t, name := range dtypeNames {
		sizes[name] = t.Size()
	}
	sorted := slices.Clone(pieces)
	slices.SortFunc(sorted, func(a, b *piece) int { return slices.Compare(a.Offsets, b.Offsets) })
	at := int64(0)
	for _, p := range sorted {
		n, ok := product(p.Shape)
		if !ok || p.Shape == nil {
			return fmt.Errorf("tensor %q: shape %v", p.name, p.Shape)
		}
		if len(p.Offsets) != 2 {
			return fmt.Errorf("tensor %q: data_offsets %v, want two", p.name, p.Offsets)
		}
		begin, end := p.Offsets[0], p.Offsets[1]
		switch s, known := sizes[p.DType]; {
		case begin != at || end < begin:
			return fmt.Errorf("tensor %q: data_offsets %v, want them to begin at %d", p.name, p.Offsets, at)
		case end > size:
			return fmt.Errorf("tensor %q: data_offsets %v, but the data has %d bytes", p.name, p.Offsets, size)
		case known && (int64(n) > size || int64(n)*int64(s) != end-begin):
			return fmt.Errorf("tensor %q: %d bytes for %s%v", p.name, end-begin, p.DType, p.Shape)
		}
		at = end
	}
	if at != size {
		return fmt.Errorf("%d bytes of data, its tensors have %d", size, at)
	}
	return nil
}

// records checks the header's checksum and fills in what our metadata says of
// the tensors.
func records(b []byte, pieces []*piece, meta map[string]string) error {
	at, end := len(headerStart), len(headerStart)+len(noCRC)
	if len(b) < end || string(b[:at]) != headerStart {
		return fmt.Errorf("the header does not begin with %s", headerStart)
	}
	crc := crc32.Update(0, castagnoli, b[:at])
	crc = crc32.Update(crc, castagnoli, []byte(noCRC))
	crc = crc32.Update(crc, castagnoli, b[end:])
	if got := string(b[at:end]); got != hex(crc) {
		return fmt.Errorf("the header has the CRC-32C %s, it says %s", hex(crc), got)
	}
	if v := meta[versionKey]; v != version {
		return fmt.Errorf("%s is %q, want %q", versionKey, v, version)
	}
	var of map[string]record
	if err := json.Unmarshal([]byte(meta[tensorsKey]), &of); err != nil {
		return fmt.Errorf("%s: %w", tensorsKey, err)
	}
	if len(of) != len(pieces) {
		return fmt.Errorf("%s has %d tensors, the header %d", tensorsKey, len(of), len(pieces))
	}
	for _, p := range pieces {
		r, ok := of[p.name]
		if !ok || r.CRC == "" {
			return fmt.Errorf("tensor %q has no CRC-32C", p.name)
		}
		p.crc = r.CRC
		if r.Of == nil {
			continue
		}
		p.first, p.of = r.First, r.Of
		total, ok := product(r.Of)
		if !ok || r.First < 0 || r.First > total || p.len() > total-r.First {
			return fmt.Errorf("tensor %q: %d elements from %d on of shape %v", p.name, p.len(), r.First, r.Of)
		}
	}
	return nil
}

// file is an open file.
type file struct {
	*os.File
	start  int64 // of the data
	pieces []*piece
	meta   map[string]string
}

// open reads the header of a file. What is wrong with it wraps ErrCheckpoint.
func open(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	h := &file{File: f}
	if err := h.read(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w: %w", path, ErrCheckpoint, err)
	}
	return h, nil
}

func (f *file) read() error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size() - 8
	if size < 0 {
		return fmt.Errorf("%d bytes, want at least 8", info.Size())
	}
	var b [8]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint64(b[:])
	if n > maxHeader || n > uint64(size) {
		return fmt.Errorf("a header of %s bytes in a file of %d, at most %d", strconv.FormatUint(n, 10), info.Size(), maxHeader)
	}
	header := make([]byte, n)
	if _, err := f.ReadAt(header, 8); err != nil {
		return err
	}
	f.start = 8 + int64(n)
	f.pieces, f.meta, err = parseHeader(header, size-int64(n))
	for _, p := range f.pieces {
		p.file = f
	}
	return err
}
