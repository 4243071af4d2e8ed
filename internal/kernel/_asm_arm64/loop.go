package main

import "fmt"

// stream is one array that a loop walks.
type stream struct {
	at   reg  // next element
	size int  // bytes per element
	v    vecs // what 16 elements are loaded into or stored from
	mode mode
}

type mode uint8

const (
	in mode = 1 << iota
	out
	inOut = in | out
)

// move loads or stores step elements and, if advance, goes on to the next.
// One element or four travel in the first register.
func (f *fn) move(s stream, step int, store, advance bool) {
	n := step * s.size
	operand, op := "", ""
	switch n {
	case 16, 32, 48, 64:
		operand, op = list(b16, s.v[:n/16]), "V1"
	case 8:
		operand, op = scalar(s.v[0]), "FMOVD"
	case 4:
		operand, op = scalar(s.v[0]), "FMOVS"
	case 2:
		operand, op = s.v[0].lane(h8, 0), "V1"
	case 1:
		operand, op = s.v[0].lane(b16, 0), "V1"
	default:
		panic(fmt.Sprintf("no move of %d bytes", n))
	}
	mem := fmt.Sprintf("(%v)", s.at)
	if op == "V1" {
		op = map[bool]string{false: "VLD1", true: "VST1"}[store]
	}
	if advance {
		op, mem = op+".P", fmt.Sprint(n)+mem
	}
	if store {
		f.op(op, operand, mem)
	} else {
		f.op(op, mem, operand)
	}
}

// walk takes n elements in runs of each step in turn, the last step one: it
// loads the inputs, calls body and stores the outputs. body works on
// registers(step) registers of every group; with fewer than four elements it
// computes the rest of the register in vain.
func (f *fn) walk(n reg, streams []stream, body func(step int), steps ...int) {
	for _, step := range steps {
		loop, end := fmt.Sprintf("loop%d", step), fmt.Sprintf("end%d", step)
		f.unless(n, step, end)
		f.label(loop)
		for _, s := range streams {
			if s.mode&in != 0 {
				f.move(s, step, false, s.mode&out == 0)
			}
		}
		body(step)
		for _, s := range streams {
			if s.mode&out != 0 {
				f.move(s, step, true, true)
			}
		}
		f.again(n, step, loop)
		f.label(end)
	}
}

// registers is how many registers hold step float32.
func registers(step int) int { return max(1, step/4) }

// elementwise walks n elements sixteen at a time, then four, then one. body
// computes in the first w registers of each group.
func (f *fn) elementwise(n reg, streams []stream, body func(w int)) {
	f.walk(n, streams, func(step int) { body(registers(step)) }, 16, 4, 1)
}

// unless jumps if fewer than step elements are left.
func (f *fn) unless(n reg, step int, label string) {
	if step == 1 {
		f.op("CBZ", n, label)
		return
	}
	f.op("CMP", imm(step, 1, 4095), n)
	f.op("BLT", label)
}

// again takes step elements off n and jumps if as many are left.
func (f *fn) again(n reg, step int, label string) {
	f.op("SUB", imm(step, 1, 4095), n)
	if step == 1 {
		f.op("CBNZ", n, label)
		return
	}
	f.op("CMP", imm(step, 1, 4095), n)
	f.op("BGE", label)
}
