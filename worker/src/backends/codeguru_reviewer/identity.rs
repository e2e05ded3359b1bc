//! What one upload is called: names that the same repository, head and base always give, so that a retry, a second worker or
//! the one after a crash asks for the same thing, and CodeGuru does it once. Pure.

use sha2::{Digest, Sha256};

use crate::subject::Target;
use crate::tools::codeguru_reviewer::Upload;

/// Where objects of ours are, in a bucket that others may use.
pub(super) const PREFIX: &str = "eco-coder/";

/// The digest that all names are made of.
pub(super) struct Identity(String);

impl Identity {
    pub(super) fn of(target: &Target) -> Self {
        let mut hash = Sha256::new();
        let repository = target.repository.as_str().to_ascii_lowercase();
        for part in ["codeguru upload", &repository, target.head_sha.as_str(), target.merge_base_sha.as_str()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hex::encode(hash.finalize()))
    }

    /// The code review's name: unique in the account, at most 100 of letters, digits, `-` and `_`.
    pub(super) fn name(&self) -> String {
        format!("eco-coder-{}", self.0)
    }

    /// What makes a second call of the same be the first: at most 64 of the same.
    pub(super) fn token(&self) -> &str {
        &self.0
    }

    /// Where the source is in this bucket.
    pub(super) fn place(&self, bucket: &str) -> Upload {
        Upload { bucket: bucket.to_owned(), key: format!("{PREFIX}{}.zip", self.0), is_stored: false }
    }
}

#[cfg(test)]
mod tests {
    use eco_coder_shared::ids::{PullNumber, RepoId};

    use super::*;

    fn target(repository: &str, head: char, base: char) -> Target {
        Target {
            repository: repository.parse().unwrap(),
            repository_id: RepoId(1),
            pull_request: PullNumber::try_from(17).unwrap(),
            head_sha: head.to_string().repeat(40).parse().unwrap(),
            merge_base_sha: base.to_string().repeat(40).parse().unwrap(),
        }
    }

    #[test]
    fn names_are_stable_and_within_what_codeguru_takes() {
        let one = Identity::of(&target("acme/shop", 'a', 'b'));
        // A release that changed it would start reviews twice.
        assert_eq!(one.token(), "6cadb7162d69df7d88602573dfb7f5cf53850afdbf4b6a8e58810bd69f1e1dd6");
        let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        assert!(one.name().len() <= 100 && is_plain(&one.name()), "{}", one.name());
        assert!(one.token().len() <= 64 && is_plain(one.token()));
        assert_eq!(one.place("b").key, format!("eco-coder/{}.zip", one.token()));
        assert_eq!(one.token(), Identity::of(&target("ACME/Shop", 'a', 'b')).token());
        for other in [target("acme/shop", 'b', 'a'), target("acme/till", 'a', 'b'), target("acme/shop", 'a', 'c')] {
            assert_ne!(Identity::of(&other).token(), one.token());
        }
    }
}
