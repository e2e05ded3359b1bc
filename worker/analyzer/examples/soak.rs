//! Feeds the analyser pieces of rule examples, cut, doubled and mixed, and asserts what the fuzz target `analyze` does:
//! findings lie in the file and on the lines that were asked for. For where cargo-fuzz is not at hand; it knows nothing of
//! which code is reached.
//!
//! ```sh
//! cargo run --release -p eco-coder-analyzer --example soak -- 60          # seconds for each language
//! ```

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use eco_coder_analyzer::{Limits, LineSet, Options, STACK_BYTES, analyze};

const LANGUAGES: [(&str, &str); 9] = [
    ("a.py", "python"),
    ("A.java", "java"),
    ("a.js", "javascript"),
    ("a.ts", "javascript"),
    ("a.tsx", "javascript"),
    ("a.go", "go"),
    ("a.rs", "rust"),
    ("A.cs", "csharp"),
    ("a.php", "php"),
];

/// Pieces that open, close and hide.
const PIECES: [&str; 26] = [
    "(", ")", "[", "]", "{", "}", "<", ">", "'", "\"", "`", "\n", "\r", "\r\n", "\t", "/*", "*/", "//", "#", "\\",
    "<?php ", "?>", "é", "🦀", "\u{2028}", "'''",
];

fn main() -> io::Result<()> {
    let seconds = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(60);
    for (path, folder) in LANGUAGES {
        let seeds = examples(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules").join(folder))?;
        let soaked = thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || soak(path, &seeds, Duration::from_secs(seconds)))?
            .join()
            .map_err(|_| io::Error::other(format!("{path}: failed on what stands above")))?;
        let (times, slowest) = soaked;
        println!("{path}: {times} texts, the slowest took {slowest:?}");
    }
    Ok(())
}

/// The code in the rule files of a folder.
fn examples(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let text = fs::read_to_string(entry?.path())?;
        let documents: Vec<serde_json::Value> = ast_grep_config::from_multiple(&text).map_err(io::Error::other)?;
        for document in documents {
            let both = ["bad", "good"].into_iter().filter_map(|kind| document["examples"][kind].as_array());
            found.extend(both.flatten().filter_map(|code| code.as_str().map(str::to_owned)));
        }
    }
    Ok(found)
}

fn soak(path: &str, seeds: &[String], time: Duration) -> (u64, Duration) {
    let options = Options { include_low_confidence: true, ..Options::default() };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut times, mut slowest) = (0, Duration::ZERO);
    let ends = Instant::now() + time;
    while Instant::now() < ends {
        let text = random.text(seeds);
        let started = Instant::now();
        let all = analyze(path, &text, None, &options, &Limits::default());
        slowest = slowest.max(started.elapsed());
        times += 1;
        let Ok(all) = all else { continue };
        let lines = text.split('\n').count();
        let in_file = |first: u32, last: u32| 1 <= first && first <= last && last as usize <= lines;
        assert!(all.findings.iter().all(|f| in_file(f.start_line, f.end_line)), "{path}: {text:?}");
        let first = u32::try_from(random.below(lines)).unwrap_or(0) + 1;
        let changed = LineSet::from_ranges([first..=first + 2]);
        let Ok(some) = analyze(path, &text, Some(&changed), &options, &Limits::default()) else { continue };
        let asked = |first: u32, last: u32| changed.intersects(first..=last);
        let known = some.findings.iter().all(|f| asked(f.start_line, f.end_line) && all.findings.contains(f));
        assert!(known, "{path}, lines {first} to {}: {text:?}", first + 2);
    }
    (times, slowest)
}

/// Xorshift: the same texts in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap_or(0)
    }

    fn of<'a>(&mut self, all: &'a [String]) -> &'a str {
        all.get(self.below(all.len())).map_or("", String::as_str)
    }

    /// A few examples, changed in a few places.
    fn text(&mut self, seeds: &[String]) -> String {
        let mut text: String = (0..=self.below(3)).map(|_| self.of(seeds).to_owned() + "\n").collect();
        for _ in 0..=self.below(8) {
            let (from, to) = (self.place(&text), self.place(&text));
            let (from, to) = (from.min(to), from.max(to));
            match self.below(5) {
                0 => drop(text.drain(from..to)),
                1 => text.insert_str(from, PIECES[self.below(PIECES.len())]),
                2 => text.insert_str(from, &PIECES[self.below(PIECES.len())].repeat(self.below(60))),
                3 => {
                    let again = text[from..to].to_owned();
                    text.insert_str(from, &again);
                }
                _ => text.truncate(to),
            }
        }
        text
    }

    /// A place between two characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}
