use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: CarbonArgs,
}

fn parse(line: &str) -> Result<CarbonArgs, clap::Error> {
    Command::try_parse_from(std::iter::once("carbon").chain(line.split_whitespace())).map(|line| line.args)
}

fn input(line: &str) -> Input {
    parse(line).unwrap().figures.unwrap().input().unwrap()
}

fn printed(line: &str) -> String {
    let input = input(line);
    text(&input, &footprint(&input).unwrap())
}

#[test]
fn the_text_says_how_much_and_how_it_was_calculated() {
    let text = printed("--cpu-seconds 0.25 --ram-mb 256 --region eu-west-1 --executions 1000000");
    insta::assert_snapshot!(text, @r"
    CO2e           80 g for 1,000,000 executions
    interval       30 g to 2 kg, over the methods codecarbon-process, codecarbon-constant, ccf; the grid from 279 to 364 gCO2e/kWh (the embedded tables for the region); the processor from 1.69 to 4.74 W per vCPU in ccf (the CPU is unknown); the PUE from 1 to 1.135 (each method's own)
    each           80 µg
    comparable to  6.7 smartphone charges
    energy         0.28 kWh
    grid           291 gCO2e/kWh, eu-west-1, average of Ireland, codecarbon 3.3.2
    methodology    codecarbon-process: CPU time x 4 W per thread (CPU unknown: codecarbon 3.3.2's default); memory 0.375 W per GiB (codecarbon 2.3.4) over the CPU time; PUE 1; grid 291 gCO2e/kWh (eu-west-1, average of Ireland, codecarbon 3.3.2)
    ");
}

#[test]
fn hardware_country_and_executions_give_a_year_and_an_sci() {
    let text = printed(
        "--cpu-seconds 1 --ram-mb 128 --country france --instance-type m6g.large --executions-per-month 1000000 --embodied",
    );
    insta::assert_snapshot!(text, @r"
    CO2e           27 µg for 1 execution
    interval       27 µg to 37 µg, over the methods codecarbon-process, codecarbon-constant, ccf; the grid from 56 to 67 gCO2e/kWh (the embedded tables for the country); the PUE from 1 to 1.135 (each method's own)
    a year         320 g (320 g to 450 g), at 1,000,000 executions a month
    SCI            0.19 mg per execution: 27 µg operational, 0.17 mg embodied
    comparable to  170 ms of light from a 10 W LED
    energy         0.48 mWh
    grid           56 gCO2e/kWh, average of France, codecarbon 3.3.2
    methodology    codecarbon-process: CPU time x 1.69 W per vCPU at full load (m6g.large, AWS Graviton2); memory 0.375 W per GiB (codecarbon 2.3.4) over the CPU time; PUE 1; grid 56 gCO2e/kWh (average of France, codecarbon 3.3.2)
    ");
}

#[test]
fn every_figure_of_the_arguments_is_used() {
    let line = "--cpu-seconds 60 --wall-seconds 30 --ram-mb 512 --region us-west-2 --tdp-watts 210 --threads 48 \
                --executions 10 --ram-model v3 --intensity 165.54443213231";
    let found = footprint(&input(line)).unwrap();
    assert!((found.co2e_grams - 0.258_663_175_206_734_43).abs() < 1e-9);
    let ccf = footprint(&input(&format!("{line} --method ccf --pue 2"))).unwrap();
    assert!((ccf.energy_consumed_kwh / 10.0 - 6.806_216_666_666_669e-5 / 1.135 * 2.0).abs() < 1e-12);
    assert!(ccf.methodology.starts_with("ccf: "));
    let embodied =
        footprint(&input(&format!("{line} --embodied --embodied-server-kg 480 --embodied-hours 10"))).unwrap();
    assert!((embodied.sci.embodied_grams.unwrap() - 480_000.0 / 48.0 / 600.0).abs() < 1e-9);
}

#[test]
fn explain_takes_the_same_arguments_and_prints_every_step() {
    let line = "--cpu-seconds 60 --ram-mb 512 --region us-west-2 --tdp-watts 210 --threads 48";
    let Some(CarbonCommand::Explain(figures)) = parse(&format!("explain {line}")).unwrap().command else {
        unreachable!("explain is a subcommand")
    };
    assert_eq!(figures.input().unwrap(), input(line));
    let text = explain::text(&eco_coder_carbon::explain(&input(line)).unwrap());
    let energy =
        "energy of the CPU: 7.291666666666667e-5 kWh\n    = 4.375 W / 1000 x 60 s / 3600 s/h\n    from codecarbon";
    assert!(text.contains(energy), "{text}");
    assert!(text.contains("\nPUE: 1\n    = the method's own\n    from codecarbon 2.3.4 and 3.3.2"), "{text}");
    assert!(parse(&format!("{line} explain {line}")).is_err(), "either the one or the other");
}

#[test]
fn a_grid_is_needed_and_bad_values_are_refused_in_words() {
    let refused = |line: &str| parse(line).unwrap_err().to_string();
    assert!(refused("--cpu-seconds 1 --ram-mb 1").contains("--region"));
    assert!(refused("").contains("--cpu-seconds"));
    assert!(refused("explain --cpu-seconds 1").contains("--ram-mb"));
    let method = refused("--cpu-seconds 1 --ram-mb 1 --region x --method rapl");
    assert!(method.contains("choose codecarbon-process, codecarbon-constant or ccf"), "{method}");
    let place = refused("--cpu-seconds 1 --ram-mb 1 --country FRA --intensity 50");
    assert!(place.contains("cannot be used with"), "{place}");
    let twice = refused("--cpu-seconds 1 --ram-mb 1 --country FRA --instance-type m5.large --tdp-watts 100");
    assert!(twice.contains("cannot be used with"), "{twice}");
    let unknown = refused("--cpu-seconds 1 --ram-mb 1 --country FRA --instance-type m99.large");
    assert!(unknown.contains("it has sizes of c4, c5"), "{unknown}");
    assert!(refused("--cpu-seconds 1 --ram-mb 1 --country FRA --threads 4").contains("--tdp-watts"));
    let negative = run(&parse("--cpu-seconds -1 --ram-mb 1 --intensity 100").unwrap()).unwrap_err().to_string();
    assert_eq!(negative, "the CPU time must be a number, zero or more");
    let embodied = run(&parse("--cpu-seconds 1 --ram-mb 1 --intensity 100 --embodied").unwrap()).unwrap_err();
    assert!(embodied.to_string().contains("give an instance type"), "{embodied}");
}
