//! Measures the effects that Rust rules claim: `rustc -O --edition 2024 rust_effects.rs && ./rust_effects`. The two sides
//! take turns; each time is the least of 7 turns, which a busy machine disturbs least. Nothing but the standard library.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

fn compare<'a>(name: &str, bad: &'a mut dyn FnMut(), good: &'a mut dyn FnMut()) {
    let mut sides = [bad, good];
    let mut least = [f64::INFINITY; 2];
    for _ in 0..7 {
        for (side, work) in sides.iter_mut().enumerate() {
            let start = Instant::now();
            work();
            least[side] = least[side].min(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    let [bad, good] = least;
    println!("{name}: {bad:.3} ms against {good:.3} ms, {:.1}x", bad / good);
}

/// Seconds of processor time this process has had, user and system together.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn main() {
    let n = 50_000_u32;
    compare(
        "vector of 50000 emptied with remove(0) against a VecDeque",
        &mut || {
            let mut v: Vec<u32> = (0..n).collect();
            while !v.is_empty() {
                black_box(v.remove(0));
            }
        },
        &mut || {
            let mut v: VecDeque<u32> = (0..n).collect();
            while let Some(x) = v.pop_front() {
                black_box(x);
            }
        },
    );
    compare(
        "50000 items put in with insert(0) against push and reverse",
        &mut || {
            let mut v = Vec::new();
            for i in 0..n {
                v.insert(0, i);
            }
            black_box(v);
        },
        &mut || {
            let mut v = Vec::new();
            for i in 0..n {
                v.push(i);
            }
            v.reverse();
            black_box(v);
        },
    );

    let words: Vec<String> = (0..100_000).map(|i| format!("word{}", i % 50_000)).collect();
    compare(
        "contains_key then insert against entry, 100000 words of which half are new",
        &mut || {
            let mut seen: HashMap<&str, Vec<u32>> = HashMap::new();
            for word in &words {
                if !seen.contains_key(word.as_str()) {
                    seen.insert(word, Vec::new());
                }
            }
            black_box(seen);
        },
        &mut || {
            let mut seen: HashMap<&str, Vec<u32>> = HashMap::new();
            for word in &words {
                seen.entry(word).or_default();
            }
            black_box(seen);
        },
    );

    let text: String = "aäb€".repeat(2_500);
    let count = text.chars().count();
    compare(
        "chars().nth(i) for each of 10000 characters against one chars()",
        &mut || {
            for i in 0..count {
                black_box(text.chars().nth(i));
            }
        },
        &mut || {
            for c in text.chars() {
                black_box(c);
            }
        },
    );

    let path = std::env::temp_dir().join("rust_effects.txt");
    compare(
        "100000 lines written to a File against a BufWriter",
        &mut || {
            let mut out = File::create(&path).unwrap();
            for i in 0..100_000 {
                writeln!(out, "line {i}").unwrap();
            }
        },
        &mut || {
            let mut out = BufWriter::new(File::create(&path).unwrap());
            for i in 0..100_000 {
                writeln!(out, "line {i}").unwrap();
            }
            out.flush().unwrap();
        },
    );
    compare(
        "1.1 MB read 4 bytes at a time from a File against a BufReader",
        &mut || {
            let mut file = File::open(&path).unwrap();
            let mut word = [0; 4];
            while file.read_exact(&mut word).is_ok() {
                black_box(word);
            }
        },
        &mut || {
            let mut file = BufReader::new(File::open(&path).unwrap());
            let mut word = [0; 4];
            while file.read_exact(&mut word).is_ok() {
                black_box(word);
            }
        },
    );
    let _ = std::fs::remove_file(&path);

    compare(
        "100000 numbers formatted by way of to_string against directly",
        &mut || {
            let mut out = String::new();
            for i in 0..100_000_u32 {
                let _ = write!(out, "{},", black_box(i).to_string());
            }
            black_box(out);
        },
        &mut || {
            let mut out = String::new();
            for i in 0..100_000_u32 {
                let _ = write!(out, "{},", black_box(i));
            }
            black_box(out);
        },
    );
    let line = "12,7,99,4,".repeat(10_000) + "1";
    compare(
        "40000 numbers collected before they are summed against summed as they come",
        &mut || {
            let sum: u64 = line.split(',').map(|s| s.parse::<u64>().unwrap()).collect::<Vec<_>>().into_iter().sum();
            black_box(sum);
        },
        &mut || {
            let sum: u64 = line.split(',').map(|s| s.parse::<u64>().unwrap()).sum();
            black_box(sum);
        },
    );
    compare(
        "100000 comparisons with \"administrator\".to_string() against the literal",
        &mut || {
            black_box(words.iter().filter(|word| **word == black_box("administrator").to_string()).count());
        },
        &mut || {
            black_box(words.iter().filter(|word| **word == *black_box("administrator")).count());
        },
    );

    for (name, poll) in [("try_recv in a loop", true), ("recv", false)] {
        let (sender, receiver) = mpsc::channel();
        let before = processor_seconds();
        let sending = thread::spawn(move || {
            thread::sleep(Duration::from_secs(1));
            sender.send(1).unwrap();
        });
        let got = if poll {
            loop {
                if let Ok(x) = receiver.try_recv() {
                    break x;
                }
            }
        } else {
            receiver.recv().unwrap()
        };
        sending.join().unwrap();
        println!("{name}: {:.2} s of processor time to wait a second for {got}", processor_seconds() - before);
    }
}
