//go:build unix

package optim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/descent-ml/descent"
)

// counted is a checkpoint of tensors that all hold one number.
func counted(n float32) (Checkpoint, []float32) {
	x := make([]float32, 1<<16)
	for i := range x {
		x[i] = n
	}
	return Checkpoint{Tensors: map[string]descent.Tensor{"x": descent.Of(x[:1<<15]), "y": descent.Of(x[1<<15:])}}, x
}

// child makes a process of its own that runs a test of this program and prints
// to the pipe.
func child(t *testing.T, test, path string) (*exec.Cmd, io.Reader) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.count=1")
	c.Env = append(os.Environ(), "OPTIM_CHECKPOINT="+path)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	must(t, err)
	if err = c.Start(); errors.Is(err, syscall.ENOEXEC) {
		t.Skip("an emulated program cannot start itself")
	}
	must(t, err)
	return c, out
}

// TestCheckpointSaver is the process that TestCheckpointKilled kills.
func TestCheckpointSaver(t *testing.T) {
	path := os.Getenv("OPTIM_CHECKPOINT")
	if path == "" {
		t.Skip("runs in a process of its own")
	}
	for n := 1; ; n++ {
		c, _ := counted(float32(n))
		must(t, c.Save(path, map[string]string{"n": fmt.Sprint(n)}))
		if n == 1 {
			fmt.Println("saved")
		}
	}
}

// A save that is killed at any moment leaves the file before it or its own.
func TestCheckpointKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes and kills them")
	}
	leftovers := 0
	for try := range 20 {
		path := filepath.Join(t.TempDir(), "run")
		c, out := child(t, "TestCheckpointSaver", path)
		for s := bufio.NewScanner(out); s.Scan() && s.Text() != "saved"; {
		}
		time.Sleep(time.Duration(try*try) * 131 * time.Microsecond)
		must(t, c.Process.Kill())
		_ = c.Wait() // it was killed

		want, x := counted(0)
		meta, err := want.Load(path)
		if err != nil {
			t.Fatalf("try %d: %v", try, err)
		}
		for i := range x {
			if x[i] == 0 || fmt.Sprint(x[i]) != meta["n"] {
				t.Fatalf("try %d: element %d is %v in the file of %v", try, i, x[i], meta)
			}
		}
		files, err := os.ReadDir(filepath.Dir(path))
		must(t, err)
		leftovers += len(files) - 1
	}
	if leftovers == 0 {
		t.Log("no save was killed in the middle")
	}
}

// TestCheckpointFullDisk is run again in a process that cannot write files of
// more than 100 000 bytes.
func TestCheckpointFullDisk(t *testing.T) {
	path := os.Getenv("OPTIM_CHECKPOINT")
	if path == "" {
		path = filepath.Join(t.TempDir(), "run")
		c, _ := counted(1)
		must(t, c.Save(path, nil))
		p, out := child(t, "TestCheckpointFullDisk", path)
		text, err := io.ReadAll(out)
		must(t, err)
		if err := p.Wait(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		d, x := counted(0)
		if _, err := d.Load(path); err != nil || x[0] != 1 || x[len(x)-1] != 1 {
			t.Errorf("the file before is not whole: %v, %v", x[0], err)
		}
		if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
			t.Errorf("left: %v", files)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100_000, Max: 100_000}))
	c, _ := counted(2)
	if err := c.Save(path, nil); !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), path) {
		t.Errorf("a full disk: %v", err)
	}
}
