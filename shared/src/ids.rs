//! Names of things on GitHub, as newtypes that can't be wrong: parsed once at the border, plain data inside.
//! Never talks to anything.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// Why a text is not the id it should be. The message says what was expected and never repeats the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not valid: expected {expected}")]
pub struct InvalidId {
    what: &'static str,
    expected: &'static str,
}

impl InvalidId {
    pub(crate) fn new(what: &'static str, expected: &'static str) -> Self {
        Self { what, expected }
    }
}

/// GitHub's number of a repository. Survives renames and transfers, so rows and queue groups are keyed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RepoId(pub u64);

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// `owner/name`, each of GitHub's alphabet, so that it can stand in a URL path or a file path as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct RepoName {
    full: Box<str>,
    slash: usize,
}

impl RepoName {
    /// The longest `owner/name` GitHub allows: 39 + 1 + 100 characters.
    pub const MAX_LEN: usize = 140;

    /// The account or organisation.
    pub fn owner(&self) -> &str {
        &self.full[..self.slash]
    }

    /// The repository's own name.
    pub fn name(&self) -> &str {
        &self.full[self.slash + 1..]
    }

    /// `owner/name`.
    pub fn as_str(&self) -> &str {
        &self.full
    }
}

impl FromStr for RepoName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let wrong = InvalidId {
            what: "repository name",
            expected: "owner/name of letters, digits, '-' and '_', in the name '.', too; no '-' before the owner",
        };
        let (owner, name) = text.split_once('/').ok_or(wrong.clone())?;
        let legal = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && part != "."
                && part != ".."
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        let is_owner = legal(owner) && !owner.starts_with('-') && !owner.contains('.');
        if text.len() > Self::MAX_LEN || !is_owner || !legal(name) {
            return Err(wrong);
        }
        Ok(Self { full: text.into(), slash: owner.len() })
    }
}

impl TryFrom<String> for RepoName {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl Serialize for RepoName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

/// A pull request's number in its repository; never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct PullNumber(u64);

impl PullNumber {
    /// The number as GitHub counts it.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for PullNumber {
    type Error = InvalidId;

    fn try_from(number: u64) -> Result<Self, InvalidId> {
        let wrong = InvalidId { what: "pull request number", expected: "a number from 1 to 2^53" };
        if (1..=1 << 53).contains(&number) { Ok(Self(number)) } else { Err(wrong) }
    }
}

impl From<PullNumber> for u64 {
    fn from(number: PullNumber) -> Self {
        number.0
    }
}

impl fmt::Display for PullNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A commit's (or any git object's) name: 40 or 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct CommitSha(Box<str>);

impl CommitSha {
    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Git's name for no object at all.
    pub fn zero() -> Self {
        Self("0".repeat(40).into())
    }

    /// The first seven digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl FromStr for CommitSha {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if matches!(text.len(), 40 | 64) && hex {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId { what: "commit SHA", expected: "40 or 64 lower-case hex digits" })
        }
    }
}

impl TryFrom<String> for CommitSha {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl Serialize for CommitSha {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// GitHub's id of one webhook delivery (`X-GitHub-Delivery`, a GUID): for logs and people, never for deduplication.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct DeliveryId(Box<str>);

impl DeliveryId {
    /// The id as GitHub sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeliveryId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let legal = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if (1..=64).contains(&text.len()) && legal {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId { what: "delivery id", expected: "1 to 64 letters, digits and '-'" })
        }
    }
}

impl TryFrom<String> for DeliveryId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl Serialize for DeliveryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One pull request in the whole world of one GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PullKey {
    /// The repository's number.
    pub repo_id: RepoId,
    /// The pull request's number in it.
    pub pull: PullNumber,
}

impl fmt::Display for PullKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repo_id, self.pull)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_that_could_leave_their_path_are_refused() {
        for bad in [
            "", "a", "/", "a/", "/b", "a/b/c", "a/..", "../b", "./b", ".a/b", "-a/b", "a b/c", "a/b\n", "a/b?x",
            "a/%2e", "ä/b",
        ] {
            assert!(bad.parse::<RepoName>().is_err(), "{bad:?}");
        }
        let good: RepoName = "octo-org/hello.world_1".parse().unwrap();
        assert_eq!((good.owner(), good.name()), ("octo-org", "hello.world_1"));
    }

    #[test]
    fn a_sha_is_forty_or_sixty_four_lower_case_hex_digits() {
        assert!("a".repeat(40).parse::<CommitSha>().is_ok());
        assert!("0".repeat(64).parse::<CommitSha>().is_ok());
        for bad in ["a".repeat(39), "a".repeat(41), "A".repeat(40), "g".repeat(40), String::new()] {
            assert!(bad.parse::<CommitSha>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn pull_numbers_start_at_one() {
        assert!(PullNumber::try_from(0).is_err());
        assert!(PullNumber::try_from(u64::MAX).is_err());
        assert_eq!(PullNumber::try_from(7).unwrap().get(), 7);
    }

    #[test]
    fn ids_are_taken_at_their_longest_and_refused_one_past_it() {
        let longest = format!("{}/{}", "o".repeat(39), "n".repeat(100));
        assert_eq!(longest.parse::<RepoName>().unwrap().as_str().len(), RepoName::MAX_LEN);
        assert!(format!("{}/{}", "o".repeat(40), "n".repeat(100)).parse::<RepoName>().is_err());
        assert!(format!("o/{}", "n".repeat(101)).parse::<RepoName>().is_err());
        assert!("d".repeat(64).parse::<DeliveryId>().is_ok());
        assert!("d".repeat(65).parse::<DeliveryId>().is_err());
        assert!("a".repeat(65).parse::<CommitSha>().is_err());
    }
}
