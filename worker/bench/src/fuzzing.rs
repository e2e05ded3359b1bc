//! The fuzz targets of this package, for tests/fuzz: each takes any bytes and asserts what must hold. Never part of a
//! release build.

use serde_json::Value;

use crate::{Benchmark, MAX_NAME, Options, Reading, compare, read};

/// Results of hyperfine: as many samples as a second reading finds.
pub fn bench_hyperfine(bytes: &[u8]) {
    counted(bytes, |value| {
        let runs = value["results"].as_array()?;
        Some(runs.iter().map(|run| length(&run["times"]) + length(&run["memory_usage_byte"])).sum())
    });
}

/// Results of pytest-benchmark: as many samples as a second reading finds.
pub fn bench_pytest(bytes: &[u8]) {
    counted(bytes, |value| {
        let known = value.get("results").is_none_or(Value::is_null);
        Some(value["benchmarks"].as_array().filter(|_| known)?.iter().map(|test| length(&test["stats"]["data"])).sum())
    });
}

/// Results of JMH: as many samples as a second reading finds, if there are no histograms.
pub fn bench_jmh(bytes: &[u8]) {
    counted(bytes, |value| {
        let plain = !value.to_string().contains("rawDataHistogram") && !value.to_string().contains("gc.alloc");
        let forks = |result: &Value| -> usize {
            result["primaryMetric"]["rawData"].as_array().map_or(0, |forks| forks.iter().map(length).sum())
        };
        Some(value.as_array().filter(|_| plain)?.iter().map(forks).sum())
    });
}

/// Results of `go test -bench`: every sample is a number that stands in the text.
pub fn bench_go(bytes: &[u8]) {
    let Some(reading) = holds(&[("bench.txt", bytes)]) else { return };
    let text = String::from_utf8_lossy(bytes);
    if text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) {
        return; // messages, whose numbers come in pieces
    }
    let written: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    for sample in reading.benchmarks.iter().flat_map(Benchmark::samples) {
        assert!(written.iter().any(|number| number.to_bits() == sample.to_bits()), "{sample} stands nowhere");
    }
}

/// Criterion's files, `sample.json` and after a line `---` `benchmark.json`; or the messages of cargo-criterion.
pub fn bench_criterion(bytes: &[u8]) {
    let cut = bytes.windows(5).position(|window| window == b"\n---\n");
    let (sample, name) = cut.map_or((bytes, &b"{}"[..]), |cut| (&bytes[..cut], &bytes[cut + 5..]));
    let there = holds(&[("a/new/sample.json", sample), ("a/new/benchmark.json", name)]);
    let back = holds(&[("a/new/benchmark.json", name), ("a/new/sample.json", sample)]);
    let both = there.zip(back);
    assert!(both.is_none_or(|(there, back)| there.benchmarks.len() == back.benchmarks.len()), "the order matters");
}

fn length(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

/// Nothing was left out in silence: without a remark, every sample of the file is one.
fn counted(bytes: &[u8], count: impl Fn(&Value) -> Option<usize>) {
    let Some(reading) = holds(&[("results.json", bytes)]) else { return };
    let Ok(value) = serde_json::from_slice::<Value>(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)) else {
        return;
    };
    if let Some(count) = count(&value).filter(|_| reading.remarks.is_empty()) {
        let read: usize = reading.benchmarks.iter().map(|benchmark| benchmark.samples().len()).sum(); // CPU time takes several files
        assert_eq!(read, count, "samples were lost, or made");
    }
}

/// What must hold of whatever was read.
fn holds(files: &[(&str, &[u8])]) -> Option<Reading> {
    let reading = match read(files) {
        Ok(reading) => reading,
        Err(error) => {
            plain(&error.to_string());
            return None;
        }
    };
    reading.remarks.iter().for_each(|remark| plain(remark));
    for benchmark in &reading.benchmarks {
        plain(benchmark.name());
        assert!(!benchmark.name().is_empty() && benchmark.name().chars().count() <= MAX_NAME);
        let least = if benchmark.metric().is_counted() { 0.0 } else { f64::MIN_POSITIVE };
        assert!(benchmark.samples().iter().all(|sample| sample.is_finite() && *sample >= least));
        assert_eq!(benchmark.rounds().map(<[f64]>::len).sum::<usize>(), benchmark.samples().len());
    }
    let compared = compare(&reading.benchmarks, &reading.benchmarks, &Options::default());
    assert_eq!(compared.rows.len(), reading.benchmarks.len());
    plain(&compared.sentence());
    for row in &compared.rows {
        assert!(!row.verdict.is_worse() && !row.verdict.is_better(), "changed against itself: {row:?}");
        let ends = row.ci_low.zip(row.ci_high);
        assert!(ends.is_none_or(|(low, high)| low <= 1.0 && 1.0 <= high), "{row:?}");
        row.change().iter().for_each(|change| plain(change));
    }
    assert!(serde_json::to_string(&compared).is_ok());
    Some(reading)
}

/// Nothing in it steers a terminal.
fn plain(text: &str) {
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// As `eco_coder_shared::fuzzing::over_corpus` does it, without that package below this one.
    fn over_corpus(name: &str, target: fn(&[u8])) {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(name);
        let files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty() && files.len() <= 80, "{} files", files.len());
        let mut total = 0;
        for path in files {
            let bytes = std::fs::read(&path).unwrap();
            total += bytes.len();
            let outcome = std::panic::catch_unwind(|| target(&bytes));
            assert!(outcome.is_ok(), "{} fails; the reason stands above", path.display());
        }
        assert!(total <= 200_000, "{total} bytes");
    }

    #[test]
    fn the_corpora_of_benchmarks_hold() {
        over_corpus("bench_hyperfine", bench_hyperfine);
        over_corpus("bench_pytest", bench_pytest);
        over_corpus("bench_go", bench_go);
        over_corpus("bench_jmh", bench_jmh);
        over_corpus("bench_criterion", bench_criterion);
    }
}
