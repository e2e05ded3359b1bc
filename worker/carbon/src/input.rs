//! What a footprint is calculated from. No arithmetic here but the check of what came in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::CarbonError;
use crate::embodied::Embodied;
use crate::energy::STATED;
use crate::hardware::Hardware;
use crate::intensity::{Country, Intensity, IntensitySource, IntensityTable, check_place, intensity_for};

/// How CPU time becomes energy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// CPU seconds x TDP / threads: the only one of codecarbon's modes that follows the CPU time. Source: codecarbon 3.3.2.
    #[default]
    CodecarbonProcess,
    /// Half the TDP over the wall time, whatever the code does. Source: codecarbon 2.3.4 and 3.3.2.
    CodecarbonConstant,
    /// Full load on as many vCPUs as the CPU time fills, with memory and PUE. Source: Cloud Carbon Footprint.
    Ccf,
}

impl Method {
    /// Every method, the default first.
    pub const ALL: [Self; 3] = [Self::CodecarbonProcess, Self::CodecarbonConstant, Self::Ccf];

    /// Where the way of calculating comes from.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::CodecarbonProcess => "codecarbon 3.3.2, CPU load of a process",
            Self::CodecarbonConstant => "codecarbon 2.3.4 and 3.3.2, constant mode",
            Self::Ccf => "Cloud Carbon Footprint 0.15.0",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CodecarbonProcess => "codecarbon-process",
            Self::CodecarbonConstant => "codecarbon-constant",
            Self::Ccf => "ccf",
        })
    }
}

impl FromStr for Method {
    type Err = CarbonError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|method| method.to_string() == text).ok_or(CarbonError::UnknownMethod)
    }
}

/// How memory becomes power, in codecarbon's methods; `ccf` has its own figure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RamModel {
    /// 0.375 W per GiB in use. Source: codecarbon 2.3.4.
    #[default]
    V2,
    /// Watts per estimated memory module, with a floor. Source: codecarbon 3.3.2.
    V3,
}

impl fmt::Display for RamModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        })
    }
}

impl FromStr for RamModel {
    type Err = CarbonError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "v2" => Ok(Self::V2),
            "v3" => Ok(Self::V3),
            _ => Err(CarbonError::UnknownRamModel),
        }
    }
}

/// What a footprint is calculated from. `Input::default()` is one execution of nothing, by the default method.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// CPU time of one execution, seconds, over all threads.
    pub cpu_time_seconds: f64,
    /// The least and the most that the CPU time may be, seconds, if whoever measured it says so; it lies between. Widens
    /// the interval, nothing else.
    pub cpu_time_span: Option<(f64, f64)>,
    /// Wall time of one execution, seconds: how long its memory is held. `None`: the CPU time.
    pub wall_time_seconds: Option<f64>,
    /// Memory in use, MB of 2^20 bytes.
    pub ram_usage_mb: f64,
    /// AWS region, for the grid's intensity; not read when an intensity is given.
    pub aws_region: String,
    /// The country, for a region that isn't in the table, or none.
    pub country: Option<Country>,
    /// The grid's intensity, gCO2e/kWh. `None`: the embedded table's for the region.
    pub intensity_g_per_kwh: Option<f64>,
    /// Where `intensity_g_per_kwh` comes from.
    pub intensity_source: IntensitySource,
    /// When that was found out, in words, if whoever gives it says so.
    pub intensity_as_of: Option<String>,
    /// Which embedded table to read.
    pub intensity_table: IntensityTable,
    /// How many executions to sum up.
    pub execution_count: u64,
    /// Executions in a month, for the footprint of a year. `None`: nobody knows.
    pub executions_per_month: Option<u64>,
    /// How CPU time becomes energy.
    pub method: Method,
    /// How memory becomes power.
    pub ram_model: RamModel,
    /// The machine.
    pub hardware: Hardware,
    /// Power usage effectiveness of the data centre, at least 1. `None`: the method's own (1 for codecarbon's, 1.135 for
    /// `ccf`).
    pub pue: Option<f64>,
    /// Embodied carbon, if it is to be counted.
    pub embodied: Option<Embodied>,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            cpu_time_seconds: 0.0,
            cpu_time_span: None,
            wall_time_seconds: None,
            ram_usage_mb: 0.0,
            aws_region: String::new(),
            country: None,
            intensity_g_per_kwh: None,
            intensity_source: IntensitySource::Given,
            intensity_as_of: None,
            intensity_table: IntensityTable::default(),
            execution_count: 1,
            executions_per_month: None,
            method: Method::default(),
            ram_model: RamModel::default(),
            hardware: Hardware::default(),
            pue: None,
            embodied: None,
        }
    }
}

impl Input {
    /// One execution that takes `cpu_time_seconds` and holds `ram_usage_mb` in `aws_region`, by the default method.
    pub fn new(cpu_time_seconds: f64, ram_usage_mb: f64, aws_region: impl Into<String>) -> Self {
        Self { cpu_time_seconds, ram_usage_mb, aws_region: aws_region.into(), ..Self::default() }
    }

    /// The intensity that will be used, and where it comes from.
    pub fn intensity(&self) -> Intensity {
        match self.intensity_g_per_kwh {
            Some(g_per_kwh) => Intensity {
                g_per_kwh,
                source: self.intensity_source,
                note: match self.intensity_source {
                    IntensitySource::ParameterStore => match &self.intensity_as_of {
                        Some(date) => format!("from Parameter Store, as of {date}"),
                        None => "from Parameter Store".to_owned(),
                    },
                    _ => "as given".to_owned(),
                },
                provenance: match self.intensity_source {
                    IntensitySource::ParameterStore => "the operator's parameter".to_owned(),
                    _ => STATED.to_owned(),
                },
            },
            None => intensity_for(&self.aws_region, self.country.as_ref(), self.intensity_table),
        }
    }

    /// How long memory is held, seconds.
    pub(crate) fn held_seconds(&self) -> f64 {
        self.wall_time_seconds.unwrap_or(self.cpu_time_seconds)
    }

    /// Refuses what no calculation can use, before any is made.
    pub(crate) fn check(&self) -> Result<(), CarbonError> {
        let figures = [
            ("the CPU time", Some(self.cpu_time_seconds)),
            ("the wall time", self.wall_time_seconds),
            ("the memory", Some(self.ram_usage_mb)),
            ("the carbon intensity", self.intensity_g_per_kwh),
        ];
        for (what, figure) in figures {
            if figure.is_some_and(|figure| !figure.is_finite() || figure < 0.0) {
                return Err(CarbonError::Invalid { what });
            }
        }
        if let Some((least, most)) = self.cpu_time_span
            && !(0.0 <= least && least <= self.cpu_time_seconds && self.cpu_time_seconds <= most && most.is_finite())
        {
            return Err(CarbonError::Span);
        }
        self.hardware.check()?;
        if let Some(embodied) = &self.embodied {
            embodied.check(&self.hardware)?;
        }
        check_place(&self.aws_region, self.country.as_ref())?;
        if self.executions_per_month == Some(0) {
            return Err(CarbonError::NoMonthlyExecutions);
        }
        if self.execution_count == 0 {
            return Err(CarbonError::NoExecutions);
        }
        if self.pue.is_some_and(|pue| !pue.is_finite() || pue < 1.0) {
            return Err(CarbonError::Pue);
        }
        Ok(())
    }
}
