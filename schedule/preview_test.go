package schedule

import (
	"bytes"
	"encoding/csv"
	"errors"
	"image/png"
	"math"
	"strconv"
	"strings"
	"testing"
)

func preview(t *testing.T, p Plan, form Preview) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Preview(&b, form); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPreviewCSV(t *testing.T) {
	p := sound()
	p.Name = "two\nlines"
	p.Values[1].Name = `a "b", c`
	hash, err := p.Hash()
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(preview(t, p, CSV), "\n")
	if first != "# two lines "+hash {
		t.Errorf("the first line is %s", first)
	}
	rows, err := csv.NewReader(strings.NewReader(rest)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != p.Steps+1 || strings.Join(rows[0], "|") != `step|lr|a "b", c|beta2|dropout|clip|batch|encoder/lr|temperature` {
		t.Fatalf("%d rows under %q", len(rows), rows[0])
	}
	for step, row := range rows[1:] {
		if row[0] != strconv.Itoa(step) {
			t.Fatalf("row %d is of step %s", step, row[0])
		}
		for i, v := range p.Values {
			got, err := strconv.ParseFloat(row[i+1], 64)
			if err != nil || got != v.Schedule.At(step) {
				t.Fatalf("%s is %s at step %d, want %v", v.Name, row[i+1], step, v.Schedule.At(step))
			}
		}
	}
}

// Both pictures are the same bytes each time, and say which plan they show.
func TestPreviewPictures(t *testing.T) {
	p := sound()
	hash, err := p.Hash()
	if err != nil {
		t.Fatal(err)
	}
	svg := preview(t, p, SVG)
	for _, want := range []string{">base<", "2000 steps", "plan " + hash[:12], ">lr<", ">encoder/lr<", ">step<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture lacks %s", want)
		}
	}
	drawing := preview(t, p, PNG)
	img, err := png.Decode(strings.NewReader(drawing))
	if err != nil || img.Bounds().Dx() != 1920 {
		t.Errorf("%v, %v", img.Bounds(), err)
	}
	if preview(t, p, SVG) != svg || preview(t, p, PNG) != drawing {
		t.Error("a second picture differs")
	}
}

// Whatever the plan, drawing ends: with the longest run, the greatest numbers,
// and nothing to draw.
func TestPreviewExtremes(t *testing.T) {
	for _, p := range []Plan{
		{Steps: 1},
		{Steps: 1, Values: []Value{{"lr", Constant{1}}}},
		{Steps: math.MaxInt, Values: []Value{{"lr", Cosine{Peak: 1, Steps: math.MaxInt}}, {"noise", Noise{Amount: 1, Of: Constant{1}}}}},
		{Steps: 5000, Values: []Value{{"a", Linear{From: -math.MaxFloat64, To: math.MaxFloat64, Steps: 5000}}, {"b", Constant{5e-324}}}},
	} {
		for _, form := range []Preview{SVG, PNG} {
			if s := preview(t, p, form); strings.Contains(s, "NaN") || form == SVG && strings.Contains(s, "Inf") {
				t.Errorf("%+v as %s has a NaN", p, form)
			}
		}
	}
}

// A column of a long run's picture keeps what happens within it.
func TestTraceKeepsJumps(t *testing.T) {
	const n = 10 * columns
	noise := Noise{Amount: 1, Of: Constant{1}}
	x, y := trace(noise, n)
	for i := range x {
		if i > 0 && x[i] < x[i-1] || y[i] != noise.At(int(x[i])) {
			t.Fatalf("%v at step %v, after step %v", y[i], x[i], x[max(i-1, 0)])
		}
	}
	x, y = trace(Cyclic{High: 1, Up: 1}, n)
	low, high := 0, 0
	for i := range x {
		if i > 0 && x[i] < x[i-1] {
			t.Fatalf("step %v after %v", x[i], x[i-1])
		}
		if y[i] == 0 {
			low++
		}
		if y[i] == 1 {
			high++
		}
	}
	if low < columns || high < columns || x[0] != 0 || x[len(x)-1] != n-1 {
		t.Errorf("%d lows and %d highs in %d columns, steps %v to %v", low, high, columns, x[0], x[len(x)-1])
	}
}

type failing struct{ after int }

func (w *failing) Write(b []byte) (int, error) {
	if w.after -= len(b); w.after < 0 {
		return 0, errors.ErrUnsupported
	}
	return len(b), nil
}

func TestPreviewErrors(t *testing.T) {
	for _, c := range []struct {
		p    Plan
		form Preview
		want string
	}{
		{Plan{}, SVG, "plan: Steps is 0, want at least 1"},
		{Plan{Steps: 1, Values: []Value{{Name: "lr"}}}, CSV, `plan: value "lr": schedule: no schedule`},
		{sound(), "gif", `plan: preview as "gif", want "svg", "png" or "csv"`},
	} {
		var b bytes.Buffer
		if err := c.p.Preview(&b, c.form); err == nil || !strings.HasSuffix(err.Error(), c.want) || b.Len() > 0 {
			t.Errorf("%v, and %d bytes, want %s", err, b.Len(), c.want)
		}
	}
	for _, form := range []Preview{SVG, PNG, CSV} {
		for _, after := range []int{0, 5000} {
			if err := sound().Preview(&failing{after}, form); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s: %v where writing fails after %d bytes", form, err, after)
			}
		}
	}
}
