//! Flame graphs, as an SVG that does nothing: no scripts, no links, nothing fetched, so that a browser may show it even as a
//! page of its own. Names are in the tooltips in full. Drawn by `inferno`; what it is given is bounded here, and what it
//! would run is taken out.

mod inert;
mod tree;

use inferno::flamegraph::{Options, from_lines};

use self::tree::{FlameTree, Side};
use crate::{Measures, Profile, ProfileError, SampleType, compare};

/// A difference has shares, in parts of so many: each side has the same whole.
const PARTS: f64 = 1e6;

/// The flame graph of one sample type.
pub fn flame_graph(profile: &Profile, sample_type: usize) -> Result<String, ProfileError> {
    let kind = profile.sample_types.get(sample_type);
    let kind = kind.ok_or_else(|| ProfileError::NoSuchType { found: profile.measured() })?;
    let (factor, unit) = shown_unit(kind, profile.total(sample_type));
    let mut tree = FlameTree::new();
    tree.add(profile, sample_type, Side::Head, factor);
    let title = format!("{} of {} samples", kind.name, profile.samples());
    draw(&tree.lines(false), &title, None, unit)
}

/// The flame graph of a difference: widths are the head's shares; red uses a larger share of the head than of the base, blue a
/// smaller one. What is only in the base has no width.
pub fn flame_graph_of_difference(
    base: &Profile,
    head: &Profile,
    sample_type: Option<&str>,
) -> Result<String, ProfileError> {
    let (of_base, of_head) = compare::types(base, head, sample_type)?;
    let mut tree = FlameTree::new();
    tree.add(base, of_base, Side::Base, PARTS / base.total(of_base));
    tree.add(head, of_head, Side::Head, PARTS / head.total(of_head));
    let name = &head.sample_types[of_head].name;
    let title = format!("{name}: base ({} samples) and head ({} samples)", base.samples(), head.samples());
    let note =
        "widths: shares of the head; red: a larger share than in the base; blue: a smaller one; one profile of each";
    draw(&tree.lines(true), &title, Some(note), "parts per million")
}

/// What a value is multiplied with to be shown as a whole number, and what of.
fn shown_unit(kind: &SampleType, total: f64) -> (f64, &'static str) {
    match (kind.ms, kind.bytes, kind.measures) {
        (Some(ms), ..) if total * ms < 1e12 => (ms * 1e3, "microseconds"),
        (Some(ms), ..) => (ms, "milliseconds"),
        (None, Some(bytes), _) => (bytes, "bytes"),
        (None, None, Measures::Samples) if (1.0..1e15).contains(&total) => (1.0, "samples"),
        _ => (PARTS / total, "parts per million"),
    }
}

fn draw(lines: &[String], title: &str, subtitle: Option<&str>, unit: &str) -> Result<String, ProfileError> {
    if lines.is_empty() {
        return Err(ProfileError::NoSamples);
    }
    let mut options = Options::default();
    title.clone_into(&mut options.title);
    options.subtitle = subtitle.map(str::to_owned);
    unit.clone_into(&mut options.count_name);
    options.image_width = Some(1_200);
    options.no_javascript = true;
    // The same profile, the same picture.
    options.hash = true;
    options.deterministic = true;
    let mut svg = Vec::new();
    let drawn = from_lines(&mut options, lines.iter().map(String::as_str), &mut svg);
    drawn.map_err(|_| ProfileError::Overflow)?;
    Ok(inert::without_scripts(&String::from_utf8_lossy(&svg)))
}

/// Asserts what holds of every picture. Names may say anything, but not as markup.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn is_inert(svg: &str) {
    assert!(svg.len() < 6 << 20, "{} bytes", svg.len());
    for tag in svg.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or(tag);
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap_or(tag);
        let known = ["?xml", "svg", "defs", "linearGradient", "stop", "style", "rect", "text", "title", "g"];
        assert!(known.contains(&name), "<{tag}>");
        assert!(!tag.contains(" on") && !tag.contains("href="), "<{tag}>");
    }
}

#[cfg(test)]
mod tests;
