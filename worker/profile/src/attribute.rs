//! Which of a change's functions use how much: maps frames to functions by file and line; where there are no lines, by file
//! and name; where there are no files, by name. What could be two things is neither: a wrong answer is worse than none.

mod names;
mod paths;

use std::collections::HashMap;

use self::names::Path;
use self::paths::{Files, Trust};
use crate::functions::{Step, walk};
use crate::{Frame, Function, Profile, Summary};

/// A function that a change touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFunction {
    /// From the repository's root, with `/`.
    pub path: String,
    /// Its name, with or without what it is in: `search`, `Orders.search`, `orders::Store::search`.
    pub name: String,
    /// Its first line, from 1.
    pub start_line: u32,
    /// Its last line.
    pub end_line: u32,
}

/// What a frame was known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matched {
    /// Its file, and a line of the function.
    Lines,
    /// Its file and its name; it has no line.
    FileAndName,
    /// Its name, which only one function has; it has no file.
    Name,
}

/// What a changed function uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributed<'c> {
    /// The function.
    pub function: &'c ChangedFunction,
    /// Its place among those that were asked for.
    pub number: usize,
    /// What its frames were known by, the weakest of them.
    pub matched: Matched,
    /// In the function itself, closures in it included, in the sample type's unit.
    pub itself: f64,
    /// In the function and what it calls; a recursive call counts once.
    pub total: f64,
    /// Share of the profile in the function itself, 0 to 1.
    pub self_share: f64,
    /// Share of the profile in the function and what it calls, 0 to 1.
    pub total_share: f64,
}

/// The changed functions that are in the profile, the heaviest first. A frame counts for the innermost of the functions that
/// its line is in.
pub fn attribute<'c>(profile: &Profile, sample_type: usize, changed: &'c [ChangedFunction]) -> Vec<Attributed<'c>> {
    let owners = Owners::of(profile, changed);
    let cumulative = profile.cumulative(sample_type);
    let whole = profile.total(sample_type);
    let mut sums = vec![(0.0, 0.0); changed.len()];
    let mut open = vec![0_usize; changed.len()];
    walk(profile.nodes(), |step| match step {
        Step::Enter(node) => {
            if let Some((owner, _)) = owners.owner(profile, node) {
                sums[owner].0 += profile.weight(sample_type, node);
                if open[owner] == 0 {
                    sums[owner].1 += cumulative[node];
                }
                open[owner] += 1;
            }
        }
        Step::Leave(node) => {
            if let Some((owner, _)) = owners.owner(profile, node) {
                open[owner] -= 1;
            }
        }
    });
    let share = |value: f64| if whole > 0.0 { (value / whole).clamp(0.0, 1.0) } else { 0.0 };
    let seen = changed.iter().enumerate().zip(sums).zip(owners.weakest);
    let seen = seen.filter(|((_, (_, total)), _)| *total > 0.0);
    let found = seen.filter_map(|(((number, function), (itself, total)), matched)| {
        let total = f64::max(total, itself);
        let (self_share, total_share) = (share(itself), share(total));
        Some(Attributed { function, number, matched: matched?, itself, total, self_share, total_share })
    });
    heaviest_first(found.collect())
}

/// The same of a summary, which has no more than the heaviest functions, each once and without its calls. What is in a changed
/// function with what it calls is therefore the most that is said of one of its names. Lines are not looked at: a service is
/// measured as it is deployed, where they may be others.
pub fn attribute_summary<'c>(summary: &Summary, changed: &'c [ChangedFunction]) -> Vec<Attributed<'c>> {
    let flat = summary.flat();
    let owners = Owners::of(&flat, changed);
    let mut sums = vec![(0.0, 0.0); changed.len()];
    for (one, owner) in summary.bottlenecks.iter().zip(&owners.frames) {
        let Some((owner, _)) = owner else { continue };
        let total = one.total_percentage.unwrap_or(one.cpu_percentage);
        sums[*owner] = (sums[*owner].0 + one.cpu_percentage, f64::max(sums[*owner].1, total));
    }
    let seen = changed.iter().enumerate().zip(sums).zip(owners.weakest);
    let found = seen.filter_map(|(((number, function), (itself, total)), matched)| {
        let total = f64::max(total, itself);
        let [self_share, total_share] = [itself, total].map(|percent| (percent / 100.0).clamp(0.0, 1.0));
        Some(Attributed { function, number, matched: matched?, itself, total, self_share, total_share })
    });
    heaviest_first(found.collect())
}

fn heaviest_first(mut found: Vec<Attributed<'_>>) -> Vec<Attributed<'_>> {
    found.sort_by(|a, b| {
        let by_use = b.itself.total_cmp(&a.itself).then_with(|| b.total.total_cmp(&a.total));
        let name = (&a.function.path, a.function.start_line).cmp(&(&b.function.path, b.function.start_line));
        by_use.then(name)
    });
    found
}

/// Whose each frame is.
struct Owners {
    /// For each frame of the profile the place of the changed function that it counts for.
    frames: Vec<Option<(usize, Matched)>>,
    weakest: Vec<Option<Matched>>,
}

impl Owners {
    fn of(profile: &Profile, changed: &[ChangedFunction]) -> Self {
        let files = Files::of(profile.functions().iter().map(|function| &*function.file), changed);
        let names: Vec<Path> = changed.iter().map(|function| Path::of(&function.name)).collect();
        let unique = unique_names(profile, changed, &names);
        let mut by_path: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, one) in changed.iter().enumerate() {
            by_path.entry(&one.path).or_default().push(number);
        }
        let owner = |frame: &Frame| {
            let function = profile.functions().get(frame.function as usize)?;
            if function.file.is_empty() {
                return unique.get(&frame.function).map(|owner| (*owner, Matched::Name));
            }
            let (path, trust) = files.path(&function.file)?;
            let there = by_path.get(path)?;
            by_file(function, frame.line, trust, &Named { changed, names: &names, there })
        };
        let frames: Vec<Option<(usize, Matched)>> = profile.frames().iter().map(owner).collect();
        let mut weakest: Vec<Option<Matched>> = vec![None; changed.len()];
        for (owner, matched) in frames.iter().flatten() {
            weakest[*owner] = weakest[*owner].max(Some(*matched));
        }
        Self { frames, weakest }
    }

    fn owner(&self, profile: &Profile, node: usize) -> Option<(usize, Matched)> {
        let frame = profile.nodes().get(node)?.frame;
        self.frames.get(frame as usize).copied().flatten()
    }
}

/// The changed functions, their names, and which of them are in one file.
struct Named<'n> {
    changed: &'n [ChangedFunction],
    names: &'n [Path],
    there: &'n [usize],
}

/// The innermost function of the file that the line is in; without a line, the only one of the name.
fn by_file(
    function: &Function,
    line: u32,
    trust: Trust,
    Named { changed, names, there }: &Named<'_>,
) -> Option<(usize, Matched)> {
    let name = Path::of(&function.name);
    let there = || there.iter().map(|number| (*number, &changed[*number]));
    let line = if line > 0 { line } else { function.start_line };
    if line == 0 {
        let mut alike = there().filter(|(number, _)| name.is_like(&names[*number]));
        let (owner, _) = alike.next().filter(|_| trust == Trust::Path)?;
        return alike.next().is_none().then_some((owner, Matched::FileAndName));
    }
    let around = there().filter(|(_, one)| (one.start_line..=one.end_line).contains(&line));
    let length = |one: &ChangedFunction| one.end_line - one.start_line;
    let shortest = around.clone().map(|(_, one)| length(one)).min()?;
    let innermost: Vec<usize> = around.filter(|(_, one)| length(one) == shortest).map(|(number, _)| number).collect();
    let alike = || innermost.iter().copied().filter(|number| name.is_like(&names[*number]));
    let owner = match (innermost.as_slice(), trust) {
        ([only], Trust::Path) => Some(*only),
        // Two functions on one line, or a file that may be another: the name decides.
        _ => alike().next().filter(|_| alike().count() == 1),
    };
    Some((owner?, Matched::Lines))
}

/// For functions of the profile that have no file: the changed function that alone has the name, if the function alone has
/// it, too.
fn unique_names(profile: &Profile, changed: &[ChangedFunction], names: &[Path]) -> HashMap<u32, usize> {
    let mut by_last: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, name) in names.iter().enumerate() {
        by_last.entry(name.last()).or_default().push(number);
    }
    // Of each changed function the one name that it has in the profile, and which functions have it.
    let mut found: HashMap<usize, Option<(Path, Vec<u32>)>> = HashMap::new();
    for (number, function) in (0_u32..).zip(profile.functions()).filter(|(_, function)| function.file.is_empty()) {
        let name = Path::of(&function.name);
        let like = by_last.get(name.last()).into_iter().flatten();
        let like: Vec<usize> = like.copied().filter(|one| name.is_like(&names[*one])).collect();
        let fits = |one: &usize| name.fits(&names[*one], &changed[*one].path);
        let [only] = like.as_slice() else {
            for one in &like {
                found.insert(*one, None);
            }
            continue;
        };
        if !fits(only) {
            continue;
        }
        match found.entry(*only).or_insert_with(|| Some((name.clone(), Vec::new()))) {
            Some((known, functions)) if *known == name => functions.push(number),
            several => *several = None,
        }
    }
    let known = found.into_iter().filter_map(|(owner, names)| Some((owner, names?.1)));
    known.flat_map(|(owner, functions)| functions.into_iter().map(move |function| (function, owner))).collect()
}

#[cfg(test)]
mod tests;
