// Package words splits texts.
package words

import "strings"

// Words are what is between spaces.
func Words(text string) []string {
	return strings.Fields(text)
}
