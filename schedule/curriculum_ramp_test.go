package schedule

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestParseRamp(t *testing.T) {
	for text, want := range map[string]string{
		"0:768 250B:1536":                     "0:768 250B:1536",
		"0:768 250B:1536 500B:3072 750B:6144": "0:768 250B:1536 500B:3072 750B:6144",
		" 0:768,250b:1536 ":                   "0:768 250B:1536",
		"0:768 , 250B:1536":                   "0:768 250B:1536",
		"0:8":                                 "0:8",
		"0K:1K":                               "0:1000",
		"000:007\t1k:9\n2m:10":                "0:7 1K:9 2M:10",
		"0:1 1.5K:2 1.5T:3 1.500000T1:4":      "",
		"0:1 1.5K:2 0.25B:3 1.5T:4":           "0:1 1500:2 250M:3 1500B:4",
		"0:1 1000000000000:2":                 "0:1 1T:2",
		"0:1 1000T:2":                         "0:1 1000T:2",
		"0:1 61035156250:2":                   "0:1 61035156250:2",
		"0:1 9223372036854775807:2":           "0:1 9223372036854775807:2",
		"0:1 9223372.036854775807T:2":         "0:1 9223372036854775807:2",
		"0.000:1.0 2.50K:3":                   "0:1 2500:3",
	} {
		r, err := ParseRamp(text)
		if want == "" {
			if err == nil {
				t.Errorf("%q was read as %v", text, r)
			}
			continue
		}
		if err != nil || r.String() != want {
			t.Errorf("%q is %q, want %q, %v", text, r, want, err)
		}
		if back, err := ParseRamp(r.String()); err != nil || back != r {
			t.Errorf("%q is read as %v, %v", r, back, err)
		}
	}
	r, err := ParseRamp("0:768 250B:1536")
	if want := (Ramp{ListOf(0, 250_000_000_000), ListOf(768, 1536)}); err != nil || r != want {
		t.Errorf("%v, want %v, %v", r, want, err)
	}
}

func TestParseRampRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "byte 0: no entry, want COUNT:SIZE",
		"  ":                               "byte 0: no entry",
		"768":                              `byte 0: entry "768" has no colon, want COUNT:SIZE`,
		"0:768 250X:1536":                  `byte 6: count "250X": want digits, and K, M, B or T after them`,
		"0:768 :1536":                      `byte 6: count "": want digits`,
		"0:768 250B:":                      `byte 11: size "": want digits`,
		"0:768 250B:15:36":                 `byte 11: size "15:36": want digits`,
		"0:768 -5:1536":                    `byte 6: count "-5": want digits`,
		"0:768 +5:1536":                    `byte 6: count "+5": want digits`,
		"0:768 1e9:1536":                   `byte 6: count "1e9": want digits`,
		"0:768 1_000:1536":                 `byte 6: count "1_000": want digits`,
		"0:768 K:1536":                     `byte 6: count "K": want digits`,
		"0:768 .5K:1536":                   `byte 6: count ".5K": want digits`,
		"0:768 5.K:1536":                   `byte 6: count "5.K": want digits`,
		"0:768 1.0005K:1536":               `byte 6: count "1.0005K": not a whole number`,
		"0:768 250KB:1536":                 `byte 6: count "250KB": want digits`,
		"0:7.5":                            `byte 2: size "7.5": not a whole number`,
		"5:768":                            `byte 0: count "5" is the first, want 0`,
		"0:768 5K:9 5000:10":               `byte 11: count "5000" is not more than the one before, 5000`,
		"0:768 0:9":                        `byte 6: count "0" is not more than the one before, 0`,
		"0:0":                              `byte 2: size "0", want at least 1 and at most 2^53`,
		"0:9007199254740993":               `byte 2: size "9007199254740993", want at least 1`,
		"0:1 9223372036854775808:2":        "byte 4: count \"9223372036854775808\": more than the largest int",
		"0:1 9223373T:2":                   "byte 4: count \"9223373T\": more than the largest int",
		"0:1 99999999999999999999999999:2": "more than the largest int",
		",0:1":                             "byte 0: a comma without an entry before it",
		"0:1,,5:2":                         "byte 4: a comma without an entry before it",
		"0:1, ":                            "byte 5: a comma without an entry after it",
	} {
		r, err := ParseRamp(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "schedule.ParseRamp: byte ") || r != (Ramp{}) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// megatron is the rule of Megatron-LM's calculator, in its floats.
func megatron(first, step, count, last, consumed int) int {
	if consumed > count {
		return last
	}
	each := float64(count) / float64((last-first)/step)
	return first + int(float64(consumed)/each)*step
}

func TestRampBy(t *testing.T) {
	r, err := RampBy(16, 8, 300, 64)
	if want := "0:16 50:24 100:32 150:40 200:48 250:56 300:64"; err != nil || r.String() != want {
		t.Errorf("%v, want %v, %v", r, want, err)
	}
	for _, c := range [][4]int{{16, 8, 300000, 1024}, {32, 32, 97656, 1536}, {1, 1, 1000, 7}, {4, 4, 0, 16}, {8, 8, 3, 64}, {8, 8, 100, 8}} {
		r, err := RampBy(c[0], c[1], c[2], c[3])
		if err != nil || r.Validate() != nil {
			t.Errorf("%v: %v, %v", c, err, r.Validate())
			continue
		}
		if c[2] == 0 || c[0] == c[3] { // Megatron-LM divides by 0
			if want := (Ramp{ListOf(0), ListOf(c[3])}); c[2] == 0 && r != want || r.Starts.Len() != 1 {
				t.Errorf("%v: %v", c, r)
			}
			continue
		}
		for consumed := 0; consumed <= c[2]+c[2]/8+2; consumed += 1 + c[2]/5000 {
			got := r.Sizes.At(r.Starts.after(consumed) - 1)
			if want := megatron(c[0], c[1], c[2], c[3], consumed); got != want {
				t.Fatalf("%v: %d after %d samples, Megatron-LM has %d", c, got, consumed, want)
			}
		}
	}
	huge, err := RampBy(1, 1, math.MaxInt, 4)
	if want := "0:1 3074457345618258603:2 6148914691236517205:3 9223372036854775807:4"; err != nil || huge.String() != want {
		t.Errorf("%v, want %v, %v", huge, want, err)
	}
	for want, c := range map[string][4]int{
		"first is 0, want at least 1":                                               {0, 8, 100, 64},
		"step is 0, want at least 1":                                                {8, 0, 100, 64},
		"count is -1, want at least 0":                                              {8, 8, -1, 64},
		"last is 4, want at least first, which is 8":                                {8, 8, 100, 4},
		"last is 60, want first, which is 8, and a multiple of step, which is 8":    {8, 8, 100, 60},
		"step is 1, want so much that there are at most 4096 of them":               {1, 1, 100, 1 << 40},
		"last is 9223372036854775807, want at least first, which is 8, and at most": {8, 8, 100, math.MaxInt},
	} {
		if _, err := RampBy(c[0], c[1], c[2], c[3]); err == nil || !strings.HasPrefix(err.Error(), "schedule.RampBy: "+want) {
			t.Errorf("%v: %v, want %s", c, err, want)
		}
	}
}

func TestRampValidate(t *testing.T) {
	for want, r := range map[string]Ramp{
		"Starts is [], want 0 as the first":                      {},
		"Starts is [5], want 0 as the first":                     {ListOf(5), ListOf(1)},
		"Starts[1] is 0, want more than the one before, 0":       {ListOf(0, 0), ListOf(1, 2)},
		"Sizes is [1], want as many as Starts, [0 5]":            {ListOf(0, 5), ListOf(1)},
		"Sizes[1] is 0, want at least 1 and at most 2^53":        {ListOf(0, 5), ListOf(1, 0)},
		"Sizes[0] is 9007199254740993, want at least 1 and at m": {ListOf(0), ListOf(1<<53 + 1)},
	} {
		if err := r.Validate(); err == nil || !strings.HasPrefix(err.Error(), "schedule.Ramp: "+want) {
			t.Errorf("%v: %v, want %s", r, err, want)
		}
		for _, by := range []func() (Batches, error){r.BySteps, r.BySamples, func() (Batches, error) { return r.ByTokens(9) }} {
			if b, err := by(); err == nil {
				t.Errorf("%v became %v", r, b)
			}
		}
	}
}

func TestRampJSON(t *testing.T) {
	type config struct {
		Batch Ramp `json:"batch"`
	}
	var c config
	if err := json.Unmarshal([]byte(`{"batch":"0:768, 250000M:1536"}`), &c); err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(c); err != nil || string(text) != `{"batch":"0:768 250B:1536"}` {
		t.Errorf("%s, %v", text, err)
	}
	if err := json.Unmarshal([]byte(`{"batch":"0:0"}`), &c); err == nil || c.Batch.Sizes.Len() != 2 {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := json.Marshal(config{}); err == nil {
		t.Error("no ramp was written")
	}
}

func FuzzParseRamp(f *testing.F) {
	for _, s := range []string{"0:768 250B:1536", "0:1,1.5K:2", "0:1 9223372036854775807:9007199254740992", " , ", "0:1 1.0005K:2", "0:1,", ":::", "0:1 1\xff:2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRamp(text)
		if err != nil {
			if r != (Ramp{}) {
				t.Fatalf("%q: %v beside %v", text, r, err)
			}
			return
		}
		if err := r.Validate(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		back, err := ParseRamp(r.String())
		if err != nil || back != r || back.String() != r.String() {
			t.Fatalf("%q is %q, which is %q, %v", text, r, back, err)
		}
		for _, by := range []func() (Batches, error){r.BySteps, r.BySamples, func() (Batches, error) { return r.ByTokens(4096) }} {
			if b, err := by(); err == nil && b.Validate() != nil {
				t.Fatalf("%q: %v", text, b.Validate())
			}
		}
	})
}
