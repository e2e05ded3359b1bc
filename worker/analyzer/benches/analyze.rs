//! Speed of `analyze` over synthetic Python and JavaScript, in bytes per second: ordinary code, and code in which
//! every function has something to say.

#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eco_coder_analyzer::{Limits, Options, analyze};

fn python(functions: usize) -> String {
    let mut text = String::from("import re\nimport sqlite3\n\n");
    for n in 0..functions {
        let _ = write!(
            text,
            "def totals_{n}(orders, limit=10):\n    result = {{}}\n    for order in orders:\n        if order.total > \
             limit and order.state == 'paid':\n            result[order.customer] = result.get(order.customer, 0) + \
             order.total\n    return sorted(result.items(), key=lambda pair: pair[1])\n\n\n"
        );
    }
    text
}

fn python_with_findings(functions: usize) -> String {
    let mut text = String::from("import re\n\n");
    for n in 0..functions {
        let _ = write!(
            text,
            "def lines_{n}(cursor, orders):\n    out = ''\n    for order in orders:\n        cursor.execute('SELECT id FROM \
             line WHERE order_id = ?', (order.id,))\n        out += str(cursor.fetchall())\n    return out\n\n\n"
        );
    }
    text
}

fn javascript(functions: usize) -> String {
    let mut text = String::new();
    for n in 0..functions {
        let _ = write!(
            text,
            "export async function total{n}(orders, options = {{}}) {{\n  const paid = orders.filter((order) => \
             order.state === 'paid');\n  let sum = 0;\n  for (const order of paid) {{\n    sum += order.total * \
             (options.rate ?? 1);\n  }}\n  return {{ sum, count: paid.length }};\n}}\n\n"
        );
    }
    text
}

fn speed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("analyze");
    let cases = [
        ("python", "app.py", python(400)),
        ("python_with_findings", "app.py", python_with_findings(400)),
        ("javascript", "app.js", javascript(400)),
    ];
    for (name, path, text) in cases {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| analyze(path, black_box(&text), None, &Options::default(), &Limits::default()));
        });
    }
    group.finish();
}

criterion_group!(benches, speed);
criterion_main!(benches);
