package gpu

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// sources are the files in kernels/ that are compiled, without their suffix.
func sources(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("kernels/*.cu")
	if err != nil || len(files) == 0 {
		t.Fatalf("no kernels: %v", err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".cu"))
	}
	return names
}

func compiled(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(ptx, "kernels/"+name+".ptx")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPTX wants each file compiled from the source as it is now, by build.sh as
// it is now.
func TestPTX(t *testing.T) {
	names := sources(t)
	for _, name := range names {
		sum := sha256.New()
		for _, part := range []string{"descent.cuh", name + ".cu", "build.sh"} {
			text, err := os.ReadFile(filepath.Join("kernels", part))
			if err != nil {
				t.Fatal(err)
			}
			sum.Write(text)
		}
		lines := strings.SplitN(compiled(t, name), "\n", 4)
		want := []string{"// sha256 " + hex.EncodeToString(sum.Sum(nil)), ".version 7.0", ".target sm_80"}
		for i, w := range want {
			if i >= len(lines) || lines[i] != w {
				t.Errorf("%s.ptx: line %d is not %q: run go generate with nvcc", name, i+1, w)
			}
		}
	}
	files, err := fs.Glob(ptx, "kernels/*.ptx")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".ptx"); !slices.Contains(names, name) {
			t.Errorf("%s has no source", f)
		}
	}
}

var entry = regexp.MustCompile(`(?m)^\.visible \.entry (\w+)\(`)

// TestEntries wants every kernel that is launched in the PTX, and every kernel
// in the PTX launched.
func TestEntries(t *testing.T) {
	want := launched(t)
	for _, r := range rules {
		want = append(want, "update."+r.name, "update."+r.name+"32")
	}
	for _, m := range measures[1:] {
		want = append(want, "update."+m)
	}
	// No tensor is plain without a rule.
	spare := []string{"update.none32"}

	var got []string
	for _, name := range sources(t) {
		for _, m := range entry.FindAllStringSubmatch(compiled(t, name), -1) {
			got = append(got, name+"."+m[1])
		}
	}
	for _, k := range want {
		if !slices.Contains(got, k) && !slices.Contains(spare, k) {
			t.Errorf("%s is launched and not compiled", k)
		}
	}
	for _, k := range got {
		if !slices.Contains(want, k) {
			t.Errorf("%s is compiled and not launched", k)
		}
	}
}

// launched are the kernels that the package's code names as constants, in calls
// of plain and in kernelID literals.
func launched(t *testing.T) (kernels []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	add := func(file, name ast.Expr) {
		f, ok := file.(*ast.BasicLit)
		n, also := name.(*ast.BasicLit)
		if ok && also {
			x, _ := strconv.Unquote(f.Value)
			y, _ := strconv.Unquote(n.Value)
			kernels = append(kernels, x+"."+y)
		}
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "plain" && len(n.Args) == 2 {
					add(n.Args[0], n.Args[1])
				}
			case *ast.CompositeLit:
				id, ok := n.Type.(*ast.Ident)
				if !ok || id.Name != "kernelID" {
					break
				}
				of := map[string]ast.Expr{}
				for _, e := range n.Elts {
					if e, ok := e.(*ast.KeyValueExpr); ok {
						of[e.Key.(*ast.Ident).Name] = e.Value
					}
				}
				add(of["file"], of["name"])
			}
			return true
		})
	}
	if len(kernels) < 7 {
		t.Fatalf("found %q", kernels)
	}
	return kernels
}

// TestLayout wants each argument laid out as its struct of CUDA, which the
// source declares: C puts a field at the next multiple of its size.
func TestLayout(t *testing.T) {
	for _, c := range []struct {
		file, name string
		arg        any
		size       uintptr
	}{
		{"descent.cuh", "Set", setArgs{}, 40},
		{"norm.cu", "Norm", normArgs{}, 136},
		{"norm.cu", "Result", normResult{}, resultSize},
		{"elementwise.cu", "Scale", scaleArgs{}, 56},
		{"elementwise.cu", "Accumulate", accumulateArgs{}, 96},
		{"dropout.cu", "Dropout", dropoutArgs{}, 64},
		{"cast.cu", "Cast", castArgs{}, 56},
		{"crossentropy.cu", "Row", rowArgs{}, 24},
		{"crossentropy.cu", "CrossEntropy", entropyArgs{}, 128},
		{"update.cu", "Stored", storedArgs{}, 32},
		{"update.cu", "Param", paramArgs{}, 5*32 + 3*8 + 6*4 + coefs*8},
		{"update.cu", "Update", updateArgs{}, 80},
		{"update.cu", "Measure", measureArgs{}, 72},
		{"update.cu", "Terms", terms{}, termsSize},
		{"units.cu", "UnitTensor", unitTensorArgs{}, 64},
		{"units.cu", "ClipUnits", clipUnitsArgs{}, 64},
		{"quantize.cu", "Grid", gridArgs{}, 64},
		{"quantize.cu", "Range", rangeArgs{}, 40},
		{"quantize.cu", "Found", foundRange{}, 16},
		{"quantize.cu", "Histogram", histogramArgs{}, 56},
	} {
		t.Run(c.name, func(t *testing.T) {
			typ := reflect.TypeOf(c.arg)
			if typ.Size() != c.size {
				t.Errorf("%d bytes in Go, want %d", typ.Size(), c.size)
			}
			got := leaves(nil, typ, 0)
			want, size := cLayout(t, c.file, c.name)
			if size != c.size {
				t.Errorf("%d bytes in CUDA, want %d", size, c.size)
			}
			if len(got) > len(want) { // Go names the padding that ends a struct
				if last := got[len(got)-1]; last.offset+last.size == c.size {
					got = got[:len(got)-1]
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("fields in Go   %v\nfields in CUDA %v", got, want)
			}
		})
	}
	if got := unsafe.Sizeof(paramArgs{}.coef) / 8; got != coefs {
		t.Errorf("%d coefficients", got)
	}
	if statsSize != resultSize-8 {
		t.Errorf("Stats takes %d bytes, Result %d", statsSize, resultSize)
	}
}

// leaf is where a number of a struct lies.
type leaf struct{ offset, size uintptr }

func leaves(to []leaf, t reflect.Type, at uintptr) []leaf {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			to = leaves(to, t.Field(i).Type, at+t.Field(i).Offset)
		}
	case reflect.Array:
		for i := range t.Len() {
			to = leaves(to, t.Elem(), at+uintptr(i)*t.Elem().Size())
		}
	default:
		to = append(to, leaf{at, t.Size()})
	}
	return to
}

var (
	comment = regexp.MustCompile(`//.*`)
	field   = regexp.MustCompile(`(?s)(\w+)\s+([^;]+);`)
	array   = regexp.MustCompile(`\[(\w+)\]`)
)

// cLayout lays out a struct of a source by C's rules.
func cLayout(t *testing.T, file, name string) (to []leaf, size uintptr) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("kernels", file))
	if err != nil {
		t.Fatal(err)
	}
	text := comment.ReplaceAllString(string(raw), "")
	_, body, ok := strings.Cut(text, "struct "+name+" {")
	if !ok && file != "descent.cuh" {
		return cLayout(t, "descent.cuh", name)
	}
	body, _, closed := strings.Cut(body, "}")
	if !ok || !closed {
		t.Fatalf("%s: no struct %s", file, name)
	}
	sizes := map[string]uintptr{"u64": 8, "i64": 8, "double": 8, "u32": 4, "int": 4, "float": 4}
	counts := map[string]int{"SLOTS": kernel.MaxSlots, "COEFS": coefs}
	var align uintptr = 1
	for _, m := range field.FindAllStringSubmatch(body, -1) {
		of, n := []leaf{{0, sizes[m[1]]}}, sizes[m[1]]
		unit := n
		if n == 0 {
			of, n = cLayout(t, file, m[1])
			unit = 8
		}
		align = max(align, unit)
		for _, one := range strings.Split(m[2], ",") {
			count := 1
			if a := array.FindStringSubmatch(one); a != nil {
				if count = counts[a[1]]; count == 0 {
					t.Fatalf("%s: array of %s", name, a[1])
				}
			}
			for range count {
				size = (size + unit - 1) / unit * unit
				for _, l := range of {
					to = append(to, leaf{size + l.offset, l.size})
				}
				size += n
			}
		}
	}
	return to, (size + align - 1) / align * align
}

// TestCoefficients wants the rules that are passed field by field to be nothing
// but float64, few enough for the room there is, with each in its place.
func TestCoefficients(t *testing.T) {
	for i, r := range []kernel.Rule{
		&kernel.SGD{}, &kernel.Momentum{}, &kernel.Adam{}, &kernel.AMSGrad{}, &kernel.NAdam{},
		&kernel.Adamax{}, &kernel.AdaBelief{}, &kernel.Yogi{}, &kernel.Adan{}, &kernel.Lion{}, &kernel.RMSProp{},
		&kernel.Adagrad{}, &kernel.Adadelta{}, &kernel.Sophia{}, &kernel.Curvature{}, &kernel.ScheduleFree{},
		&kernel.LAMB{}, &kernel.Prodigy{}, &kernel.Adafactor{},
	} {
		t.Run(rules[i+1].name, func(t *testing.T) {
			fields := flat(reflect.ValueOf(r).Elem())
			var want [coefs]float64
			if len(fields) > coefs {
				t.Fatalf("%d fields, room for %d", len(fields), coefs)
			}
			for k, f := range fields {
				switch f.Kind() {
				case reflect.Float64:
					want[k] = float64(k) + 0.5
					f.SetFloat(want[k])
				case reflect.Bool:
					want[k] = float64(k & 1) // one true, one false
					f.SetBool(k&1 == 1)
				default:
					t.Fatalf("field %d is a %v", k, f.Kind())
				}
			}
			var got [coefs]float64
			number, ok := ruleOf(r, &got)
			if !ok || int(number) != i+1 {
				t.Errorf("rule %d, %v, want %d", number, ok, i+1)
			}
			if got != want {
				t.Errorf("coefficients %v, want %v", got, want)
			}
		})
	}
	if got := len(rules) - 1; got != 19 {
		t.Errorf("%d rules, this test has 19", got)
	}
}

// TestNoRule wants the kernel to leave the state alone where there is no rule: it
// may be shorter than the values.
func TestNoRule(t *testing.T) {
	value := backend.Stored{Buffer: backend.Of(make([]float32, 9000), backend.Float32)}
	means := backend.Stored{Buffer: backend.Of(make([]float32, 90), backend.Float32)}
	u := backend.NewUpdate([]backend.Stored{value})
	u.Grads, u.Slots[0] = u.Params, []backend.Stored{means, means}
	var p paramArgs
	if ok := new(Device).describe(&p, u, 0); !ok || p.slots != 0 || p.slot != [kernel.MaxSlots]storedArgs{} {
		t.Errorf("%v, %d tensors of state, %v", ok, p.slots, p.slot)
	}
}

// flat is a struct's fields, those of structs in it one by one.
func flat(v reflect.Value) (fields []reflect.Value) {
	for k := range v.NumField() {
		if f := v.Field(k); f.Kind() == reflect.Struct {
			fields = append(fields, flat(f)...)
		} else {
			fields = append(fields, f)
		}
	}
	return fields
}

// TestArgumentWords wants room for the largest argument.
func TestArgumentWords(t *testing.T) {
	for _, size := range []uintptr{unsafe.Sizeof(entropyArgs{}), unsafe.Sizeof(accumulateArgs{}), unsafe.Sizeof(updateArgs{})} {
		if size > 8*argWords {
			t.Error(fmt.Sprint(size), "bytes of arguments, room for", 8*argWords)
		}
	}
}
