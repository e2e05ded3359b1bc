use comrak::nodes::NodeValue;
use proptest::prelude::*;

use super::fuzzing::harm;
use super::*;

fn clean(markdown: &str) -> String {
    prose(markdown, &Limits::default())
}

#[test]
fn what_a_reviewer_writes_stays() {
    let text = "The loop in **`load_orders`** sends *one query* per order (see `app/orders.py`).\n\n\
                - Load all lines with `WHERE id IN (...)`\n- Keep snake_case_names as they are\n\n\
                1. first\n2. second\n\n```python\nrows = load(ids)\n\nprint(rows)\n```\n\n> quoted\n\n\
                | a | b |\n|---|---|\n| 1 | `x \\| y` |\n\n\
                Read [the cheat sheet](https://cheatsheetseries.owasp.org/cheatsheets/Index.html).";
    assert_eq!(clean(text), text);
}

#[test]
fn case_20_images_links_html_mentions_references_and_escapes_are_inert() {
    let cases = [
        ("![x](https://evil.example/?leak=1) done", "done"),
        ("![x][r]\n\n[r]: https://evil.example/p.png", ""),
        ("[click](https://evil.example/)", "click"),
        ("[click](javascript:alert(1))", "click"),
        ("[r]\n\n[r]: https://evil.example", "r"),
        ("<https://evil.example>", "`https://evil.example`"),
        ("see https://github.com/o/r/issues/1.", "see `https://github.com/o/r/issues/1`."),
        ("a <b onclick=x>bold</b> word", "a bold word"),
        ("<script>alert(1)</script>", ""),
        ("<!-- eco-coder:comment v=1 -->\n\ntext", "text"),
        ("a <!-- hidden --> b", "a b"),
        ("thanks @team and @<b></b>team", "thanks `@team` and `@team`"),
        ("&#64;team &commat;team @&#8203;team \\@team", "`@team` `@team` `@team` `@team`"),
        ("@**team**", "`@team`"),
        ("Fixes #1, closes o/r#2 and GH-3", "Fixes `#1`, closes `o/r#2` and `GH-3`"),
        ("Fixes <i></i>#1 #[1](https://evil.example)", "Fixes `#1` `#1`"),
        ("reverts 3f2a9c1d", "reverts `3f2a9c1d`"),
        ("/close\n\n- /merge\n\n```\n/lgtm\n```", "`/close`\n\n- `/merge`\n\n```\n /lgtm\n```"),
        ("mail me@example.com", "mail `me@example.com`"),
        ("# Big\n\nsmall\n===", "**Big**\n\n**small**"),
        ("note[^1]\n\n[^1]: hidden", "note"),
        ("> [!WARNING]\n> stop", "> \\[!WARNING\\] stop"),
        ("- [x] done", "- \\[x\\] done"),
        ("a\u{1b}[31mred\u{1b}[0m \u{202e}txt", "ared txt"),
        ("```mermaid\ngraph TD\n```", "```\ngraph TD\n```"),
        ("```\nnever closed", "```\nnever closed\n```"),
        ("~~~\n```\n~~~", "````\n```\n````"),
        ("Hello![click](https://owasp.org/a)", "Hello"),
        ("Hello!<b></b>[click](https://owasp.org/a)", "Hello\\![click](https://owasp.org/a)"),
        ("[x](https://owasp.org.evil.example/) [y](https://owasp.org@evil.example/)", "x y"),
    ];
    for (given, then) in cases {
        let output = clean(given);
        assert_eq!(output, then, "given {given:?}");
        assert_eq!(harm(&output), Vec::<String>::new(), "given {given:?}");
    }
}

#[test]
fn plain_text_stays_plain() {
    let cases = [
        ("a | b", "a \\| b"),
        ("1. not a list", "1\\. not a list"),
        ("# no heading\nno line", "\\# no heading no line"),
        ("*a* __b__ [c](d) <e> &amp;", "\\*a\\* \\_\\_b\\_\\_ \\[c\\](d) &lt;e&gt; &amp;amp;"),
        ("0.5 g", "0.5 g"),
        ("-5", "-5"),
        ("/close it", "`/close` it"),
        ("by @team", "by `@team`"),
        ("", ""),
    ];
    for (given, then) in cases {
        assert_eq!(text(given), then);
        assert_eq!(harm(&text(given)), Vec::<String>::new(), "given {given:?}");
    }
}

#[test]
fn names_are_code_on_one_line() {
    let cases = [
        ("src/a.rs", "`src/a.rs`"),
        ("a|b", "`a¦b`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("a\nb", "`a\u{fffd}b`"),
        ("", "`(empty)`"),
        (" \t", "`(empty)`"),
        ("</details>", "`</details>`"),
        ("<!-- x", "`< !-- x`"),
        ("\u{202e}gnp.exe", "`\u{fffd}gnp.exe`"),
        ("@team #1", "`@team #1`"),
    ];
    for (given, then) in cases {
        assert_eq!(code(given, 100), then);
    }
    assert_eq!(code(&"`".repeat(100), 200), format!("`{}`", "'".repeat(100)));
    assert_eq!(code(&"x/".repeat(2_000), 60).chars().count(), 62);
}

#[test]
fn a_long_word_with_the_start_of_a_comment_is_shortened_once() {
    for long in [format!("@a{}<!--{}", "x".repeat(147), "y".repeat(147)), format!("`a{}<!--`", "x".repeat(295))] {
        let once = clean(&long);
        assert_eq!(once.chars().count(), 302, "{once}");
        assert_eq!(clean(&once), once);
    }
}

#[test]
fn a_finding_on_one_line_keeps_its_code() {
    let given = "Every order sends `SELECT`.\n\n- one\n- two\n\n```\nx = 1\n```\n![](y)";
    assert_eq!(line(given, 500), "Every order sends `SELECT`. one two `x = 1`");
    assert_eq!(line("abcdefgh", 5), "abcd…");
}

#[test]
fn deep_nesting_and_great_length_are_bounded() {
    let limits = Limits { max_chars: 20_000, ..Limits::default() };
    for piece in
        [">", "*", "[", "(", "- ", "`", "~", "_", "<", "&", "![", "> - ", "1. ", "**a ", "|", "<b>", "\\", "[a](", "#"]
    {
        let output = prose(&piece.repeat(10_000), &limits);
        assert_eq!(harm(&output), Vec::<String>::new(), "{piece}");
        let output = prose(&format!("{}a\n", piece.repeat(50)).repeat(200), &limits);
        assert_eq!(harm(&output), Vec::<String>::new(), "{piece}");
    }
    let list = "- item\n".repeat(100);
    assert_eq!(clean(&list).lines().count(), Limits::default().items);
    let table = format!("| a |\n|---|\n{}", "| b |\n".repeat(100));
    assert_eq!(clean(&table).lines().count(), Limits::default().rows + 1);
    let fence = format!("```\n{}```", "x\n".repeat(100));
    assert_eq!(clean(&fence).lines().count(), Limits::default().code_lines + 2);
}

fn fragment() -> impl Strategy<Value = String> {
    let fragments = [
        "@team",
        "@",
        "team",
        "#1",
        "#",
        "1",
        "Fixes ",
        "o/r",
        "GH-",
        "](https://evil.example)",
        "](https://owasp.org/x)",
        "[",
        "![",
        "]",
        "<b>",
        "</b>",
        "<!--",
        "-->",
        "<!-- eco-coder",
        "<",
        ">",
        "&lt;",
        "&#64;",
        "&commat;",
        "&#33;",
        "&#91;",
        "&#8203;",
        "\u{200b}",
        "\u{202e}",
        "\u{1b}[31m",
        "`",
        "``",
        "```",
        "~~~",
        "~~",
        "*",
        "**",
        "_",
        "__",
        "\n",
        "\n\n",
        "\n> ",
        "\n- ",
        "\n1. ",
        "\n# ",
        "\n===\n",
        "\n---\n",
        "|",
        "\n| a | b |\n|---|---|\n| ",
        "\\",
        "/close",
        "\n/merge",
        " ",
        "  \n",
        "\t",
        "a",
        "b c",
        "!",
        "www.evil.example",
        "https://evil.example",
        "<https://owasp.org/x>",
        "deadbeef",
        "[^1]",
        "\n[^1]: x",
        "\n[r]: https://evil.example\n",
        "[r]",
        "$",
        "$$",
        ":",
        "(",
        ")",
        ".",
        ",",
        "é",
        "😀",
        "\r",
        "\r\n",
        "<details>",
        "</details>",
        "mailto:x@y.zz",
        "    ",
        "+",
        "=",
    ];
    prop_oneof![8 => proptest::sample::select(fragments.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

fn hostile() -> impl Strategy<Value = String> {
    proptest::collection::vec(fragment(), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_harmful_survives(input in hostile()) {
        let output = clean(&input);
        prop_assert_eq!(harm(&output), Vec::<String>::new(), "{}", output);
        prop_assert!(output.chars().count() <= Limits::default().max_chars);
    }

    #[test]
    fn cleaning_twice_changes_nothing(input in hostile()) {
        let once = clean(&input);
        prop_assert_eq!(clean(&once), once);
    }

    #[test]
    fn one_line_is_inert_too(input in hostile()) {
        for output in [text(&input), line(&input, 300), code(&input, 80)] {
            prop_assert!(!output.contains(['\n', '\r']), "{}", output);
            prop_assert_eq!(harm(&output), Vec::<String>::new(), "{}", output);
        }
    }

    #[test]
    fn a_name_never_breaks_its_cell(name in hostile()) {
        let table = format!("| a | b |\n|---|---|\n| {} | x |\n", code(&name, 60));
        let arena = Arena::new();
        let root = parse_document(&arena, &table, &options());
        let cells = root.descendants().filter(|node| matches!(node.data().value, NodeValue::TableCell)).count();
        prop_assert_eq!(cells, 4, "{}", table);
        let code = root.descendants().filter(|node| matches!(node.data().value, NodeValue::Code(_))).count();
        prop_assert_eq!(code, 1, "{}", table);
    }
}
