package regularize

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/descent-ml/descent/internal/check"
)

// Layers is a list of layers, numbered from 0, in fairseq's form: "0,2,4". The
// empty list stands for every layer.
type Layers string

// Thin is the layers that stay when a trained network of the given depth gives
// up a share of them, at most half: every ⌊1/share⌋-th falls, counted from 1.
// With the share 1/2 that is every other layer. A share of 0 keeps all.
// See https://arxiv.org/abs/1909.11556, section 3.2 "Every Other".
func Thin(depth int, share float64) (Layers, error) {
	if err := check.Fields("regularize.Thin",
		check.Field{Name: "depth", Value: float64(depth), Min: 1, Max: 1 << 30},
		check.Field{Name: "share", Value: share, Max: 0.5}); err != nil {
		return "", err
	}
	var b strings.Builder
	for layer := range depth {
		if share > 0 && (layer+1)%int(1/share) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(layer))
	}
	return Layers(b.String()), nil
}

// Validate reports the first entry that is not a layer's number.
func (s Layers) Validate() error {
	for rest := string(s); rest != ""; {
		entry, after, more := strings.Cut(rest, ",")
		if _, ok := number(entry); !ok || more && after == "" {
			return fmt.Errorf("regularize.Layers: %q is %q, want numbers from 0 on, as in \"0,2,4\"", entry, string(s))
		}
		rest = after
	}
	return nil
}

// Has reports whether a layer is in the list. Entries that Validate refuses
// name no layer.
func (s Layers) Has(layer int) bool {
	if s == "" {
		return true
	}
	for rest := string(s); rest != ""; {
		entry, after, _ := strings.Cut(rest, ",")
		if n, ok := number(entry); ok && n == layer {
			return true
		}
		rest = after
	}
	return false
}

// Of is the layers of the list that a network of the given depth has, in
// ascending order.
func (s Layers) Of(depth int) []int {
	var layers []int
	for layer := range depth {
		if s.Has(layer) {
			layers = append(layers, layer)
		}
	}
	return layers
}

// number reads a decimal number; strconv's errors would allocate.
func number(s string) (n int, ok bool) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > 1<<30 {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, s != ""
}
