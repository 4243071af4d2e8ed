package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
)

// integrity is the registry's SHA-512 of version 0.2.3.
const integrity = "prhsLtZInQ4fX9kdYC+rhurigafJdtXlp/fTnBYw//At21Hcw4zhSbiyyAcj2Quv/EKl8sE3PMlB2IJ7IHv6Dw=="

// mail is the features of a message, a word being one, and whether it is spam.
type mail struct {
	words []int
	spam  bool
}

// features is how many numbers words are hashed to.
const features = 2048

//go:embed mail.txt
var builtin string

// builtinMail is the messages of mail.txt, in a fixed random order.
func builtinMail() []mail {
	var all []mail
	for line := range strings.Lines(builtin) {
		kind, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		all = append(all, mail{words(text), kind == "spam"})
	}
	return shuffled(all)
}

// loadMail reads the package as the registry has it. A message that has the
// same words as one before it is left out.
func loadMail(name string) ([]mail, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if sum := sha512.Sum512(data); base64.StdEncoding.EncodeToString(sum[:]) != integrity {
		return nil, fmt.Errorf("%s: not datasets-spam-assassin 0.2.3: another SHA-512", name)
	}
	return readMail(bytes.NewReader(data))
}

func readMail(r io.Reader) ([]mail, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	var all []mail
	seen := map[string]bool{}
	for archive := tar.NewReader(z); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		// A folder for each group; beside them lies a list of all files.
		if message, _ := path.Match("package/data/*/*.json", h.Name); !message {
			continue
		}
		var m struct{ Group, Text string }
		if err := json.NewDecoder(archive).Decode(&m); err != nil {
			return nil, fmt.Errorf("%s: %w", h.Name, err)
		}
		w := words(content(m.Text))
		if key := fmt.Sprint(w); len(w) > 0 && !seen[key] {
			seen[key] = true
			all = append(all, mail{w, strings.HasPrefix(m.Group, "spam")})
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no messages")
	}
	return shuffled(all), nil
}

// content is subject and body. The rest of the header would tell which mailbox
// a message comes from, and so whether it is spam.
func content(text string) string {
	header, body, _ := strings.Cut(text, "\n\n")
	for line := range strings.Lines(header) {
		if subject, ok := strings.CutPrefix(line, "Subject:"); ok {
			return subject + "\n" + body
		}
	}
	return body
}

// words are the features of a text, in order, each once: hashes of its words of
// 3 to 20 letters.
func words(text string) []int {
	var all []int
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' }) {
		if len(w) >= 3 && len(w) <= 20 {
			h := fnv.New32a()
			io.WriteString(h, w)
			all = append(all, int(h.Sum32()%features))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// fill writes the features of a message to a row of zeros: of length 1.
func (m mail) fill(row []float32) {
	for _, w := range m.words {
		row[w] = float32(1 / math.Sqrt(float64(len(m.words))))
	}
}

func shuffled(all []mail) []mail {
	rand.New(rand.NewPCG(11, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
