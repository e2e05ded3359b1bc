//! What a check run of ours carries, so that GitHub can bring it back: whose it is. The worker writes it into the check
//! run's `external_id`; the ingress reads it when somebody presses *Re-run*. Nothing else is in it.

use std::fmt;
use std::str::FromStr;

use crate::ids::{InvalidId, PullKey, PullNumber, RepoId};

/// The first part of ours, with its version.
const MARK: &str = "eco-coder:1";

/// The pull request that a check run is about: `eco-coder:1:REPOSITORY_ID:PULL_NUMBER`. GitHub names none itself where the
/// branch is a fork's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExternalId(pub PullKey);

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PullKey { repo_id, pull } = self.0;
        write!(f, "{MARK}:{repo_id}:{pull}")
    }
}

impl FromStr for ExternalId {
    type Err = InvalidId;

    /// Reads exactly what is written, and nothing that only looks like it.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let key = || {
            let (repo_id, pull) = text.strip_prefix(MARK)?.strip_prefix(':')?.split_once(':')?;
            let pull = PullNumber::try_from(pull.parse::<u64>().ok()?).ok()?;
            Some(PullKey { repo_id: RepoId(repo_id.parse().ok()?), pull })
        };
        let found = key().map(Self).filter(|id| id.to_string() == text);
        found.ok_or(InvalidId::new("check run's external id", "eco-coder:1:REPOSITORY_ID:PULL_NUMBER"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_that_only_looks_like_it() {
        let key = PullKey { repo_id: RepoId(186_853_002), pull: PullNumber::try_from(7).unwrap() };
        let text = ExternalId(key).to_string();
        assert_eq!(text, "eco-coder:1:186853002:7");
        assert_eq!(text.parse(), Ok(ExternalId(key)));
        for other in [
            "",
            "eco-coder",
            "eco-coder:1",
            "eco-coder:2:1:7",
            "eco-coder:1:1:0",
            "eco-coder:1:1:07",
            "eco-coder:1:+1:7",
            "eco-coder:1:1:7 ",
            "eco-coder:1:1:7:8",
            "eco-coder:1:18446744073709551616:7",
            "eco-coder:1:1:9007199254740993",
            " eco-coder:1:1:7",
        ] {
            assert!(other.parse::<ExternalId>().is_err(), "{other:?}");
        }
    }
}
