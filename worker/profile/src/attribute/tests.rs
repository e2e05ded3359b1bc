use super::*;
use crate::testing::{File, profile};
use crate::{Limits, Options, Profile, read};
use prost::Message;

fn changed(path: &str, name: &str, lines: (u32, u32)) -> ChangedFunction {
    ChangedFunction { path: path.into(), name: name.into(), start_line: lines.0, end_line: lines.1 }
}

fn found(profile: &Profile, changed: &[ChangedFunction]) -> Vec<(String, Matched, f64, f64)> {
    let row = |one: Attributed<'_>| (one.function.name.clone(), one.matched, one.itself, one.total);
    attribute(profile, 0, changed).into_iter().map(row).collect()
}

fn row(name: &str, matched: Matched, itself: f64, total: f64) -> (String, Matched, f64, f64) {
    (name.to_owned(), matched, itself, total)
}

const PYTHON: &str = "\
run (/app/src/main.py:9);search (/app/src/orders.py:41);<listcomp> (/app/src/orders.py:43);dumps (/usr/lib/python3.11/json/__init__.py:200) 6
run (/app/src/main.py:9);search (/app/src/orders.py:44);search (/app/src/orders.py:41) 3
run (/app/src/main.py:9);parse (/app/src/orders.py:60) 1
";

#[test]
fn lines_say_which_function_it_is_and_recursion_counts_once() {
    let change = [
        changed("src/orders.py", "Orders.search", (40, 50)),
        changed("src/main.py", "run", (1, 20)),
        changed("src/x.py", "f", (1, 2)),
    ];

    let all = found(&profile(PYTHON), &change);

    assert_eq!(all, [row("Orders.search", Matched::Lines, 3.0, 9.0), row("run", Matched::Lines, 0.0, 10.0)]);
    let attributed = attribute(&profile(PYTHON), 0, &change);
    assert_eq!((attributed[0].self_share, attributed[0].total_share), (0.3, 0.9));
}

#[test]
fn a_line_is_the_innermost_function_s() {
    let change = [changed("src/orders.py", "Orders.search", (40, 50)), changed("src/orders.py", "inner", (43, 44))];

    let all = found(&profile(PYTHON), &change);

    assert_eq!(all, [row("Orders.search", Matched::Lines, 3.0, 9.0), row("inner", Matched::Lines, 0.0, 9.0)]);
}

#[test]
fn a_line_outside_is_another_function_of_the_same_name() {
    assert_eq!(found(&profile(PYTHON), &[changed("src/orders.py", "parse", (70, 90))]), []);
}

#[test]
fn two_functions_on_one_line_are_told_apart_by_name() {
    let change = [changed("src/orders.py", "parse", (60, 60)), changed("src/orders.py", "format", (60, 60))];
    assert_eq!(found(&profile(PYTHON), &change), [row("parse", Matched::Lines, 1.0, 1.0)]);
    let neither = [changed("src/orders.py", "a", (60, 60)), changed("src/orders.py", "b", (60, 60))];
    assert_eq!(found(&profile(PYTHON), &neither), []);
}

#[test]
fn without_lines_file_and_name_decide() {
    let mut file = File::new(&[("cpu", "ms")]);
    let leaf = file.location(&[("(*Store).Search.func1", "/go/src/app/store.go", 0)]);
    file.function[0].start_line = 0;
    file.sample(&[leaf], &[4]);
    let profile = read(&file.encode_to_vec(), &Options::default(), &Limits::default()).unwrap();

    assert_eq!(
        found(&profile, &[changed("app/store.go", "Store.Search", (10, 20))]),
        [row("Store.Search", Matched::FileAndName, 4.0, 4.0)]
    );
    let two = [changed("app/store.go", "Store.Search", (10, 20)), changed("app/store.go", "Search", (30, 40))];
    assert_eq!(found(&profile, &two), []);
}

#[test]
fn without_files_a_name_that_is_alone_on_both_sides_decides() {
    let java = profile("java/lang/Thread.run;com/acme/Orders.search 3\njava/lang/Thread.run;com/acme/Orders.parse 1\n");
    let change = [changed("src/main/java/com/acme/Orders.java", "search", (10, 20))];
    assert_eq!(found(&java, &change), [row("search", Matched::Name, 3.0, 3.0)]);
    let other = [changed("src/main/java/com/acme/Books.java", "search", (10, 20))];
    assert_eq!(found(&java, &other), [], "the path is another class's");
    let run = [changed("src/app.c", "search", (1, 9))];
    assert_eq!(found(&profile("main;search 3\nmain;other 1"), &run), [row("search", Matched::Name, 3.0, 3.0)]);
    assert_eq!(found(&profile("main;a::search 3\nmain;b::search 1"), &run), [], "two of the name");
    let both = [changed("src/app.c", "search", (1, 9)), changed("src/lib.c", "search", (1, 9))];
    assert_eq!(found(&profile("main;search 3"), &both), [], "two changed ones of the name");
    let generic = profile("main;app::search<u8> 3\nmain;app::search<u16> 1");
    assert_eq!(found(&generic, &[changed("app/lib.rs", "search", (1, 9))]), [row("search", Matched::Name, 4.0, 4.0)]);
}

#[test]
fn a_file_that_may_be_another_needs_name_and_line() {
    let short = profile("main;search (orders.py:41) 3\nmain;other (orders.py:42) 1\n");
    let change = [changed("src/orders.py", "search", (40, 50))];
    assert_eq!(found(&short, &change), [row("search", Matched::Lines, 3.0, 3.0)]);
}

#[test]
fn nothing_changed_and_nothing_measured_is_nothing() {
    assert_eq!(found(&profile(PYTHON), &[]), []);
    assert_eq!(found(&profile("17 1"), &[changed("a", "", (0, 0)), changed("", "", (9, 1))]), []);
}

#[test]
fn a_summary_says_what_its_heaviest_functions_have_by_name_and_file_whatever_their_lines() {
    let bottleneck = |name: &str, file: Option<&str>, own: f64, total: f64| crate::Bottleneck {
        function_name: name.to_owned(),
        file_path: file.map(str::to_owned),
        line_number: Some(900),
        cpu_percentage: own,
        total_percentage: Some(total),
        self_time_ms: None,
        total_time_ms: None,
        invocation_count: None,
    };
    let summary = Summary {
        total_cpu_time_ms: None,
        total_memory_mb: None,
        duration_ms: None,
        sample_type: "cpu".to_owned(),
        bottlenecks: vec![
            bottleneck("shop.orders:Orders.search", None, 40.0, 60.0),
            bottleneck("shop.orders:Orders.search.<locals>.<lambda>", None, 10.0, 10.0),
            bottleneck("parse", Some("/app/src/orders.py"), 5.0, 8.0),
            bottleneck("other", Some("/app/src/other.py"), 45.0, 45.0),
        ],
        memory_consumers: Vec::new(),
        samples: 100,
    };
    let change = [
        changed("shop/orders.py", "Orders.search", (10, 20)),
        changed("src/orders.py", "parse", (30, 40)),
        changed("src/orders.py", "absent", (50, 60)),
    ];
    let row = |one: Attributed<'_>| (one.number, one.matched, one.self_share, one.total_share);
    let found: Vec<_> = attribute_summary(&summary, &change).into_iter().map(row).collect();
    assert_eq!(found[0].0, 0);
    assert_eq!(found[0].1, Matched::Name);
    assert_eq!(found[1], (1, Matched::FileAndName, 0.05, 0.08));
    assert!((found[0].3 - 0.6).abs() < 1e-9 && found[0].2 >= 0.4 && found.len() == 2, "{found:?}");
    assert_eq!(attribute_summary(&summary, &[]), []);
}
