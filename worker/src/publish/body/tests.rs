use proptest::prelude::*;

use super::*;

const NOTE: &str = "*cut*";

fn head() -> CommitSha {
    "3f2a9c1".repeat(6)[..40].parse().unwrap()
}

/// Whether a reader sees the note: as the last paragraph, outside of code and closed elements.
fn reads_well(body: &str, note: &str) -> bool {
    stands_alone(body, note) && Open::at_the_end_of(body).is_nothing()
}

#[test]
fn case_27_bodies_at_the_limit_are_kept_and_one_more_is_cut() {
    for unit in ["a", "é", "😀"] {
        let units: usize = unit.chars().map(char::len_utf16).sum();
        for target in [MAX_BODY_CHARS - 1, MAX_BODY_CHARS, MAX_BODY_CHARS + 1] {
            let body = format!("{}{}", "b".repeat(target % units), unit.repeat(target / units));
            assert_eq!(length(&body), target);
            let fitted = fit(&body, MAX_BODY_CHARS, NOTE);
            if target <= MAX_BODY_CHARS {
                assert_eq!(fitted, body);
            } else {
                assert!(length(&fitted) <= MAX_BODY_CHARS && length(&fitted) > MAX_BODY_CHARS - 4);
                assert!(reads_well(&fitted, NOTE));
            }
        }
    }
}

#[test]
fn case_27_an_emoji_of_several_characters_is_not_split() {
    let family = "👨‍👩‍👧‍👦";
    for max in 20..60 {
        let fitted = fit(&family.repeat(20), max, NOTE);
        let kept = fitted.strip_suffix("\n\n*cut*").unwrap_or_default();
        assert_eq!(kept, family.repeat(kept.len() / family.len()), "{max}");
    }
}

#[test]
fn case_27_an_open_fence_is_closed_by_its_own_kind() {
    for (fence, close) in [("```", "```"), ("~~~", "~~~"), ("`````python", "`````"), ("~~~~", "~~~~")] {
        let body = format!("text\n\n{fence}\n{}", "x = '```'\n".repeat(50));
        let fitted = fit(&body, 200, NOTE);
        assert!(fitted.ends_with(&format!("\n{close}\n\n{NOTE}")), "{fitted}");
        assert!(reads_well(&fitted, NOTE), "{fitted}");
    }
    let closed = format!("```\nx\n```\n\n{}", "word\n\n".repeat(50));
    assert!(!fit(&closed, 100, NOTE).ends_with("```\n\n*cut*"));
}

#[test]
fn case_27_a_fence_in_a_list_or_a_quote_ends_with_it() {
    for body in [format!("- item\n\n  ```\n{}", "  x\n".repeat(50)), format!("> ```\n{}", "> x\n".repeat(50))] {
        let fitted = fit(&body, 100, NOTE);
        assert!(reads_well(&fitted, NOTE), "{fitted}");
    }
}

#[test]
fn open_elements_are_closed_from_the_inside() {
    let body = format!(
        "<details><summary>a</summary>\n\n<details><summary>b</summary>\n\n`</details>`\n\n```\n</details>\n{}",
        "x\n".repeat(100)
    );
    let fitted = fit(&body, 200, NOTE);
    assert!(fitted.ends_with("x\n```\n\n</details>\n\n</details>\n\n*cut*"), "{fitted}");
    assert!(reads_well(&fitted, NOTE));
    let footer = format!("<sub>{}</sub>", "word ".repeat(100));
    let fitted = fit(&footer, 100, NOTE);
    assert!(fitted.ends_with("word</sub>\n\n*cut*"), "{fitted}");
}

#[test]
fn what_nothing_closes_is_left_out() {
    let body = format!("first\n\n<!-- {}", "hidden ".repeat(100));
    assert_eq!(fit(&body, 200, NOTE), "first\n\n*cut*");
    assert_eq!(fit(&body, 3, NOTE), "*cu");
    assert_eq!(fit(&body, 0, NOTE), "");
}

#[test]
fn a_marker_is_read_back_as_it_was_written() {
    let marker = Marker::new("prod-eu", 42, head());
    let line = marker.render();
    assert_eq!(
        line,
        "<!-- eco-coder:comment v=1 deployment=prod-eu epoch=42 head=3f2a9c13f2a9c13f2a9c13f2a9c13f2a9c13f2a9 -->"
    );
    for end in ["", "\n### Title", "\r\n### Title"] {
        assert_eq!(Marker::parse(&format!("{line}{end}")), Some(marker.clone()));
    }
}

#[test]
fn case_25_what_only_resembles_a_marker_is_none() {
    let line = Marker::new("prod", 42, head()).render();
    let sha = head();
    let near = [
        format!(" {line}"),
        format!("\n{line}"),
        format!("\u{feff}{line}"),
        format!("text {line}"),
        format!("{line} text"),
        format!("> {line}"),
        line.replace("epoch=42", "epoch=+42"),
        line.replace("epoch=42", "epoch=042"),
        line.replace("epoch=42", "epoch=-1"),
        line.replace("epoch=42", "epoch=99999999999999999999"),
        line.replace("epoch=42", "epoch=42 epoch=43"),
        line.replace("deployment=prod ", ""),
        line.replace("deployment=prod", "deployment=%zz"),
        line.replace("deployment=prod", "deployment=%70rod"),
        line.replace("deployment=prod", "deployment=%f"),
        line.replace("deployment=prod", "deployment=%ff"),
        line.replace(sha.as_str(), "HEAD"),
        line.replace(sha.as_str(), &sha.as_str().to_uppercase()),
        line.replace(" -->", "-->"),
        line.replace("v=1", "v=one"),
        line.replace("v=1 ", ""),
        line.replace("prod", &"p".repeat(2_000)),
        String::new(),
        "<!-- eco-coder:comment".to_owned(),
        "<!-- eco-coder:comment  -->".to_owned(),
    ];
    for body in near {
        assert_eq!(Marker::parse(&body), None, "{body}");
    }
}

#[test]
fn a_composed_body_keeps_its_marker_whatever_the_length() {
    let marker = Marker::new("a --> b", 7, head());
    for words in [0, 10, 100_000] {
        let body = compose(&marker, &"word 😀 ".repeat(words));
        assert!(length(&body) <= MAX_BODY_CHARS);
        assert_eq!(Marker::parse(&body), Some(marker.clone()));
        assert_eq!(body.contains("cut"), words == 100_000);
    }
    assert_eq!(marker.render().matches("-->").count(), 1);
}

fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "```\n",
        "~~~\n",
        "````\n",
        "\n```python\n",
        "\n",
        "\n\n",
        "text ",
        "😀",
        "👨‍👩‍👧",
        "> ",
        "- ",
        "  ",
        "    ",
        "<details><summary>x</summary>\n\n",
        "</details>\n\n",
        "<sub>",
        "</sub>",
        "`",
        "<!--",
        "-->",
        "<pre>\n",
        "# h\n",
        "| a |\n|---|\n",
        "\r",
        "\r\n",
        "[a]: ",
        "<script>",
        "\\",
        "*",
        "<details",
        "\t",
        "é",
    ];
    prop_oneof![6 => proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cut_body_fits_and_its_note_is_seen(
        body in proptest::collection::vec(piece(), 0..60).prop_map(|p| p.concat()), max in 5_usize..150
    ) {
        let fitted = fit(&body, max, NOTE);
        prop_assert!(length(&fitted) <= max);
        if length(&body) <= max {
            prop_assert_eq!(fitted, body);
        } else {
            prop_assert!(fitted == NOTE[..max.min(NOTE.len())] || reads_well(&fitted, NOTE), "{}", fitted);
        }
    }

    #[test]
    fn every_marker_survives_its_line(deployment in any::<String>(), epoch in any::<u64>(), schema in any::<u32>()) {
        let marker = Marker { deployment, epoch, head: head(), schema };
        let line = marker.render();
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(line.matches("-->").count(), 1);
        let read = (line.len() <= MAX_MARKER).then_some(marker);
        prop_assert_eq!(Marker::parse(&line), read);
    }

    #[test]
    fn hostile_bodies_never_panic(body in any::<String>()) {
        prop_assert_eq!(Marker::parse(&body), None);
        prop_assert_eq!(Marker::parse(&format!("<!-- eco-coder:comment {body}")), None);
    }
}
