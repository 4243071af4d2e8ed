package layering

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unexampled are types that examples use without their names: what calls return,
// and interfaces that a user does not implement.
var unexampled = map[string][]string{
	"":      {"Device", "Element", "Explanation", "KernelPath", "Norm", "Tier"},
	"gpu":   {"Explanation", "Health", "Info", "Library"},
	"optim": {"ParamState", "Reason", "Report", "Rule", "Slot"},
}

// TestExamples wants every exported type of a public package in an Example with
// an output.
func TestExamples(t *testing.T) {
	root := filepath.Join("..", "..")
	packages := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if path != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
			slices.Contains([]string{"internal", "examples", "bench", "interop", "docs", "testdata"}, name)) {
			return filepath.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(path, "*.go"))
		if err != nil || len(files) == 0 {
			return err
		}
		packages++
		types, shown := map[string]bool{}, map[string]bool{}
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			if strings.HasSuffix(file, "_test.go") {
				examples(f, shown)
			} else {
				exported(f, types)
			}
		}
		pkg := filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(path, root), string(filepath.Separator)))
		for name := range types {
			if !shown[name] && !slices.Contains(unexampled[pkg], name) {
				t.Errorf("package %q: no example has %s", pkg, name)
			}
		}
		return nil
	})
	if err != nil || packages < 7 {
		t.Fatalf("%d packages, %v", packages, err)
	}
}

// exported adds the file's exported types.
func exported(f *ast.File, types map[string]bool) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, s := range g.Specs {
			if s := s.(*ast.TypeSpec); s.Name.IsExported() {
				types[s.Name.Name] = true
			}
		}
	}
}

// examples adds the identifiers in the file's examples that have an output.
func examples(f *ast.File, shown map[string]bool) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(fn.Name.Name, "Example") || fn.Recv != nil {
			continue
		}
		output := slices.ContainsFunc(f.Comments, func(c *ast.CommentGroup) bool {
			return c.Pos() > fn.Body.Pos() && c.End() < fn.Body.End() && strings.HasPrefix(c.Text(), "Output:")
		})
		if !output {
			continue
		}
		for _, part := range strings.Split(strings.TrimPrefix(fn.Name.Name, "Example"), "_") {
			shown[part] = true
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				shown[id.Name] = true
			}
			return true
		})
	}
}
