package gpu

import (
	"flag"
	"os"
	"testing"
)

// -ptx tests kernels that were compiled after the test was.
var ptxDir = flag.String("ptx", "", "folder that has kernels/*.ptx instead of the embedded ones")

func TestMain(m *testing.M) {
	flag.Parse()
	if *ptxDir != "" {
		ptx = os.DirFS(*ptxDir)
	}
	os.Exit(m.Run())
}
