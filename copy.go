package descent

import (
	"fmt"

	"github.com/descent-ml/descent/internal/backend"
)

// Copy copies the elements of src to dst, which has the same type and shape and
// may lie on another device. Memory in common, other than all of it, is an error.
//
// When it returns, src on the host may change; a copy to the host is complete.
func Copy(dst, src Tensor) error {
	d, err := ViewOf("dst", dst)
	if err != nil {
		return err
	}
	s, err := ViewOf("src", src)
	if err != nil {
		return err
	}
	switch {
	case d.DType() != s.DType():
		return fmt.Errorf("descent: %w: dst is %v, src is %v", ErrDType, d, s)
	case !d.SameShape(s):
		return fmt.Errorf("descent: %w: dst is %v, src is %v", ErrShape, d, s)
	case d.Is(s):
		return nil
	case d.Overlaps(s):
		return fmt.Errorf("descent: %w: dst %v and src %v", ErrOverlap, d, s)
	case d.Device() == s.Device():
		return d.Device().Backend().Copy(d.buf, s.buf)
	case s.dev == nil:
		return d.dev.Backend().Upload(d.buf, s.buf)
	case d.dev == nil:
		return s.dev.Backend().Download(d.buf, s.buf)
	}
	// Between two devices the elements pass through the host.
	words := make([]uint64, (d.Bytes()+7)/8)
	host := backend.Of(words, d.buf.Type)
	host.Len = d.buf.Len
	if err := s.dev.Backend().Download(host, s.buf); err != nil {
		return err
	}
	return d.dev.Backend().Upload(d.buf, host)
}
