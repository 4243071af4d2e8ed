package optim

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
)

// foreign is a file as Hugging Face's safetensors.numpy.save writes it: wide
// types first, then by name, spaces to a multiple of 8.
//
//	save({"w": float32 [[1, -2], [3, 0.5]], "half": float16 [1, 2, 3],
//	      "i": int64 [7, -1], "s": float64 2.5, "u": uint8 [1, 2, 3],
//	      "none": float32 of shape (0, 4)}, metadata={"format": "np"})
var foreign = sealed(`{"__metadata__":{"format":"np"},`+
	`"i":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},`+
	`"s":{"dtype":"F64","shape":[],"data_offsets":[16,24]},`+
	`"none":{"dtype":"F32","shape":[0,4],"data_offsets":[24,24]},`+
	`"w":{"dtype":"F32","shape":[2,2],"data_offsets":[24,40]},`+
	`"half":{"dtype":"F16","shape":[3],"data_offsets":[40,46]},`+
	`"u":{"dtype":"U8","shape":[3],"data_offsets":[46,49]}}`, ""+
	"\x07\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"+
	"\x00\x00\x00\x00\x00\x00\x04\x40"+
	"\x00\x00\x80\x3f\x00\x00\x00\xc0\x00\x00\x40\x40\x00\x00\x00\x3f"+
	"\x00\x3c\x00\x40\x00\x42"+
	"\x01\x02\x03")

// sealed puts a header and data together.
func sealed(header, data string) []byte {
	header += strings.Repeat(" ", (8-len(header)%8)%8)
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+data...)
}

func TestForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	must(t, os.WriteFile(path, foreign, 0o666))
	w, half, i, s := make([]float32, 4), make([]descent.Float16, 3), make([]int64, 2), make([]float64, 1)
	c := Checkpoint{Tensors: map[string]descent.Tensor{
		"w": descent.Of(w, 2, 2), "half": descent.Of(half), "i": descent.Of(i),
		"s":    descent.NewView(descent.Host, descent.Of(s).Buffer()),
		"none": descent.Of([]float32(nil), 0, 4),
	}}
	meta, err := c.Load(path)
	must(t, err)
	if !slices.Equal(w, []float32{1, -2, 3, 0.5}) || !slices.Equal(half, []descent.Float16{0x3c00, 0x4000, 0x4200}) ||
		!slices.Equal(i, []int64{7, -1}) || s[0] != 2.5 || len(meta) != 1 || meta["format"] != "np" {
		t.Error(w, half, i, s, meta)
	}
	// A part of it.
	_, err = Checkpoint{
		Tensors: map[string]descent.Tensor{"w": descent.Of(w[:2])},
		Ranges:  map[string]Range{"w": {1, []int{2, 2}}},
	}.Load(path)
	if err != nil || w[0] != -2 || w[1] != 3 {
		t.Error(w, err)
	}
	for name, text := range map[string]string{"u": `"u" is U8[3], want I32[2]`, "i": `"i" is I64[2], want I32[2]`, "x": `lacks tensor "x", which is I32[2]`} {
		_, err := Checkpoint{Tensors: map[string]descent.Tensor{name: descent.Of(make([]int32, 2))}}.Load(path)
		if !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want an error with %q", name, err, text)
		}
	}
	o, err := New([]Param{{Name: "w", Value: descent.Of(w, 2, 2)}}, SGD{})
	must(t, err)
	if _, err := (Checkpoint{Optimizer: o}).Load(path); !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), "no state of an optimizer") {
		t.Errorf("weights as a checkpoint: %v", err)
	}
}

// What we write follows the rules that Hugging Face's reader checks: a header
// that begins with {, data aligned to 8, offsets without gaps, and tensors
// aligned to their type.
func TestEveryType(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	tensors := func(n int) map[string]descent.Tensor {
		return map[string]descent.Tensor{
			"E5M2": descent.Of(make([]descent.Float8E5M2, n)), "E4M3": descent.Of(make([]descent.Float8E4M3, n)),
			"F16": descent.Of(make([]descent.Float16, n)), "BF16": descent.Of(make([]descent.BFloat16, n)),
			"F32": descent.Of(make([]float32, n)), "F64": descent.Of(make([]float64, n)),
			"I32": descent.Of(make([]int32, n)), "I64": descent.Of(make([]int64, n)), "∂x/∂\"y\"": descent.Of(make([]int64, n)),
		}
	}
	from, to := tensors(9), tensors(9)
	for name, x := range from {
		m := member{value: x.View()}
		for i := range m.memory() {
			m.memory()[i] = byte(i*7) + name[0] // any bits, NaN too
		}
	}
	must(t, Checkpoint{Tensors: from}.Save(path, nil))
	_, err := Checkpoint{Tensors: to}.Load(path)
	must(t, err)
	for name, x := range from {
		if !slices.Equal(member{value: x.View()}.memory(), member{value: to[name].View()}.memory()) {
			t.Errorf("%s: other bits", name)
		}
	}
	b, err := os.ReadFile(path)
	must(t, err)
	n := binary.LittleEndian.Uint64(b)
	var header map[string]struct {
		DType   string `json:"dtype"`
		Shape   []int
		Offsets [2]int `json:"data_offsets"`
	}
	must(t, json.Unmarshal(b[8:8+n], &header))
	if n%8 != 0 || b[8] != '{' || len(header) != len(from)+1 {
		t.Errorf("a header of %d bytes with %d tensors", n, len(header)-1)
	}
	for name, x := range from {
		h := header[name]
		if h.Offsets[0]%x.View().DType().Size() != 0 || h.Offsets[1]-h.Offsets[0] != x.View().Bytes() || !slices.Equal(h.Shape, []int{9}) {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if d := header["E4M3"].DType + header["E5M2"].DType; d != "F8_E4M3F8_E5M2" {
		t.Error(d)
	}
}

func TestHeaderRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		file []byte
		text string
	}{
		{"empty", nil, "0 bytes, want at least 8"},
		{"length cut", make([]byte, 7), "7 bytes, want at least 8"},
		{"no header", make([]byte, 8), "EOF"},
		{"length beyond the file", []byte("\x01\x00\x00\x00\x00\x00\x00\x00"), "a header of 1 bytes in a file of 8"},
		{"length of 2⁶⁴−1", []byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"), "a header of 18446744073709551615 bytes"},
		{"no JSON", sealed("PNG", ""), "invalid character"},
		{"no object", sealed("[]", ""), "want an object"},
		{"not closed", sealed(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`, "1234"), "EOF"},
		{"two objects", sealed(`{} {}`, ""), "does not end"},
		{"rubbish after it", sealed(`{}x`, ""), "does not end"},
		{"data without tensors", sealed(`{}`, "1234"), "4 bytes of data, its tensors have 0"},
		{"twice", sealed(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, "12345678"), `"w" twice`},
		{"metadata twice", sealed(`{"__metadata__":{"a":"","a":""}}`, ""), `"a" twice`},
		{"metadata without text", sealed(`{"__metadata__":{"a":1}}`, ""), "number"},
		{"metadata of null", sealed(`{"__metadata__":{"a":null}}`, ""), `"a" is no text`},
		{"metadata no object", sealed(`{"__metadata__":"a"}`, ""), "want an object"},
		{"overlap", sealed(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, "123456"), `"x": data_offsets [2 6], want them to begin at 4`},
		{"gap", sealed(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}`, "12345"), `begin at 0`},
		{"backward", sealed(`{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,-4]}}`, ""), `data_offsets [0 -4]`},
		{"outside", sealed(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, "1234"), "the data has 4 bytes"},
		{"less than the shape", sealed(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "1234"), `"w": 4 bytes for F32[2]`},
		{"one offset", sealed(`{"w":{"dtype":"F32","shape":[0],"data_offsets":[0]}}`, ""), `"w": data_offsets [0], want two`},
		{"three offsets", sealed(`{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0,0]}}`, ""), `"w": data_offsets [0 0 0], want two`},
		{"negative shape", sealed(`{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, "1234"), "shape [-1]"},
		{"shape overflows", sealed(`{"w":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}`, ""), "shape [4294967296"},
		{"bytes overflow", sealed(`{"w":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, ""), "bytes for F64"},
		{"no shape", sealed(`{"w":{"dtype":"F32","data_offsets":[0,4]}}`, "1234"), "shape []"},
		{"a shape of halves", sealed(`{"w":{"dtype":"F32","shape":[0.5],"data_offsets":[0,4]}}`, "1234"), `tensor "w"`},
		{"one offset too large", sealed(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775808]}}`, "1234"), `tensor "w"`},
		{"ours without checksum", sealed(`{"__metadata__":{"descent.checkpoint":"1"}}`, ""), "does not begin with"},
		{"ours, later version", checked(`"descent.checkpoint":"2"}}`, ""), `descent.checkpoint is "2", want "1"`},
		{"ours without tensors", checked(`"descent.checkpoint":"1"}}`, ""), "descent.tensors: unexpected end"},
		{"ours, other tensors", checked(`"descent.checkpoint":"1","descent.tensors":"{\"x\":{\"crc32c\":\"00000000\"}}"}}`, ""), "has 1 tensors, the header 0"},
		{"ours without CRC", checked(`"descent.checkpoint":"1","descent.tensors":"{\"x\":{}}"},"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, ""), `"w" has no CRC`},
		{"ours, part outside the whole", checked(`"descent.checkpoint":"1","descent.tensors":"{\"w\":{\"crc32c\":\"00000000\",\"first\":3,\"of\":[3]}}"},"w":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}`, "1234"), "1 elements from 3 on of shape [3]"},
		{"ours, CRC of data", checked(`"descent.checkpoint":"1","descent.tensors":"{\"w\":{\"crc32c\":\"00000000\"}}"},"w":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}`, "1234"), `"w" has the CRC-32C f63af4ee, its header says 00000000`},
	} {
		path := filepath.Join(dir, "x")
		must(t, os.WriteFile(path, c.file, 0o666))
		w := []int32{5}
		_, err := Checkpoint{Tensors: map[string]descent.Tensor{"w": descent.Of(w)}}.Load(path)
		if !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), c.text) || w[0] != 5 {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.text)
		}
	}
}

// checked is a file of ours with the right checksum of the header.
func checked(header, data string) []byte {
	b := sealed(headerStart+noCRC+`",`+header, data)
	n := 8 + len(headerStart)
	copy(b[n:], hex(crc32.Checksum(b[8:len(b)-len(data)], castagnoli)))
	return b
}

func FuzzHeader(f *testing.F) {
	f.Add(foreign[8:], int64(49))
	f.Add(checked(`"descent.checkpoint":"1","descent.tensors":"{\"w\":{\"crc32c\":\"00000000\",\"first\":1,\"of\":[3]}}"},"w":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}`, "")[8:], int64(4))
	f.Add([]byte(`{"w":{"dtype":"F4","shape":[3,null],"data_offsets":[0,2]}}`), int64(2))
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		pieces, _, err := parseHeader(b, size)
		if err != nil {
			return
		}
		total := int64(0)
		for _, p := range pieces {
			n, ok := product(p.of)
			if !ok || p.first < 0 || p.len() > n-p.first || p.Offsets[0] < 0 || p.Offsets[1] > size || p.Offsets[0] > p.Offsets[1] {
				t.Errorf("%q: %v, %+v of %d bytes", p.name, p, p.entry, size)
			}
			total += p.Offsets[1] - p.Offsets[0]
		}
		if total != size {
			t.Errorf("%d of %d bytes", total, size)
		}
	})
}
