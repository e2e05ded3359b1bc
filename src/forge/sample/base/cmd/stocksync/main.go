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
	if len(os.Args) != 2 {
		log.Fatal("usage: stocksync FILE")
	}
	levels, err := readFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for _, level := range levels {
		fmt.Printf("%s\t%d\n", level.SKU, level.Count)
	}
}

func readFile(path string) ([]Level, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	var levels []Level
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
		levels = append(levels, Level{SKU: sku, Count: n})
	}
	return levels, scanner.Err()
}
