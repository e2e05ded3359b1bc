//! The fuzz target of what workflows leave: names lead nowhere, lengths stay within bounds.

use super::unpack::unpack;

/// A zip file.
pub fn archive(bytes: &[u8]) {
    let unpacked = unpack(bytes);
    let mut total = 0;
    for file in &unpacked.files {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let parts: Vec<&str> = file.path.split('/').collect();
        assert!(parts.len() <= 12, "{}", file.path);
        for part in parts {
            let is_plain = (1..=80).contains(&part.len()) && !part.starts_with('.') && part.chars().all(plain);
            assert!(is_plain, "{}", file.path);
        }
        assert!(!file.bytes.is_empty() && file.bytes.len() <= 32 << 20);
        total += file.bytes.len();
    }
    assert!(total <= 96 << 20 && unpacked.files.len() <= 2_000 && unpacked.refused.len() <= 8);
}
