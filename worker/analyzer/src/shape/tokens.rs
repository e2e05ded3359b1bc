//! A file's code as tokens that can be compared without its text: what kind of token, a digest of what it says, and
//! the line. Twelve bytes each, and no way back to the source.

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    /// The same for all names, and for all values; its lowest bits are its [`Sort`].
    pub(crate) shape: u32,
    /// A digest of a name's or a value's text; 0 for all others.
    pub(crate) text: u32,
    /// From 1.
    pub(crate) line: u32,
}

/// What a token is to whoever compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Word,
    /// A word that begins a branch, a loop or a handler.
    Branch,
    Open,
    Close,
    Name,
    Literal,
}

const SORT_BITS: u32 = 7;
const OPEN: u32 = 1;
const CLOSE: u32 = 2;
const NAME: u32 = 3;
const LITERAL: u32 = 4;
const BRANCH: u32 = 5;

impl Token {
    /// A keyword, an operator, a bracket: the kind says it all.
    pub(crate) fn word(kind: u32, sort: Sort, line: u32) -> Self {
        let bits = match sort {
            Sort::Open => OPEN,
            Sort::Close => CLOSE,
            Sort::Branch => BRANCH,
            _ => 0,
        };
        Self { shape: (kind & !SORT_BITS) | bits, text: 0, line }
    }

    /// A name. The language keeps those of one from matching another's.
    pub(crate) fn name(language: u32, text: &[u8], line: u32) -> Self {
        Self { shape: (language & !SORT_BITS) | NAME, text: digest(text), line }
    }

    /// A number or a string.
    pub(crate) fn literal(language: u32, text: &[u8], line: u32) -> Self {
        Self { shape: (language & !SORT_BITS) | LITERAL, text: digest(text), line }
    }

    pub(crate) fn sort(self) -> Sort {
        match self.shape & SORT_BITS {
            OPEN => Sort::Open,
            CLOSE => Sort::Close,
            NAME => Sort::Name,
            LITERAL => Sort::Literal,
            BRANCH => Sort::Branch,
            _ => Sort::Word,
        }
    }
}

/// A digest of a kind of node, the same for a language's grammars.
pub(crate) fn hash(language: &str, kind: &str) -> u32 {
    fnv(fnv(OFFSET, language.as_bytes()) ^ 0xff, kind.as_bytes())
}

/// Bytes of a text that enter its digest, beside its length: long texts are data.
const DIGESTED: usize = 64;

fn digest(text: &[u8]) -> u32 {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    fnv(OFFSET ^ length, &text[..text.len().min(DIGESTED)])
}

const OFFSET: u32 = 0x811c_9dc5;

/// FNV-1a, 32 bits.
fn fnv(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
