package history

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// AuditLog writes the audit log as buckets hold it that it is synced to: JSON lines, oldest first. keep says which
// entries are in it; nil: all.
func (h *History) AuditLog(w io.Writer, keep func(sandbox.AuditEntry) bool) error {
	buffered := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffered)
	for _, e := range h.Seed.AuditLog {
		if keep != nil && !keep(e) {
			continue
		}
		if err := encoder.Encode(e); err != nil {
			return fmt.Errorf("writing the audit log: %w", err)
		}
	}
	return buffered.Flush()
}
