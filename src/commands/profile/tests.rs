use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: ProfileArgs,
}

fn how(line: &str) -> How {
    let args = Line::try_parse_from(["profile", "show", "x"].into_iter().chain(line.split_whitespace())).unwrap();
    let Command::Show { how, .. } = args.args.command else { panic!() };
    how
}

fn profile(text: &str, ms: Option<f64>) -> Profile {
    read(text.as_bytes(), &Options { folded_sample_ms: ms }, &Limits::of_a_person()).unwrap()
}

fn table(profile: &Profile, line: &str) -> String {
    let how = how(line);
    let chosen = profile.choose(how.sample_type.as_deref()).unwrap();
    table::of_profile(profile, &sections(profile, chosen, &how), "cpu.folded", how.top as usize)
}

#[test]
fn the_table_says_what_uses_most() {
    let text = "main (app/main.py:3);search (app/orders.py:41) 30\nmain (app/main.py:4);parse (app/orders.py:90) 9\n\
        main (app/main.py:3) 1\n";

    insta::assert_snapshot!(table(&profile(text, Some(10.0)), "--top 2"), @r"
    cpu.folded
    folded stacks, 40 samples

    cpu (count): 400 ms in all
      self            total            function
     75.0%    300 ms  75.0%    300 ms  search  app/orders.py:41
     22.5%   90.0 ms  22.5%   90.0 ms  parse  app/orders.py:90
    and 1 function more
    ");
}

#[test]
fn a_long_or_hostile_name_keeps_to_the_line() {
    let long = "com.acme.orders.internal.deep.deeper.Orders.searchEverythingThatThereIs";
    let text = format!(
        "{long} (/builds/acme/orders/src/main/java/com/acme/orders/Orders.java:1234) 3\nev\u{1b}[31mil\u{202e}\u{7} (\u{1b}]0;x:1) 2\n{} 1\n",
        "\u{6f22}".repeat(300)
    );

    let shown = table(&profile(&text, None), "");

    assert!(
        shown.lines().all(|line| line.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum::<usize>() <= 80),
        "{shown}"
    );
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    assert!(shown.contains("ThatThereIs"), "{shown}");
}

#[test]
fn the_comparison_says_both_and_no_verdict() {
    let base = profile("main;search (a.py:1) 30\nmain;parse (a.py:9) 10\nmain;gone 10", Some(10.0));
    let head = profile("main;search (a.py:1) 60\nmain;parse (a.py:9) 20", Some(10.0));

    let comparison = compare(&base, &head, None).unwrap();

    insta::assert_snapshot!(table::of_comparison(&comparison, comparison.rows.len() + 3), @r"
    cpu (count)
    base: 50 samples, 500 ms
    head: 80 samples, 800 ms
    Both figures, and no verdict: one profile of each side says nothing of noise.

          base              head         self, then
      self              self             with what it calls
     20.0%     100 ms      -             gone
     20.0%     100 ms      -
     60.0%     300 ms  75.0%     600 ms  search  a.py
     60.0%     300 ms  75.0%     600 ms
     20.0%     100 ms  25.0%     200 ms  parse  a.py
     20.0%     100 ms  25.0%     200 ms
      0.0%       0 ns   0.0%       0 ns  main
    100.0%     500 ms 100.0%     800 ms
    and 3 functions more
    ");
}

#[test]
fn json_has_shares_and_times() {
    let profile = profile("main;search (a.py:1) 3\nmain 1", Some(10.0));

    let json = serde_json::to_value(shown_as_json(&profile, 0, 1)).unwrap();

    assert_eq!(json["format"], "folded");
    assert_eq!(json["functions"][0]["function"], "search");
    assert_eq!(
        (json["functions"][0]["self_share"].as_f64(), json["functions"][0]["self_ms"].as_f64()),
        (Some(0.75), Some(30.0))
    );
    assert_eq!(json["functions"].as_array().unwrap().len(), 1);
}

#[test]
fn a_file_that_can_t_be_read_says_which_and_why() {
    let dir = tempfile::tempdir().unwrap();
    let missing = open(&dir.path().join("none.pprof"), &how("")).unwrap_err();
    assert!(format!("{missing:#}").contains("none.pprof can't be opened: No such file"), "{missing:#}");
    let folder = open(dir.path(), &how("")).unwrap_err();
    assert!(folder.to_string().contains("is a folder; name the profile in it"), "{folder}");
    let damaged = dir.path().join("cut.json");
    std::fs::write(&damaged, "{\"nodes\": [").unwrap();
    let damaged = open(&damaged, &how("")).unwrap_err();
    assert!(format!("{damaged:#}").contains("damaged or cut off at line 1"), "{damaged:#}");
    assert!(Line::try_parse_from(["profile", "show", "x", "--top", "0"]).is_err());
}
