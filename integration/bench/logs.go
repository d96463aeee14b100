package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// emptyLogs throws away what Vault's audit device and Signet's records wrote, which
// would be some GB at the end. Both go on: Vault appends to the file that it has,
// and Signet makes a new one.
func (s *stack) emptyLogs() error {
	if err := os.Truncate(s.env["SIGNET_VAULT_LOG"], 0); err != nil {
		return fmt.Errorf("emptying Vault's audit log: %w", err)
	}
	if err := os.Remove(s.env["SIGNET_RECORDS"]); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the records: %w", err)
	}
	return nil
}
