use prost::Message;

use super::*;
use crate::testing::{File, profile};
use crate::{Limits, Options, read};

fn side(used: Option<Use>) -> Option<(f64, f64)> {
    used.map(|used| (used.self_share, used.total_share))
}

/// A function's own and total share, in the base and in the head.
type Row = (String, Option<(f64, f64)>, Option<(f64, f64)>);

fn rows_of(base: &str, head: &str) -> Vec<Row> {
    let comparison = compare(&profile(base), &profile(head), None).unwrap();
    comparison.rows.into_iter().map(|row| (row.function, side(row.base), side(row.head))).collect()
}

#[test]
fn shares_stand_beside_each_other_and_the_furthest_apart_come_first() {
    let rows = rows_of("main;search 3\nmain;parse 4\nmain;gone 1", "main;search 6\nmain;parse 1\nmain;new 1");

    let row = |name: &str, base, head| (name.to_owned(), base, head);
    assert_eq!(
        rows,
        [
            row("parse", Some((0.5, 0.5)), Some((0.125, 0.125))),
            row("search", Some((0.375, 0.375)), Some((0.75, 0.75))),
            row("gone", Some((0.125, 0.125)), None),
            row("new", None, Some((0.125, 0.125))),
            row("main", Some((0.0, 1.0)), Some((0.0, 1.0))),
        ]
    );
}

#[test]
fn a_function_is_the_same_in_another_folder_and_not_in_another_file() {
    let rows =
        rows_of("f (/base/src/a.py:1) 1\ng (/base/src/b.py:1) 1", "f (/head/src/a.py:2) 1\ng (/head/src/c.py:1) 1");

    let both: Vec<&str> =
        rows.iter().filter(|row| row.1.is_some() && row.2.is_some()).map(|row| row.0.as_str()).collect();
    assert_eq!((both, rows.len()), (vec!["f"], 3));
    let several = rows_of("f (/x/a.py:1) 1\nf (/y/a.py:1) 1", "f (/z/a.py:2) 1");
    assert_eq!(several.len(), 3, "which of the two it was is not known");
    assert_eq!(rows_of("f 1", "f (/z/a.py:2) 1").len(), 1, "one side has no files");
}

#[test]
fn times_are_given_where_the_values_are_times_and_bytes_where_they_are_bytes() {
    let of = |kind: (&str, &str), value: i64| {
        let mut file = File::new(&[kind]);
        let leaf = file.location(&[("f", "f.rs", 1)]);
        file.sample(&[leaf], &[value]);
        read(&file.encode_to_vec(), &Options::default(), &Limits::default()).unwrap()
    };
    let cpu = compare(&of(("cpu", "nanoseconds"), 2_000_000), &of(("cpu", "milliseconds"), 3), None).unwrap();
    assert_eq!((cpu.base_ms, cpu.head_ms), (Some(2.0), Some(3.0)));
    assert_eq!(cpu.rows[0].base.unwrap().self_ms, Some(2.0));
    let heap = compare(&of(("inuse_space", "bytes"), 5), &of(("inuse_space", "bytes"), 7), None).unwrap();
    let used = heap.rows[0].head.unwrap();
    assert_eq!((used.self_bytes, used.self_ms), (Some(7.0), None));
    let counted = compare(&profile("f 1"), &profile("f 2"), None).unwrap();
    assert_eq!(counted.rows[0].base.unwrap().self_ms, None);
}

#[test]
fn profiles_of_different_things_are_not_compared() {
    let mut heap = File::new(&[("inuse_space", "bytes")]);
    let leaf = heap.location(&[("f", "f.rs", 1)]);
    heap.sample(&[leaf], &[1]);
    let heap = read(&heap.encode_to_vec(), &Options::default(), &Limits::default()).unwrap();

    let error = compare(&profile("f 1"), &heap, None).unwrap_err();

    assert!(error.to_string().contains("one measures samples, the other inuse_space"), "{error}");
    assert!(matches!(compare(&heap, &heap, Some("cpu")), Err(ProfileError::NoSuchType { .. })));
}
