// Command _asm_arm64 writes the NEON kernels of package kernel.
//
// Go's assembler for arm64 knows the integer vector instructions and VFMLA but
// no other vector arithmetic, so those are written as WORD with the mnemonic
// beside it; a test decodes every WORD and compares. Whatever the assembler
// knows is left to it.
//
// Operands here come destination first, as in Arm's manual (DDI 0487, section
// C7.2), from which the encodings are.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
)

// families are the files, without the suffix _arm64.s.
var families = []struct {
	name string
	emit func(*file)
}{
	{"adam", adam},
	{"add", add},
	{"convert", convert},
	{"dropout", dropout},
	{"factored", factored},
	{"gemm", gemm},
	{"lerp", lerp},
	{"lion", lion},
	{"loss", loss},
	{"norm", norm},
	{"scale", scale},
	{"sgd", sgd},
	{"softmax", softmax},
	{"stored", stored},
}

func main() {
	out := flag.String("out", "..", "folder of package kernel")
	flag.Parse()
	for _, f := range families {
		name := filepath.Join(*out, f.name+"_arm64.s")
		if err := os.WriteFile(name, generate(f.emit), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
