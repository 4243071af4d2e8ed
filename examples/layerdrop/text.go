package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// load reads a text, or Opticks if it has no name.
func load(name string) ([]byte, error) {
	if name == "" {
		root, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			return nil, fmt.Errorf("go env GOROOT: %w\ngive a text as -text", err)
		}
		name = filepath.Join(strings.TrimSpace(string(root)), "src", "testdata", "Isaac.Newton-Opticks.txt")
	}
	return os.ReadFile(name)
}

// split holds out the last twentieth of a text.
func (s *setup) split(text []byte) error {
	n := len(text) - len(text)/20
	s.learn, s.held = text[:n], text[n:]
	if batch := s.model.Context * s.model.Sequences; len(s.held) <= max(batch, s.length) {
		return fmt.Errorf("a text of %d bytes, want at least %d", len(text), 20*(max(batch, s.length)+1))
	}
	return nil
}
