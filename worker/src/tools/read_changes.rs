//! `read_changes`: the changed part of a file that the view of the diff left out. It answers with a place, never with text:
//! what a session stores holds no source, and the prompt shows the place from the diff in hand.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diff::Diff;
use crate::results::ToolError;

/// For the model.
pub const DESCRIPTION: &str = "Shows a changed file's hunks with the line numbers of the head, where the first message left \
     them out.";

/// Arguments of the call, and its result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// A file of the diff.
    pub path: String,
    /// From this line of the head on; absent: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_line: Option<u32>,
}

/// Runs the tool. Paths outside the diff are refused: there is nothing else to be read.
pub fn call(arguments: &Arguments, diff: &Diff) -> Result<Arguments, ToolError> {
    match diff.patch(&arguments.path) {
        Some(_) => Ok(arguments.clone()),
        None => Err(ToolError::arguments("this path is not in the diff; name a file as it stands there")),
    }
}
