//! What can be wrong with a carbon calculation's input, in words that say how to mend it.

/// Why there is no footprint.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CarbonError {
    /// A figure is NaN, infinite or negative.
    #[error("{what} must be a number, zero or more")]
    Invalid {
        /// Which figure.
        what: &'static str,
    },
    /// The TDP is zero, negative or no number.
    #[error("the TDP must be more than 0 W; leave it out if the CPU is unknown")]
    Tdp,
    /// Zero hardware threads.
    #[error("a CPU has at least one thread; leave the number out if it is unknown")]
    NoThreads,
    /// A TDP is for the whole processor; process mode needs its share per thread.
    #[error(
        "a TDP is for the whole CPU: give its number of hardware threads too, or choose the method codecarbon-constant"
    )]
    ThreadsMissing,
    /// Zero executions have no footprint per execution.
    #[error("the number of executions must be at least 1")]
    NoExecutions,
    /// A data centre can't use less than its computers.
    #[error("the PUE must be a number of at least 1")]
    Pue,
    /// The result is beyond what a number can hold.
    #[error("the figures are too large: check the units (seconds, MB, W, gCO2e/kWh)")]
    TooLarge,
    /// No such method.
    #[error("unknown method; choose codecarbon-process, codecarbon-constant or ccf")]
    UnknownMethod,
    /// No such memory model.
    #[error("unknown memory model; choose v2 (0.375 W/GiB) or v3 (memory modules)")]
    UnknownRamModel,
}
