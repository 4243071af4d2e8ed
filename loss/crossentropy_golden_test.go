package loss

import (
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

// entropyOps are the operations of the golden file that CrossEntropy computes.
var entropyOps = []string{"cross_entropy", "cross_entropy_z_loss", "cross_entropy_softcap", "mixup_cross_entropy"}

// entropyConfig is the peer's configuration in ours.
func entropyConfig(c golden.Case) CrossEntropy {
	ce := CrossEntropy{Smoothing: c.Config.Float("label_smoothing")}
	if c.Config.Has("ignore_index") {
		ce.Ignore = NewClass(c.Config.Int("ignore_index"))
	}
	if c.Config.Has("z_loss") {
		ce.ZLoss = c.Config.Float("z_loss")
	}
	if c.Config.Has("softcap") {
		ce.SoftCap = c.Config.Float("softcap")
	}
	if w, ok := c.In["weight"]; ok {
		ce.Weights = descent.Of(w.Data)
	}
	return ce
}

// entropyTargets are the case's targets.
func entropyTargets[F float32 | float64](c golden.Case, rows, classes int) descent.View {
	if a, ok := c.In["target_a"]; ok {
		// MixUp is cross-entropy with both classes' shares as probabilities.
		lam := F(c.Config.Float("lam"))
		p := make([]F, rows*classes)
		for r := range rows {
			p[r*classes+a.Ints()[r]] += lam
			p[r*classes+c.In["target_b"].Ints()[r]] += 1 - lam
		}
		return descent.Of(p, rows, classes)
	}
	in := c.In["target"]
	if c.Config.Has("target") && c.Config.String("target") == "probabilities" {
		return descent.Of(floats[F](in.Data), rows, classes)
	}
	y := make([]int64, rows)
	for i, v := range in.Ints() {
		y[i] = int64(v)
	}
	return descent.Of(y)
}

// allIgnored reports whether no row of a case counts.
func allIgnored(c golden.Case) bool {
	hard := c.In["target"].Ints()
	for _, y := range hard {
		if !c.Config.Has("ignore_index") || y != c.Config.Int("ignore_index") {
			return false
		}
	}
	return len(hard) > 0
}

func floats[F float32 | float64](x []float64) []F {
	y := make([]F, len(x))
	for i, v := range x {
		y[i] = F(v)
	}
	return y
}

// evalCase runs a golden case in F and returns what the case's reduction asks
// for.
func evalCase[F float32 | float64](t *testing.T, c golden.Case) (value, grad []float64) {
	in := c.In["logits"]
	rows, classes := in.Shape[0], in.Shape[1]
	g, losses := make([]F, len(in.Data)), make([]float64, rows)
	r, err := entropyConfig(c).EvalRows(descent.Of(losses), descent.Of(g, rows, classes),
		descent.Of(floats[F](in.Data), rows, classes), entropyTargets[F](c, rows, classes))
	if err != nil {
		t.Fatal(err)
	}
	by := func(int) float64 { return 1 }
	switch c.Config.String("reduction") {
	case "none":
		value = losses
		by = func(row int) float64 { return c.In["grad_output"].Data[row] }
	case "mean":
		value = []float64{r.Mean()}
		if r.Weight > 0 {
			by = func(int) float64 { return 1 / r.Weight }
		}
	case "sum":
		value = []float64{r.Sum}
	}
	for i, v := range g {
		grad = append(grad, float64(v)*by(i/classes))
	}
	return value, grad
}

func TestCrossEntropyGolden(t *testing.T) {
	rows := map[string]int{}
	for _, c := range golden.Load(t, "testdata/loss.json") {
		if !slices.Contains(entropyOps, c.Op) {
			continue
		}
		rows[c.Op]++
		t.Run(c.Name, func(t *testing.T) {
			wantV, wantG := slices.Clone(c.Out["value"].Data), slices.Clone(c.Out["grad_logits"].Data)
			if c.Config.String("reduction") == "mean" && allIgnored(c) {
				// PyTorch divides 0 by 0; ours is 0 with weight 0.
				wantV[0] = 0
				clear(wantG)
			}
			value, grad := evalCase[float64](t, c)
			// The absolute term is for differences of logits near 0.
			rel, abs := 1e-13, 1e-14
			if c.Config.Has("dtype") && c.Config.String("dtype") == "float32" {
				rel, abs = 2e-6, 2e-6
			}
			if err := golden.Close(value, wantV, rel, abs); err != nil {
				t.Errorf("float64 value: %v", err)
			}
			if err := golden.Close(grad, wantG, rel, abs); err != nil {
				t.Errorf("float64 gradient: %v", err)
			}
			value, grad = evalCase[float32](t, c)
			// Exponentials of 1.3 ulp, float32 quotients: 3e-7 of a probability;
			// a value is a float64 sum over float32 exponentials. Capped logits
			// carry 6 ulp.
			if err := golden.Close(value, wantV, 1e-6, 1e-6); err != nil {
				t.Errorf("float32 value: %v", err)
			}
			if err := golden.Close(grad, wantG, 1e-6, 1e-6); err != nil {
				t.Errorf("float32 gradient: %v", err)
			}
		})
	}
	for op, n := range map[string]int{
		"cross_entropy": 224, "cross_entropy_z_loss": 36, "cross_entropy_softcap": 12, "mixup_cross_entropy": 2,
	} {
		if rows[op] != n {
			t.Errorf("%d golden rows of %s, want %d", rows[op], op, n)
		}
	}
}

// The z-loss alone is the difference to the same loss without it.
func TestZLossGolden(t *testing.T) {
	for _, c := range golden.Load(t, "testdata/loss.json") {
		if c.Op != "cross_entropy_z_loss" {
			continue
		}
		value, _ := evalCase[float64](t, c)
		z := c.Config["z_loss"]
		c.Config["z_loss"] = 0.0
		without, _ := evalCase[float64](t, c)
		c.Config["z_loss"] = z
		for i := range value {
			value[i] -= without[i]
		}
		// A difference of losses up to 10.
		if err := golden.Close(value, c.Out["z_loss"].Data, 1e-13, 1e-14); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}
