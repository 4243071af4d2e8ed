package report

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Bar shows how far a program is: drawn over itself on a terminal, ten lines
// anywhere else.
type Bar struct {
	w        io.Writer
	terminal bool
	done, of int
	began    time.Time
	shown    time.Time
}

// NewBar makes the Bar of so many pieces of work.
func NewBar(w io.Writer, of int) *Bar {
	b := &Bar{w: w, of: of, began: time.Now()}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		b.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return b
}

// Done shows that one more piece is done, and what the next is about.
func (b *Bar) Done(what string) {
	b.done++
	now := time.Now()
	if b.terminal && now.Sub(b.shown) < time.Second/10 && b.done < b.of {
		return
	}
	if !b.terminal && b.done*10/b.of == (b.done-1)*10/b.of {
		return
	}
	b.shown = now
	passed := now.Sub(b.began)
	left := passed / time.Duration(b.done) * time.Duration(b.of-b.done)
	line := fmt.Sprintf("%4d %%  %3.0f s left  %s", b.done*100/b.of, left.Seconds(), what)
	if !b.terminal {
		fmt.Fprintln(b.w, line)
		return
	}
	const cells = 24
	full := cells * b.done / b.of
	fmt.Fprintf(b.w, "\r%s%s%s\x1b[K", strings.Repeat("█", full), strings.Repeat("░", cells-full), line)
	if b.done == b.of {
		fmt.Fprintln(b.w)
	}
}
