package optim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/descent-ml/descent"
)

// Load reads files that Save has written, all of one step, and returns what the
// caller had added to them. Several files hold parts of the tensors; any number
// of optimizers may have written them, and one reads the elements that its
// Ranges name. Parameters are found by name, in any order. Extras.Copies follow
// the values; Averages do where they are among Tensors.
//
// Everything is checked before anything is written. A file that is truncated,
// changed in any byte or no checkpoint is an error that wraps ErrCheckpoint. A
// parameter of another rule, a missing or unknown parameter or tensor, and a
// tensor of another type or shape are errors that wrap ErrState, and the last
// two descent.ErrDType or descent.ErrShape. Only a file that becomes unreadable
// between the check and the reading, or a device that fails, leaves some tensors
// read.
func (c Checkpoint) Load(paths ...string) (meta map[string]string, err error) {
	list, err := c.members()
	if err != nil {
		return nil, err
	}
	if err := apart(list); err != nil {
		return nil, err
	}
	files, err := openAll(paths)
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if err != nil {
		return nil, err
	}
	if meta, err = merge(files); err != nil {
		return nil, err
	}
	var state savedState
	var saved map[string]savedParam
	if c.Optimizer != nil {
		if state, saved, err = c.state(files); err != nil {
			return nil, err
		}
	}
	sources, err := c.sources(list, files)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, chunk)
	for _, pieces := range sources {
		for _, p := range pieces {
			if err := p.verify(buf); err != nil {
				return nil, fmt.Errorf("optim: %s: %w: %w", p.file.Name(), ErrCheckpoint, err)
			}
		}
	}
	for i, m := range list {
		for _, p := range sources[i] {
			if err := p.read(m, buf); err != nil {
				return nil, fmt.Errorf("optim: %s: %s after it was found whole: %w", p.file.Name(), p.name, err)
			}
		}
	}
	if o := c.Optimizer; o != nil {
		return meta, o.adopt(state, saved, !c.StateOnly)
	}
	return meta, nil
}

// Metadata returns what the caller had added to a file, of which it reads the
// header: for what must be known before Load.
func Metadata(path string) (map[string]string, error) {
	files, err := openAll([]string{path})
	if err != nil {
		return nil, err
	}
	defer files[0].Close()
	return merge(files)
}

// adopt takes over what is not a tensor.
func (o *Optimizer) adopt(s savedState, saved map[string]savedParam, values bool) error {
	o.step = s.Step
	for i := range o.params {
		p := &o.params[i]
		p.clock.t = saved[p.name].Step
		copy(p.clock.scalars, saved[p.name].Scalars)
		if values && o.update.Copies != nil && o.update.Copies[i].Ptr != nil {
			if err := o.dev.Backend().Convert(o.update.Copies[i], p.value.Buffer()); err != nil {
				return err
			}
		}
	}
	return nil
}

// apart returns an error when two tensors share memory: which of them would it
// hold?
func apart(list []member) error {
	names, views := make([]string, len(list)), make([]descent.View, len(list))
	for i, m := range list {
		names[i], views[i] = m.name, m.value
	}
	return descent.Disjoint(names, views)
}

// openAll opens files and returns those that it could.
func openAll(paths []string) (files []*file, err error) {
	if len(paths) == 0 {
		return nil, fmt.Errorf("optim: Load of no files")
	}
	for _, path := range paths {
		f, err := open(path)
		if err != nil {
			return files, fmt.Errorf("optim: %w", err)
		}
		files = append(files, f)
	}
	return files, nil
}

// merge is the callers' metadata of all files.
func merge(files []*file) (map[string]string, error) {
	meta := map[string]string{}
	for _, f := range files {
		for key, text := range f.meta {
			if strings.HasPrefix(key, ours) {
				continue
			}
			if other, ok := meta[key]; ok && other != text {
				return nil, fmt.Errorf("optim: %s: %w: metadata %q is %q, %q in a file before it", f.Name(), ErrCheckpoint, key, text, other)
			}
			meta[key] = text
		}
	}
	return meta, nil
}

// state is the state in the files, without tensors, which fits the optimizer.
func (c Checkpoint) state(files []*file) (state savedState, saved map[string]savedParam, err error) {
	saved = map[string]savedParam{}
	for i, f := range files {
		text, ok := f.meta[optimizerKey]
		if !ok {
			return state, nil, fmt.Errorf("optim: %s: %w: it has no state of an optimizer", f.Name(), ErrCheckpoint)
		}
		var s savedState
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return state, nil, fmt.Errorf("optim: %s: %w: %s: %w", f.Name(), ErrCheckpoint, optimizerKey, err)
		}
		if i == 0 {
			state = s
		}
		if s.Step != state.Step || s.Step < 0 {
			return state, nil, fmt.Errorf("optim: %s: %w: it is of step %d, %s of %d", f.Name(), ErrCheckpoint, s.Step, files[0].Name(), state.Step)
		}
		for _, p := range s.Params {
			q, ok := saved[p.Name]
			if ok && (p.Rule != q.Rule || p.Step != q.Step || !slices.Equal(p.Scalars, q.Scalars)) {
				return state, nil, fmt.Errorf("optim: %s: %w: %q has %s, step %d, scalars %v, in a file before it %s, %d, %v",
					f.Name(), ErrCheckpoint, p.Name, p.Rule, p.Step, p.Scalars, q.Rule, q.Step, q.Scalars)
			}
			saved[p.Name] = p
		}
	}
	o, known := c.Optimizer, map[string]bool{}
	for i, own := range o.params {
		known[own.name] = true
		p, ok := saved[own.name]
		if !ok {
			return state, nil, fmt.Errorf("optim: %w: it lacks parameter %q", ErrState, own.name)
		}
		// The tensors are compared where their elements are found.
		s := ParamState{Name: p.Name, Rule: p.Rule, Step: p.Step, Scalars: p.Scalars, Slots: o.tensors(i)}
		if err := o.accepts(i, s); err != nil {
			return state, nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(saved)) {
		if !known[name] && len(c.Ranges) == 0 {
			return state, nil, fmt.Errorf("optim: %w: it has %q, which is not a parameter here", ErrState, name)
		}
	}
	return state, saved, nil
}

// sources returns the pieces that have each tensor's elements.
func (c Checkpoint) sources(list []member, files []*file) ([][]*piece, error) {
	found := map[string][]*piece{}
	for _, f := range files {
		for _, p := range f.pieces {
			found[p.name] = append(found[p.name], p)
		}
	}
	other := ErrCheckpoint
	if c.Optimizer != nil {
		other = ErrState
	}
	sources := make([][]*piece, len(list))
	for i, m := range list {
		pieces := found[m.name]
		if len(pieces) == 0 {
			return nil, fmt.Errorf("optim: %w: it lacks tensor %q, which is %v", other, m.name, m)
		}
		var err error
		if sources[i], err = m.cover(pieces, other); err != nil {
			return nil, err
		}
		delete(found, m.name)
	}
	if c.Optimizer == nil || len(c.Ranges) > 0 {
		return sources, nil
	}
	if c.StateOnly {
		for _, p := range c.Optimizer.params {
			delete(found, escape(p.name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		return nil, fmt.Errorf("optim: %w: it has tensor %q, which is not here", other, name)
	}
	return sources, nil
}

// cover returns the pieces that a tensor's elements are in.
func (m member) cover(pieces []*piece, other error) (used []*piece, err error) {
	slices.SortStableFunc(pieces, func(a, b *piece) int { return cmp.Compare(a.first, b.first) })
	lo, hi := m.first, m.first+m.value.Len()
	next, at := lo, 0 // the element that is wanted next, and what the pieces before end with
	for _, p := range pieces {
		switch {
		case p.DType != dtypeNames[m.value.DType()]:
			err = descent.ErrDType
		case !slices.Equal(p.of, m.of):
			err = descent.ErrShape
		}
		if err != nil {
			return nil, fmt.Errorf("optim: %s: %w: %w: %q is %v, want %v", p.file.Name(), other, err, m.name, p, m)
		}
		if p.len() == 0 {
			continue
		}
		if p.first < at {
			return nil, fmt.Errorf("optim: %s: %w: %q has element %d, which another file has", p.file.Name(), ErrCheckpoint, m.name, p.first)
		}
		if p.first > next {
			break
		}
		at = p.first + p.len()
		if p.first < hi && at > lo {
			used = append(used, p)
		}
		next = max(next, at)
	}
	if next < hi {
		return nil, fmt.Errorf("optim: %w: %q has no element %d, which is wanted of %v", other, m.name, next, m)
	}
	return used, nil
}

// verify reads the elements and compares their checksum, where there is one.
func (p *piece) verify(buf []byte) error {
	if p.crc == "" {
		return nil
	}
	crc := uint32(0)
	err := p.chunks(p.Offsets[0], p.Offsets[1], buf, func(b []byte) error {
		crc = crc32.Update(crc, castagnoli, b)
		return nil
	})
	if err == nil && hex(crc) != p.crc {
		err = fmt.Errorf("tensor %q has the CRC-32C %s, its header says %s", p.name, hex(crc), p.crc)
	}
	return err
}

// read copies the elements that p and m have in common.
func (p *piece) read(m member, buf []byte) error {
	t := m.value.DType()
	lo, hi := max(m.first, p.first), min(m.first+m.value.Len(), p.first+p.len())
	begin, size := p.Offsets[0], t.Size()
	at := lo - m.first
	return p.chunks(begin+int64(lo-p.first)*int64(size), begin+int64(hi-p.first)*int64(size), buf, func(b []byte) error {
		little(b, t)
		err := m.put(b, at)
		at += len(b) / size
		return err
	})
}

// chunks calls do with the bytes of the data from begin to end.
func (p *piece) chunks(begin, end int64, buf []byte, do func(b []byte) error) error {
	for begin < end {
		b := buf[:min(int64(len(buf)), end-begin)]
		if _, err := p.file.ReadAt(b, p.file.start+begin); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if err := do(b); err != nil {
			return err
		}
		begin += int64(len(b))
	}
	return nil
}
