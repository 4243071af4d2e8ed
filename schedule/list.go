package schedule

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"strings"
)

// List is a fixed list of numbers that, unlike a slice, can be compared with ==
// and cannot change: schedules with lists stay values. The zero List is empty.
type List[T int | float64] struct {
	elements string // eight bytes each, little-endian
}

// ListOf is the list of the numbers given.
func ListOf[T int | float64](x ...T) List[T] {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, word(v))
	}
	return List[T]{string(b)}
}

func word[T int | float64](v T) uint64 {
	switch v := any(v).(type) {
	case float64:
		return math.Float64bits(v + 0) // one zero, so that equal numbers are equal lists
	case int:
		return uint64(v)
	}
	return 0
}

// Len is how many numbers there are.
func (l List[T]) Len() int { return len(l.elements) / 8 }

// At is number i; it panics, as a slice does, where there is none.
func (l List[T]) At(i int) T {
	s := l.elements[8*i : 8*i+8]
	u := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	var v T
	switch p := any(&v).(type) {
	case *float64:
		*p = math.Float64frombits(u)
	case *int:
		*p = int(u)
	}
	return v
}

// All ranges over the positions and numbers.
func (l List[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i := range l.Len() {
			if !yield(i, l.At(i)) {
				return
			}
		}
	}
}

// after is how many of the numbers, which rise, are at most v.
func (l List[T]) after(v T) int {
	lo, hi := 0, l.Len()
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if l.At(mid) <= v {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// String is the numbers in brackets.
func (l List[T]) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, v := range l.All() {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprint(&b, v)
	}
	b.WriteByte(']')
	return b.String()
}

// MarshalJSON implements json.Marshaler: an array of numbers.
func (l List[T]) MarshalJSON() ([]byte, error) {
	x := make([]T, l.Len())
	for i, v := range l.All() {
		x[i] = v
	}
	return json.Marshal(x)
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *List[T]) UnmarshalJSON(b []byte) error {
	var numbers []*T
	if err := json.Unmarshal(b, &numbers); err != nil {
		return err
	}
	x := make([]T, len(numbers))
	for i, v := range numbers {
		if v == nil {
			return fmt.Errorf("schedule: number %d of a list is null", i)
		}
		x[i] = *v
	}
	*l = ListOf(x...)
	return nil
}
