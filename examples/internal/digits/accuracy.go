package digits

import (
	"slices"

	"github.com/descent-ml/descent/examples/internal/nn"
)

// Network is what makes logits of images: an *nn.MLP, or what was made of one.
type Network interface {
	Predict(x nn.Matrix) (logits nn.Matrix, err error)
}

// Accuracy is the share of images that a network recognizes. Rows of x go
// through it at once.
func Accuracy(net Network, images Images, x nn.Matrix) (float64, error) {
	right := 0
	for at := 0; at < images.Len(); at += x.Rows {
		rows := min(x.Rows, images.Len()-at)
		for i := range rows {
			images.Fill(x.Row(i), at+i)
		}
		logits, err := net.Predict(x.Top(rows))
		if err != nil {
			return 0, err
		}
		for i := range rows {
			if slices.Index(logits.Row(i), slices.Max(logits.Row(i))) == images.Label(at+i) {
				right++
			}
		}
	}
	return float64(right) / float64(images.Len()), nil
}
