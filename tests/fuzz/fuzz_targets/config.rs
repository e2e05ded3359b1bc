//! Target: a settings file, as shared, ingress and worker read it. What is asserted stands beside the code, in its package's `fuzzing`.
#![no_main]
#![forbid(unsafe_code)]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    eco_coder_shared::fuzzing::config(bytes);
    eco_coder_ingress::fuzzing::config(bytes);
    eco_coder_worker::fuzzing::config(bytes);
});
