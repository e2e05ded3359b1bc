//! What a person at a terminal sees: colours and progress where there is a terminal, neither where there is none.

use std::fmt::Arguments;
use std::io::{IsTerminal, Write};

use eco_coder_analyzer::Severity;
use indicatif::{ProgressBar, ProgressStyle};

/// Prints a line. A reader that has gone away, or a full disk, is an error and no panic.
pub fn line(text: Arguments<'_>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_fmt(text)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Prints a line of a command's output, or ends the command.
macro_rules! out {
    ($($text:tt)*) => { $crate::commands::terminal::line(format_args!($($text)*))? };
}
pub(crate) use out;

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    colours: bool,
}

impl Style {
    /// Colours if standard output is a terminal and `NO_COLOR` isn't set.
    pub fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Self { colours: std::io::stdout().is_terminal() && !refused }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Bold.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Dim.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Done.
    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// A severity in its colour.
    pub fn severity(self, severity: Severity) -> String {
        let code = match severity {
            Severity::Critical | Severity::High => "31",
            Severity::Medium => "33",
            Severity::Low | Severity::Info => "36",
        };
        self.paint(code, &severity.to_string())
    }
}

/// A progress bar on standard error, if that is a terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// Of `total` steps; of none, a spinner.
    pub fn start(what: &str, total: usize) -> Self {
        if !std::io::stderr().is_terminal() || total == 1 {
            return Self(ProgressBar::hidden());
        }
        let (bar, template) = if total == 0 {
            (ProgressBar::new_spinner(), "{spinner} {msg}")
        } else {
            (ProgressBar::new(total as u64), "{msg} [{bar:30}] {pos}/{len}")
        };
        // The templates are constants; one that didn't parse would only look plainer.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what.to_owned());
        Self(bar)
    }

    /// Says what is being done now.
    pub fn say(&self, what: &str) {
        self.0.set_message(what.to_owned());
        self.0.tick();
    }

    /// One step further.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// Done; the line goes.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
