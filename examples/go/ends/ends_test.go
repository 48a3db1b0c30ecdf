// Package ends has tests that end their process, and one that does not end.
package ends

import (
	"os"
	"testing"
	"time"
)

func TestPanics(t *testing.T) {
	var words []string
	_ = words[2]
}

func TestExits(t *testing.T) {
	os.Exit(3)
}

// Give it an end with `--test-timeout 3s`.
func TestHangs(t *testing.T) {
	time.Sleep(time.Hour)
}

func TestPassesAfterThem(t *testing.T) {}
