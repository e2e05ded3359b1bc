//! `eco-coder carbon`: the carbon tool by hand. Energy and CO2e of figures that somebody states, with how they were
//! calculated. What is stated is no measurement: nothing of it can reach a report.

mod explain;

use clap::{Args, Subcommand};
use eco_coder_carbon::{
    Country, Embodied, Footprint, Hardware, Input, InstanceType, Method, RamModel, counted, footprint, grams_text,
    grams_within, intensity_text, readable_equivalent, two_digits,
};

use super::terminal::out;

/// Arguments of `carbon`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = EXAMPLES)]
#[command(allow_negative_numbers = true)]
pub struct CarbonArgs {
    #[command(subcommand)]
    command: Option<CarbonCommand>,
    #[command(flatten)]
    figures: Option<Figures>,
}

#[derive(Debug, Subcommand)]
enum CarbonCommand {
    /// The same calculation line by line: each value with its unit, its formula and where it comes from
    #[command(allow_negative_numbers = true)]
    Explain(Figures),
}

/// What is stated.
#[derive(Debug, Args)]
struct Figures {
    /// CPU time of one execution, over all threads
    #[arg(long, value_name = "S")]
    cpu_seconds: f64,
    /// Wall time of one execution: how long its memory is held [default: the CPU time]
    #[arg(long, value_name = "S")]
    wall_seconds: Option<f64>,
    /// Memory in use, MB of 2^20 bytes
    #[arg(long, value_name = "M")]
    ram_mb: f64,
    /// AWS region, for the intensity of its grid; an unknown one gets the country's, or the world's average
    #[arg(long, value_name = "R", required_unless_present_any = ["intensity", "country"])]
    region: Option<String>,
    /// Country, for a region that is unknown or none: a code of three letters (FRA) or its English name
    #[arg(long, value_name = "C", conflicts_with = "intensity")]
    country: Option<Country>,
    /// The grid's intensity, gCO2e/kWh, instead of the region's
    #[arg(long, value_name = "G")]
    intensity: Option<f64>,
    /// Executions to sum up
    #[arg(long, value_name = "N", default_value_t = 1)]
    executions: u64,
    /// Executions in a month, for the kilograms of a year
    #[arg(long, value_name = "N")]
    executions_per_month: Option<u64>,
    /// EC2 instance type, such as m5.large: its processors' power, vCPUs and server are known
    #[arg(long, value_name = "T", conflicts_with_all = ["tdp_watts", "threads", "arm"])]
    instance_type: Option<InstanceType>,
    /// Power of the whole CPU (its TDP) [default: codecarbon's figure for an unknown CPU]
    #[arg(long, value_name = "W")]
    tdp_watts: Option<f64>,
    /// Hardware threads of the whole CPU, which share the TDP
    #[arg(long, value_name = "N", requires = "tdp_watts")]
    threads: Option<u32>,
    /// An Arm machine (Graviton)
    #[arg(long)]
    arm: bool,
    /// Power usage effectiveness of the data centre [default: the method's, 1 or (ccf) 1.135]
    #[arg(long, value_name = "X")]
    pue: Option<f64>,
    /// Count the server's making in the SCI; needs --instance-type, or --embodied-server-kg with a TDP and threads
    #[arg(long)]
    embodied: bool,
    /// Emissions of making the whole server, kgCO2e [default: the instance type's]
    #[arg(long, value_name = "K", requires = "embodied")]
    embodied_server_kg: Option<f64>,
    /// How long the server serves, hours [default: 35040, 4 years]
    #[arg(long, value_name = "H", requires = "embodied")]
    embodied_hours: Option<f64>,
    /// codecarbon-process, codecarbon-constant or ccf
    #[arg(long, default_value_t)]
    method: Method,
    /// v2 (0.375 W/GiB) or v3 (memory modules)
    #[arg(long, default_value_t)]
    ram_model: RamModel,
    /// text or json
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

const EXAMPLES: &str = "Examples:
  eco-coder carbon --cpu-seconds 0.25 --ram-mb 256 --region eu-west-1 --executions 1000000
  eco-coder carbon --cpu-seconds 60 --ram-mb 512 --region us-west-2 --tdp-watts 210 --threads 48
  eco-coder carbon --cpu-seconds 1 --ram-mb 128 --country FRA --instance-type m6g.large --executions-per-month 1000000
  eco-coder carbon explain --cpu-seconds 1 --ram-mb 128 --intensity 56 --method ccf";

/// Prints the footprint, or how it comes about.
pub fn run(args: &CarbonArgs) -> anyhow::Result<()> {
    match (&args.command, &args.figures) {
        (Some(CarbonCommand::Explain(figures)), _) => explain::print(&figures.input()?, &figures.format),
        (None, Some(figures)) => print(&figures.input()?, &figures.format),
        (None, None) => {
            anyhow::bail!("give at least --cpu-seconds, --ram-mb and --region; see eco-coder carbon --help")
        }
    }
}

fn print(input: &Input, format: &str) -> anyhow::Result<()> {
    let found = footprint(input)?;
    if format == "json" {
        out!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        out!("{}", text(input, &found).trim_end());
    }
    Ok(())
}

impl Figures {
    fn input(&self) -> anyhow::Result<Input> {
        Ok(Input {
            cpu_time_seconds: self.cpu_seconds,
            wall_time_seconds: self.wall_seconds,
            ram_usage_mb: self.ram_mb,
            aws_region: self.region.clone().unwrap_or_default(),
            country: self.country,
            intensity_g_per_kwh: self.intensity,
            execution_count: self.executions,
            executions_per_month: self.executions_per_month,
            method: self.method,
            ram_model: self.ram_model,
            hardware: Hardware::from_parts(self.instance_type, self.tdp_watts, self.threads, self.arm)?,
            pue: self.pue,
            embodied: self
                .embodied
                .then_some(Embodied { server_kg: self.embodied_server_kg, lifetime_hours: self.embodied_hours }),
            ..Input::default()
        })
    }
}

fn text(input: &Input, found: &Footprint) -> String {
    let one = input.execution_count == 1;
    let executions = counted(input.execution_count, "execution");
    let (grams, interval) = grams_within(found.co2e_grams, found.interval);
    let mut lines = vec![("CO2e", format!("{grams} for {executions}"))];
    if let Some((least, most)) = interval {
        lines.push(("interval", format!("{least} to {most}, over {}", found.interval_spans.join("; "))));
    }
    if !one {
        let count = input.execution_count as f64;
        let ends = found.interval.map(|(least, most)| (least / count, most / count));
        lines.push(("each", grams_within(found.co2e_per_execution, ends).0));
    }
    if let Some(yearly) = found.yearly {
        let ends = yearly.interval_kg.map(|(least, most)| (least * 1000.0, most * 1000.0));
        let (grams, interval) = grams_within(yearly.co2e_kg * 1000.0, ends);
        let interval = interval.map(|(least, most)| format!(" ({least} to {most})")).unwrap_or_default();
        let monthly = counted(yearly.executions_per_month, "execution");
        lines.push(("a year", format!("{grams}{interval}, at {monthly} a month")));
    }
    if let Some(embodied) = found.sci.embodied_grams {
        let sci = grams_text(found.sci.grams_per_execution);
        let parts = [found.sci.operational_grams, embodied].map(grams_text);
        lines.push(("SCI", format!("{sci} per execution: {} operational, {} embodied", parts[0], parts[1])));
    }
    let grid = input.intensity();
    lines.extend([
        ("comparable to", readable_equivalent(found.co2e_grams, found.energy_consumed_kwh)),
        ("energy", energy(found.energy_consumed_kwh)),
        ("grid", format!("{} gCO2e/kWh, {}", intensity_text(grid.g_per_kwh), grid.note)),
        ("methodology", found.methodology.clone()),
    ]);
    lines.into_iter().map(|(name, value)| format!("{name:<14} {value}\n")).collect::<Vec<_>>().concat()
}

/// Energy in the unit that reads well.
fn energy(kwh: f64) -> String {
    let (factor, unit) = match kwh {
        _ if kwh >= 0.1 || kwh == 0.0 => (1.0, "kWh"),
        _ if kwh >= 1e-4 => (1e3, "Wh"),
        _ => (1e6, "mWh"),
    };
    format!("{} {unit}", two_digits(kwh * factor))
}

#[cfg(test)]
mod tests;
