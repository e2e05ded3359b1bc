//! A trace as a picture: a row for each span below its parent, in the order of their beginnings, each as long as it took.

use std::fmt::Write as _;

use crate::otlp::Span;

const ROW: usize = 22;
const TOP: usize = 34;
/// Where names end and bars begin.
const LEFT: f64 = 330.0;
const BARS: f64 = 560.0;
const WIDTH: usize = 980;

/// Draws the trace that the first root among them began.
pub fn draw(spans: &[Span]) -> String {
    let root = spans.iter().find(|span| span.parent.is_empty()).expect("a root");
    let mut rows = Vec::new();
    descend(spans, root, 0, &mut rows);
    let (from, to) = (root.start, rows.iter().map(|(span, _)| span.end).max().unwrap_or(root.end));
    let scale = BARS / (to - from).max(1) as f64;
    let height = TOP + rows.len() * ROW + 10;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#1f2328\">\n<title>One review, from the webhook to the comment</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for quarter in 0..=4_u32 {
        let x = LEFT + BARS * f64::from(quarter) / 4.0;
        let at = (to - from) as f64 * f64::from(quarter) / 4.0;
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {} V{height}\" stroke=\"#d8dee4\"/><text x=\"{x:.1}\" y=\"18\" text-anchor=\"middle\" \
             fill=\"#59636e\">{}</text>",
            TOP - 8,
            took(at)
        );
    }
    for (n, (span, depth)) in rows.iter().enumerate() {
        let y = TOP + n * ROW;
        let x = LEFT + span.start.saturating_sub(from) as f64 * scale;
        let width = ((span.end - span.start) as f64 * scale).max(1.0);
        let fill = match (span.failed, span.service.as_str()) {
            (true, _) => "#cf222e",
            (_, "eco-coder-ingress") => "#0969da",
            _ => "#1a7f37",
        };
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\">{}</text><rect x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"12\" rx=\"2\" \
             fill=\"{fill}\"/><text x=\"{WIDTH}\" dx=\"-8\" y=\"{}\" text-anchor=\"end\" fill=\"#59636e\">{}</text>",
            10 + depth * 14,
            y + 12,
            span.name,
            y + 2,
            y + 12,
            took((span.end - span.start) as f64),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn descend<'a>(spans: &'a [Span], span: &'a Span, depth: usize, rows: &mut Vec<(&'a Span, usize)>) {
    rows.push((span, depth));
    let mut below: Vec<&Span> = spans.iter().filter(|other| other.parent == span.id).collect();
    below.sort_by_key(|span| (span.start, span.end));
    for child in below {
        descend(spans, child, depth + 1, rows);
    }
}

fn took(nanoseconds: f64) -> String {
    let milliseconds = nanoseconds / 1e6;
    if milliseconds < 10.0 { format!("{milliseconds:.1} ms") } else { format!("{milliseconds:.0} ms") }
}
