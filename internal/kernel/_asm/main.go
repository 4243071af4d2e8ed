// Command _asm writes the amd64 kernels of package kernel: one .s file for
// each family, named after it.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// families are the files to write.
var families = []struct {
	name     string
	generate func(g *gen)
}{
	{"norm", norm},
	{"scale", scale},
	{"add", add},
	{"lerp", lerp},
	{"sgd", sgd},
	{"adam", adam},
	{"lion", lion},
	{"softmax", softmax},
	{"loss", loss},
	{"dropout", dropout},
	{"convert", convert},
	{"gemm", gemm},
	{"integer", integer},
	{"stored", stored},
	{"stochastic", stochastic},
	{"adam_scaled", adamScaled},
	{"factored", factored},
}

func main() {
	log.SetFlags(0)
	// avo's package build has taken the name out among the global flags.
	flags := flag.NewFlagSet("_asm", flag.ExitOnError)
	out := flags.String("out", "..", "directory to write to")
	flags.Parse(os.Args[1:]) // exits on error
	for _, f := range families {
		g := &gen{Context: build.NewContext()}
		g.ConstraintExpr("!purego")
		f.generate(g)
		file, err := g.Result()
		if err == nil {
			err = pass.Compile.Execute(file)
		}
		if err != nil {
			log.Fatalf("%s: %v", f.name, err)
		}
		// The header names the command as go generate runs it.
		text, err := printer.NewGoAsm(printer.Config{Argv: []string{"go", "run", ".", "-out", ".."}}).Print(file)
		if err != nil {
			log.Fatalf("%s: %v", f.name, err)
		}
		if err := os.WriteFile(filepath.Join(*out, f.name+"_amd64.s"), text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
