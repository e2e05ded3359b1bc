//! Nothing was measured: one folded line that says how to change that, in the language of most changed files. Speaks only if there
//! is nothing else to say of performance.

use eco_coder_analyzer::Language;

use super::{RenderOptions, fold, sentence, words};
use crate::report::{Report, Section};

/// What readers are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProfileHint {
    /// Nothing: whoever reads this can't provide any, or the operator doesn't want it said.
    #[default]
    Off,
    /// Workflows of GitHub Actions leave profiles in an artifact.
    Artifact {
        /// Its name: letters, digits, `-`, `_` and `.`.
        name: String,
        /// Whether it is looked for; else the operator has something to do, too.
        is_looked_for: bool,
    },
}

/// The folded line; none if anything was measured.
pub(super) fn section(report: &Report, options: &RenderOptions) -> Option<String> {
    let ProfileHint::Artifact { name, is_looked_for } = &options.profile_hint else { return None };
    let (Section::Absent { why }, None) = (&report.performance, &report.benchmarks) else { return None };
    let (run, file) = recipe(report.main_language);
    let why = words(why);
    let why = if why.is_empty() { String::new() } else { format!("{} ", sentence(&capital(&why))) };
    let setting = if *is_looked_for {
        String::new()
    } else {
        format!(" Whoever runs Eco-Coder sets `ci.artifact = \"{name}\"` once.")
    };
    let content = format!(
        "{why}Let a workflow leave one, in a job that runs for pull requests and for the base branch, so that both can be shown \
         side by side:\n\n```yaml\n- run: {run}\n- uses: actions/upload-artifact@v4\n  with: {{ name: {name}, path: {file} }}\n```\n\n\
         Measure under the same load each time. Benchmark results in the same artifact are compared with the base's.{setting}"
    );
    Some(fold("Nothing was measured: how to provide a profile", &content))
}

/// What is run, and the file that it leaves. docs/profiles.md says more of each.
fn recipe(language: Option<Language>) -> (&'static str, &'static str) {
    match language {
        Some(Language::Python) => {
            ("pip install py-spy && py-spy record -f raw -o cpu.folded -- python -m pytest benchmarks", "cpu.folded")
        }
        Some(Language::JavaScript | Language::TypeScript | Language::Tsx) => {
            ("node --cpu-prof --cpu-prof-name cpu.cpuprofile benchmark.js", "cpu.cpuprofile")
        }
        Some(Language::Go) => ("go test -run '^$' -bench . -cpuprofile cpu.pprof", "cpu.pprof"),
        Some(Language::Rust) => {
            ("perf record -e cpu-clock -F 999 -g -- target/release/benchmark && perf script > cpu.perf", "cpu.perf")
        }
        Some(Language::Java) => (
            "java -agentpath:libasyncProfiler.so=start,event=cpu,collapsed,file=cpu.collapsed -jar benchmarks.jar",
            "cpu.collapsed",
        ),
        Some(Language::CSharp) => {
            ("dotnet-trace collect --format Speedscope -o cpu -- dotnet run -c Release", "cpu.speedscope.json")
        }
        Some(Language::Php) | None => {
            ("hyperfine --runs 30 --export-json hyperfine.json ./benchmark", "hyperfine.json")
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
