package backend

// Regularizers is what package regularize asks of a device.
type Regularizers interface {
	Dropout(d Dropout) error
}

// Dropout sets Dst = Scale·Src where an element's random word is at least
// Drop, and 0 elsewhere.
type Dropout struct {
	Dst, Src     Buffer
	Scale        float64
	Drop         uint64 // of 2³²
	Seed, Stream uint64
	Step         uint64
}
