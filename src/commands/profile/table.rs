//! Tables of profiles for a terminal of 80 columns. Names give way, figures don't.

use std::fmt::Write;

use eco_coder_profile::{Comparison, Functions, Profile, SampleType, Use};

use super::figures::{bytes, count, share, time, value};

/// The narrowest terminal that people have.
const COLUMNS: usize = 80;

/// What a profile is, and for each section the functions that use most.
pub(super) fn of_profile(profile: &Profile, sections: &[usize], name: &str, top: usize) -> String {
    let mut text = String::new();
    let duration = profile.duration_ms().map_or_else(String::new, |ms| format!(" over {}", time(ms)));
    let samples = count(profile.samples() as f64);
    line(&mut text, &cut(name, COLUMNS));
    line(&mut text, &format!("{}, {samples} samples{duration}", profile.format().as_str()));
    for section in sections {
        let Some(kind) = profile.sample_types().get(*section) else { continue };
        let functions = Functions::of(profile, *section);
        let total = value(kind, functions.total());
        line(&mut text, &format!("\n{}: {total} in all", title(kind)));
        line(&mut text, &format!("{:>6} {:>9} {:>6} {:>9}  function", "self", "", "total", ""));
        for one in functions.top(top) {
            let figures = [
                share(functions.share(one.itself)),
                value(kind, one.itself),
                share(functions.share(one.total)),
                value(kind, one.total),
            ];
            let [own_share, own, all_share, all] = figures;
            let place = place(&one.function.file, one.line, &one.function.module);
            let row = format!("{own_share:>6} {own:>9} {all_share:>6} {all:>9}  ");
            let room = COLUMNS.saturating_sub(width(&row)).max(20);
            line(&mut text, &format!("{row}{}", function(&one.function.name, &place, room)));
        }
        rest(&mut text, functions.iter().count().saturating_sub(top));
    }
    let others = profile.sample_types().iter().enumerate().filter(|(place, _)| !sections.contains(place));
    let others: Vec<&str> = others.map(|(_, kind)| kind.name.as_str()).take(8).collect();
    if !others.is_empty() {
        line(&mut text, &cut(&format!("\nalso measured (--sample-type): {}", others.join(", ")), COLUMNS + 1));
    }
    text
}

/// Both sides of each function.
pub(super) fn of_comparison(comparison: &Comparison, all: usize) -> String {
    let mut text = String::new();
    let kind = &comparison.sample_type;
    let side = |samples: u64, ms: Option<f64>| {
        let time = ms.map_or_else(String::new, |ms| format!(", {}", time(ms)));
        format!("{} samples{time}", count(samples as f64))
    };
    line(&mut text, &title(kind));
    line(&mut text, &format!("base: {}", side(comparison.base_samples, comparison.base_ms)));
    line(&mut text, &format!("head: {}", side(comparison.head_samples, comparison.head_ms)));
    line(&mut text, "Both figures, and no verdict: one profile of each side says nothing of noise.\n");
    line(&mut text, &format!("{:^17} {:^17}  self, then", "base", "head"));
    line(&mut text, &format!("{:>6} {:>10} {:>6} {:>10}  with what it calls", "self", "", "self", ""));
    for row in &comparison.rows {
        let figures =
            |used: &Option<Use>, of: fn(&Use) -> f64, exact: fn(&Use) -> (Option<f64>, Option<f64>)| match used {
                None => format!("{:>6} {:>10}", "-", ""),
                Some(used) => {
                    let exact = match exact(used) {
                        (Some(ms), _) => time(ms),
                        (None, Some(memory)) => bytes(memory),
                        (None, None) => String::new(),
                    };
                    format!("{:>6} {exact:>10}", share(of(used)))
                }
            };
        let own = |used| figures(used, |u| u.self_share, |u| (u.self_ms, u.self_bytes));
        let with = |used| figures(used, |u| u.total_share, |u| (u.total_ms, u.total_bytes));
        let head = format!("{} {}  ", own(&row.base), own(&row.head));
        let room = COLUMNS.saturating_sub(width(&head)).max(20);
        let name = function(&row.function, row.file.as_deref().unwrap_or_default(), room);
        line(&mut text, &format!("{head}{name}"));
        line(&mut text, format!("{} {}", with(&row.base), with(&row.head)).trim_end());
    }
    rest(&mut text, all.saturating_sub(comparison.rows.len()));
    text
}

fn rest(text: &mut String, left: usize) {
    match left {
        0 => {}
        1 => line(text, "and 1 function more"),
        left => line(text, &format!("and {} functions more", count(left as f64))),
    }
}

fn title(kind: &SampleType) -> String {
    if kind.unit.is_empty() { kind.name.clone() } else { format!("{} ({})", kind.name, kind.unit) }
}

fn place(file: &str, line: u32, module: &str) -> String {
    match (file, line) {
        ("", _) => module.to_owned(),
        (file, 0) => file.to_owned(),
        (file, line) => format!("{file}:{line}"),
    }
}

/// Name and place in so much room: the name has two thirds of it, if both are long.
fn function(name: &str, place: &str, room: usize) -> String {
    if place.is_empty() {
        return cut(name, room);
    }
    let (long, needed) = (width(name), width(place));
    let for_name =
        if long + 2 + needed <= room { long } else { long.min((room * 2 / 3).max(room.saturating_sub(needed + 2))) };
    let name = cut(name, for_name);
    let rest = room.saturating_sub(width(&name) + 2);
    if rest < 6 { name } else { format!("{name}  {}", cut_start(place, rest)) }
}

/// The text in so many columns: what a function is called stands at the end of a long name, what it is in before it.
fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let tail = cut_start(text, columns - columns / 3);
    let mut head = String::new();
    for c in text.chars() {
        if width(&head) + of(c) > columns.saturating_sub(width(&tail)) {
            break;
        }
        head.push(c);
    }
    head + &tail
}

/// The end of the text, after three dots.
fn cut_start(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(3);
    let fits = |c: &char| {
        let takes = of(*c);
        let is_in = takes <= room;
        room = room.saturating_sub(takes);
        is_in
    };
    let end: Vec<char> = text.chars().rev().take_while(fits).collect();
    format!("...{}", end.into_iter().rev().collect::<String>())
}

fn width(text: &str) -> usize {
    text.chars().map(of).sum()
}

/// What a character takes at most: those beyond the first scripts may be twice as wide.
fn of(c: char) -> usize {
    if c < '\u{1100}' { 1 } else { 2 }
}

fn line(text: &mut String, line: &str) {
    let _ = writeln!(text, "{line}");
}
