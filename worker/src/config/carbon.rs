//! `[carbon]`: what footprints are calculated with. Nothing is measured here; a calculation with these settings is tried
//! before anything is.

use eco_coder_carbon::{Embodied, Hardware, Input};
use eco_coder_shared::aws::AwsSettings;
use eco_coder_shared::config::{ConfigError, Settings};

use super::tables::CarbonTable;

/// Hours of a year of `carbon.embodied_years`, as Cloud Carbon Footprint's four years have: 365 days.
const HOURS_PER_YEAR: f64 = 24.0 * 365.0;

/// Where the intensity is in Parameter Store, if it is there.
pub(super) fn intensity_path(settings: &Settings) -> Result<Option<(String, AwsSettings)>, ConfigError> {
    let table: CarbonTable = settings.table("carbon")?;
    let Some(path) = table.intensity_parameter_path else { return Ok(None) };
    let wrong = |problem: &str| Err(ConfigError::value("carbon.intensity_parameter_path", problem));
    let legal = |c: u8| c.is_ascii_alphanumeric() || b"/._-".contains(&c);
    if !path.starts_with('/') || path.len() > 900 || !path.bytes().all(legal) {
        return wrong("it must be a parameter's path, such as /eco-coder/carbon-intensity");
    }
    if table.intensity.is_some() {
        return wrong("carbon.intensity is set, too: remove one of them");
    }
    if table.region.is_none() {
        return wrong("it is read by region: set carbon.region (AWS_REGION), too");
    }
    Ok(Some((path, AwsSettings::from_settings(settings)?)))
}

/// The table, as the calculation takes it.
pub(super) fn input(table: &CarbonTable) -> Result<Input, ConfigError> {
    let wrong = |key: &str, problem: &str| ConfigError::value(&format!("carbon.{key}"), problem);
    let country = table.country.as_deref().map(str::parse).transpose();
    let country = country.map_err(|e: eco_coder_carbon::CarbonError| wrong("country", &e.to_string()))?;
    if country.is_some() && table.intensity.is_some() {
        return Err(wrong("country", "carbon.intensity is set, too: remove one of them"));
    }
    let input = Input {
        aws_region: table.region.clone().unwrap_or_default(),
        country,
        intensity_g_per_kwh: table.intensity,
        method: table
            .method
            .parse()
            .map_err(|_| wrong("method", "it must be codecarbon-process, codecarbon-constant or ccf"))?,
        ram_model: table.ram_model.parse().map_err(|_| wrong("ram_model", "it must be v2 or v3"))?,
        hardware: hardware(table)?,
        pue: table.pue,
        embodied: embodied(table)?,
        executions_per_month: table.executions_per_month,
        cpu_time_seconds: 1.0,
        execution_count: 1,
        ..Input::default()
    };
    // A calculation with these settings must work before anything is measured.
    match eco_coder_carbon::footprint(&input) {
        Ok(_) => Ok(input),
        Err(e @ eco_coder_carbon::CarbonError::CountryOfRegion { .. }) => {
            let hint = "carbon.region is also read from AWS_REGION; ECO_CODER_CARBON_REGION goes before that";
            Err(wrong("country", &format!("{e} ({hint})")))
        }
        Err(e) => Err(ConfigError::value("carbon", &e.to_string())),
    }
}

fn hardware(table: &CarbonTable) -> Result<Hardware, ConfigError> {
    if table.instance_type.is_some() && (table.tdp_watts.is_some() || table.threads.is_some()) {
        let problem = "it says what the CPU is: remove it, or carbon.tdp_watts and carbon.threads";
        return Err(ConfigError::value("carbon.instance_type", problem));
    }
    if table.tdp_watts.is_some() != table.threads.is_some() {
        return Err(ConfigError::value("carbon", "tdp_watts and threads belong together: set both or none"));
    }
    let instance = table.instance_type.as_deref().map(str::parse).transpose();
    let instance = instance
        .map_err(|e: eco_coder_carbon::CarbonError| ConfigError::value("carbon.instance_type", &e.to_string()))?;
    Hardware::from_parts(instance, table.tdp_watts, table.threads, false)
        .map_err(|e| ConfigError::value("carbon", &e.to_string()))
}

fn embodied(table: &CarbonTable) -> Result<Option<Embodied>, ConfigError> {
    let CarbonTable { embodied, embodied_server_kg, embodied_years, .. } = *table;
    if embodied {
        return Ok(Some(Embodied {
            server_kg: embodied_server_kg,
            lifetime_hours: embodied_years.map(|years| years * HOURS_PER_YEAR),
        }));
    }
    let unused = [("embodied_server_kg", embodied_server_kg), ("embodied_years", embodied_years)];
    match unused.iter().find(|(_, value)| value.is_some()) {
        None => Ok(None),
        Some((key, _)) => {
            let problem = "carbon.embodied is false: set it to true, or remove this";
            Err(ConfigError::value(&format!("carbon.{key}"), problem))
        }
    }
}
