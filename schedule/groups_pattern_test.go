package schedule

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

func TestGroupMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"head.*", "head.weight", true},
		{"head.*", "head.", true},
		{"head.*", "head", false},
		{"head.*", "ahead.weight", false},
		{"*.bias", "blocks.3.attn.bias", true},
		{"*.bias", ".bias", true},
		{"*.bias", "bias", false},
		{"*", "", true},
		{"*", "a/b.c", true},
		{"**", "a", true},
		{"?", "a", true},
		{"?", "", false},
		{"?", "ab", false},
		{"blocks.?.*", "blocks.1.w", true},
		{"blocks.?.*", "blocks.12.w", false},
		{"layers[3].*", "layers[3].w", true},
		{"layers[3].*", "layers3.w", false},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"Head", "head", false},
		{"a?", "é", false},
		{"\\*", "\\anything", true},
	} {
		if got := (Group{Pattern: c.pattern}).Matches(c.name); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.name, got)
		}
	}
}

func TestGroupMatchesInTime(t *testing.T) {
	name := strings.Repeat("a", 5000)
	if (Group{Pattern: strings.Repeat("a*", 2000) + "b"}).Matches(name) {
		t.Error("matches")
	}
}

func FuzzGroupMatches(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add("**?*", "")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		for _, s := range []string{pattern, name} {
			for _, c := range []byte(s) {
				if c < ' ' || c > '~' {
					t.Skip() // a regular expression's . is a rune
				}
			}
		}
		re := regexp.QuoteMeta(pattern)
		re = strings.ReplaceAll(strings.ReplaceAll(re, `\*`, `.*`), `\?`, `.`)
		want := regexp.MustCompile("^(?:" + re + ")$").MatchString(name)
		if got := (Group{Pattern: pattern}).Matches(name); got != want {
			t.Fatalf("%q matches %q: %v, a regular expression says %v", pattern, name, got, want)
		}
	})
}

func TestResolve(t *testing.T) {
	names := []string{"embed.w", "block.0.w", "block.0.bias", "block.1.w", "head.w", "extra"}
	g, err := Resolve(names,
		Group{"*.bias", Constant{0.5}},
		Group{"block.0.*", Constant{0.25}},
		Group{"block.*", Layer{Top: 1, Every: 10}},
		Group{"embed.*", Constant{0}},
		Group{"head.*", Constant{2}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0, 0.25, 0.5, 0, 2, 1} {
		if got := g.At(i, 9); got != want || g.Of(i).At(9) != want {
			t.Errorf("%s: %v, want %v", names[i], got, want)
		}
	}
	if g.Len() != len(names) || g.At(3, 10) != 1 {
		t.Errorf("%d names, %v", g.Len(), g.At(3, 10))
	}
	g, err = Resolve(names[:1], Group{"embed.*", Constant{3}}, Group{"*", Constant{0.1}})
	if err != nil || g.At(0, 0) != 3 {
		t.Errorf("a default that nothing needs: %v", err)
	}
	if g, err = Resolve(names, Group{"*", Constant{0.1}}); err != nil || g.At(5, 0) != 0.1 {
		t.Errorf("a default alone: %v", err)
	}
	if g, err = Resolve(names); err != nil || g.At(5, 0) != 1 {
		t.Errorf("no groups: %v", err)
	}
}

func TestResolveRefuses(t *testing.T) {
	names := []string{"block.0.w", "block.1.w"}
	one := Constant{1}
	for want, c := range map[string]struct {
		names  []string
		groups []Group
	}{
		`group 1, "heads.*", matches none of 2 names`:                                   {names, []Group{{"block.*", one}, {"heads.*", one}}},
		`group 1, "block.0.*", is behind group 0, "block.*", which has "block.0.w" too`: {names, []Group{{"block.*", one}, {"block.0.*", one}}},
		`name 2, "block.0.w", occurs twice`:                                             {append(names, "block.0.w"), nil},
		`group 0: schedule.Group: Pattern is "", want a pattern`:                        {names, []Group{{"", one}}},
		`group 0: schedule.Group: Schedule is no schedule`:                              {names, []Group{{"block.*", nil}}},
		`group 0: schedule.Group.Schedule: schedule.Layer: Every is`:                    {names, []Group{{"block.*", Layer{Every: -1}}}},
	} {
		if g, err := Resolve(c.names, c.groups...); err == nil || g != nil || !strings.HasPrefix(err.Error(), "schedule.Resolve: "+want) {
			t.Errorf("%v: %v, want %s", c.groups, err, want)
		}
	}
}

func TestResolveKeepsNothing(t *testing.T) {
	groups := []Group{{"a", Constant{2}}}
	g, err := Resolve([]string{"a"}, groups...)
	if err != nil {
		t.Fatal(err)
	}
	if groups[0].Schedule = (Constant{3}); g.At(0, 0) != 2 {
		t.Error("the groups are those of the caller")
	}
}

func TestGroupJSON(t *testing.T) {
	groups := Layer{Decay: 0.5}.Groups("embed.*", "head.*")
	text, err := json.Marshal(groups)
	want := `[{"pattern":"embed.*","schedule":{"kind":"layer","top":1,"decay":0.5}},` +
		`{"pattern":"head.*","schedule":{"kind":"layer","index":1,"top":1,"decay":0.5}}]`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
	var back []Group
	if err := json.Unmarshal(text, &back); err != nil || len(back) != 2 || back[0] != groups[0] || back[1] != groups[1] {
		t.Errorf("%v, %v", back, err)
	}
	for text, want := range map[string]string{
		`{"pattern":"a"}`: "schedule.Group: Schedule is no schedule",
		`{"patern":"a"}`:  `schedule.Group: unknown field "patern"`,
		`{"pattern":"","schedule":{"kind":"constant"}}`: `schedule.Group: Pattern is ""`,
		`{"pattern":"a","schedule":{"kind":"nope"}}`:    "schedule.Group: schedule: kind: unknown kind",
	} {
		var g Group
		if err := json.Unmarshal([]byte(text), &g); err == nil || !strings.HasPrefix(err.Error(), want) || g != (Group{}) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := json.Marshal(Group{}); err == nil {
		t.Error("an empty group was written")
	}
}
