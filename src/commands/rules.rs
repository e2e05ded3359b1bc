//! `eco-coder rules`: what the embedded analyser knows, as a table or as Markdown (docs/rules.md).

use clap::Args;

use super::terminal::out;

/// Arguments of `rules`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  eco-coder rules\n  eco-coder rules --format markdown > docs/rules.md")]
pub struct RulesArgs {
    /// text, markdown or json
    #[arg(long, default_value = "text", value_parser = ["text", "markdown", "json"])]
    format: String,
}

/// Prints the rules.
pub fn run(args: &RulesArgs) -> anyhow::Result<()> {
    match args.format.as_str() {
        "json" => out!("{}", serde_json::to_string_pretty(&eco_coder_analyzer::rules())?),
        "markdown" => out!("{}", markdown().trim_end()),
        _ => {
            for rule in eco_coder_analyzer::rules() {
                out!(
                    "{:<10} {:<8} {:<13} {}",
                    rule.id,
                    rule.severity.to_string(),
                    rule.category.to_string(),
                    rule.title
                );
            }
        }
    }
    Ok(())
}

/// `docs/rules.md`, whole.
pub fn markdown() -> String {
    use std::fmt::Write;
    let rules = eco_coder_analyzer::rules();
    let mut out = format!(
        "# Rules\n\n{} rules. A comment `eco-coder-ignore RULE: reason` on a line, or on the line before it, mutes a finding;\n`analysis.disabled_rules` turns a rule off. This file is made by `eco-coder rules --format markdown`.\n",
        rules.len()
    );
    for rule in &rules {
        let languages: Vec<String> = rule.languages.iter().map(|l| format!("{l:?}")).collect();
        let _ = write!(
            out,
            "\n## {}: {}\n\n{} / {} / confidence {} / {}{}\n\n{}\n\n{}\n",
            rule.id,
            rule.title,
            rule.severity,
            rule.category,
            format!("{:?}", rule.confidence).to_lowercase(),
            languages.join(", "),
            if rule.aliases.is_empty() { String::new() } else { format!(" / also {}", rule.aliases.join(", ")) },
            rule.description,
            rule.recommendation,
        );
        if let Some(evidence) = &rule.evidence {
            let _ = write!(out, "\nEffect: {evidence}\n");
        }
        if let Some(link) = &rule.link {
            let _ = write!(out, "\n<{link}>\n");
        }
    }
    out
}
