// Package glob matches names with patterns.
package glob

// Match reports whether all of name matches the pattern, in which * is any
// text, also none and also one with dots and slashes, and ? is any one byte;
// everything else is itself, brackets included. It takes time in proportion to
// the product of the two lengths at most.
func Match(pattern, name string) bool {
	p, n := 0, 0
	star, from := -1, 0 // the last * seen, and where the text it stands for ends
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
