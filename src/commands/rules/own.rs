//! `eco-coder rules test`: rules of the user's own, read as a review would read them, and tried on their examples.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use eco_coder_analyzer::{Failure, OwnRules, STACK_BYTES};

use crate::commands::terminal::out;

/// Exits with 1 if a rule can't be used, or says something else than its examples.
pub(super) fn test(path: &Path) -> anyhow::Result<ExitCode> {
    let files = files(path)?;
    anyhow::ensure!(!files.is_empty(), "there is no rule file (*.yml, *.yaml) in {}", path.display());
    let named = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).with_context(|| format!("{} can't be read", file.display()))?;
        Ok::<_, anyhow::Error>((file.display().to_string(), text))
    };
    let texts: Vec<(String, String)> = files.into_iter().map(named).collect::<anyhow::Result<_>>()?;
    let (rules, problems) = OwnRules::read(&texts);
    let (count, examples) = (rules.infos().len(), rules.examples());
    let rules = Arc::new(rules);
    let tried = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || rules.failures())?;
    let failures = tried.join().map_err(|_| anyhow::anyhow!("trying the examples ended abnormally"))?;
    for problem in &problems {
        out!("{problem}");
    }
    for failure in &failures {
        out!("{}", words(failure));
    }
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    out!(
        "{}, {}: {}, {}.",
        plural(count, "rule"),
        plural(examples, "example"),
        plural(problems.len(), "problem"),
        plural(failures.len(), "failure")
    );
    Ok(if problems.is_empty() && failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn words(failure: &Failure) -> String {
    let Failure { rule, language, bad, code, why } = failure;
    let said = match (why, bad) {
        (Some(why), _) => format!("differs from its example: {why}"),
        (None, true) => "is silent on a bad example".to_owned(),
        (None, false) => "speaks of a good example".to_owned(),
    };
    let code: Vec<String> = code.trim_end().lines().map(|line| format!("    {line}")).collect();
    format!("{rule} {said} ({language}):\n{}", code.join("\n"))
}

/// Rule files below a folder, by name; links are not followed.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("{} can't be read", path.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        let is_rule_file = path.extension().is_some_and(|end| end == "yml" || end == "yaml");
        if kind.is_dir() {
            found.extend(files(&path)?);
        } else if kind.is_file() && is_rule_file {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
