package glob

import (
	"regexp"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a/b.c", true},
		{"?", "", false},
		{"?", "a", true},
		{"*.bias", "layers.0.bias", true},
		{"*.bias", "layers.0.bias2", false},
		{"layers.?.w", "layers.10.w", false},
		{"a*b*c", "abbbcc", true},
		{"a*b*c", "acb", false},
		{"[a]", "[a]", true},
		{"[a]", "a", false},
		{"a**", "a", true},
	} {
		if got := Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a*b?c", "aabbcc")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 20 || len(name) > 40 || strings.Contains(pattern+name, "\n") {
			return
		}
		for _, s := range pattern + name {
			if s > 126 {
				return
			}
		}
		expression := regexp.QuoteMeta(pattern)
		expression = strings.ReplaceAll(strings.ReplaceAll(expression, `\*`, ".*"), `\?`, ".")
		if want := regexp.MustCompile("^" + expression + "$").MatchString(name); Match(pattern, name) != want {
			t.Errorf("Match(%q, %q) = %v", pattern, name, !want)
		}
	})
}
