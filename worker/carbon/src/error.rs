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
    /// A number of threads alone says nothing of their power.
    #[error("threads share a TDP: give the CPU's TDP too, or leave the threads out")]
    TdpMissing,
    /// An instance type knows its processor.
    #[error("an instance type says what its CPU is: give either the type, or TDP, threads and Arm")]
    InstanceAndCpu,
    /// Not in the table.
    #[error(
        "the table doesn't have this instance type; it has sizes of {families}. For another machine give its CPU's TDP \
         and threads instead"
    )]
    UnknownInstance {
        /// The families it has.
        families: String,
    },
    /// Not in the table.
    #[error(
        "the table doesn't have this country; give its ISO 3166-1 code of three letters, such as FRA, or its English \
         name, or the grid's intensity itself"
    )]
    UnknownCountry,
    /// The region's country is another.
    #[error("the region {region} is in {of_region}, not in {country}: leave out the one that is wrong")]
    CountryOfRegion {
        /// The region, which is in the table.
        region: String,
        /// Its country.
        of_region: &'static str,
        /// What was given.
        country: &'static str,
    },
    /// The measurement's span doesn't hold its value.
    #[error("the least and the most of the CPU time must be numbers with the CPU time between them")]
    Span,
    /// Nothing a month is nothing a year.
    #[error("the executions per month must be at least 1; leave them out if nobody knows")]
    NoMonthlyExecutions,
    /// A server that serves no time has no share.
    #[error("the server's lifetime must be more than 0 hours; leave it out for 4 years")]
    Lifetime,
    /// Neither an instance type nor the server itself is known.
    #[error(
        "embodied carbon needs to know the server: give an instance type, or the server's kilograms with the TDP and the \
         threads of its CPUs"
    )]
    EmbodiedUnknown,
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
