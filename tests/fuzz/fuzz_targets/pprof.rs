//! Target: a profile file. What is asserted stands beside the code, in its package's `fuzzing`; what it allocates is
//! counted here, because only a program has an allocator of its own.
#![no_main]
#![forbid(unsafe_code)]

use std::alloc::System;

use cap::Cap;
use eco_coder_profile::fuzzing;

/// Ends the process when more is asked for than is left.
#[global_allocator]
static HELD: Cap<System> = Cap::new(System, usize::MAX);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = HELD.set_limit(HELD.allocated() + fuzzing::most_bytes_held(bytes));
    fuzzing::bounded(bytes);
    let _ = HELD.set_limit(usize::MAX);
    fuzzing::pprof(bytes);
});
