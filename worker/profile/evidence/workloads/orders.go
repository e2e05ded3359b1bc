// Reads orders as JSON, sorts and searches them for so many seconds, and keeps some: a CPU profile and a heap profile.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sort"
	"strconv"
	"strings"
	"time"
)

type order struct {
	ID    int
	Lines []string
}

var kept []order

func search(orders []order, word string) int {
	found := 0
	for _, one := range orders {
		for _, line := range one.Lines {
			if strings.Contains(line, word) {
				found++
			}
		}
	}
	return found
}

func parse(data []byte) []order {
	var orders []order
	if err := json.Unmarshal(data, &orders); err != nil {
		panic(err)
	}
	sort.Slice(orders, func(i, j int) bool { return orders[i].ID > orders[j].ID })
	return orders
}

func index(orders []order) map[string]int {
	index := map[string]int{}
	for _, one := range orders {
		for n, line := range one.Lines {
			index[fmt.Sprint(line, n)] = one.ID
		}
	}
	return index
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	seconds, err := strconv.ParseFloat(os.Args[1], 64)
	check(err)
	var orders []order
	for n := 0; n < 500; n++ {
		orders = append(orders, order{n, []string{strings.Repeat("x", 50), strings.Repeat("yz", 40)}})
	}
	data, err := json.Marshal(orders)
	check(err)
	cpu, err := os.Create("cpu.pprof")
	check(err)
	check(pprof.StartCPUProfile(cpu))
	for end := time.Now().Add(time.Duration(seconds * 1e9)); time.Now().Before(end); {
		parsed := parse(data)
		search(parsed, "zyzyq")
		index(parsed)
		if len(kept) < 100_000 {
			kept = append(kept, parsed...)
		}
	}
	pprof.StopCPUProfile()
	check(cpu.Close())
	runtime.GC()
	heap, err := os.Create("heap.pprof")
	check(err)
	check(pprof.Lookup("heap").WriteTo(heap, 0))
	check(heap.Close())
	runtime.KeepAlive(kept)
}
