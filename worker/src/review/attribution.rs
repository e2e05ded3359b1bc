//! What the functions that a pull request changes use of its profile: joins what the analysis saw with what a profiler did, at
//! the head and, if there is a profile of it, at the base. Measures nothing itself, and no failure here is a review's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use eco_coder_analyzer::Function;
use eco_coder_profile::{ChangedFunction, Matched, attribute_summary};

use super::inspect::Inspector;
use crate::backends::profile_files::{FunctionShare, Side, Uses};
use crate::report::{Report, Section};
use crate::results::{ChangedFunctions, ChangedUse, MAX_CHANGED_ROWS, PerformanceProfile, Share, ToolError};
use crate::subject::Subject;

impl Inspector {
    /// Adds to the report what its changed functions use, and keeps a flame graph if somebody wants any.
    pub(super) async fn attribute(&self, subject: &Subject, report: &mut Report) {
        let touched = report.take_touched();
        let (functions, is_changed) = touched.functions();
        let changed = is_changed.iter().filter(|is_changed| **is_changed).count() + touched.left_out;
        let Some(profile) = report.performance.present() else { return };
        if profile.deployed_service.is_some() {
            report.changed_functions = of_a_service(profile, &functions, &is_changed, changed);
            return;
        }
        let spent = report.quality.present().map_or(0.0, |analysis| analysis.cpu_seconds.seconds());
        let both = self.both_sides(subject, &functions, &is_changed, changed, Duration::from_secs_f64(spent));
        // Whatever is not there in time is left out: the profile itself stands.
        let within = self.deadlines.profile;
        match tokio::time::timeout(within, both).await {
            Ok(Ok(found)) => report.changed_functions = found,
            Ok(Err(error)) => {
                tracing::warn!(component = "attribution", %error, "changed functions are not looked up in the profile");
            }
            Err(_) => tracing::warn!(component = "attribution", ?within, "changed functions took too long to look up"),
        }
        let Some(kept) = &self.backends.flame_graphs else { return };
        let drawn = tokio::time::timeout(within, self.backends.profiles.flame_graph(&subject.target)).await;
        let url = match drawn {
            Ok(Ok(Some(svg))) => kept.keep(&subject.target, &svg).await,
            Ok(Ok(None)) | Err(_) => None,
            Ok(Err(error)) => {
                tracing::warn!(component = "attribution", %error, "a flame graph can't be drawn");
                None
            }
        };
        if let Section::Present(profile) = &mut report.performance {
            profile.flame_graph_url = url;
        }
    }

    /// The head's figures, with the base's beside them.
    async fn both_sides(
        &self,
        subject: &Subject,
        functions: &[ChangedFunction],
        is_changed: &[bool],
        changed: usize,
        spent: Duration,
    ) -> Result<Option<ChangedFunctions>, ToolError> {
        if functions.is_empty() {
            return Ok(None);
        }
        let (target, profiles) = (&subject.target, &self.backends.profiles);
        let Some(head) = profiles.uses(target, Side::Head, functions.to_vec(), None).await? else { return Ok(None) };
        let (mut found, numbers) = of_the_head(&head, functions, is_changed, changed);
        if found.rows.is_empty() || !profiles.has_profile(target, Side::Base).await {
            return Ok(Some(found));
        }
        let paths: BTreeSet<&str> = found.rows.iter().map(|row| row.file_path.as_str()).collect();
        let before = self.backends.code.functions_before(subject, &paths, &self.backends.code.budget(spent)).await;
        let (at_base, counterparts) = counterparts(functions, &before);
        match profiles.uses(target, Side::Base, at_base, Some(head.of.clone())).await {
            Ok(Some(base)) => add_base(&mut found, &numbers, &base, &counterparts),
            Ok(None) => found.base_missing = Some("the base's profile has no sample of that kind".to_owned()),
            Err(error) => found.base_missing = Some(error.for_model),
        }
        Ok(Some(found))
    }
}

/// The report's rows, and for each its place among the functions.
fn of_the_head(
    head: &Uses,
    functions: &[ChangedFunction],
    is_changed: &[bool],
    changed: usize,
) -> (ChangedFunctions, Vec<usize>) {
    let is_changed = |one: &&FunctionShare| is_changed.get(one.number) == Some(&true);
    let found: Vec<&FunctionShare> = head.functions.iter().filter(is_changed).collect();
    let shown = found.iter().take(MAX_CHANGED_ROWS);
    let rows = shown.clone().filter_map(|one| Some(row(functions.get(one.number)?, one.matched, one.share)));
    let found_functions = ChangedFunctions {
        rows: rows.collect(),
        more: found.len().saturating_sub(MAX_CHANGED_ROWS),
        changed,
        sample_type: head.of.name.clone(),
        is_cpu_time: head.is_cpu_time(),
        base_samples: None,
        base_missing: None,
    };
    (found_functions, shown.map(|one| one.number).collect())
}

fn row(function: &ChangedFunction, matched: Matched, head: Share) -> ChangedUse {
    ChangedUse {
        file_path: function.path.clone(),
        function_name: function.name.clone(),
        first_line: function.start_line,
        last_line: function.end_line,
        matched,
        head,
        base: None,
    }
}

/// Of a deployed service the heaviest functions are known, by name.
fn of_a_service(
    profile: &PerformanceProfile,
    functions: &[ChangedFunction],
    is_changed: &[bool],
    changed: usize,
) -> Option<ChangedFunctions> {
    let found = attribute_summary(&profile.profile, functions);
    let found: Vec<_> = found.iter().filter(|one| is_changed.get(one.number) == Some(&true)).collect();
    let share = |one: &eco_coder_profile::Attributed<'_>| Share {
        self_percentage: one.self_share * 100.0,
        total_percentage: one.total_share * 100.0,
    };
    (!found.is_empty()).then(|| ChangedFunctions {
        rows: found.iter().take(MAX_CHANGED_ROWS).map(|one| row(one.function, one.matched, share(one))).collect(),
        more: found.len().saturating_sub(MAX_CHANGED_ROWS),
        changed,
        sample_type: profile.profile.sample_type.clone(),
        is_cpu_time: profile.profile.sample_type != "wall",
        base_samples: None,
        base_missing: None,
    })
}

/// The functions of the base that the head's were, as the base's profile is asked for them; and which of the head's each was. A
/// function is the same if its file (by whatever name) and name are; of several of one name in a file, in their order.
fn counterparts(
    head: &[ChangedFunction],
    before: &BTreeMap<String, (String, Vec<Function>)>,
) -> (Vec<ChangedFunction>, HashMap<usize, usize>) {
    let mut waiting: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (number, one) in head.iter().enumerate().rev() {
        waiting.entry((&one.path, &one.name)).or_default().push(number);
    }
    let (mut all, mut places) = (Vec::new(), HashMap::new());
    for (path, (called, functions)) in before {
        let mut is_kept = vec![false; functions.len()];
        for (number, one) in functions.iter().enumerate() {
            let was = waiting.get_mut(&(path.as_str(), one.name.as_str())).and_then(Vec::pop);
            // What is within one counts for itself, as at the head.
            is_kept[number] = was.is_some() || one.within.is_some_and(|outer| is_kept.get(outer) == Some(&true));
            if !is_kept[number] {
                continue;
            }
            if let Some(was) = was {
                places.insert(was, all.len());
            }
            all.push(ChangedFunction {
                path: called.clone(),
                name: one.name.clone(),
                start_line: one.first_line,
                end_line: one.last_line,
            });
        }
    }
    (all, places)
}

/// Sets the base's share beside the head's. A function that was there and isn't in the base's profile used nothing, if the head's
/// was known by its lines; else nobody knows.
fn add_base(found: &mut ChangedFunctions, numbers: &[usize], base: &Uses, counterparts: &HashMap<usize, usize>) {
    let shares: HashMap<usize, Share> = base.functions.iter().map(|one| (one.number, one.share)).collect();
    for (row, number) in found.rows.iter_mut().zip(numbers) {
        let Some(at_base) = counterparts.get(number) else { continue };
        let nothing = Some(Share::default()).filter(|_| row.matched == Matched::Lines);
        row.base = shares.get(at_base).copied().or(nothing);
    }
    found.base_samples = Some(base.samples);
}

#[cfg(test)]
mod tests {
    use eco_coder_analyzer::{Limits, LineSet, shape};
    use eco_coder_shared::ids::{PullNumber, RepoId};

    use super::*;
    use crate::backends::profile_files::{Place, ProfileFiles};
    use crate::results::Touched;
    use crate::subject::Target;

    const BASE: &str = "\
def search(xs):
    return [x for x in xs if x]


def parse(text):
    return text.split()
";

    /// A line before, and in `search` more of them, with a function within.
    const HEAD: &str = "\
import re

def search(xs):
    found = []

    def match(x):
        return bool(x)

    for x in xs:
        if match(x):
            found.append(x)
    return found


def parse(text):
    return text.split()


def index(xs):
    return {x: x for x in xs}
";

    fn target() -> Target {
        Target {
            repository: "o/r".parse().unwrap(),
            repository_id: RepoId(1),
            pull_request: PullNumber::try_from(1).unwrap(),
            head_sha: "a".repeat(40).parse().unwrap(),
            merge_base_sha: "b".repeat(40).parse().unwrap(),
        }
    }

    fn head_functions(changed: &LineSet) -> (Vec<ChangedFunction>, Vec<bool>) {
        let mut touched = Touched::default();
        touched.file("shop/a.py", shape("shop/a.py", HEAD, &Limits::default()).unwrap().functions(), changed);
        touched.functions()
    }

    async fn both(base: &str, head: &str, changed: &LineSet) -> ChangedFunctions {
        both_of("shop/a.py", base, head, changed).await
    }

    /// The file was called so at the base.
    async fn both_of(called: &str, base: &str, head: &str, changed: &LineSet) -> ChangedFunctions {
        let dir = tempfile::tempdir().unwrap();
        let (base_path, head_path) = (dir.path().join("base.folded"), dir.path().join("head.folded"));
        std::fs::write(&base_path, base).unwrap();
        std::fs::write(&head_path, head).unwrap();
        let place = Place::Files { head: head_path, base: Some(base_path) };
        let profiles = ProfileFiles::new(place, Some(10.0)).unwrap();
        let (functions, is_changed) = head_functions(changed);
        let head = profiles.uses(&target(), Side::Head, functions.clone(), None).await.unwrap().unwrap();
        let count = is_changed.iter().filter(|is_changed| **is_changed).count();
        let (mut found, numbers) = of_the_head(&head, &functions, &is_changed, count);
        let shape = shape("shop/a.py", BASE, &Limits::default()).unwrap();
        let before = BTreeMap::from([("shop/a.py".to_owned(), (called.to_owned(), shape.functions().to_vec()))]);
        let (at_base, places) = counterparts(&functions, &before);
        let base = profiles.uses(&target(), Side::Base, at_base, Some(head.of.clone())).await.unwrap().unwrap();
        add_base(&mut found, &numbers, &base, &places);
        found
    }

    fn told(found: &ChangedFunctions) -> Vec<String> {
        let share = |share: &Share| format!("{:.0}/{:.0}", share.self_percentage, share.total_percentage);
        let row = |row: &ChangedUse| {
            let base = row.base.as_ref().map_or("-".to_owned(), share);
            format!("{} {base} {}", row.function_name, share(&row.head))
        };
        found.rows.iter().map(row).collect()
    }

    #[tokio::test]
    async fn shares_of_base_and_head_stand_beside_each_other_though_the_lines_have_moved() {
        let base = "main (/app/main.py:1);<listcomp> (/app/shop/a.py:2) 20\n\
                    main (/app/main.py:1);parse (/app/shop/a.py:6) 80\n";
        let head = "main (/app/main.py:1);search (/app/shop/a.py:10);match (/app/shop/a.py:7) 30\n\
                    main (/app/main.py:1);search (/app/shop/a.py:11) 20\n\
                    main (/app/main.py:1);index (/app/shop/a.py:20) 10\n\
                    main (/app/main.py:1);parse (/app/shop/a.py:16) 40\n";
        let changed = LineSet::from_ranges([1..=12, 19..=20]);

        let found = both(base, head, &changed).await;

        assert_eq!(
            told(&found),
            ["search.match - 30/30", "search 20/20 20/50", "index - 10/10"],
            "the comprehension is search's, parse is as it was, and what is new was not there"
        );
        assert_eq!((found.changed, found.base_samples, found.is_cpu_time), (3, Some(100), true));
    }

    #[tokio::test]
    async fn a_file_that_was_called_otherwise_is_looked_up_by_its_name_of_then() {
        let changed = LineSet::from_ranges([3..=12]);
        let (base, head) = ("search (/app/old/b.py:2) 20\nmain (main.py:1) 20\n", "search (/app/shop/a.py:11) 20\n");
        assert_eq!(told(&both_of("old/b.py", base, head, &changed).await), ["search 50/50 100/100"]);
    }

    #[tokio::test]
    async fn a_function_that_the_base_did_not_sample_used_nothing_if_lines_say_so_and_else_nobody_knows() {
        let changed = LineSet::from_ranges([3..=12]);
        let head = "main (main.py:1);search (/app/shop/a.py:11) 20\n";
        let found = both("main (main.py:1) 9\n", head, &changed).await;
        assert_eq!(told(&found), ["search 0/0 100/100"]);
        let found = both("main 9\n", "main;search 20\n", &changed).await;
        assert_eq!(told(&found), ["search - 100/100"]);
    }

    #[tokio::test]
    async fn more_functions_than_a_report_keeps_are_counted() {
        let text = (0..=MAX_CHANGED_ROWS).map(|n| format!("def f{n}(): return {n}\n")).collect::<Vec<_>>().concat();
        let functions = shape("a.py", &text, &Limits::default()).unwrap().functions().to_vec();
        let mut touched = Touched::default();
        touched.file("a.py", &functions, &LineSet::from_ranges([1..=u32::MAX]));
        let (functions, is_changed) = touched.functions();
        let share = |number: usize| FunctionShare { number, matched: Matched::Lines, share: Share::default() };
        let of = eco_coder_profile::read(
            b"a 1\n",
            &eco_coder_profile::Options::default(),
            &eco_coder_profile::Limits::default(),
        );
        let of = of.unwrap().sample_types()[0].clone();
        let uses = |count: usize| Uses { of: of.clone(), samples: 1, functions: (0..count).map(share).collect() };
        let (found, _) = of_the_head(&uses(MAX_CHANGED_ROWS), &functions, &is_changed, functions.len());
        assert_eq!((found.rows.len(), found.more), (MAX_CHANGED_ROWS, 0));
        let (found, _) = of_the_head(&uses(MAX_CHANGED_ROWS + 1), &functions, &is_changed, functions.len());
        assert_eq!((found.rows.len(), found.more), (MAX_CHANGED_ROWS, 1));
    }
}
