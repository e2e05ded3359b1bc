/* A known amount of work: `spin N` mixes a number N thousand times. Its time grows with N and with nothing else, so that
   `spin 11000` is 10% more work than `spin 10000`. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
    uint64_t rounds = count > 1 ? strtoull(arguments[1], NULL, 10) * 1000 : 0, x = rounds;
    for (uint64_t i = 0; i < rounds; i++) {
        x ^= x >> 30;
        x *= 0xbf58476d1ce4e5b9ULL;
        x ^= x >> 27;
        x += i;
    }
    printf("%llu\n", (unsigned long long)x);
    return 0;
}
