//! Target: results of criterion. What is asserted stands beside the code, in its package's `fuzzing`.
#![no_main]
#![forbid(unsafe_code)]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    eco_coder_bench::fuzzing::bench_criterion(bytes);
});
