package words

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWordsAreBetweenSpaces(t *testing.T) {
	if got := Words(" one  two "); len(got) != 2 {
		t.Errorf("%q has %d words", got, len(got))
	}
}

func TestWordsAreToldFromSignsWhichFails(t *testing.T) {
	if got := Words("one, two")[0]; got != "one" {
		t.Errorf("%q is no word", got)
	}
}

func TestOfTables(t *testing.T) {
	for name, text := range map[string]string{"ascii": "a b", "any 🐞\nsigns": "🐞\nß"} {
		t.Run(name, func(t *testing.T) {
			if len(Words(text)) != 2 {
				t.Fail()
			}
		})
	}
}

func TestSkipped(t *testing.T) {
	t.Skip("nobody counts words today")
}

// Fails the first time and passes the second time: with retries it is called flaky.
func TestSteadyInTheEnd(t *testing.T) {
	mark := filepath.Join(os.TempDir(), "assay-example-go")
	if _, err := os.Stat(mark); err != nil {
		os.WriteFile(mark, nil, 0o600)
		t.Fatal("the first time it fails")
	}
	os.Remove(mark)
}

func TestBesideAnother(t *testing.T) {
	t.Parallel()
	time.Sleep(20 * time.Millisecond)
}

func TestBesideOneMore(t *testing.T) {
	t.Parallel()
	time.Sleep(10 * time.Millisecond)
}

func ExampleWords() {
	fmt.Println(Words("one two"))
	// Output: [one two]
}
