//! `analyze_code`: findings on the changed lines of the pull request's files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backends::cpu::budget::CpuBudget;
use crate::backends::embedded::Embedded;
use crate::backends::linters::Linters;
use crate::results::{CodeAnalysis, ToolError};
use crate::subject::Subject;

/// For the model.
pub const DESCRIPTION: &str = "Analyses the pull request's changed files for code quality, security, performance and \
     energy use; returns findings on changed lines only. Give paths to look at some of the changed files only.";

/// Arguments of the call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// Some of the pull request's changed files; absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<String>>,
}

/// Runs the tool. Paths outside the pull request are refused: it shows nothing but its own files.
pub async fn call(
    arguments: &Arguments,
    subject: &Subject,
    code: &Embedded,
    linters: &Linters,
    budget: &CpuBudget,
) -> Result<CodeAnalysis, ToolError> {
    if let Some(paths) = &arguments.paths {
        let unknown = paths.iter().filter(|path| !subject.files.iter().any(|file| file.path == **path)).count();
        if unknown > 0 || paths.is_empty() {
            return Err(ToolError::arguments(format!(
                "{unknown} of {} paths are not among the files that this pull request changes; name some that are",
                paths.len()
            )));
        }
    }
    let mut analysis = code.analyze(subject, arguments.paths.as_deref(), budget).await?;
    let wanted = |path: &str| arguments.paths.as_ref().is_none_or(|paths| paths.iter().any(|wanted| wanted == path));
    linters.add_to(&mut analysis, subject, code.options(), wanted).await;
    Ok(analysis)
}
