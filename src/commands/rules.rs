//! `eco-coder rules`: what the embedded analyser knows, as a table, as JSON, rule by rule, or as Markdown (docs/rules/).

mod own;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use eco_coder_analyzer::{Category, Confidence, Language, RuleInfo, Severity};
use serde::Serialize;

use super::terminal::out;

/// Arguments of `rules`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  eco-coder rules                          all of them, a line each
  eco-coder rules list --language python --format json
  eco-coder rules show EC-PY-072           what it says, and why
  eco-coder rules test .eco-coder/         do rules of your own find what they should?"
)]
pub struct RulesArgs {
    #[command(subcommand)]
    command: Option<RulesCommand>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// A line for each rule
    List(ListArgs),
    /// One rule, by its id or another of its names
    Show {
        /// As in EC-PY-072, GCI72 or CWE-89
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Rules of your own against their examples
    Test {
        /// A folder with rule files (*.yml, *.yaml), or one of them
        #[arg(value_name = "DIR")]
        path: PathBuf,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// text, markdown or json
    #[arg(long, default_value = "text", value_parser = ["text", "markdown", "json"])]
    format: String,
    /// Only this language's
    #[arg(long)]
    language: Option<String>,
}

/// One rule, as `--format json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    aliases: &'a [String],
    /// The first of those below.
    language: Option<&'static str>,
    languages: Vec<&'static str>,
    category: Category,
    severity: Severity,
    confidence: Confidence,
    /// Without being asked for.
    on: bool,
    title: &'a str,
    description: &'a str,
    /// What to do instead, in words.
    fix: &'a str,
    /// Whether there is a mechanical fix, for some of what it finds at least.
    fixable: bool,
    evidence: Option<&'a str>,
    link: Option<&'a str>,
}

/// Prints the rules.
pub fn run(args: &RulesArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        None => list(&args.list)?,
        Some(RulesCommand::List(args)) => list(args)?,
        Some(RulesCommand::Show { id }) => show(id)?,
        Some(RulesCommand::Test { path }) => return own::test(path),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let mut rules = eco_coder_analyzer::rules();
    if let Some(wanted) = &args.language {
        let is = |language: &&Language| language.name().eq_ignore_ascii_case(wanted);
        let names: Vec<&str> = Language::ALL.iter().map(|language| language.name()).collect();
        anyhow::ensure!(Language::ALL.iter().any(|l| is(&l)), "there are rules for {}", names.join(", "));
        rules.retain(|rule| rule.languages.iter().any(|language| is(&language)));
    }
    match args.format.as_str() {
        "json" => out!("{}", serde_json::to_string_pretty(&rules.iter().map(row).collect::<Vec<_>>())?),
        "markdown" => out!("{}", markdown(&rules).trim_end()),
        _ => {
            for rule in rules {
                let off = if is_on(&rule) { "" } else { " (off)" };
                let (severity, category) = (rule.severity, rule.category);
                out!("{:<10} {severity:<8} {category:<13} {}{off}", rule.id, rule.title);
            }
        }
    }
    Ok(())
}

/// Low confidence: only if asked for.
fn is_on(rule: &RuleInfo) -> bool {
    rule.confidence > Confidence::Low
}

fn row(rule: &RuleInfo) -> Row<'_> {
    let languages: Vec<&'static str> = rule.languages.iter().map(|language| language.name()).collect();
    Row {
        id: &rule.id,
        aliases: &rule.aliases,
        language: languages.first().copied(),
        languages,
        category: rule.category,
        severity: rule.severity,
        confidence: rule.confidence,
        on: is_on(rule),
        title: &rule.title,
        description: &rule.description,
        fix: &rule.recommendation,
        fixable: rule.fixable,
        evidence: rule.evidence.as_deref(),
        link: rule.link.as_deref(),
    }
}

fn show(id: &str) -> anyhow::Result<()> {
    let named = |rule: &RuleInfo| {
        std::iter::once(&rule.id).chain(&rule.aliases).any(|name| name.eq_ignore_ascii_case(id.trim()))
    };
    let found: Vec<RuleInfo> = eco_coder_analyzer::rules().into_iter().filter(named).collect();
    anyhow::ensure!(!found.is_empty(), "there is no rule {id}; eco-coder rules lists them");
    let entries: Vec<String> = found.iter().map(entry).collect();
    out!("{}", entries.join("\n").trim());
    Ok(())
}

/// The pages of `docs/rules/`: file name and content, one for each family of languages, and the list of them.
pub fn pages() -> Vec<(String, String)> {
    let mut families: BTreeMap<String, Vec<RuleInfo>> = BTreeMap::new();
    for rule in eco_coder_analyzer::rules() {
        let family = rule.languages.first().map_or("other", |language| language.name());
        families.entry(family.to_owned()).or_default().push(rule);
    }
    let mut index = String::from(
        "# Rules\n\n| language | rules | on | fixable | performance, energy | security | other |\n|---|---:|---:|---:|---:|---:|---:|\n",
    );
    let mut pages = Vec::new();
    for (family, rules) in &families {
        let file = format!("{}.md", family.to_lowercase().replace('#', "sharp"));
        let of = |wanted: &[Category]| rules.iter().filter(|rule| wanted.contains(&rule.category)).count();
        let names = if family == "JavaScript" { "JavaScript, TypeScript" } else { family };
        let (green, secure) = (of(&[Category::Performance, Category::Energy]), of(&[Category::Security]));
        index.push_str(
            &[
                format!("| [{names}]({file}) "),
                format!("| {} ", rules.len()),
                format!("| {} ", rules.iter().filter(|rule| is_on(rule)).count()),
                format!("| {} ", rules.iter().filter(|rule| rule.fixable).count()),
                format!("| {green} | {secure} | {} |\n", rules.len() - green - secure),
            ]
            .concat(),
        );
        pages.push((file, format!("# Rules for {names}\n\n{HOW}{}", markdown(rules))));
    }
    pages.push(("README.md".to_owned(), format!("{index}\n{HOW}")));
    pages
}

/// How a reader acts on a rule.
const HOW: &str = "\
A comment `eco-coder-ignore RULE: reason` on a line, or on the line before it, mutes a finding; `analysis.disabled_rules` turns
a rule off. Rules of low confidence are off. How often rules are right on well-kept code:
[worker/analyzer/evidence](../../worker/analyzer/evidence). `REMAKE_DOCUMENTS=1 cargo test documents` makes this file.
";

fn markdown(rules: &[RuleInfo]) -> String {
    rules.iter().map(|rule| format!("\n{}", entry(rule))).collect::<Vec<_>>().concat()
}

fn entry(rule: &RuleInfo) -> String {
    let languages: Vec<&str> = rule.languages.iter().map(|language| language.name()).collect();
    let also = if rule.aliases.is_empty() { String::new() } else { format!(" / also {}", rule.aliases.join(", ")) };
    let confidence = rule.confidence.to_string().to_lowercase();
    let off = if is_on(rule) { "" } else { " (off)" };
    let mut parts = vec![
        format!("## {}: {}", rule.id, rule.title),
        format!(
            "{} / {} / confidence {confidence}{off} / {}{also}",
            rule.severity,
            rule.category,
            languages.join(", ")
        ),
        rule.description.clone(),
        rule.recommendation.clone(),
    ];
    if rule.fixable {
        parts.push("Fix: mechanical where it is certain; `eco-coder scan --fix` applies it.".to_owned());
    }
    parts.extend(rule.evidence.as_ref().map(|evidence| format!("Effect: {evidence}")));
    parts.extend(rule.link.as_ref().map(|link| format!("<{link}>")));
    parts.join("\n\n") + "\n"
}
