//! Documents that are made from the code say what the code says. `REMAKE_DOCUMENTS=1 cargo test documents` remakes them.

use std::path::{Path, PathBuf};

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

fn holds(name: &str, table: &str) {
    let path = docs(name);
    if std::env::var_os("REMAKE_DOCUMENTS").is_some() {
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once("<!-- table -->").unwrap();
        let (_, after) = rest.split_once("<!-- end of table -->").unwrap();
        let made = format!("{before}<!-- table -->\n{table}<!-- end of table -->{after}");
        std::fs::write(&path, made).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(table), "docs/{name} is not what the code says: run REMAKE_DOCUMENTS=1 cargo test documents");
}

#[test]
fn the_table_of_settings_is_whole() {
    holds("configuration.md", &eco_coder_shared::config::reference_table());
}

#[test]
fn the_table_of_metrics_is_whole() {
    holds("metrics.md", &eco_coder_shared::telemetry::metrics::reference_table());
}

#[test]
fn the_rules_are_whole() {
    let path = docs("rules.md");
    let made = eco_coder::commands::rules::markdown();
    if std::env::var_os("REMAKE_DOCUMENTS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text == made, "docs/rules.md is old: run REMAKE_DOCUMENTS=1 cargo test documents");
}
