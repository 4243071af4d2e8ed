package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/descent-ml/descent/examples/internal/digits"
	"github.com/descent-ml/descent/examples/internal/nn"
	"github.com/descent-ml/descent/optim"
)

// TestMain lets a test run the program itself, as a process that can be
// interrupted.
func TestMain(m *testing.M) {
	if os.Getenv("QUICKSTART_AS_PROGRAM") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// bars writes a folder like MNIST's.
func bars(t *testing.T, train, test int) string {
	t.Helper()
	dir := t.TempDir()
	if err := digits.WriteBars(dir, train, test); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
		t.Fatal(err)
	}
}

var result = regexp.MustCompile(`accuracy +([0-9.]+) %[^§]*SHA-256 ([0-9a-f]{64})\n`)

// train runs the program and returns accuracy and hash.
func trained(t *testing.T, args ...string) (accuracy float64, hash string) {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	m := result.FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("no result in %s", out.String())
	}
	accuracy, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return accuracy, m[2]
}

// TestHash holds the weights after a short training to the same bits on every
// processor.
func TestHash(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	const want = "83d2e5b26d47ee79c65ea39b9b0f88ac3c20cb717d7ea353bf166355c74ee1ee"
	dir := bars(t, 50, 10)
	threads := []int{1, 2, 7}
	if testing.Short() {
		threads = threads[1:2]
	}
	for _, procs := range threads {
		runtime.GOMAXPROCS(procs)
		_, hash := trained(t, "-data", dir, "-out", t.TempDir(), "-steps", "6", "-batch", "24", "-micro", "12")
		if hash != want {
			t.Errorf("GOMAXPROCS %d: %s, want %s", procs, hash, want)
		}
	}
}

func TestAccuracy(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on MNIST for seconds")
	}
	out := t.TempDir()
	// Of twelve seeds the least has 94.6 %.
	if accuracy, _ := trained(t, "-steps", "60", "-out", out); accuracy < 93 {
		t.Errorf("%v %% of the test images after 60 steps", accuracy)
	}
	f, err := os.Open(filepath.Join(out, "training.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := png.Decode(f); err != nil {
		t.Error(err)
	}
}

// stopper cancels a context when it has been written to so many times.
type stopper struct {
	cancel func()
	left   int
}

func (s *stopper) Write(b []byte) (int, error) {
	if s.left--; s.left == 0 {
		s.cancel()
	}
	return len(b), nil
}

func TestResume(t *testing.T) {
	args := []string{"-data", bars(t, 30, 10), "-steps", "8", "-batch", "8", "-micro", "4"}
	_, want := trained(t, append(args, "-out", t.TempDir())...)

	out := t.TempDir()
	args = append(args, "-out", out)
	ctx, cancel := context.WithCancel(t.Context())
	err := run(ctx, args, &stopper{cancel, 4}, io.Discard) // a line at the start, then one for each step
	if !errors.Is(err, errInterrupted) || !strings.Contains(err.Error(), "after step 3 of 8") {
		t.Fatalf("interrupted: %v", err)
	}
	if _, hash := trained(t, append(args, "-resume")...); hash != want {
		t.Errorf("resumed: %s, without interruption %s", hash, want)
	}
	if _, hash := trained(t, append(args, "-resume")...); hash != want {
		t.Errorf("resumed at the end: %s, want %s", hash, want)
	}
	if files, _ := os.ReadDir(out); len(files) != 2 {
		t.Errorf("left in -out: %v", files)
	}
}

func TestCheckpointRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "checkpoint")
	config := Config{Seed: 1, Steps: 9, Batch: 2, Micro: 1, Peak: 0.1}
	fresh := func(seed uint64, change func(n *Network)) (*Run, *Network, *optim.Optimizer) {
		n := NewNetwork(1, seed)
		change(n)
		opt, err := optim.New(n.Params, optim.AdamW{})
		if err != nil {
			t.Fatal(err)
		}
		return &Run{Config: config}, n, opt
	}
	same := func(*Network) {}
	saved := func(r Run, change func(n *Network)) []byte {
		_, _, opt := fresh(1, change)
		if err := Save(file, &r, opt); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good := saved(Run{Config: config, Step: 1, Drawn: 2, Loss: []float32{1}, Norm: []float32{2}}, same)
	flipped := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 4
		return b
	}
	other := config
	other.Seed = 2
	for _, c := range []struct {
		name string
		file []byte
		text string // empty: it is right
	}{
		{"good", good, ""},
		{"empty", nil, "bad checkpoint"},
		{"another file", []byte("PNG"), "bad checkpoint"},
		{"weights of others", []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"), "metadata of a run"},
		{"cut", good[:len(good)-1], "bad checkpoint"},
		{"longer", append(bytes.Clone(good), 0), "bad checkpoint"},
		{"header tampered with", flipped(200), "bad checkpoint"},
		{"weights tampered with", flipped(len(good) / 2), "bad checkpoint"},
		{"the last byte tampered with", flipped(len(good) - 1), "bad checkpoint"},
		{"other flags", saved(Run{Config: other}, same), "other flags"},
		{"too many steps", saved(Run{Config: config, Step: 10}, same), "step 10 of 9"},
		{"history cut", saved(Run{Config: config, Step: 2, Drawn: 4, Loss: []float32{1, 1}}, same), `"history/norm" is F32[0], want F32[2]`},
		{"another shape", saved(Run{Config: config}, func(n *Network) {
			n.Params[1].Value, n.Params[1].Grad = nn.NewMatrix(1, width-1), nn.NewMatrix(1, width-1)
		}), `"hidden0.b" is F32[1 319], want F32[1 320]`},
		{"another network", saved(Run{Config: config}, func(n *Network) { n.Params[0].Name = "w" }), `lacks parameter "hidden0.w"`},
	} {
		r, n, opt := fresh(5, same)
		before := n.Hash()
		write(t, filepath.Dir(file), filepath.Base(file), c.file)
		err := Load(file, r, opt)
		switch {
		case c.text == "" && (err != nil || n.Hash() == before || r.Step != 1 || r.Loss[0] != 1 || r.Norm[0] != 2):
			t.Errorf("%s: %+v, %v", c.name, r, err)
		case c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)):
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.text)
		case c.text != "" && (n.Hash() != before || r.Step != 0 || opt.Steps() != 0):
			t.Errorf("%s: something was written", c.name)
		}
	}
	r, _, opt := fresh(1, same)
	if err := Load(file+"s", r, opt); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := Save(filepath.Join(file, "below"), r, opt); err == nil {
		t.Error("saved below a file")
	}
}

func TestFlags(t *testing.T) {
	for args, text := range map[string]string{
		"-epochs 0":              "-epochs is 0",
		"-steps -1":              "-steps is -1",
		"-micro 0":               "-micro is 0",
		"-batch 0":               "-batch is 0",
		"-batch 150":             "-batch is 150, want a multiple of -micro, 100",
		"-lr 0":                  "-lr is 0",
		"-lr NaN":                "-lr is NaN",
		"-lr +Inf":               "-lr is +Inf",
		"steps 5":                `"steps" is not a flag`,
		"-seed -1":               "bad flags", // the flag package has said why
		"-size 3":                "bad flags",
		"-epochs 1000001":        "-epochs is 1000001",
		"-micro 10001":           "-micro is 10001",
		"-steps 9 -batch 5 -x=1": "bad flags",
	} {
		err := run(t.Context(), strings.Fields(args), io.Discard, io.Discard)
		if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want an error with %q", args, err, text)
		}
	}
	var help bytes.Buffer
	if err := run(t.Context(), []string{"-help"}, io.Discard, &help); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "-resume") {
		t.Errorf("-help: %v, %s", err, help.String())
	}
	o, err := parse(nil, io.Discard)
	if err != nil || o.Seed != 1 || o.epochs != 10 || math.IsNaN(o.Peak) {
		t.Errorf("no flags: %+v, %v", o, err)
	}
}

// TestInterrupt sends the signal of Ctrl-C to the program and goes on.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" || testing.Short() {
		t.Skip("starts processes and sends them signals")
	}
	args := []string{"-data", bars(t, 40, 10), "-steps", "200", "-batch", "8", "-micro", "4"}
	_, want := trained(t, append(args, "-out", t.TempDir())...)

	args = append(args, "-out", t.TempDir())
	program := func(args ...string) (*exec.Cmd, *bytes.Buffer) {
		c := exec.Command(os.Args[0], args...)
		c.Env = append(os.Environ(), "QUICKSTART_AS_PROGRAM=1")
		var text bytes.Buffer
		c.Stderr = &text
		return c, &text
	}
	c, text := program(args...)
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	for range 3 {
		lines.Scan()
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if c.Wait(); c.ProcessState.ExitCode() != 130 || !strings.Contains(text.String(), "quickstart: interrupted after step ") {
		t.Errorf("exit code %d, %s", c.ProcessState.ExitCode(), text)
	}
	c, text = program(append(args, "-resume")...)
	out, err := c.Output()
	if err != nil || !strings.Contains(string(out), want) {
		t.Errorf("resumed: %v, %s%s, want %s", err, out, text, want)
	}
	c, text = program("-lr", "0")
	if _ = c.Run(); c.ProcessState.ExitCode() != 2 {
		t.Errorf("a bad flag: exit code %d, %s", c.ProcessState.ExitCode(), text)
	}
	c, text = program("-data", t.TempDir())
	if _ = c.Run(); c.ProcessState.ExitCode() != 1 || !strings.Contains(text.String(), "train-images") {
		t.Errorf("no data: exit code %d, %s", c.ProcessState.ExitCode(), text)
	}
}
