//! Adds up the nodes of a call graph by function: what each has itself, and with what it calls. A function that is open
//! already when it is called again is recursive, and counts once. Knows no file format.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use super::{CallGraphError, Counts, Kind, STATES, add};
use eco_coder_profile::{Bottleneck, shown};

/// What a function without a name is called.
const UNKNOWN: &str = "[unknown]";

/// Where a node says that it is.
pub(super) struct Place<'a> {
    /// In the node itself.
    pub(super) samples: f64,
    pub(super) file: Option<Cow<'a, str>>,
    pub(super) line: Option<u32>,
}

/// The sums by name: CodeGuru's names hold module and class.
pub(super) struct Functions<'a> {
    max: usize,
    index: HashMap<Cow<'a, str>, usize>,
    all: Vec<Function<'a>>,
}

struct Function<'a> {
    own: Counts,
    total: Counts,
    /// How often it is on the stack that is being read.
    open: usize,
    /// Of the node with most samples.
    place: Place<'a>,
}

impl<'a> Functions<'a> {
    pub(super) fn new(max: usize) -> Self {
        Self { max, index: HashMap::new(), all: Vec::new() }
    }

    /// A node of this function begins.
    pub(super) fn open(&mut self, name: Cow<'a, str>) -> Result<usize, CallGraphError> {
        let number = if let Some(known) = self.index.get(&name) {
            *known
        } else {
            if self.all.len() >= self.max {
                return Err(CallGraphError::TooMany { what: "functions", limit: self.max });
            }
            let place = Place { samples: -1.0, file: None, line: None };
            self.all.push(Function { own: [0.0; STATES.len()], total: [0.0; STATES.len()], open: 0, place });
            self.index.insert(name, self.all.len() - 1);
            self.all.len() - 1
        };
        self.all[number].open += 1;
        Ok(number)
    }

    /// It ends, and has `own` itself and `all` with what is below.
    pub(super) fn close(&mut self, number: usize, own: &Counts, all: &Counts, place: Place<'a>) {
        let function = &mut self.all[number];
        function.open -= 1;
        add(&mut function.own, own);
        if function.open == 0 {
            add(&mut function.total, all);
        }
        let says = place.file.is_some() || place.line.is_some();
        if says && place.samples > function.place.samples {
            function.place = place;
        }
    }

    /// The functions with most, by self, then total, then name.
    pub(super) fn top(
        &self,
        count: usize,
        kind: Kind,
        total: f64,
        ms: impl Fn(&Counts) -> Option<f64>,
    ) -> Vec<Bottleneck> {
        let mut order: Vec<(&str, &Function<'a>)> =
            self.index.iter().map(|(name, number)| (&**name, &self.all[*number])).collect();
        order.retain(|(_, function)| kind.of(&function.total) > 0.0);
        let rank = |(a, one): &(&str, &Function<'_>), (b, other): &(&str, &Function<'_>)| -> Ordering {
            let by_own = kind.of(&other.own).total_cmp(&kind.of(&one.own));
            by_own.then_with(|| kind.of(&other.total).total_cmp(&kind.of(&one.total))).then_with(|| a.cmp(b))
        };
        if count < order.len() {
            order.select_nth_unstable_by(count, rank);
            order.truncate(count);
        }
        order.sort_unstable_by(rank);
        let share = |counts: &Counts| (kind.of(counts) / total * 100.0).min(100.0);
        let bottleneck = |(name, function): (&str, &Function<'_>)| {
            let name = shown(name.as_bytes());
            let file = function.place.file.as_deref().map(|file| shown(file.as_bytes()));
            Bottleneck {
                function_name: if name.is_empty() { UNKNOWN.to_owned() } else { name },
                file_path: file.filter(|file| !file.is_empty()),
                line_number: function.place.line,
                cpu_percentage: share(&function.own),
                total_percentage: Some(share(&function.total)),
                self_time_ms: ms(&function.own),
                total_time_ms: ms(&function.total),
                invocation_count: None,
            }
        };
        order.into_iter().map(bottleneck).collect()
    }
}
