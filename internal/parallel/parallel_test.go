package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// counter counts how often each item ran.
type counter struct{ seen []atomic.Int32 }

func (c *counter) Run(i int) { c.seen[i].Add(1) }

func TestEveryItemOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 7, 16} {
		runtime.GOMAXPROCS(procs)
		for _, n := range []int{0, 1, 2, 3, 16, 1000} {
			c := &counter{seen: make([]atomic.Int32, n)}
			Do(n, c)
			for i := range c.seen {
				if got := c.seen[i].Load(); got != 1 {
					t.Fatalf("GOMAXPROCS %d: item %d of %d ran %d times", procs, i, n, got)
				}
			}
		}
	}
}

// nested runs a task inside each item, which finds the pool taken.
type nested struct{ inner []*counter }

func (n *nested) Run(i int) { Do(len(n.inner[i].seen), n.inner[i]) }

func TestNested(t *testing.T) {
	n := &nested{}
	for range 8 {
		n.inner = append(n.inner, &counter{seen: make([]atomic.Int32, 100)})
	}
	Do(len(n.inner), n)
	for _, c := range n.inner {
		for i := range c.seen {
			if got := c.seen[i].Load(); got != 1 {
				t.Fatalf("inner item %d ran %d times", i, got)
			}
		}
	}
}

func TestConcurrentCallers(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				c := &counter{seen: make([]atomic.Int32, 50)}
				Do(50, c)
				for i := range c.seen {
					if got := c.seen[i].Load(); got != 1 {
						t.Errorf("item %d ran %d times", i, got)
					}
				}
			}
		})
	}
	wg.Wait()
}

type nothing struct{}

func (*nothing) Run(int) {}

func TestNoAllocations(t *testing.T) {
	task := &nothing{}
	Do(64, task)
	if n := testing.AllocsPerRun(100, func() { Do(64, task) }); n != 0 {
		t.Errorf("Do allocates %v times", n)
	}
}

// BenchmarkDo is the price of spreading nothing over every processor.
func BenchmarkDo(b *testing.B) {
	task := &nothing{}
	for b.Loop() {
		Do(64, task)
	}
}
