// Package evidence measures the effects that Go rules claim: `go test -bench . -benchmem go_effects_test.go`.
package evidence

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var sink string
var matched int

func BenchmarkConcat5000(b *testing.B) {
	for n := 0; n < b.N; n++ {
		out := ""
		for i := 0; i < 5000; i++ {
			out += "0123456789"
		}
		sink = out
	}
}

func BenchmarkBuilder5000(b *testing.B) {
	for n := 0; n < b.N; n++ {
		var out strings.Builder
		for i := 0; i < 5000; i++ {
			out.WriteString("0123456789")
		}
		sink = out.String()
	}
}

func BenchmarkSprintf(b *testing.B) {
	for n := 0; n < b.N; n++ {
		sink = fmt.Sprintf("%d", n+1000)
	}
}

func BenchmarkItoa(b *testing.B) {
	for n := 0; n < b.N; n++ {
		sink = strconv.Itoa(n + 1000)
	}
}

func BenchmarkCompileEachTime(b *testing.B) {
	for n := 0; n < b.N; n++ {
		if regexp.MustCompile(`^(\w+)=(\w+)$`).MatchString("user1=value1") {
			matched++
		}
	}
}

var pattern = regexp.MustCompile(`^(\w+)=(\w+)$`)

func BenchmarkCompiledOnce(b *testing.B) {
	for n := 0; n < b.N; n++ {
		if pattern.MatchString("user1=value1") {
			matched++
		}
	}
}
