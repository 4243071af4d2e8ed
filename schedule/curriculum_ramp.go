package schedule

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Ramp is a batch size that changes when a count reaches given numbers.
//
//	size i  for Starts[i] ≤ count < Starts[i+1]
//
// What is counted, steps, samples or tokens, is said where the Ramp is made into
// Batches, the schedule by steps. Its text, and its JSON, is Megatron-LM's: a
// count and a size for each size, as in "0:768 250B:1536".
type Ramp struct {
	Starts List[int] // rising from 0
	Sizes  List[int] // at least 1, one for each start
}

// suffixes are thousands, counted, of a number in a ramp's text.
const suffixes = "KMBT"

// ParseRamp reads a ramp: COUNT:SIZE, again and again, with spaces or a comma in
// between. Numbers may have decimals and end in K, M, B or T, for a thousand to a
// million millions, in either case; they must come out whole, and are exact.
// Counts rise from 0. An error names the byte where it is. Megatron-LM reads
// numbers as floats, sorts what does not rise, and drops a fraction.
func ParseRamp(text string) (Ramp, error) {
	var starts, sizes []int
	fail := func(at int, format string, args ...any) (Ramp, error) {
		return Ramp{}, fmt.Errorf("schedule.ParseRamp: byte %d: "+format, append([]any{at}, args...)...)
	}
	isSpace := func(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
	comma := true // one would be a second, or the first
	for at := 0; at < len(text); {
		if isSpace(text[at]) {
			at++
			continue
		}
		if text[at] == ',' {
			if comma {
				return fail(at, "a comma without an entry before it")
			}
			comma = true
			at++
			continue
		}
		end := at
		for end < len(text) && text[end] != ',' && !isSpace(text[end]) {
			end++
		}
		entry := text[at:end]
		count, size, ok := strings.Cut(entry, ":")
		if !ok {
			return fail(at, "entry %q has no colon, want COUNT:SIZE", entry)
		}
		start, err := quantity(count)
		if err != nil {
			return fail(at, "count %q: %w", count, err)
		}
		n, err := quantity(size)
		if err != nil {
			return fail(at+len(count)+1, "size %q: %w", size, err)
		}
		switch {
		case len(starts) == 0 && start != 0:
			return fail(at, "count %q is the first, want 0", count)
		case len(starts) > 0 && start <= starts[len(starts)-1]:
			return fail(at, "count %q is not more than the one before, %d", count, starts[len(starts)-1])
		case n < 1 || n > wholeFloat:
			return fail(at+len(count)+1, "size %q, want at least 1 and at most 2^53", size)
		}
		starts, sizes = append(starts, start), append(sizes, n)
		comma = false
		at = end
	}
	if len(starts) == 0 {
		return fail(0, "no entry, want COUNT:SIZE")
	}
	if comma {
		return fail(len(text), "a comma without an entry after it")
	}
	return Ramp{ListOf(starts...), ListOf(sizes...)}, nil
}

var errNotQuantity = errors.New("want digits, and K, M, B or T after them")

// quantity reads a whole number with decimals and a suffix.
func quantity(s string) (int, error) {
	digits := s
	places := 0 // of ten that the suffix moves the point by
	if s != "" {
		if i := strings.IndexByte(suffixes, s[len(s)-1]&^0x20); i >= 0 {
			digits, places = s[:len(s)-1], 3*(i+1)
		}
	}
	whole, decimals, point := strings.Cut(digits, ".")
	if whole == "" || point && decimals == "" {
		return 0, errNotQuantity
	}
	n := uint64(0)
	for _, c := range []byte(whole + decimals) {
		if c < '0' || c > '9' {
			return 0, errNotQuantity
		}
	}
	decimals = strings.TrimRight(decimals, "0")
	if len(decimals) > places {
		return 0, errors.New("not a whole number")
	}
	const largest = uint64(^uint(0) >> 1)
	for _, c := range []byte(whole + decimals + strings.Repeat("0", places-len(decimals))) {
		hi, lo := bits.Mul64(n, 10)
		sum, carry := bits.Add64(lo, uint64(c-'0'), 0)
		if hi != 0 || carry != 0 || sum > largest {
			return 0, fmt.Errorf("more than the largest int, %d", largest)
		}
		n = sum
	}
	return int(n), nil
}

// RampBy is Megatron-LM's ramp of three numbers: sizes from first to last, by
// step at a time, spread evenly over count samples. Size i, from 0, starts at
// ⌈i·count/n⌉, n = (last-first)/step; where two start at one count the greater
// holds. Each number out of range is an error, as is a last that is not reached.
func RampBy(first, step, count, last int) (Ramp, error) {
	const most = 1 << 12
	r := check("RampBy").atLeast("first", first, 1).atLeast("step", step, 1).atLeast("count", count, 0).
		want(last >= first && last <= wholeFloat, "last", last, fmt.Sprintf("at least first, which is %d, and at most 2^53", first))
	if r.err != nil {
		return Ramp{}, r.err
	}
	n := (last - first) / step
	if r.want((last-first)%step == 0, "last", last, fmt.Sprintf("first, which is %d, and a multiple of step, which is %d", first, step)).
		want(n <= most, "step", step, fmt.Sprintf("so much that there are at most %d of them", most)).err != nil {
		return Ramp{}, r.err
	}
	starts, sizes := []int{0}, []int{first}
	for i := 1; i <= n; i++ {
		hi, lo := bits.Mul64(uint64(i), uint64(count))
		q, rest := bits.Div64(hi, lo, uint64(n)) // at most count, as i ≤ n
		start := int(q)
		if rest > 0 {
			start++
		}
		if start == starts[len(starts)-1] {
			sizes[len(sizes)-1] = first + i*step
			continue
		}
		starts, sizes = append(starts, start), append(sizes, first+i*step)
	}
	return Ramp{ListOf(starts...), ListOf(sizes...)}, nil
}

// String is the canonical text: counts with the largest suffix that leaves them
// whole, sizes with none, one space in between. ParseRamp of it is the same Ramp.
func (r Ramp) String() string {
	var b strings.Builder
	for i := range min(r.Starts.Len(), r.Sizes.Len()) {
		if i > 0 {
			b.WriteByte(' ')
		}
		n, thousands := r.Starts.At(i), 0
		for n != 0 && n%1000 == 0 && thousands < len(suffixes) {
			n /= 1000
			thousands++
		}
		b.WriteString(strconv.Itoa(n))
		if thousands > 0 {
			b.WriteByte(suffixes[thousands-1])
		}
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(r.Sizes.At(i)))
	}
	return b.String()
}

// Validate reports the first entry out of range.
func (r Ramp) Validate() error { return check("Ramp").phases("Starts", r.Starts, r.Sizes).err }

// phases wants sizes of batches, and where each starts.
func (r *rules) phases(field string, starts, sizes List[int]) *rules {
	r.rising(field, starts).
		want(starts.Len() > 0 && starts.At(0) == 0, field, starts, "0 as the first").
		want(starts.Len() == sizes.Len(), "Sizes", sizes, "as many as "+field+", "+starts.String())
	for i, v := range sizes.All() {
		r.want(v >= 1 && v <= wholeFloat, fmt.Sprintf("Sizes[%d]", i), v, "at least 1 and at most 2^53")
	}
	return r
}

// MarshalText implements encoding.TextMarshaler.
func (r Ramp) MarshalText() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return []byte(r.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Ramp) UnmarshalText(text []byte) error {
	q, err := ParseRamp(string(text))
	if err == nil {
		*r = q
	}
	return err
}
