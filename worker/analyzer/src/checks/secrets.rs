//! Credentials in the code.

use crate::tree::Match;

/// Words of made-up values.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "dummy",
    "placeholder",
    "your",
    "xxxx",
    "test",
    "fake",
    "sample",
    "secret",
    "password",
    "passwd",
    "token",
    "redacted",
    "foobar",
    "insert",
    "replace",
    "todo",
    "default",
    "none",
    "undefined",
    "0123456789",
    "abcdef",
    "12345",
    "insecure",
    "mock",
    "demo",
];

/// The metavariable `VALUE` is a string that reads like a real credential: one run of mixed characters, and neither a
/// word, a name, a template, a path nor a stand-in.
pub(super) fn secret_literal(found: &Match<'_>) -> bool {
    let Some(value) = found.get_env().get_match("VALUE") else { return false };
    let whole = found.text().to_ascii_lowercase();
    if ["dummy", "fake", "bogus", "placeholder", "example"].iter().any(|word| whole.contains(word)) {
        return false;
    }
    let value = value.text();
    looks_secret(value.trim_matches(['"', '\'', '`']))
}

fn looks_secret(value: &str) -> bool {
    if !(12..=200).contains(&value.len()) || !value.bytes().all(|b| b.is_ascii_graphic()) {
        return false;
    }
    if value.contains(['{', '}', '<', '>', '$', '(', ')', '\\', '%', ':', '*']) || value.starts_with(['/', '.', '#']) {
        return false;
    }
    let lower = value.to_ascii_lowercase();
    if PLACEHOLDERS.iter().any(|word| lower.contains(word)) {
        return false;
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let mut distinct: Vec<u8> = value.bytes().collect();
    distinct.sort_unstable();
    distinct.dedup();
    digits >= 2 && letters >= 4 && distinct.len() >= 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_from_words() {
        for real in ["tr0ub4dor&3horse", "9f86d081884c7d659a2feaa0c55ad015", "kJ8s0Qw2LmZx71Bv"] {
            assert!(looks_secret(real), "{real}");
        }
        for not in [
            "correct horse battery",
            "your-api-key-1234",
            "access_token_field",
            "/run/credentials/db1",
            "${DB_PASSWORD_01}",
            "AKIAIOSFODNN7EXAMPLE",
            "x-auth-header-v2",
            "111111111111aaaa",
            "short1a2",
            "https://h0st:8080/v1",
        ] {
            assert!(!looks_secret(not), "{not}");
        }
    }
}
