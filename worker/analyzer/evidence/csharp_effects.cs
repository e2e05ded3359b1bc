// Measures the effects that C# rules claim: `mcs -optimize csharp_effects.cs && mono csharp_effects.exe`, or as the only
// file of a .NET project.
//
// The two sides take turns; each time is the least of 9 turns, in milliseconds.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;

public static class CSharpEffects
{
    public static object kept;

    static double Ms()
    {
        return Stopwatch.GetTimestamp() * 1e3 / Stopwatch.Frequency;
    }

    static void Compare(string name, int times, Func<object> bad, Func<object> good)
    {
        var least = new[] { double.MaxValue, double.MaxValue };
        var sides = new[] { bad, good };
        for (int turn = 0; turn < 9; turn++)
        {
            for (int side = 0; side < 2; side++)
            {
                // The good side is often too fast for the clock: it works `times` as often.
                int rounds = side == 0 ? 1 : times;
                double start = Ms();
                for (int i = 0; i < rounds; i++) { kept = sides[side](); }
                least[side] = Math.Min(least[side], (Ms() - start) / rounds);
            }
        }
        Console.WriteLine("{0}: {1:F3} ms against {2:F3} ms, {3:F1}x", name, least[0], least[1], least[0] / least[1]);
    }

    static IEnumerable<int> Numbers(int n)
    {
        for (int i = 0; i < n; i++) { yield return i; }
    }

    static void Main()
    {
        Console.WriteLine(Environment.Version);
        Compare("EC-CS-069 Count() of a sequence before each of 3,000 rounds", 100, () =>
        {
            int sum = 0;
            var numbers = Numbers(3000);
            for (int i = 0; i < numbers.Count(); i++) { sum += i; }
            return sum;
        }, () =>
        {
            int sum = 0;
            var numbers = Numbers(3000);
            int n = numbers.Count();
            for (int i = 0; i < n; i++) { sum += i; }
            return sum;
        });
        Compare("EC-CS-075 += of 20,000 pieces of 10 characters", 100, () =>
        {
            string s = "";
            for (int i = 0; i < 20000; i++) { s += "0123456789"; }
            return s;
        }, () =>
        {
            var s = new StringBuilder();
            for (int i = 0; i < 20000; i++) { s.Append("0123456789"); }
            return s.ToString();
        });
        var lines = Enumerable.Repeat("order 123 of 2024-01-01", 5000).ToArray();
        var pattern = new Regex(@"(\d+)-(\d+)-(\d+)");
        Compare("EC-CS-077 Regex made for each of 5,000 lines", 10, () =>
        {
            int n = 0;
            foreach (var line in lines) { if (new Regex(@"(\d+)-(\d+)-(\d+)").IsMatch(line)) { n++; } }
            return n;
        }, () =>
        {
            int n = 0;
            foreach (var line in lines) { if (pattern.IsMatch(line)) { n++; } }
            return n;
        });
        Compare("EC-CS-102 Count() > 0 of 1,000,000 items", 10000,
            () => Numbers(1000000).Count() > 0, () => Numbers(1000000).Any());
        Compare("EC-CS-103 ToList().First() of 1,000,000 items", 10000,
            () => Numbers(1000000).ToList().First(), () => Numbers(1000000).First());
        var shuffled = Numbers(200000).Select(i => (i * 7919) % 200003).ToArray();
        Compare("EC-CS-109 OrderBy before Where, a tenth kept, 200,000 items", 3,
            () => shuffled.OrderBy(x => x).Where(x => x % 10 == 0).Count(),
            () => shuffled.Where(x => x % 10 == 0).OrderBy(x => x).Count());
        var map = Numbers(100000).ToDictionary(i => "key" + i);
        var keys = map.Keys.ToArray();
        Compare("EC-CS-110 ContainsKey and indexer, 100,000 keys", 3, () =>
        {
            int sum = 0;
            foreach (var key in keys) { if (map.ContainsKey(key)) { sum += map[key]; } }
            return sum;
        }, () =>
        {
            int sum = 0;
            foreach (var key in keys) { int value; if (map.TryGetValue(key, out value)) { sum += value; } }
            return sum;
        });
        Compare("EC-CS-111 indexer for each own key, 100,000 keys", 3, () =>
        {
            int sum = 0;
            foreach (var key in map.Keys) { sum += map[key]; }
            return sum;
        }, () =>
        {
            int sum = 0;
            foreach (var pair in map) { sum += pair.Value; }
            return sum;
        });
        var heap = Numbers(300000).Select(i => new object[] { i, "x" + i }).ToList();
        Compare("EC-CS-086 GC.Collect 5 times with 300,000 live objects, against none", 100, () =>
        {
            for (int i = 0; i < 5; i++) { GC.Collect(); }
            return heap;
        }, () =>
        {
            int n = 0;
            for (int i = 0; i < 5000; i++) { n += i; }
            return n;
        });
    }
}
