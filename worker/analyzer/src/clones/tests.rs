use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::file::Limits;
use crate::shape::shape;
use crate::shape::tokens::Sort;

/// A function of Python that is worth finding: ten lines, over a hundred tokens, none like another.
fn block(name: &str, rate: &str) -> String {
    format!(
        "def {name}(orders, limit):\n    result = {{}}\n    for order in orders:\n        if order.total > limit and \
         order.state == 'paid':\n            result[order.customer] = result.get(order.customer, 0) + order.total * \
         {rate}\n        elif not order.lines:\n            raise ValueError(order.number)\n        else:\n            \
         result.setdefault(order.customer, [])\n    while limit > 0:\n        limit -= len(result) or 1\n    return \
         sorted(result.items(), key=lambda pair: pair[1])\n\n\n"
    )
}

fn found(files: &[(&str, String)]) -> Duplicates {
    let mut index = CloneIndex::default();
    for (path, text) in files {
        index.add(path, &mut shape(path, text, &Limits::default()).unwrap(), None);
    }
    index.finish()
}

fn lines(duplicate: &Duplicate) -> Vec<(&str, u32, u32)> {
    duplicate.places.iter().map(|p| (p.file_path.as_str(), p.first_line, p.last_line)).collect()
}

#[test]
fn a_copy_is_found_with_other_names_values_and_comments() {
    let original = format!("import a\nimport b\nx = 1\n\n{}", block("totals", "1.5"));
    let copy =
        block("sums", "RATE").replace("limit", "most").replace("    result = {}", "    # sums\n\n    result = {}");
    let all = found(&[("a.py", original), ("b.py", copy.replace("RATE", "2"))]);
    assert_eq!(all.found.len(), 1, "{all:#?}");
    assert_eq!(lines(&all.found[0]), [("a.py", 6, 16), ("b.py", 4, 14)]);
    assert_eq!(all.found[0].lines, 11);
    assert!(all.found[0].tokens as usize > MIN_TOKENS && all.more == 0 && !all.is_partial);
}

#[test]
fn a_copy_within_a_file_and_a_third_one_are_one_group() {
    let all = found(&[("a.py", block("f", "1") + &block("g", "1")), ("b.py", block("h", "1"))]);
    assert_eq!(all.found.len(), 1, "{all:#?}");
    assert_eq!(lines(&all.found[0]), [("a.py", 2, 12), ("a.py", 16, 26), ("b.py", 2, 12)]);
}

#[test]
fn what_is_not_worth_a_word_is_not_found() {
    let table = |name: &str| format!("{name} = [\n{}]\n", "    ('a', 1, 2.5),\n    ('b', 3, 4.5),\n".repeat(20));
    let calls = |name: &str| {
        (0..20).fold(String::new(), |mut s, n| {
            let _ = writeln!(s, "{name}.register('{n}', handlers.on_{n})");
            s
        })
    };
    let imports = (0..30).fold(String::new(), |mut s, n| {
        let _ = writeln!(s, "from package.module_{n} import Name{n}, other_{n} as alias_{n}");
        s
    });
    let renamed = block("f", "1")
        .replace("order", "row")
        .replace("result", "sums")
        .replace("limit", "n")
        .replace("total", "t")
        .replace("customer", "c");
    for (a, b) in [
        (table("a"), table("b")),
        (calls("a"), calls("b")),
        (imports.clone(), imports),
        (block("f", "1"), renamed),
        ("def f():\n    return a\n".to_owned(), "def f():\n    return a\n".to_owned()),
    ] {
        let all = found(&[("a.py", a.clone()), ("b.py", b)]);
        assert!(all.found.is_empty(), "{a}\n{all:#?}");
    }
    let tests = found(&[("tests/test_a.py", block("f", "1")), ("tests/test_b.py", block("f", "1"))]);
    assert!(tests.found.is_empty(), "tests are alike on purpose");
}

#[test]
fn languages_are_not_compared_but_their_grammars_are() {
    let text = "export function f(orders, limit) {\n  const result = new Map();\n  for (const order of orders) {\n    if (order.total > limit && \
                order.paid) {\n      result.set(order.customer, (result.get(order.customer) ?? 0) + order.total);\n    } else if \
                (!order.lines) {\n      throw new Error(order.number);\n    }\n  }\n  return [...result].sort((a, b) => a[1] - \
                b[1]);\n}\n"
        .to_owned();
    assert_eq!(found(&[("a.ts", text.clone()), ("b.tsx", text.clone())]).found.len(), 1);
    assert!(found(&[("a.ts", text.clone()), ("b.js", text)]).found.is_empty());
}

#[test]
fn one_side_at_least_is_on_changed_lines() {
    let (a, b) = (block("f", "1"), block("g", "1"));
    let with = |changed_a: Option<LineSet>, changed_b: Option<LineSet>| {
        let mut index = CloneIndex::default();
        index.add("a.py", &mut shape("a.py", &a, &Limits::default()).unwrap(), changed_a.as_ref());
        index.add("b.py", &mut shape("b.py", &b, &Limits::default()).unwrap(), changed_b.as_ref());
        index.finish().found
    };
    let some = |first: u32, last: u32| Some(LineSet::from_ranges([first..=last]));
    assert!(with(Some(LineSet::new()), Some(LineSet::new())).is_empty());
    assert!(with(some(2, 3), some(11, 12)).is_empty(), "an edit of a copy makes no copy");
    for (a, b) in [(None, some(1, 1)), (some(1, 1), None), (some(4, 12), some(1, 1)), (some(1, 1), some(1, 8))] {
        let found = with(a.clone(), b.clone());
        assert_eq!(found.len(), 1, "{a:?} {b:?}");
        assert_eq!(found[0].places.iter().filter(|place| place.is_changed).count(), 1);
    }
}

#[test]
fn no_more_tokens_are_held_than_allowed() {
    let text = block("f", "1");
    let tokens = shape("a.py", &text, &Limits::default()).unwrap().tokens();
    for (allowed, left_out, copies) in [(tokens * 2, 0, 1), (tokens * 2 - 1, 1, 0)] {
        let mut index = CloneIndex::new(allowed);
        for path in ["a.py", "b.py"] {
            index.add(path, &mut shape(path, &text, &Limits::default()).unwrap(), None);
        }
        let all = index.finish();
        assert_eq!((all.left_out, all.found.len()), (left_out, copies));
    }
}

#[test]
fn as_many_copies_as_a_report_can_hold() {
    // Each pair is of its own kinds of tokens, and begins with a branch.
    let mut index = CloneIndex::default();
    for n in 0..u32::try_from(MAX_DUPLICATES).unwrap() + 2 {
        for side in ["a", "b"] {
            let mut shape = file_of((0..80).map(|k| n * 100 + k + 1));
            shape.tokens[0] = Token::word(n << 16, Sort::Branch, 1);
            index.add(&format!("{side}{n}.py"), &mut shape, None);
        }
    }
    let all = index.finish();
    assert_eq!((all.found.len(), all.more), (MAX_DUPLICATES, 2));
    let many: Vec<String> = (0..20).map(|n| format!("f{n}.py")).collect();
    let all = found(&many.iter().map(|path| (path.as_str(), block("f", "1"))).collect::<Vec<_>>());
    assert_eq!((all.found.len(), all.found[0].places.len(), all.found[0].more_places), (1, MAX_PLACES, 12));
}

/// A file of tokens whose shapes are these.
fn file_of(shapes: impl Iterator<Item = u32>) -> Shape {
    let tokens = shapes.zip(1..).map(|(shape, n)| Token { shape: shape << 8, text: 0, line: n / 5 + 1 }).collect();
    let mut shape = Shape::default();
    shape.tokens = tokens;
    shape
}

#[test]
fn code_that_is_alike_everywhere_is_given_up() {
    let compare = |of: fn(u32) -> u32| {
        let mut index = CloneIndex::default();
        for path in ["a.py", "b.py"] {
            index.add(path, &mut file_of((0..50_000).map(of)), None);
        }
        index.finish()
    };
    let same = compare(|_| 1);
    assert!(same.found.is_empty());
    // Runs of all lengths, none of them worth a word, each leading to the next.
    let ragged = compare(|n| if n % 997 == 0 { n } else { n % 2 });
    assert!(ragged.found.is_empty());
    assert!(same.is_partial || ragged.is_partial);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Programs put together from pieces of which some are in both.
    #[test]
    fn copies_are_alike_in_range_and_independent_of_order(
        a in prop::collection::vec(0_usize..6, 1..6),
        b in prop::collection::vec(0_usize..6, 1..6),
        blanks in prop::collection::vec(any::<bool>(), 12),
    ) {
        let piece = |n: &usize| block(&format!("f{n}"), "1").replace("        elif", &format!("{}        elif", "        del order[limit]\n".repeat(*n)));
        let text = |pieces: &[usize]| pieces.iter().map(piece).collect::<String>();
        let (a, b) = (text(&a), text(&b));
        let all = found(&[("a.py", a.clone()), ("b.py", b.clone())]);
        prop_assert_eq!(&all, &found(&[("b.py", b.clone()), ("a.py", a.clone())]));
        for duplicate in &all.found {
            prop_assert!(duplicate.places.len() >= 2);
            prop_assert!(duplicate.tokens as usize >= MIN_TOKENS && duplicate.lines as usize >= MIN_LINES);
            for place in &duplicate.places {
                let text = if place.file_path == "a.py" { &a } else { &b };
                prop_assert!(1 <= place.first_line && place.first_line < place.last_line);
                prop_assert!(place.last_line as usize <= text.lines().count());
            }
            let mut places = duplicate.places.clone();
            places.sort();
            places.dedup();
            prop_assert_eq!(places.len(), duplicate.places.len());
        }
        // Blank lines change where copies are, and nothing else.
        let spaced: String = a.lines().enumerate().map(|(n, l)| if blanks[n % 12] { format!("\n{l}\n") } else { format!("{l}\n") }).collect();
        let moved = found(&[("a.py", spaced), ("b.py", b)]);
        let sizes = |d: &Duplicates| d.found.iter().map(|d| (d.tokens, d.lines, d.places.len())).collect::<Vec<_>>();
        prop_assert_eq!(sizes(&moved), sizes(&all));
    }
}
