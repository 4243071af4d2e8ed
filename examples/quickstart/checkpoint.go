package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

// A checkpoint file is a line that names the format, a gob of checkpoint, and
// the SHA-256 of both.
const format = "descent quickstart checkpoint 1\n"

type checkpoint struct {
	Run     Run
	Tensors map[string][]float32 // weights, and the optimizer's state as in "last.w/m"
}

// Save writes a checkpoint. Until all of it is on the disk, the file of that
// name stays the one before.
func Save(name string, r *Run, net *Network, opt *optim.Optimizer) error {
	c := checkpoint{*r, map[string][]float32{}}
	for _, p := range net.Params {
		c.Tensors[p.Name] = p.Value.(Matrix).data
	}
	for _, p := range opt.State().Params {
		for _, s := range p.Slots {
			data, err := descent.Data[float32](s.Value)
			if err != nil {
				return err
			}
			c.Tensors[p.Name+"/"+s.Name] = data
		}
	}
	b := bytes.NewBufferString(format)
	if err := gob.NewEncoder(b).Encode(c); err != nil {
		return err
	}
	sum := sha256.Sum256(b.Bytes())
	b.Write(sum[:])

	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing of that name is left when all went well
	_, err = b.WriteTo(f)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// Load reads a checkpoint into a network and an optimizer of the same shape and
// a run of the same Config. An error leaves them as they were.
func Load(name string, r *Run, net *Network, opt *optim.Optimizer) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := restore(b, r, net, opt); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func restore(b []byte, r *Run, net *Network, opt *optim.Optimizer) error {
	if !bytes.HasPrefix(b, []byte(format)) {
		return fmt.Errorf("no checkpoint: it does not begin with %q", format)
	}
	b, sum := b[:max(len(b)-sha256.Size, 0)], b[max(len(b)-sha256.Size, 0):]
	if want := sha256.Sum256(b); len(b) < len(format) || !bytes.Equal(sum, want[:]) {
		return errors.New("damaged: its last bytes are not the checksum of the others")
	}
	var c checkpoint
	if err := gob.NewDecoder(bytes.NewReader(b[len(format):])).Decode(&c); err != nil {
		return err
	}
	if c.Run.Config != r.Config {
		return fmt.Errorf("of other flags: it has %+v, these are %+v", c.Run.Config, r.Config)
	}
	if n := c.Run.Step; n < 0 || n > r.Steps || c.Run.Drawn < n || len(c.Run.Loss) != n || len(c.Run.Norm) != n {
		return fmt.Errorf("step %d of %d with %d losses and %d norms", n, r.Steps, len(c.Run.Loss), len(c.Run.Norm))
	}
	for _, p := range net.Params {
		if have, want := len(c.Tensors[p.Name]), p.Value.View(); have != want.Len() {
			return fmt.Errorf("of another network: %d numbers for %s, which is %v", have, p.Name, want)
		}
	}
	state := opt.State()
	state.Step = int64(c.Run.Step)
	for k, p := range state.Params {
		state.Params[k].Step = state.Step
		for i, s := range p.Slots {
			p.Slots[i].Value = descent.Of(c.Tensors[p.Name+"/"+s.Name], s.Value.Shape()...)
		}
	}
	if err := opt.Restore(state); err != nil {
		return err
	}
	for _, p := range net.Params {
		copy(p.Value.(Matrix).data, c.Tensors[p.Name])
	}
	*r = c.Run
	return nil
}
