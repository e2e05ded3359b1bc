//! How a figure came about, line by line. The calculation writes it while it calculates, so that what is explained is what
//! was done. Off, it costs nothing.

use serde::Serialize;

use crate::words::exact;

/// One step of a calculation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What it is.
    pub name: String,
    /// Its value; every digit of it.
    pub value: f64,
    /// In which unit.
    pub unit: &'static str,
    /// How it comes about, with the numbers put in.
    pub formula: String,
    /// Where it, or the way of calculating it, comes from.
    pub source: String,
}

impl Line {
    /// The value with every digit it has: `0.25`, `2.5e-8`.
    pub fn exact(&self) -> String {
        exact(self.value)
    }
}

/// Takes lines down, or doesn't.
#[derive(Debug, Default)]
pub(crate) struct Trace(Option<Vec<Line>>);

impl Trace {
    pub(crate) fn on() -> Self {
        Self(Some(Vec::new()))
    }

    /// Takes a line down, and hands its value on. `how`: the formula and the source.
    pub(crate) fn line<F, S>(&mut self, name: &str, value: f64, unit: &'static str, how: impl FnOnce() -> (F, S)) -> f64
    where
        F: Into<String>,
        S: Into<String>,
    {
        if let Self(Some(lines)) = self {
            let (formula, source) = how();
            lines.push(Line { name: name.to_owned(), value, unit, formula: formula.into(), source: source.into() });
        }
        value
    }

    /// A new one, on or off as this.
    pub(crate) fn apart(&self) -> Self {
        Self(self.0.as_ref().map(|_| Vec::new()))
    }

    /// The formula of a line that was taken down.
    pub(crate) fn formula(&self, name: &str) -> &str {
        let line = self.0.iter().flatten().find(|line| line.name == name);
        line.map_or("", |line| &line.formula)
    }

    pub(crate) fn lines(self) -> Vec<Line> {
        self.0.unwrap_or_default()
    }
}
