package report_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/keyrota/keyrota/sync/report"
)

func TestShots(t *testing.T) {
	dir := os.Getenv("SHOTS")
	if dir == "" {
		t.Skip()
	}
	for _, n := range []int{0, 1, 40, 500} {
		for _, f := range report.Formats() {
			files, err := report.Files(estate(n), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d-%s", n, file.Name)), file.Body, 0o600)
			}
		}
	}
}
