//! The part of `[analysis]` that is about CodeGuru Reviewer: whole, or absent.

use std::time::Duration;

use eco_coder_github::git_root;
use eco_coder_shared::aws::AwsSettings;
use eco_coder_shared::config::{ConfigError, Settings};

use super::tables::AnalysisTable;
use crate::backends::codeguru_reviewer::{self, Association};
use crate::backends::source_archive;

const KIND: &str = "analysis.kind";
const UPLOAD: &str = "analysis.codeguru_upload_source";
const ASSOCIATIONS: &str = "analysis.codeguru_associations";

/// What CodeGuru is asked with, and where AWS is; `None`: the embedded analyser alone.
pub(super) fn from_table(
    table: &AnalysisTable,
    api_url: &str,
    settings: &Settings,
) -> Result<Option<(codeguru_reviewer::Settings, AwsSettings)>, ConfigError> {
    let wrong = |key: &str, problem: &str| Err(ConfigError::value(key, problem));
    match (table.kind.as_str(), table.codeguru_associations.is_empty()) {
        ("embedded", true) if table.codeguru_upload_source => {
            return wrong(UPLOAD, "it is for analysis.kind = \"codeguru\"; set that, or remove this");
        }
        ("embedded", true) => return Ok(None),
        ("embedded", false) => {
            return wrong(ASSOCIATIONS, "it is for analysis.kind = \"codeguru\"; set that, or remove this");
        }
        ("codeguru", true) => {
            return wrong(
                ASSOCIATIONS,
                "analysis.kind is \"codeguru\", so it must be set: OWNER/REPO=ARN for each associated repository",
            );
        }
        ("codeguru", false) => {}
        _ => {
            return wrong(
                KIND,
                "it must be \"embedded\" or \"codeguru\" (which is the embedded analyser and CodeGuru)",
            );
        }
    }
    let mut associations: Vec<Association> = Vec::new();
    for entry in &table.codeguru_associations {
        let Some(association) = association(entry) else {
            return wrong(
                ASSOCIATIONS,
                "an entry is not OWNER/REPO=ARN, where ARN is as in \
                 arn:aws:codeguru-reviewer:us-east-1:123456789012:association:ID",
            );
        };
        let name = association.repository.as_str();
        if associations.iter().any(|known| known.repository.as_str().eq_ignore_ascii_case(name)) {
            return wrong(ASSOCIATIONS, "a repository stands twice; one association is enough");
        }
        associations.push(association);
    }
    let between = |key: &str, value: u64, low: u64, high: u64| {
        let wrong = || ConfigError::value(key, &format!("it must be from {low} to {high}"));
        (low..=high).contains(&value).then_some(value).ok_or_else(wrong)
    };
    let timeout = between("analysis.codeguru_timeout_seconds", table.codeguru_timeout_seconds, 1, 3600)?;
    let poll = between("analysis.codeguru_poll_seconds", table.codeguru_poll_seconds, 1, 600)?;
    between("analysis.codeguru_daily_limit", table.codeguru_daily_limit.into(), 1, 1_000_000)?;
    let settings_of_it = codeguru_reviewer::Settings {
        associations,
        min_changed_lines: table.codeguru_min_changed_lines,
        timeout: Duration::from_secs(timeout),
        poll: Duration::from_secs(poll),
        daily_limit: table.codeguru_daily_limit,
        upload: table.codeguru_upload_source.then(|| source_archive::Settings {
            root: git_root(api_url),
            surroundings: settings.surroundings(),
            bounds: source_archive::Bounds::default(),
        }),
    };
    Ok(Some((settings_of_it, AwsSettings::from_settings(settings)?)))
}

fn association(entry: &str) -> Option<Association> {
    let (repository, arn) = entry.split_once('=')?;
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "codeguru-reviewer", region, account, "association", id] = parts.as_slice() else {
        return None;
    };
    let plain = |text: &&&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let all = [partition, region, account, id].iter().filter(|part| plain(part)).count() == 4;
    (all && arn.len() <= 256).then_some(())?;
    Some(Association { repository: repository.trim().parse().ok()?, arn: arn.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:codeguru-reviewer:us-east-1:123456789012:association:6ee6f3a6-0000";

    fn read(text: &str) -> Result<Option<codeguru_reviewer::Settings>, String> {
        let settings = Settings::parse(&format!("[analysis]\n{text}"), []).unwrap();
        let table = settings.table("analysis").unwrap();
        from_table(&table, "https://api.github.com", &settings)
            .map(|found| found.map(|(settings, _)| settings))
            .map_err(|e| e.to_string())
    }

    #[test]
    fn it_is_whole_or_absent() {
        assert!(read("").unwrap().is_none());
        let whole =
            read(&format!("kind = \"codeguru\"\ncodeguru_associations = [\"acme/shop={ARN}\"]")).unwrap().unwrap();
        assert_eq!((whole.associations[0].arn.as_str(), whole.min_changed_lines), (ARN, 100));
        for (text, says) in [
            ("kind = \"codeguru\"".to_owned(), "must be set"),
            (format!("codeguru_associations = [\"acme/shop={ARN}\"]"), "set that, or remove"),
            ("kind = \"sonar\"".to_owned(), "\"embedded\" or \"codeguru\""),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn source_is_uploaded_only_if_it_is_said_and_comes_from_the_host_that_the_api_is_of() {
        let with = |rest: &str| {
            read(&format!("kind = \"codeguru\"\ncodeguru_associations = [\"acme/shop={ARN}\"]\n{rest}"))
                .unwrap()
                .unwrap()
        };
        assert!(with("").upload.is_none() && with("codeguru_upload_source = false").upload.is_none());
        assert_eq!(with("codeguru_upload_source = true").upload.unwrap().root, "https://github.com");
        let error = read("codeguru_upload_source = true").unwrap_err();
        assert!(error.contains("codeguru_upload_source") && error.contains("set that, or remove"), "{error}");
    }

    #[test]
    fn entries_that_are_no_association_and_figures_out_of_bounds_are_refused() {
        let with = |entries: &str, rest: &str| {
            read(&format!("kind = \"codeguru\"\ncodeguru_associations = [{entries}]\n{rest}"))
        };
        let role = ARN.replace("association", "role");
        for entry in [
            ARN,
            "acme/shop",
            "acme/shop=",
            "shop=arn:aws",
            &format!("acme/shop={role}"),
            &format!("acme/shop={ARN}/x"),
        ] {
            let error = with(&format!("\"{entry}\""), "").unwrap_err();
            assert!(error.contains("OWNER/REPO=ARN") && !error.contains("6ee6f3a6"), "{error}");
        }
        let good = format!("\"acme/shop={ARN}\"");
        assert!(with(&format!("{good}, \"ACME/Shop={ARN}\""), "").unwrap_err().contains("twice"));
        for (key, low, high) in [
            ("codeguru_timeout_seconds", 1, 3600),
            ("codeguru_poll_seconds", 1, 600),
            ("codeguru_daily_limit", 1, 1_000_000),
        ] {
            for (value, is_good) in [(low - 1, false), (low, true), (high, true), (high + 1, false)] {
                assert_eq!(with(&good, &format!("{key} = {value}")).is_ok(), is_good, "{key} = {value}");
            }
        }
    }
}
