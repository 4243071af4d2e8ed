package loss

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"testing"

	"github.com/descent-ml/descent"
)

// pointHashes are of every loss's values and gradients on one input. They were
// computed on amd64 with AVX-512 and hold for every processor and tag.
var pointHashes = map[string]uint64{
	"asymmetric 0 0 0 bfloat16":     0xc609e61f42c90ff3,
	"asymmetric 0 0 0 float32":      0x0aa96e3342ab844c,
	"asymmetric 0 0 0 float64":      0x70b23870648744a6,
	"asymmetric 0 1 0.2 bfloat16":   0x209e3166376ba290,
	"asymmetric 0 1 0.2 float32":    0x5dfc5603a3558f6b,
	"asymmetric 0 1 0.2 float64":    0x6a2fe9f02571b3e2,
	"asymmetric 0.5 0.5 0 bfloat16": 0xa68c65ae8d759ccd,
	"asymmetric 0.5 0.5 0 float32":  0x5e0730be00c9b5e9,
	"asymmetric 0.5 0.5 0 float64":  0x03839dcf1a89d732,
	"asymmetric 1 4 0.05 bfloat16":  0x152c1d15e0454069,
	"asymmetric 1 4 0.05 float32":   0xc54f8410798c23aa,
	"asymmetric 1 4 0.05 float64":   0x5539f3010498bcda,
	"bce 0 bfloat16":                0xc609e61f42c90ff3,
	"bce 0 float32":                 0x0aa96e3342ab844c,
	"bce 0 float64":                 0x70b23870648744a6,
	"bce 0.1 bfloat16":              0x3e780f0b77279215,
	"bce 0.1 float32":               0x0b8fc1583b3984ef,
	"bce 0.1 float64":               0x1d542496dccc17bb,
	"bce 0.3 bfloat16":              0x08cc6ac667ffeb7c,
	"bce 0.3 float32":               0x1376a4422123a3c4,
	"bce 0.3 float64":               0xc0f0ca7c954b76f7,
	"cosine embedding 0 bfloat16":   0xf79e0fc939764556,
	"cosine embedding 0 float32":    0xc83a15333f7db809,
	"cosine embedding 0 float64":    0x02a051ae1baead94,
	"cosine embedding 0.3 bfloat16": 0x72212c091ebf737e,
	"cosine embedding 0.3 float32":  0x53f5f03cda27087c,
	"cosine embedding 0.3 float64":  0xe3a4d403899cbba2,
	"focal 0 0 bfloat16":            0xc609e61f42c90ff3,
	"focal 0 0 float32":             0x0aa96e3342ab844c,
	"focal 0 0 float64":             0x70b23870648744a6,
	"focal 0.5 0 bfloat16":          0xeb915e2c78cf1d8a,
	"focal 0.5 0 float32":           0x8e40a260ebf44357,
	"focal 0.5 0 float64":           0x1b55624a0bcc15f2,
	"focal 2 0.25 bfloat16":         0xad3d82afc8d142a3,
	"focal 2 0.25 float32":          0xd6483faeacb21211,
	"focal 2 0.25 float64":          0xd576b244f9b1bcd2,
	"focal 3.5 1 bfloat16":          0xb193cbdcb50c822f,
	"focal 3.5 1 float32":           0x534883f50ca46fef,
	"focal 3.5 1 float64":           0x0d82cab874e2f067,
	"huber 0 bfloat16":              0x7cfc0c66adf69c8a,
	"huber 0 float32":               0x1d6093e433ddbfd2,
	"huber 0 float64":               0x7174315eaed357d9,
	"huber 0.25 bfloat16":           0x00507377794bccc1,
	"huber 0.25 float32":            0x5a032499a2ea4708,
	"huber 0.25 float64":            0x52bb2824c3aecf38,
	"l1 bfloat16":                   0x8612aac1a2c990b8,
	"l1 float32":                    0xa017f4ca11df8ba4,
	"l1 float64":                    0x8f65f44e09d8ed78,
	"log-cosh bfloat16":             0x51c6748018822355,
	"log-cosh float32":              0x312d060fbd9785ab,
	"log-cosh float64":              0x5b023947024a03f3,
	"margin ranking 0 bfloat16":     0xd2983c4a332eb3a1,
	"margin ranking 0 float32":      0xa310054bb4b0c5d2,
	"margin ranking 0 float64":      0x5e9144a09ed0ac42,
	"margin ranking 0.3 bfloat16":   0xff904dcef8413108,
	"margin ranking 0.3 float32":    0x74212b05a1bfe5a7,
	"margin ranking 0.3 float64":    0xc8ecb6583e6046a9,
	"mse bfloat16":                  0xdc48765fb9e6ce80,
	"mse float32":                   0x9df16126a964d3aa,
	"mse float64":                   0x0ff108df5789e7ea,
	"poly-1 -1 bfloat16":            0x63cb802a70d06d83,
	"poly-1 -1 float32":             0xe012e4573195dfc9,
	"poly-1 -1 float64":             0x49759d205b51642c,
	"poly-1 0 bfloat16":             0xb5dfa2243dccc682,
	"poly-1 0 float32":              0x00d1f921fb847f55,
	"poly-1 0 float64":              0xb72692feb1315bf6,
	"poly-1 2 bfloat16":             0x12f1990a152a417c,
	"poly-1 2 float32":              0x058d415b0804c765,
	"poly-1 2 float64":              0x85ae83a4a1eeec28,
	"smooth l1 0 bfloat16":          0x8612aac1a2c990b8,
	"smooth l1 0 float32":           0xa017f4ca11df8ba4,
	"smooth l1 0 float64":           0x8f65f44e09d8ed78,
	"smooth l1 0.25 bfloat16":       0x4780c4704db7f040,
	"smooth l1 0.25 float32":        0xe20bbfcfed5b55d4,
	"smooth l1 0.25 float64":        0xff1bfec930582012,
	"softmax focal 0 bfloat16":      0xb5dfa2243dccc682,
	"softmax focal 0 float32":       0x00d1f921fb847f55,
	"softmax focal 0 float64":       0xb72692feb1315bf6,
	"softmax focal 0.5 bfloat16":    0x1b1a785ec10bbc7b,
	"softmax focal 0.5 float32":     0xf4393f72238ee9d0,
	"softmax focal 0.5 float64":     0x4402799a26436c0d,
	"softmax focal 2 bfloat16":      0xe1ad69c70c0074da,
	"softmax focal 2 float32":       0x94eb748aaee65506,
	"softmax focal 2 float64":       0x768f1e9d65865531,
	"triplet margin false bfloat16": 0x7407af8ec86b07d6,
	"triplet margin false float32":  0xc4a1db3da68db4a4,
	"triplet margin false float64":  0x5588cd22cafd4fdb,
	"triplet margin true bfloat16":  0x87763ad234e8fadf,
	"triplet margin true float32":   0x929a41064f31206f,
	"triplet margin true float64":   0x754fffe2b47aee98,
}

// TestPointHashes is run on amd64, arm64, GOAMD64=v3 and in pure Go.
func TestPointHashes(t *testing.T) {
	got := map[string]uint64{}
	for _, c := range pointCases() {
		got[c.name+" float32"] = pointHash(t, c, same[float32])
		got[c.name+" float64"] = pointHash(t, c, wide)
		got[c.name+" bfloat16"] = pointHash(t, c, descent.NewBFloat16[float32])
	}
	for name, h := range got {
		if want := pointHashes[name]; h != want {
			t.Errorf("%q: %#016x, // want %#016x", name, h, want)
		}
	}
	if len(got) != len(pointHashes) {
		t.Errorf("%d results for %d hashes", len(got), len(pointHashes))
	}
}

func pointHash[T descent.Element](t *testing.T, c pointCase, from func(float32) T) uint64 {
	h := fnv.New64a()
	var b [8]byte
	put := func(x float64) {
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(x))
		h.Write(b[:])
	}
	for _, cols := range []int{7, 5003} {
		d := data(c, 8, cols, from)
		r := d.eval(t, c, d.gs, 3)
		put(r.Sum)
		put(r.Weight)
		for _, g := range d.g {
			for _, v := range g {
				fmt.Fprint(h, v, " ")
			}
		}
	}
	return h.Sum64()
}
