//! Target: a source file. With `FUZZ_PATH` (`a.py`) in its language alone. What is asserted stands beside the code, in its
//! package's `fuzzing`.
#![no_main]
#![forbid(unsafe_code)]

use std::sync::LazyLock;

static PATH: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("FUZZ_PATH").ok());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    eco_coder_worker::fuzzing::analyze_as(PATH.as_deref(), bytes);
});
