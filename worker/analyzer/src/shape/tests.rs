use super::*;

/// Name, cyclomatic and cognitive complexity of each function.
fn measured(path: &str, text: &str) -> Vec<(String, u32, u32)> {
    let shape = shape(path, text, &Limits::default()).unwrap();
    assert!(!shape.is_partial());
    shape.functions().iter().map(|f| (f.name.clone(), f.cyclomatic, f.cognitive)).collect()
}

/// The complexities of the only function, or of the first.
fn first(path: &str, text: &str) -> (u32, u32) {
    let all = measured(path, text);
    (all[0].1, all[0].2)
}

/// One branch after another, a level at a time, in every language: `if` in a loop in an `if`, with `else if` and `else`.
#[test]
fn nesting_counts_alike_in_every_language() {
    for (path, text) in [
        (
            "a.py",
            "def f(a):\n if a:\n  for x in a:\n   if x:\n    g()\n   elif a:\n    g()\n   else:\n    g()\n else:\n  g()\n",
        ),
        (
            "a.js",
            "function f(a) { if (a) { for (const x of a) { if (x) g(); else if (a) g(); else g(); } } else { g(); } }",
        ),
        (
            "a.ts",
            "function f(a) { if (a) { for (const x of a) { if (x) g(); else if (a) g(); else g(); } } else { g(); } }",
        ),
        (
            "a.tsx",
            "const f = (a) => { if (a) { for (const x of a) { if (x) g(); else if (a) g(); else g(); } } else g(); }",
        ),
        (
            "A.java",
            "class A { void f(int[] a) { if (b) { for (int x : a) { if (x) g(); else if (b) g(); else g(); } } else { g(); } } }",
        ),
        (
            "A.cs",
            "class A { void f(int[] a) { if (b) { foreach (var x in a) { if (x) g(); else if (b) g(); else g(); } } else { g(); } } }",
        ),
        (
            "a.php",
            "<?php function f($a) { if ($a) { foreach ($a as $x) { if ($x) g(); elseif ($a) g(); else g(); } } else { g(); } }",
        ),
        (
            "b.php",
            "<?php function f($a) { if ($a): foreach ($a as $x): if ($x): g(); elseif ($a): g(); else: g(); endif; endforeach; else: g(); endif; }",
        ),
        (
            "c.php",
            "<?php function f($a) { if ($a) { foreach ($a as $x) { if ($x) g(); else if ($a) g(); else g(); } } else { g(); } }",
        ),
        (
            "a.go",
            "package a\nfunc f(a []T) { if b { for _, x := range a { if x { g() } else if b { g() } else { g() } } } else { g() } }",
        ),
        ("a.rs", "fn f(a: &[T]) { if b { for x in a { if x { g() } else if b { g() } else { g() } } } else { g() } }"),
    ] {
        // if 1, for 2, if 3, else if 1, else 1, else 1
        assert_eq!(first(path, text), (5, 9), "{path}");
    }
}

#[test]
fn runs_of_like_operators_count_once() {
    for (path, text) in [
        ("a.py", "def f():\n return a and b and c or d or e and f\n"),
        ("a.js", "function f() { return a && b && c || d || e && f; }"),
        ("A.java", "class A { boolean f() { return a && b && c || d || e && f; } }"),
        ("A.cs", "class A { bool f() { return a && b && c || d || e && f; } }"),
        ("a.php", "<?php function f() { return $a && $b && $c || $d || $e && $f; }"),
        ("a.go", "package a\nfunc f() bool { return a && b && c || d || e && f }"),
        ("a.rs", "fn f() -> bool { a && b && c || d || e && f }"),
    ] {
        assert_eq!(first(path, text), (6, 3), "{path}");
    }
    assert_eq!(first("a.js", "function f() { return a && (b && c); }"), (3, 1), "brackets don't end a run");
    assert_eq!(first("a.js", "function f() { return a && !(b && c); }"), (3, 2), "a negation does");
    assert_eq!(first("a.js", "function f() { return a && g(b && c) && d; }"), (4, 2), "nor does what stands between");
    assert_eq!(first("a.js", "function f() { return a && b === (c && d); }"), (3, 2));
    assert_eq!(first("a.js", "function f() { a ??= b ?? c; a ||= d; }"), (4, 0), "shorthand is easily read");
    assert_eq!(first("a.rs", "fn f() { if let Some(x) = a && b && c { g() } }"), (4, 2));
}

#[test]
fn cases_count_for_paths_and_the_switch_for_reading() {
    for (path, text) in [
        ("a.py", "def f(a):\n match a:\n  case 1:\n   g()\n  case 2 | 3:\n   g()\n  case _:\n   g()\n"),
        ("a.js", "function f(a) { switch (a) { case 1: g(); case 2: g(); default: g(); } }"),
        ("A.java", "class A { void f(int a) { switch (a) { case 1: g(); case 2: g(); default: g(); } } }"),
        ("A.java", "class A { int f(int a) { return switch (a) { case 1 -> 1; case 2, 3 -> 2; default -> 3; }; } }"),
        (
            "A.cs",
            "class A { void f(int a) { switch (a) { case 1: g(); break; case 2: g(); break; default: g(); break; } } }",
        ),
        ("A.cs", "class A { int f(int a) { return a switch { 1 => 1, 2 => 2, _ => 3 }; } }"),
        ("a.php", "<?php function f($a) { switch ($a) { case 1: g(); case 2: g(); default: g(); } }"),
        ("a.php", "<?php function f($a) { return match ($a) { 1 => 1, 2, 3 => 2, default => 3 }; }"),
        ("a.go", "package a\nfunc f(a int) { switch a { case 1: g(); case 2: g(); default: g() } }"),
        ("a.go", "package a\nfunc f(a any) { switch a.(type) { case int: g(); case string: g(); default: g() } }"),
        ("a.go", "package a\nfunc f(a chan int) { select { case <-a: g(); case a <- 1: g(); default: g() } }"),
        ("a.rs", "fn f(a: u8) { match a { 1 => g(), 2 => g(), _ => g() } }"),
    ] {
        assert_eq!(first(path, text), (3, 1), "{path} {text}");
    }
    assert_eq!(
        first("a.rs", "fn f(a: u8) { match a { 1 if b && c => g(), _ => { if d { g() } } } }"),
        (5, 4),
        "guards"
    );
    assert_eq!(first("a.py", "def f(a):\n match a:\n  case _ if a: g()\n"), (2, 1));
    assert_eq!(first("A.cs", "class A { void f() { switch (a) { case 1 when b: g(); break; } } }"), (3, 1));
}

#[test]
fn jumps_errors_and_conditional_expressions_count() {
    for (path, text, expected) in [
        (
            "a.py",
            "def f():\n try:\n  g()\n except A:\n  g()\n except B:\n  if a: g()\n else:\n  g()\n finally:\n  g()\n",
            (4, 4),
        ),
        ("a.py", "def f():\n for x in a:\n  g()\n else:\n  g()\n", (2, 2)),
        ("a.py", "def f():\n return (x if a else y) if b else z\n", (3, 3)),
        ("a.py", "def f():\n return [x for x in a if x for y in x]\n", (4, 0)),
        ("a.js", "function f() { try { g() } catch (e) { if (a) g() } finally { g() } }", (3, 3)),
        ("a.js", "function f() { out: for (;;) { for (;;) { continue out; } break; } }", (3, 4)),
        ("a.js", "function f() { return a ? (b ? 1 : 2) : 3; }", (3, 3)),
        ("A.java", "class A { void f() { out: while (a) { do { break out; } while (b); } } }", (3, 4)),
        ("A.cs", "class A { void f() { try { g(); } catch (E) when (a) { goto end; } end: g(); } }", (3, 2)),
        ("a.php", "<?php function f() { while ($a) { for (;;) { break 2; } break; } return $a ?: $b; }", (4, 5)),
        ("a.go", "package a\nfunc f() { out: for { for { break out }; break }; goto out }", (3, 5)),
        ("a.rs", "fn f() { 'a: loop { while b { break 'a; } break c; } }", (2, 4)),
        ("a.rs", "fn f() { let Some(a) = b else { if c { g() } return; }; let d = e?; }", (3, 3)),
        ("a.rs", "fn f() { assert!(a && b || c); }", (1, 0)),
    ] {
        assert_eq!(first(path, text), expected, "{path} {text}");
    }
}

#[test]
fn conditions_stand_where_their_branch_does() {
    assert_eq!(first("a.js", "function f() { if (a ? b : c) g(); }"), (3, 2));
    assert_eq!(first("a.js", "function f() { while (g(() => a ? b : c)) h(); }"), (3, 3), "a lambda is a level");
    assert_eq!(first("A.java", "class A { void f() { while (a ? b : c) g(); } }"), (3, 2));
    assert_eq!(first("a.py", "def f():\n if (b if a else c):\n  g()\n"), (3, 2));
}

#[test]
fn a_function_that_calls_itself_is_harder_to_read() {
    for (path, text) in [
        ("a.py", "def f(n):\n return f(n) + f(n)\n"),
        ("a.py", "class A:\n def f(self):\n  self.f()\n"),
        ("a.js", "function f() { f(); }"),
        ("a.js", "class A { f() { this.f(); } }"),
        ("A.java", "class A { void f(int a) { f(a); } }"),
        ("A.cs", "class A { void f(int a) { this.f(a); } }"),
        ("a.php", "<?php class A { function f() { return $this->f() . self::f(); } }"),
        ("a.go", "package a\nfunc f() { f() }"),
        ("a.go", "package a\nfunc (s *S[T]) f() { s.f() }"),
        ("a.rs", "fn f() { f() }"),
        ("a.rs", "impl A { fn f(&self) { self.f(); Self::f(self) } }"),
    ] {
        assert_eq!(first(path, text), (1, 1), "{path} {text}");
    }
    for (path, text) in [
        ("a.py", "class A:\n def f(self):\n  f()\n"),
        ("a.py", "class A:\n def f(self):\n  self.b.f()\n"),
        ("A.java", "class A { void f(int a) { f(a, 1); } }"),
        ("A.java", "class A { void f(int a) { b.f(a); } }"),
        ("a.go", "package a\nfunc (s *S) f() { s.b.f(); f() }"),
        ("a.rs", "impl A { fn f(&self) { f(); B::f() } }"),
    ] {
        assert_eq!(first(path, text), (1, 0), "{path} {text}");
    }
}

#[test]
fn functions_within_functions_count_for_themselves_and_for_their_reader() {
    let closure = "def f(a):\n if a:\n  g()\n def h():\n  if a:\n   for b in a: g()\n return h\n";
    // Of its own 1; h has 1 + 2, and two increments one level deeper.
    assert_eq!(measured("a.py", closure), [("f".into(), 2, 6), ("f.h".into(), 3, 3)]);
    let decorator = "def f(a):\n def h():\n  if a: g()\n return h\n";
    assert_eq!(measured("a.py", decorator), [("f".into(), 1, 0), ("f.h".into(), 2, 1)], "it only declares");
    let lambda = "function f() { xs.forEach((x) => { if (x) g(); }); }";
    assert_eq!(measured("a.js", lambda), [("f".into(), 2, 2)]);
    let three = "function f() { if (a) b(); const g = () => { if (a) b(); function h() { if (a) b(); } }; }";
    assert_eq!(measured("a.js", three), [("f".into(), 2, 6), ("f.g".into(), 2, 3), ("f.g.h".into(), 2, 1)]);
    let shape = shape("a.js", three, &Limits::default()).unwrap();
    assert_eq!(
        shape.functions().iter().map(|f| (f.own_cognitive, f.within)).collect::<Vec<_>>(),
        [(1, None), (1, Some(0)), (1, Some(1))]
    );
}

#[test]
fn functions_are_named_with_what_is_around_them() {
    let names = |path: &str, text: &str| measured(path, text).into_iter().map(|m| m.0).collect::<Vec<_>>();
    assert_eq!(names("a.py", "class A:\n class B:\n  async def f(self): pass\n"), ["A.B.f"]);
    assert_eq!(
        names(
            "a.js",
            "class A { static f() {} #g = () => {}; get h() {} ['x' + y]() {} }\nmodule.exports = function () {};\n\
             A.prototype.k = function l() {};\nconst o = { m: () => {}, 'n o'() {} };\nit('x', () => {});\nconst B = class { p() {} };"
        ),
        [
            "A.f",
            "A.#g",
            "A.h",
            "A.(computed)",
            "module.exports",
            "A.prototype.k",
            "m",
            "(computed)",
            "(anonymous)",
            "B.p"
        ]
    );
    assert_eq!(names("a.ts", "namespace N { abstract class A { abstract f(): void; g(): void {} } }"), ["N.A.g"]);
    assert_eq!(
        names(
            "A.java",
            "class A { A() {} static { } void f() { new B() { void g() {} }; } interface C { void h(); default void i() {} } }"
        ),
        ["A.A", "A.static", "A.f", "A.f.g", "A.C.i"]
    );
    assert_eq!(
        names(
            "A.cs",
            "namespace N { class A { int P { get { return 1; } set; } A() {} public static A operator +(A a, A b) => a; void f() { void g() {} } } }"
        ),
        ["A.P.get", "A.A", "A.operator +", "A.f", "A.f.g"]
    );
    assert_eq!(
        names("a.php", "<?php namespace N; trait T { function f() {} } function g() {} $h = fn() => 1;"),
        ["T::f", "g", "$h"]
    );
    assert_eq!(names("a.go", "package a\nfunc (s *S[T]) F() {}\nfunc G() {}\nvar h = func() {}"), ["S.F", "G", "h"]);
    assert_eq!(
        names("a.rs", "mod m { impl<T> Tr for a::S<T> { fn f() {} } trait U { fn g(); fn h() {} } }"),
        ["m::a::S::f", "m::U::h"]
    );
    let deep = format!("class {} {{ {} f() {{}} }}", "A".repeat(61), "");
    assert_eq!(names("a.js", &deep), ["(computed).f"], "a name too long is none");
    let long = format!(
        "{}def f(): pass\n",
        [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|n| format!("{}class {}:\n", " ".repeat(n), "B".repeat(50))).concat()
            + &" ".repeat(9)
    );
    let name = &names("a.py", &long)[0];
    assert!(name.chars().count() == MAX_NAME && name.starts_with('…') && name.ends_with("B.f"));
}

#[test]
fn lines_of_code_are_neither_blank_nor_comment_nor_another_function_s() {
    let text = "# c\ndef f(self, a, *, b=1):\n    \"\"\"Doc.\n\n    More.\"\"\"\n\n    # c\n    x = '''\n\n    y'''  # c\n    def g():\n        pass\n    return x\n";
    let shape = shape("a.py", text, &Limits::default()).unwrap();
    let f = &shape.functions()[0];
    assert_eq!((f.first_line, f.last_line, f.code_lines, f.parameters), (2, 13, 4, 2));
    assert_eq!((shape.functions()[1].code_lines, shape.functions()[1].within), (2, Some(0)));
}

#[test]
fn parameters_are_counted_without_the_object() {
    for (path, text, count) in [
        ("a.js", "const f = a => a;", 1),
        ("a.js", "function f({ a, b }, [c], ...d) {}", 3),
        ("a.ts", "function f(this: A, b?: B) {}", 1),
        ("A.java", "class A { void f(A this, int b, int... c) {} }", 2),
        ("A.cs", "class A { void f(ref int a, params int[] b) {} }", 2),
        ("a.php", "<?php class A { function f(int $a, &$b, ...$c) {} }", 3),
        ("a.go", "package a\nfunc (s S) f(a, b int, c string) {}", 3),
        ("a.rs", "impl A { fn f(&mut self, a: u8) {} }", 1),
    ] {
        assert_eq!(shape(path, text, &Limits::default()).unwrap().functions()[0].parameters, count, "{path} {text}");
    }
}

#[test]
fn test_code_is_marked_and_has_no_tokens() {
    let text =
        "fn f() { a() }\n#[cfg(test)]\n// c\nmod tests { fn g() { a() } }\n#[tokio::test]\nfn h() { a() }\nfn i() {}\n";
    let rust = shape("src/a.rs", text, &Limits::default()).unwrap();
    assert_eq!(rust.functions().iter().map(|f| f.is_test).collect::<Vec<_>>(), [false, true, true, false]);
    assert!(rust.tokens.iter().all(|token| matches!(token.line, 1 | 7)));
    let python = shape("tests/test_a.py", "def f():\n  a()\n", &Limits::default()).unwrap();
    assert!(python.functions()[0].is_test && python.tokens.is_empty());
}

#[test]
fn marks_are_found_in_comments_alone() {
    let text = "x = 'TODO: x'\n# TODO: y\n\"\"\"\nTODO: z\n\"\"\"\n# FIXME(#7): a\n";
    let shape = shape("a.py", text, &Limits::default()).unwrap();
    assert_eq!(shape.todos, [Todo { line: 2, tracked: false }, Todo { line: 6, tracked: true }]);
    let rust = super::shape("a.rs", "/// TODO: a\n/// https://x.y\nfn f() {}\n/* b\n * XXX c */\n", &Limits::default())
        .unwrap();
    assert_eq!(rust.todos, [Todo { line: 1, tracked: true }, Todo { line: 5, tracked: false }]);
}

#[test]
fn what_does_not_parse_is_a_guess_or_nothing() {
    let broken = shape("a.py", "def f():\n  if a\n    b(\n\ndef g():\n  pass\n", &Limits::default()).unwrap();
    assert!(broken.is_partial() || broken.functions().iter().any(|f| f.is_guess) || broken.functions().is_empty());
    let nonsense = shape("a.go", &")]}% ".repeat(200), &Limits::default()).unwrap();
    assert!(nonsense.is_partial() && nonsense.functions().is_empty());
    assert_eq!(shape("a.md", "", &Limits::default()), Err(Skipped::UnsupportedLanguage));
}

#[test]
fn a_walk_out_of_time_says_so() {
    let text = "def f(a):\n    return a\n".repeat(5_000);
    let tree = parse(Language::Python, &text, &Deadline::after(std::time::Duration::MAX)).unwrap();
    let shape = of_tree("a.py", &text, Language::Python, &tree, &Deadline::after(std::time::Duration::ZERO));
    assert!(shape.is_partial() && shape.functions().len() < 5_000);
}

#[test]
fn more_functions_than_people_write_are_left_out() {
    let text = "def f(): pass\n".repeat(MAX_FUNCTIONS + 1);
    let shape = shape("a.py", &text, &Limits { time: std::time::Duration::MAX, ..Limits::default() }).unwrap();
    assert!(shape.is_partial() && shape.functions().len() == MAX_FUNCTIONS);
}
