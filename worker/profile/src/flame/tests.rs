use super::*;
use crate::testing::profile;

fn svg(text: &str) -> String {
    let svg = flame_graph(&profile(text), 0).unwrap();
    is_inert(&svg);
    svg
}

#[test]
fn a_frame_is_as_wide_as_its_share_and_says_how_much_it_is() {
    let svg = svg("main;search 3\nmain;parse 1");

    assert!(svg.contains("<title>main (4 samples, 100.00%)</title>"), "{svg}");
    assert!(svg.contains("<title>search (3 samples, 75.00%)</title>"));
    assert!(svg.contains("<title>parse (1 samples, 25.00%)</title>"));
}

#[test]
fn names_are_words_and_never_markup() {
    let hostile = [
        "<script>alert(1)</script>",
        "</title></text></svg><script>alert(1)</script>",
        "\"onload=\"alert(1)",
        "]]><script>",
        "<!-- x -->",
        "<?xml-stylesheet href='x'?>",
        "&lt;script&gt;",
        "javascript:alert(1)",
        "a 12",
        "a 12 14",
        "f_[k]",
        "# x",
        "--- y",
    ];
    let lines: Vec<String> = hostile.iter().map(|name| format!("root;{};leaf 10", name.replace(';', ""))).collect();

    let svg = svg(&lines.join("\n"));

    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;alert(1)"));
    assert!(svg.contains("a\u{a0}12\u{a0}14 (10 samples"), "a name's own figures are part of the name");
    let mut reader = quick_xml::Reader::from_str(&svg);
    let mut depth = 0_i32;
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(_) => depth += 1,
            quick_xml::events::Event::End(_) => depth -= 1,
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "it is XML, and whole");
}

#[test]
fn a_difference_has_the_head_s_widths_and_both_sides_in_parts_of_the_same_whole() {
    let svg = flame_graph_of_difference(&profile("m;a 1\nm;b 1"), &profile("m;a 30\nm;b 10"), None).unwrap();

    is_inert(&svg);
    assert!(svg.contains("<title>a (750,000 parts per million, 75.00%; +25.00%)</title>"), "{svg}");
    assert!(svg.contains("<title>b (250,000 parts per million, 25.00%; -25.00%)</title>"));
}

#[test]
fn the_widest_frames_are_drawn_and_the_picture_has_a_bound() {
    let wide: Vec<String> = (0..200_000).map(|n| format!("r;m{};f{n} 1", n / 100)).collect();
    assert!(svg(&wide.join("\n")).matches("<title>").count() <= 5_002);
    let deep = vec!["f"; 1_000].join(";") + " 1";
    assert!(svg(&deep).matches("<title>").count() <= 102);
    let long: Vec<String> = (0..1_000).map(|n| format!("{}{n} 1", "\u{1f600}".repeat(400))).collect();
    let drawn = svg(&long.join("\n"));
    assert!(drawn.contains('\u{2026}') && drawn.len() < 2 << 20, "{}", drawn.len());
}

#[test]
fn the_same_profile_gives_the_same_picture() {
    let text = "main;search 3\nmain;parse 1";
    assert_eq!(svg(text), svg(text));
}

#[test]
fn figures_of_any_size_are_drawn() {
    for text in ["a 1", "a 18446744073709551615", "a 18446744073709551615\nb 1"] {
        svg(text);
    }
}
