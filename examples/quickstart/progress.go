package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Progress shows how training goes: a bar that is drawn over itself on a
// terminal, twenty lines anywhere else.
type Progress struct {
	w        io.Writer
	terminal bool
	run      *Run
	from     int // the step at which this process began
	began    time.Time
	shown    time.Time
}

// NewProgress makes the Progress of a run that goes on from where it is.
func NewProgress(w io.Writer, r *Run) *Progress {
	p := &Progress{w: w, run: r, from: r.Step, began: time.Now()}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// Step shows a step that was applied, if it is time to.
func (p *Progress) Step(loss, rate, norm float64) {
	step, of := p.run.Step, p.run.Steps
	now := time.Now()
	if p.terminal && now.Sub(p.shown) < time.Second/10 && step < of {
		return
	}
	if !p.terminal && step*20/of == (step-1)*20/of {
		return
	}
	p.shown = now
	passed := now.Sub(p.began)
	speed := float64((step-p.from)*p.run.Batch) / passed.Seconds()
	left := passed / time.Duration(step-p.from) * time.Duration(of-step)
	line := fmt.Sprintf("%4d %%  loss %.3f  lr %.5f  norm %-5.3g  %6.0f images/s  %3.0f s left",
		step*100/of, loss, rate, norm, speed, left.Seconds())
	if !p.terminal {
		fmt.Fprintln(p.w, line)
		return
	}
	const cells = 24
	full := cells * step / of
	fmt.Fprintf(p.w, "\r%s%s%s\x1b[K", strings.Repeat("█", full), strings.Repeat("░", cells-full), line)
}

// End leaves the line of the bar.
func (p *Progress) End() {
	if p.terminal && !p.shown.IsZero() {
		fmt.Fprintln(p.w)
	}
}
