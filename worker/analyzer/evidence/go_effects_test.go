// Package evidence measures the effects that Go rules claim: `go test -v -bench . -benchmem go_effects_test.go`.
package evidence

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
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

func BenchmarkLowerBoth(b *testing.B) {
	for n := 0; n < b.N; n++ {
		if strings.ToLower("Content-Type") == strings.ToLower("content-TYPE") {
			matched++
		}
	}
}

func BenchmarkEqualFold(b *testing.B) {
	for n := 0; n < b.N; n++ {
		if strings.EqualFold("Content-Type", "content-TYPE") {
			matched++
		}
	}
}

func BenchmarkWriteSprintf(b *testing.B) {
	for n := 0; n < b.N; n++ {
		var out strings.Builder
		for i := 0; i < 1000; i++ {
			out.WriteString(fmt.Sprintf("%s: %d\n", "name", i))
		}
		sink = out.String()
	}
}

func BenchmarkFprintf(b *testing.B) {
	for n := 0; n < b.N; n++ {
		var out strings.Builder
		for i := 0; i < 1000; i++ {
			fmt.Fprintf(&out, "%s: %d\n", "name", i)
		}
		sink = out.String()
	}
}

// Timers of a minute, as a busy loop leaves them: what stays allocated after 100,000 rounds.
func TestTimersLeft(t *testing.T) {
	items := make(chan int, 1)
	held := func(round func()) uint64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := 0; i < 100_000; i++ {
			items <- i
			round()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		return after.HeapAlloc - min(after.HeapAlloc, before.HeapAlloc)
	}
	timer := time.NewTimer(time.Minute)
	one := held(func() {
		select {
		case matched = <-items:
		case <-timer.C:
		}
	})
	many := held(func() {
		select {
		case matched = <-items:
		case <-time.After(time.Minute):
		}
	})
	t.Logf("still held after 100,000 rounds: %d bytes with time.After, %d with one timer", many, one)
}

func min(a, b uint64) uint64 {
	if a < b {
		return a
	}
	return b
}

func get(b *testing.B, client func() *http.Client) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	b.ResetTimer()
	for n := 0; n < b.N; n++ {
		resp, err := client().Get(server.URL)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func BenchmarkTransportEachTime(b *testing.B) {
	get(b, func() *http.Client { return &http.Client{Transport: &http.Transport{}} })
}

func BenchmarkTransportOnce(b *testing.B) {
	client := &http.Client{Transport: &http.Transport{}}
	get(b, func() *http.Client { return client })
}
