//! `eco-coder carbon`: the carbon tool by hand. Energy and CO2e of a measurement, with how they were calculated.

use clap::Args;
use eco_coder_carbon::{
    Footprint, Hardware, Input, Method, RamModel, counted, footprint, grams_text, readable_equivalent, two_digits,
};

use super::terminal::out;

/// Arguments of `carbon`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true, after_help = EXAMPLES)]
pub struct CarbonArgs {
    /// CPU time of one execution, over all threads
    #[arg(long, value_name = "S")]
    cpu_seconds: f64,
    /// Wall time of one execution: how long its memory is held [default: the CPU time]
    #[arg(long, value_name = "S")]
    wall_seconds: Option<f64>,
    /// Memory in use, MB of 2^20 bytes
    #[arg(long, value_name = "M")]
    ram_mb: f64,
    /// AWS region, for the intensity of its grid; an unknown one gets the world's average
    #[arg(long, value_name = "R", required_unless_present = "intensity")]
    region: Option<String>,
    /// The grid's intensity, gCO2e/kWh, instead of the region's
    #[arg(long, value_name = "G")]
    intensity: Option<f64>,
    /// Executions to sum up
    #[arg(long, value_name = "N", default_value_t = 1)]
    executions: u64,
    /// Power of the whole CPU (its TDP) [default: codecarbon's figure for an unknown CPU]
    #[arg(long, value_name = "W")]
    tdp_watts: Option<f64>,
    /// Hardware threads of the whole CPU, which share the TDP
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
    /// An Arm machine (Graviton)
    #[arg(long)]
    arm: bool,
    /// Power usage effectiveness of the data centre [default: the method's, 1 or (ccf) 1.135]
    #[arg(long, value_name = "X")]
    pue: Option<f64>,
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
  eco-coder carbon --cpu-seconds 1 --ram-mb 128 --intensity 56 --method ccf --format json";

/// Prints the footprint.
pub fn run(args: &CarbonArgs) -> anyhow::Result<()> {
    let input = input(args);
    let found = footprint(&input)?;
    if args.format == "json" {
        out!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        out!("{}", text(&input, &found).trim_end());
    }
    Ok(())
}

fn input(args: &CarbonArgs) -> Input {
    Input {
        cpu_time_seconds: args.cpu_seconds,
        wall_time_seconds: args.wall_seconds,
        ram_usage_mb: args.ram_mb,
        aws_region: args.region.clone().unwrap_or_default(),
        intensity_g_per_kwh: args.intensity,
        execution_count: args.executions,
        method: args.method,
        ram_model: args.ram_model,
        hardware: Hardware { tdp_watts: args.tdp_watts, threads: args.threads, arm: args.arm },
        pue: args.pue,
        ..Input::default()
    }
}

fn text(input: &Input, found: &Footprint) -> String {
    let one = input.execution_count == 1;
    let executions = counted(input.execution_count, "execution");
    let mut lines = vec![("CO2e", format!("{} for {executions}", grams_text(found.co2e_grams)))];
    if !one {
        lines.push(("each", grams_text(found.co2e_per_execution)));
    }
    if let Some((least, most)) = found.interval {
        lines.push(("methods span", format!("{} to {}", grams_text(least), grams_text(most))));
    }
    let grid = input.intensity();
    lines.extend([
        ("comparable to", readable_equivalent(found.co2e_grams, found.energy_consumed_kwh)),
        ("energy", energy(found.energy_consumed_kwh)),
        ("grid", format!("{} gCO2e/kWh, {}", intensity(grid.g_per_kwh), grid.note)),
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

fn intensity(grams: f64) -> String {
    if (10.0..1e6).contains(&grams) { format!("{grams:.0}") } else { two_digits(grams) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: CarbonArgs,
    }

    fn parse(line: &str) -> Result<CarbonArgs, clap::Error> {
        Line::try_parse_from(std::iter::once("carbon").chain(line.split_whitespace())).map(|line| line.args)
    }

    fn printed(line: &str) -> String {
        let input = input(&parse(line).unwrap());
        text(&input, &footprint(&input).unwrap())
    }

    #[test]
    fn the_text_says_how_much_and_how_it_was_calculated() {
        let text = printed("--cpu-seconds 0.25 --ram-mb 256 --region eu-west-1 --executions 1000000");
        insta::assert_snapshot!(text, @r"
        CO2e           83 g for 1,000,000 executions
        each           83 µg
        methods span   82 g to 860 g
        comparable to  6.7 smartphone charges
        energy         0.28 kWh
        grid           291 gCO2e/kWh, eu-west-1, average of Ireland, codecarbon 3.3.2
        methodology    codecarbon-process: CPU time x 4 W per thread (CPU unknown: codecarbon 3.3.2's default); memory 0.375 W per GiB (codecarbon 2.3.4) over the CPU time; PUE 1; grid 291 gCO2e/kWh (eu-west-1, average of Ireland, codecarbon 3.3.2)
        ");
    }

    #[test]
    fn every_figure_of_the_arguments_is_used() {
        let line = "--cpu-seconds 60 --wall-seconds 30 --ram-mb 512 --region us-west-2 --tdp-watts 210 --threads 48 \
                    --executions 10 --ram-model v3 --intensity 165.54443213231";
        let found = footprint(&input(&parse(line).unwrap())).unwrap();
        assert!((found.co2e_grams - 0.258_663_175_206_734_43).abs() < 1e-9);
        let ccf = footprint(&input(&parse(&format!("{line} --method ccf --pue 2")).unwrap())).unwrap();
        assert!((ccf.energy_consumed_kwh / 10.0 - 6.806_216_666_666_669e-5 / 1.135 * 2.0).abs() < 1e-12);
        assert!(ccf.methodology.starts_with("ccf: "));
    }

    #[test]
    fn a_grid_is_needed_and_bad_values_are_refused_in_words() {
        let missing = parse("--cpu-seconds 1 --ram-mb 1").unwrap_err().to_string();
        assert!(missing.contains("--region"), "{missing}");
        let method = parse("--cpu-seconds 1 --ram-mb 1 --region x --method rapl").unwrap_err().to_string();
        assert!(method.contains("choose codecarbon-process, codecarbon-constant or ccf"), "{method}");
        let negative = run(&parse("--cpu-seconds -1 --ram-mb 1 --intensity 100").unwrap()).unwrap_err().to_string();
        assert_eq!(negative, "the CPU time must be a number, zero or more");
    }
}
