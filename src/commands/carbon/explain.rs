//! `eco-coder carbon explain`: a calculation line by line, so that whoever doubts a figure can put the numbers in again.

use eco_coder_carbon::{Explanation, Input, Line, explain};

use crate::commands::terminal::out;

/// Prints every step.
pub(super) fn print(input: &Input, format: &str) -> anyhow::Result<()> {
    let explained = explain(input)?;
    if format == "json" {
        out!("{}", serde_json::to_string_pretty(&explained)?);
    } else {
        out!("{}", text(&explained).trim_end());
    }
    Ok(())
}

/// Each line's value; below it, set in, its formula and its source.
pub(super) fn text(explained: &Explanation) -> String {
    explained.lines.iter().map(line).collect()
}

fn line(line: &Line) -> String {
    let Line { name, unit, formula, source, .. } = line;
    let head = format!("{name}: {} {unit}", line.exact());
    format!("{}\n    = {formula}\n    from {source}\n", head.trim_end())
}
