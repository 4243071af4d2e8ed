package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// exported are the exported names of a package, and of its structs' fields as
// Type.Field.
func exported(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no package %s: %v", folder, err)
	}
	names := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				names[n.Name.Name] = n.Recv == nil
				return false
			case *ast.ValueSpec:
				for _, name := range n.Names {
					names[name.Name] = true
				}
			case *ast.TypeSpec:
				names[n.Name.Name] = true
				if s, ok := n.Type.(*ast.StructType); ok {
					for _, field := range s.Fields.List {
						for _, name := range field.Names {
							names[n.Name.Name+"."+name.Name] = true
						}
					}
				}
			}
			return true
		})
	}
	return names
}

// Every name in choosing.md's tables is in its package, and so is every field.
func TestChoosingNames(t *testing.T) {
	text, err := os.ReadFile("choosing.md")
	if err != nil {
		t.Fatal(err)
	}
	spans := regexp.MustCompile("`([a-z]+)\\.([A-Z]\\w*)(?:{([^}]*)})?`").FindAllStringSubmatch(string(text), -1)
	if len(spans) < 60 {
		t.Fatalf("%d names, want at least 60", len(spans))
	}
	packages := map[string]map[string]bool{}
	for _, s := range spans {
		folder, name, fields := s[1], s[2], s[3]
		if packages[folder] == nil {
			packages[folder] = exported(t, folder)
		}
		if !packages[folder][name] {
			t.Errorf("%s has no %s", folder, name)
		}
		for _, field := range strings.Split(fields, ",") {
			field, _, _ = strings.Cut(strings.TrimSpace(field), ":")
			if field != "" && !packages[folder][name+"."+field] {
				t.Errorf("%s.%s has no field %s", folder, name, field)
			}
		}
	}
}
