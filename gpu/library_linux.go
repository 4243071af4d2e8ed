//go:build cgo

package gpu

// #cgo LDFLAGS: -ldl
import "C"

import (
	"fmt"
	"strings"
	"unsafe"
)

// openLibrary calls an open of C's, which says with open_library why it could
// not. The error wraps ErrUnavailable.
func openLibrary(name string, open func(why *C.char, room C.size_t) C.int) error {
	why := make([]byte, 2048)
	if open((*C.char)(unsafe.Pointer(&why[0])), C.size_t(len(why))) != 0 {
		return nil
	}
	says := text(why)
	if strings.HasPrefix(says, " ") {
		says = name + " lacks" + says
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, says)
}

// text is what C has written.
func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}
