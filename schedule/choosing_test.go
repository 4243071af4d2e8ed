package schedule

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/descent-ml/descent/schedule/internal/plot"
)

//go:generate go test -run TestPictures -pictures

var writePictures = flag.Bool("pictures", false, "write the pictures of docs/choosing.md")

type line struct {
	name string
	s    Schedule
}

func panel(title string, steps int, lines ...line) plot.Panel {
	p := plot.Panel{Title: title}
	for _, l := range lines {
		x, y := trace(l.s, steps)
		p.Series = append(p.Series, plot.Series{Name: l.name, X: x, Y: y})
	}
	return p
}

func figure(title, subtitle string, steps int, panels ...plot.Panel) func() ([]byte, error) {
	return func() ([]byte, error) {
		var b bytes.Buffer
		f := plot.Figure{Title: title, Subtitle: subtitle, XLabel: "step", XMax: float64(steps), Panels: panels}
		err := f.SVG(&b)
		return b.Bytes(), err
	}
}

// pictures are those of docs/choosing.md.
var pictures = map[string]func() ([]byte, error){
	"schedule-decay": figure("Decay", "1000 steps, the first 50 of them warm-up", 1000,
		panel("the end is known", 1000,
			line{"Linear", Warmup{Steps: 50, Then: Linear{From: 1, Steps: 950}}},
			line{"Cosine", Warmup{Steps: 50, Then: Cosine{Peak: 1, Floor: 0.1, Steps: 950}}},
			line{"REX", Warmup{Steps: 50, Then: REX{Peak: 1, Steps: 950}}},
			line{"Polynomial, 2", Warmup{Steps: 50, Then: Polynomial{Peak: 1, Steps: 950, Power: 2}}},
		),
		panel("the end may move", 1000,
			line{"WSD, ends at 800", WSD{Peak: 1, Warmup: 50, Stable: 590, Decay: 160, Tail: SqrtTail}},
			line{"WSD, ends at 1000", WSD{Peak: 1, Warmup: 50, Stable: 750, Decay: 200, Tail: SqrtTail}},
			line{"InverseSqrt", Warmup{Steps: 50, Then: InverseSqrt{Peak: 1, Timescale: 50}}},
		),
		panel("drops", 1000,
			line{"Step", Step{Start: 1, Factor: 0.5, Every: 200}},
			line{"MultiStep", MultiStep{Start: 1, Factor: 0.1, Milestones: ListOf(500, 750)}},
			line{"Exponential", Exponential{Start: 1, Rate: 0.5, Steps: 200}},
		),
	),
	"schedule-warmup": figure("Warm-up", "100 steps to the peak", 120,
		panel("Warmup.Shape", 120,
			line{"LogRise", Warmup{Steps: 100, Shape: LogRise, Then: Constant{1}}},
			line{"CosineRise", Warmup{Steps: 100, Shape: CosineRise, Then: Constant{1}}},
			line{"LinearRise", Warmup{Steps: 100, Then: Constant{1}}},
			line{"SqrtRise", Warmup{Steps: 100, Shape: SqrtRise, Then: Constant{1}}},
			line{"ExponentialRise", Warmup{Steps: 100, Shape: ExponentialRise, Then: Constant{1}}},
		),
	),
	"schedule-tail": figure("Tails of WSD", "the last 250 steps of a run, 200 of them decay", 250,
		panel("WSD.Tail", 251,
			line{"CosineTail", WSD{Peak: 1, Stable: 50, Decay: 200, Tail: CosineTail}},
			line{"LinearTail", WSD{Peak: 1, Stable: 50, Decay: 200}},
			line{"ExponentialTail", WSD{Peak: 1, Stable: 50, Decay: 200, Tail: ExponentialTail}},
			line{"SqrtTail", WSD{Peak: 1, Stable: 50, Decay: 200, Tail: SqrtTail}},
		),
	),
	"schedule-cycle": figure("Cycles", "1000 steps", 1000,
		panel("learning rate", 1000,
			line{"OneCycle", OneCycle{Start: 0.04, Peak: 1, End: 4e-6, Steps: 1000, Rise: 300}},
			line{"Restarts", Restarts{Peak: 1, Floor: 0.01, Steps: 143, Growth: 2}},
			line{"Cyclic, halving", Cyclic{Low: 0.1, High: 1, Up: 100, Mode: Halving}},
		),
		panel("momentum", 1000, line{"OneCycle", OneCycle{Start: 0.95, Peak: 0.85, End: 0.95, Steps: 1000, Rise: 300}}),
	),
	"schedule-plan": func() ([]byte, error) {
		var b bytes.Buffer
		err := choosingPlan.Preview(&b, SVG)
		return b.Bytes(), err
	},
}

// choosingPlan is the plan that docs/choosing.md shows.
var choosingPlan = Plan{
	Name:  "a run of 2000 steps",
	Steps: 2000,
	Values: []Value{
		{"lr", WSD{Peak: 3e-3, Warmup: 100, Stable: 1500, Decay: 400, Tail: SqrtTail}},
		{"weight_decay", Constant{0.1}},
		{"batch", Round{To: 32, Down: true, Of: Linear{From: 64, To: 256, Steps: 1000}}},
		{"sequence", Length{From: 128, To: 1024, Steps: 800, Multiple: 8}},
	},
	Setup: Setup{Compute: BFloat16, Micro: 32},
}

// The pictures in docs are those that the code draws, and the document shows all
// of them.
func TestPictures(t *testing.T) {
	if err := choosingPlan.Validate(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile("../docs/choosing.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, draw := range pictures {
		want, err := draw()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("..", "docs", "img", name+".svg")
		if *writePictures {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what is drawn: go generate ./schedule (%v)", file, err)
		}
		if !strings.Contains(string(text), "(img/"+name+".svg)") {
			t.Errorf("docs/choosing.md does not show %s", name)
		}
	}
}
