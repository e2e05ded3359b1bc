// Command stocksync reads the warehouse's stock files and tells the shop what is left.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
)

// Level is how many pieces of a product are left.
type Level struct {
	SKU   string
	Count int
}

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: stocksync FILE...")
	}
	levels, err := readFiles(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	for _, level := range levels {
		fmt.Printf("%s\t%d\n", level.SKU, level.Count)
	}
}

// readFiles reads one file per warehouse; the counts of a product add up.
func readFiles(paths []string) ([]Level, error) {
	counts := make(map[string]int)
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()

		scanner := bufio.NewScanner(file)
		for scanner.Scan() {
			sku, count, found := strings.Cut(scanner.Text(), ";")
			if !found {
				continue
			}
			n, err := strconv.Atoi(count)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", sku, err)
			}
			counts[sku] += n
		}
		if err := scanner.Err(); err != nil {
			return nil, err
		}
	}
	levels := make([]Level, 0, len(counts))
	for sku, count := range counts {
		levels = append(levels, Level{SKU: sku, Count: count})
	}
	return levels, nil
}
