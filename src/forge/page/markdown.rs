//! Markdown as GitHub renders it in comments, made safe: a few tags without attributes come through, all other HTML is
//! shown as text, comments are dropped, and images become their description.

use comrak::nodes::NodeValue;
use comrak::{Arena, Options, format_html, parse_document};

/// Tags that come through, of those that GitHub lets through.
const ALLOWED: &[&str] = &[
    "details",
    "summary",
    "sub",
    "sup",
    "br",
    "b",
    "i",
    "em",
    "strong",
    "code",
    "kbd",
    "del",
    "ins",
    "hr",
    "p",
    "ul",
    "ol",
    "li",
    "blockquote",
];

/// The HTML of a comment.
pub(super) fn render(markdown: &str) -> String {
    let arena = Arena::new();
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.alerts = true;
    // GitHub breaks lines in comments, and so does this.
    options.render.hardbreaks = true;
    // HTML that isn't replaced below is left out, and dangerous links are emptied, by comrak itself.
    options.render.r#unsafe = false;
    let root = parse_document(&arena, markdown, &options);
    for node in root.descendants() {
        let mut data = node.data_mut();
        let safe = match &data.value {
            NodeValue::HtmlBlock(block) => NodeValue::Raw(sanitize(&block.literal)),
            NodeValue::HtmlInline(html) => NodeValue::Raw(sanitize(html)),
            // Nothing is loaded from elsewhere: the children, its description, are shown.
            NodeValue::Image(_) => NodeValue::Emph,
            _ => continue,
        };
        data.value = safe;
    }
    let mut html = String::with_capacity(markdown.len() * 2);
    match format_html(root, &options, &mut html) {
        Ok(()) => html,
        Err(_) => format!("<pre>{}</pre>", super::escape(markdown)),
    }
}

/// HTML in which nothing but [`ALLOWED`] tags is a tag. Entities stay: they can't make one.
fn sanitize(html: &str) -> String {
    let mut safe = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push_text(&mut safe, &rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if let Some((tag, after)) =
            rest.find('>').and_then(|end| Some((allowed(&rest[1..end])?, &rest[end + 1..])))
        {
            safe.push_str(&tag);
            rest = after;
        } else {
            safe.push_str("&lt;");
            rest = &rest[1..];
        }
    }
    push_text(&mut safe, rest);
    safe
}

/// The tag, made anew, if it is one that comes through; attributes are dropped.
fn allowed(inside: &str) -> Option<String> {
    let (slash, inside) = inside.strip_prefix('/').map_or(("", inside), |inside| ("/", inside));
    let (name, attributes) = inside.split_once(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or((inside, ""));
    let name = ALLOWED.iter().find(|known| known.eq_ignore_ascii_case(name))?;
    let open = if *name == "details" && slash.is_empty() && attributes.trim() == "open" { " open" } else { "" };
    Some(format!("<{slash}{name}{open}>"))
}

fn push_text(safe: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_tables_and_code_come_through() {
        let html = render(
            "### Title\n\n| a | b |\n|---|---:|\n| `x<y` | 1 |\n\n<details><summary>2 <b>more</b></summary>\n\n- one\n\n</details>\n\n<sub>small</sub>",
        );
        for wanted in [
            "<h3>Title</h3>",
            "<td><code>x&lt;y</code></td>",
            r#"<td align="right">1</td>"#,
            "<details><summary>2 <b>more</b></summary>",
            "<li>one</li>",
            "</details>",
            "<sub>small</sub>",
        ] {
            assert!(html.contains(wanted), "{wanted} in {html}");
        }
    }

    #[test]
    fn nothing_that_acts_comes_through() {
        for hostile in [
            "<script>alert(1)</script>",
            "x <script src=//evil.example></script>",
            "<img src=x onerror=alert(1)>",
            "a <img src=x onerror=alert(1)> b",
            "<details open ontoggle=alert(1)>x</details>",
            "<details/ontoggle=alert(1)>",
            "<b onclick=\"alert(1)\">x</b>",
            "<svg/onload=alert(1)>",
            "<iframe srcdoc='<script>x</script>'>",
            "<!-- --><script>alert(1)</script><!-- -->",
            "<!--> <script>alert(1)</script> -->",
            "<b\n<script>alert(1)</script>",
            "<scr<b>ipt>alert(1)</scr</b>ipt>",
            "[x](javascript:alert(1)) [y](JaVaScRiPt:alert(1)) [z](data:text/html;base64,AAAA) <javascript:alert(1)>",
            "[x](vbscript:x \"onmouseover=alert(1)\")",
            "![x](https://evil.example/pixel.gif)",
            "<style>*{display:none}</style>",
            "<base href=//evil.example>",
            "<meta http-equiv=refresh content=0>",
            "</div></article></main><form action=//evil.example>",
            "```\"><script>alert(1)</script>\nx\n```",
        ] {
            let html = render(hostile).to_ascii_lowercase();
            for tag in tags(&html) {
                let name: String =
                    tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
                let known = ["h1", "h2", "h3", "a", "pre", "input", "table", "tr", "td", "th"];
                assert!(ALLOWED.contains(&name.as_str()) || known.contains(&name.as_str()), "{hostile} made {html}");
                assert!(!tag.contains(" on") && !tag.contains("/on"), "{hostile} made {html}");
            }
            for address in ["href=\"javascript", "href=\"vbscript", "href=\"data"] {
                assert!(!html.contains(address), "{hostile} made {html}");
            }
        }
    }

    /// What a browser would take for tags.
    fn tags(html: &str) -> Vec<&str> {
        html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
    }

    #[test]
    fn html_comments_are_hidden() {
        let html = render("before\n\n<!-- eco-coder:marker epoch=1 -->\n\nafter <!-- x --> it");
        assert!(!html.contains("marker") && !html.contains("<!--"), "{html}");
        assert!(html.contains("before") && html.contains("after"), "{html}");
    }
}
