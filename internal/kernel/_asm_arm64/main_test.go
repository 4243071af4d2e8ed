package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/arm64/arm64asm"
)

// TestCommitted: the committed files are what the generator writes.
func TestCommitted(t *testing.T) {
	for _, f := range families {
		name := filepath.Join("..", f.name+"_arm64.s")
		committed, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(committed, generate(f.emit)) {
			t.Errorf("%s differs: run go generate in internal/kernel", name)
		}
	}
}

// word is an instruction written as WORD and the mnemonic beside it.
type word struct {
	code uint32
	text string
}

var wordLine = regexp.MustCompile(`^\tWORD\t\$0x([0-9a-f]{8}) // (\S.*)$`)

func words(t *testing.T, s []byte) (ws []word) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(s))
	for lines.Scan() {
		if !strings.Contains(lines.Text(), "WORD") {
			continue
		}
		m := wordLine.FindStringSubmatch(lines.Text())
		if m == nil {
			t.Fatalf("a WORD without its mnemonic: %q", lines.Text())
		}
		code, err := strconv.ParseUint(m[1], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		ws = append(ws, word{uint32(code), m[2]})
	}
	return ws
}

// kernels are the WORDs of all files.
func kernels(t *testing.T) (ws []word) {
	t.Helper()
	for _, f := range families {
		ws = append(ws, words(t, generate(f.emit))...)
	}
	if len(ws) < 500 {
		t.Fatalf("only %d WORDs found", len(ws))
	}
	return ws
}

// everyOperand holds every instruction the emitter knows with registers that
// set and clear each bit of each field.
func everyOperand(t *testing.T) []word {
	t.Helper()
	f := &fn{}
	rs := []vec{0, 1, 2, 4, 8, 16, 21, 10, 31}
	for i := range rs {
		for j := range rs {
			d, n, m := vecs{rs[i]}, vecs{rs[j]}, vecs{rs[(i+2*j+1)%len(rs)]}
			for _, s := range []shape{s2, s4, d2} {
				for _, op := range []func(shape, vecs, vecs, vecs){
					f.fadd, f.fsub, f.fmul, f.fdiv, f.fcmgt, f.fcmge, f.fcmeq, f.cmhi, f.cmhs,
				} {
					op(s, d, n, m)
				}
				f.fabs(s, d, n)
				f.fsqrt(s, d, n)
			}
			for _, s := range []shape{b8, b16, h4, h8} {
				f.cmhi(s, d, n, m)
				f.cmhs(s, d, n, m)
			}
			for _, s := range []shape{s4, d2} {
				f.fcvtl(s, d, n)
				f.fcvtl2(s, d, n)
				f.fcvtn(s, d, n)
				f.fcvtn2(s, d, n)
			}
			f.umull(d, n, m)
			f.umull2(d, n, m)
			for e := range 4 {
				f.fmulLane(d, n, m[0], e)
				f.fmlaLane(d, n, m[0], e)
			}
			for shift := 1; shift <= 32; shift++ {
				f.sshr(d, n, shift)
			}
			f.fmaxv(d[0], n[0])
			f.umaxv(d[0], n[0])
			f.faddp(d[0], n[0])
		}
	}
	return words(t, f.body.Bytes())
}

// plain is the text of an instruction in capitals, without spaces that differ
// between disassemblers.
func plain(s string) string {
	return strings.Join(strings.Fields(strings.ToUpper(strings.ReplaceAll(s, ",", ", "))), " ")
}

// TestDecode holds every WORD to its mnemonic by a decoder that shares nothing
// with the emitter. arm64asm decodes all of them: none is left out.
func TestDecode(t *testing.T) {
	check := func(ws []word) {
		for _, w := range ws {
			var code [4]byte
			binary.LittleEndian.PutUint32(code[:], w.code)
			inst, err := arm64asm.Decode(code[:])
			if err != nil {
				t.Errorf("%#08x // %s: %v", w.code, w.text, err)
				continue
			}
			if got := plain(arm64asm.GNUSyntax(inst)); got != plain(w.text) {
				t.Errorf("%#08x // %s decodes to %s", w.code, w.text, got)
			}
		}
	}
	check(kernels(t))
	check(everyOperand(t))
}

// TestObjdump asks a second decoder, GNU objdump, where it is installed.
// TestDecode alone leaves no WORD unchecked.
func TestObjdump(t *testing.T) {
	objdump, err := exec.LookPath("aarch64-linux-gnu-objdump")
	if err != nil {
		t.Skip("aarch64-linux-gnu-objdump is not installed; TestDecode covers every WORD")
	}
	ws := append(kernels(t), everyOperand(t)...)
	var code []byte
	for _, w := range ws {
		code = binary.LittleEndian.AppendUint32(code, w.code)
	}
	name := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(name, code, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(objdump, "-D", "-b", "binary", "-m", "aarch64", "-z", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ *([0-9a-f]+):\t[0-9a-f]{8} \t(.*)$`)
	got := line.FindAllStringSubmatch(string(out), -1)
	if len(got) != len(ws) {
		t.Fatalf("objdump shows %d instructions of %d", len(got), len(ws))
	}
	for i, w := range ws {
		if plain(got[i][2]) != plain(w.text) {
			t.Errorf("%#08x // %s decodes to %s", w.code, w.text, got[i][2])
		}
	}
}

// TestOperandsChecked: what cannot be encoded panics.
func TestOperandsChecked(t *testing.T) {
	a, two, four := vecs{1}, vecs{2, 3}, vecs{4, 5, 6, 7}
	for name, emit := range map[string]func(f *fn){
		"register 32":            func(f *fn) { f.fadd(s4, a, a, vecs{32}) },
		"register 32 of Go's":    func(f *fn) { f.and(vecs{32}, a, a) },
		"float bytes":            func(f *fn) { f.fmul(b16, a, a, a) },
		"float halves":           func(f *fn) { f.fsqrt(h8, a, a) },
		"two into four":          func(f *fn) { f.fadd(s4, four, four, two) },
		"four into one":          func(f *fn) { f.fadd(s4, a, four, a) },
		"element 4 of four":      func(f *fn) { f.fmulLane(a, a, 1, 4) },
		"element −1":             func(f *fn) { f.fmulLane(a, a, 1, -1) },
		"shift by 0":             func(f *fn) { f.sshr(a, a, 0) },
		"shift by 33":            func(f *fn) { f.sshr(a, a, 33) },
		"left shift by 32":       func(f *fn) { f.shl(a, a, 32) },
		"insertion at 32":        func(f *fn) { f.sli(a, a, 32) },
		"widening to halves":     func(f *fn) { f.fcvtl(h8, a, a) },
		"narrowing from bytes":   func(f *fn) { f.fcvtn(b16, a, a) },
		"registers not in order": func(f *fn) { list(s4, vecs{1, 3}) },
		"five registers":         func(f *fn) { list(s4, vecs{1, 2, 3, 4, 5}) },
		"33 registers":           func(f *fn) { f.group(30, "a"); f.group(3, "b") },
		"16 general registers": func(f *fn) {
			for i := range 16 {
				f.reg(fmt.Sprint(i))
			}
		},
		"an unknown argument": func(f *fn) { f.parse("func f(x []float32)"); f.fp("y_base") },
		"an unknown type":     func(f *fn) { f.parse("func f(x int16)") },
		"a step of 4096":      func(f *fn) { f.again(0, 4096, "loop") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			emit(&fn{args: map[string]string{}})
		}()
	}
}

// TestLayout compares with the offsets of Go's stack ABI.
func TestLayout(t *testing.T) {
	f := &fn{args: map[string]string{}}
	f.parse("func f(dst []float32, s float32, key philox.Key, block uint64, c *C, drop uint32) (sum float64, n uint32)")
	for name, want := range map[string]int{
		"dst_base": 0, "dst_len": 8, "dst_cap": 16, "s": 24, "key_0": 28, "key_1": 32,
		"block": 40, "c": 48, "drop": 56, "sum": 64, "n": 72,
	} {
		if got := f.fp(name); got != fmt.Sprintf("%s+%d(FP)", name, want) {
			t.Errorf("%s is at %s, want %d", name, got, want)
		}
	}
	if f.size != 76 {
		t.Errorf("%d bytes of arguments, want 76", f.size)
	}
}
