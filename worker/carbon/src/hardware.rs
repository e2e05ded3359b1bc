//! The machine the code runs on: unknown, a CPU by its TDP, or an instance type of the table. A guess makes nobody believe
//! the number, so it is a setting.

use std::fmt;
use std::str::FromStr;

use crate::CarbonError;
use crate::data::{INSTANCES, Processor, Size};

/// The machine the code runs on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hardware {
    /// Nobody said: each method's own figure for that.
    Unknown {
        /// An Arm machine: other memory modules (`RamModel::V3`), Graviton2's power per vCPU (`Method::Ccf`).
        arm: bool,
    },
    /// A CPU by its thermal design power.
    Cpu {
        /// Of the whole CPU, watts.
        tdp_watts: f64,
        /// Hardware threads of the whole CPU, which share the TDP. Process mode needs them.
        threads: Option<u32>,
        /// As in `Unknown`.
        arm: bool,
    },
    /// An EC2 instance type.
    Instance(InstanceType),
}

impl Default for Hardware {
    fn default() -> Self {
        Self::Unknown { arm: false }
    }
}

impl Hardware {
    /// Hardware from settings of which each may be absent.
    ///
    /// # Errors
    /// A TDP or threads beside an instance type, which knows both; threads without a TDP.
    pub fn from_parts(
        instance: Option<InstanceType>,
        tdp_watts: Option<f64>,
        threads: Option<u32>,
        arm: bool,
    ) -> Result<Self, CarbonError> {
        match (instance, tdp_watts, threads) {
            (Some(instance), None, None) if !arm || instance.is_arm() => Ok(Self::Instance(instance)),
            (Some(_), ..) => Err(CarbonError::InstanceAndCpu),
            (None, Some(tdp_watts), threads) => Ok(Self::Cpu { tdp_watts, threads, arm }),
            (None, None, None) => Ok(Self::Unknown { arm }),
            (None, None, Some(_)) => Err(CarbonError::TdpMissing),
        }
    }

    /// The instance type, if it is one.
    pub fn instance(&self) -> Option<InstanceType> {
        match self {
            Self::Instance(instance) => Some(*instance),
            _ => None,
        }
    }

    pub(crate) fn is_arm(&self) -> bool {
        match self {
            Self::Unknown { arm } | Self::Cpu { arm, .. } => *arm,
            Self::Instance(instance) => instance.is_arm(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), CarbonError> {
        match self {
            Self::Cpu { tdp_watts, .. } if !tdp_watts.is_finite() || *tdp_watts <= 0.0 => Err(CarbonError::Tdp),
            Self::Cpu { threads: Some(0), .. } => Err(CarbonError::NoThreads),
            _ => Ok(()),
        }
    }
}

/// An EC2 instance type of the embedded table, such as `m5.large`. Source: Cloud Carbon Footprint.
#[derive(Clone, Copy)]
pub struct InstanceType {
    family: &'static str,
    size: &'static str,
    row: &'static Size,
    server_vcpus: u32,
}

impl InstanceType {
    /// Every type of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        INSTANCES.families.iter().flat_map(|(family, of)| {
            let server_vcpus = of.server_vcpus;
            of.sizes.iter().map(move |(size, row)| Self { family, size, row, server_vcpus })
        })
    }

    /// Its vCPUs: hardware threads.
    pub fn vcpus(&self) -> u32 {
        self.row.vcpus
    }

    /// Its memory, GiB.
    pub fn memory_gib(&self) -> f64 {
        self.row.gib
    }

    /// vCPUs of the server that it is a part of.
    pub fn server_vcpus(&self) -> u32 {
        self.server_vcpus
    }

    /// Embodied emissions of the server that it is a part of, kgCO2e.
    pub fn server_kg(&self) -> f64 {
        self.row.server_kg
    }

    /// The processors that it may run on.
    pub fn processors(&self) -> impl Iterator<Item = &'static str> {
        self.row.processors.iter().map(String::as_str)
    }

    /// An Arm machine?
    pub fn is_arm(&self) -> bool {
        self.rows().any(|processor| processor.arm)
    }

    /// Watts of one fully used vCPU: the mean over its processors.
    pub fn vcpu_watts(&self) -> f64 {
        let (sum, count) = self.rows().fold((0.0, 0.0), |(sum, count), row| (sum + row.full_watts, count + 1.0));
        sum / count
    }

    /// The least and the most of them.
    pub(crate) fn vcpu_watts_span(&self) -> (f64, f64) {
        span(self.rows())
    }

    fn rows(&self) -> impl Iterator<Item = &'static Processor> {
        self.row.processors.iter().filter_map(|name| INSTANCES.processors.get(name))
    }

    /// The families of the table, in words for an error.
    fn families() -> String {
        INSTANCES.families.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// The least and the most watts of a fully used vCPU, over the processors of one kind.
pub(crate) fn vcpu_watts_span(arm: bool) -> (f64, f64) {
    span(INSTANCES.processors.values().filter(|processor| processor.arm == arm))
}

fn span<'a>(rows: impl Iterator<Item = &'a Processor>) -> (f64, f64) {
    rows.fold((f64::INFINITY, 0.0), |(least, most), row| (row.full_watts.min(least), row.full_watts.max(most)))
}

impl PartialEq for InstanceType {
    fn eq(&self, other: &Self) -> bool {
        (self.family, self.size) == (other.family, other.size)
    }
}

impl fmt::Display for InstanceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.family, self.size)
    }
}

impl fmt::Debug for InstanceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for InstanceType {
    type Err = CarbonError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_ascii_lowercase();
        let found = name.split_once('.').and_then(|(family, size)| {
            let (family, of) = INSTANCES.families.get_key_value(family)?;
            let (size, row) = of.sizes.get_key_value(size)?;
            Some(Self { family, size, row, server_vcpus: of.server_vcpus })
        });
        found.ok_or_else(|| CarbonError::UnknownInstance { families: Self::families() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_type_is_found_by_its_name_and_knows_its_machine() {
        let found: InstanceType = " M5.2xlarge ".parse().unwrap();
        assert_eq!((found.to_string().as_str(), found.vcpus(), found.server_vcpus()), ("m5.2xlarge", 8, 96));
        assert!((found.vcpu_watts() - 4.26).abs() < 1e-12 && (found.memory_gib() - 32.0).abs() < 1e-12);
        let two: InstanceType = "c5.large".parse().unwrap();
        assert_eq!(two.processors().collect::<Vec<_>>(), ["Cascade Lake", "Skylake"]);
        assert!((two.vcpu_watts() - f64::midpoint(3.97, 4.26)).abs() < 1e-12);
        assert_eq!(two.vcpu_watts_span(), (3.97, 4.26));
        assert!("t4g.small".parse::<InstanceType>().unwrap().is_arm() && !two.is_arm());
        for each in InstanceType::all() {
            assert_eq!(each.to_string().parse(), Ok(each));
        }
    }

    #[test]
    fn an_unknown_type_is_refused_with_what_to_do_instead() {
        for wrong in ["", "m5", "m5.", ".large", "m6i.large", "p4d.24xlarge", "m5.large.x"] {
            let error = wrong.parse::<InstanceType>().unwrap_err().to_string();
            assert!(error.contains("m5a, ") && error.contains("TDP"), "{wrong}: {error}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let m5 = "m5.large".parse().ok();
        assert_eq!(Hardware::from_parts(m5, Some(1.0), None, false), Err(CarbonError::InstanceAndCpu));
        assert_eq!(Hardware::from_parts(m5, None, Some(2), false), Err(CarbonError::InstanceAndCpu));
        assert_eq!(
            Hardware::from_parts(m5, None, None, true),
            Err(CarbonError::InstanceAndCpu),
            "m5 is no Arm machine"
        );
        assert_eq!(Hardware::from_parts(None, None, Some(2), false), Err(CarbonError::TdpMissing));
        assert_eq!(Hardware::from_parts(None, None, None, true), Ok(Hardware::Unknown { arm: true }));
    }
}
