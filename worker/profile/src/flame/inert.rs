//! Takes out of inferno's SVG what runs or is fetched: its script, the handler that starts it, the buttons that nothing would
//! answer, comments, the address of a document type. Names can't stand in the way: inferno escapes them, so that a `<` in its output
//! is its own.

/// The same picture, inert.
pub(super) fn without_scripts(svg: &str) -> String {
    let mut inert = svg.replacen(" onload=\"init(evt)\"", "", 1);
    cut(&mut inert, "<!DOCTYPE", ">");
    while cut(&mut inert, "<script", "</script>") {}
    while cut(&mut inert, "<!--", "-->") {}
    for button in ["details", "unzoom", "search", "matched"] {
        cut(&mut inert, &format!("<text id=\"{button}\""), "</text>");
    }
    inert
}

/// Cuts the first piece that begins and ends so; false: there is none. A piece without an end is cut to the text's end.
fn cut(text: &mut String, begin: &str, end: &str) -> bool {
    let Some(from) = text.find(begin) else { return false };
    let to = text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    text.replace_range(from..to, "");
    true
}
