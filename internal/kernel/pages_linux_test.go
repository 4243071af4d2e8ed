package kernel

import (
	"syscall"
	"testing"
	"unsafe"
)

// fenced returns memory of one page between two that no one may touch.
func fenced(t *testing.T) []byte {
	t.Helper()
	page := syscall.Getpagesize()
	m, err := syscall.Mmap(-1, 0, 3*page, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(m); err != nil {
			t.Error(err)
		}
	})
	for _, edge := range [][]byte{m[:page], m[2*page:]} {
		if err := syscall.Mprotect(edge, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return m[page : 2*page]
}

// TestFences puts operands against the first and the last byte of a page: a
// kernel that reads outside its operands dies here. The results are compared
// with the reference's too.
func TestFences(t *testing.T) {
	var pages [5][]byte
	for i := range pages {
		pages[i] = fenced(t)
	}
	each(t, func(t *testing.T, fam *family, run func(*operands) result) {
		w := words(0)
		for n := range 131 {
			for mode := range 4 {
				end, uncached := mode&1 != 0, fam.writes && mode&2 != 0
				at := func(page []byte, size int) unsafe.Pointer {
					if end {
						page = page[len(page)-n*size:]
					}
					return unsafe.Pointer(unsafe.SliceData(page))
				}
				o := &operands{}
				for i := range fam.floats {
					o.f[i] = unsafe.Slice((*float32)(at(pages[i], 4)), n)
				}
				switch fam.width {
				case 1:
					o.b = unsafe.Slice((*uint8)(at(pages[4], 1)), n)
				case 2:
					o.h = unsafe.Slice((*uint16)(at(pages[4], 2)), n)
				}
				o.fill(0, &w)
				o.scalars(fam, 0, &w)
				o.uncached = uncached
				want := o.clone(false)
				rw := fam.of(&reference)(want)
				if err := differs(fam, o, want, run(o), rw); err != nil {
					t.Fatalf("n = %d, at the end %t, uncached %t: %v", n, end, uncached, err)
				}
			}
		}
	})
}
