//! Walks through a JSON text and reads only what is asked for. What is passed over is looked at just so far as to find
//! its end: a payload is 25 kB, and a job is made of ten fields of it. Never recurses, never copies, never builds a tree.
//!
//! Finding the end of a value means to know its strings and its brackets, so that a text that ends too early is always
//! noticed. Whether what is passed over is valid in itself (numbers, escapes, kinds of brackets, UTF-8) is not.

mod brackets;

use std::borrow::Cow;

use memchr::memchr2;
use serde::Deserialize;
use serde_json::error::Category;

/// The longest value that is asked for, in bytes: a hundred labels are a tenth of it.
const MAX_READ: usize = 256 * 1024;

/// What is wrong with the text, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It ends in the middle.
    Incomplete,
    /// It is not JSON.
    Syntax(usize),
    /// It is JSON, and something else is here than was asked for.
    Shape(usize),
}

/// A place in a text.
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The byte it stands at.
    pub(crate) fn place(&self) -> usize {
        self.at
    }

    /// Visits the members of the object that begins here, in order. `member` gets each name and has to read or
    /// [pass](Self::pass) its value.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.peek()? != b'{' {
            return Err(Fault::Shape(self.at));
        }
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek()? != b'"' {
                return Err(Fault::Syntax(self.at));
            }
            let start = self.at;
            let name = self.string()?;
            if self.peek()? != b':' {
                return Err(Fault::Syntax(self.at));
            }
            self.at += 1;
            if let Some(name) = unescaped(name) {
                member(self, name)?;
            } else {
                // No name that is asked for needs an escape, but it may have one.
                let name: String = serde_json::from_slice(name).map_err(|_| Fault::Syntax(start))?;
                member(self, name.as_bytes())?;
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return Err(Fault::Syntax(self.at)),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Passes over what is left of the object whose member was just read, so that [`Self::object`] ends with it.
    pub(crate) fn pass_rest(&mut self) -> Result<(), Fault> {
        let rest = &self.text[self.at..];
        // Up to the bracket that closes the object, which is for `object` to see.
        self.at += brackets::end_of_container(rest, 1).ok_or(Fault::Incomplete)? - 1;
        Ok(())
    }

    /// Passes over the value that begins here.
    pub(crate) fn pass(&mut self) -> Result<(), Fault> {
        self.raw().map(drop)
    }

    /// Reads the value that begins here with serde, all of it. One of more than [`MAX_READ`] bytes is none of ours.
    pub(crate) fn read<T: Deserialize<'a>>(&mut self) -> Result<T, Fault> {
        let raw = self.raw()?;
        let start = self.at - raw.len();
        if raw.len() > MAX_READ {
            return Err(Fault::Shape(start));
        }
        serde_json::from_slice(raw).map_err(|error| match error.classify() {
            Category::Data => Fault::Shape(start),
            Category::Eof if self.at == self.text.len() => Fault::Incomplete,
            Category::Syntax | Category::Eof | Category::Io => Fault::Syntax(start),
        })
    }

    /// Reads the string that begins here, borrowed if nothing in it is escaped.
    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>, Fault> {
        let raw = self.raw()?;
        let start = self.at - raw.len();
        if let Some(plain) = unescaped(raw)
            && let Ok(plain) = std::str::from_utf8(plain)
            && !plain.bytes().any(|b| b.is_ascii_control())
        {
            return Ok(Cow::Borrowed(plain));
        }
        self.at = start;
        self.read::<String>().map(Cow::Owned)
    }

    /// Says whether nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Err(_) => Ok(()),
            Ok(_) => Err(Fault::Syntax(self.at)),
        }
    }

    /// The next byte that isn't white space, which it now stands at.
    fn peek(&mut self) -> Result<u8, Fault> {
        while let Some(&byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Ok(byte);
            }
            self.at += 1;
        }
        Err(Fault::Incomplete)
    }

    /// The value that begins here, as it stands.
    fn raw(&mut self) -> Result<&'a [u8], Fault> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' | b'[' => self.container(),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Ok(self.scalar()),
            _ => Err(Fault::Syntax(self.at)),
        }
    }

    /// The string that begins here, with its quotes.
    fn string(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.at;
        self.at = end_of_string(self.text, start + 1).ok_or(Fault::Incomplete)?;
        Ok(&self.text[start..self.at])
    }

    fn scalar(&mut self) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\t' | b'\r'));
        let raw = &rest[..length.unwrap_or(rest.len())];
        self.at += raw.len();
        raw
    }

    /// The object or array that begins here. Quotes and brackets are all that counts.
    fn container(&mut self) -> Result<&'a [u8], Fault> {
        let rest = &self.text[self.at..];
        let raw = &rest[..brackets::end_of_container(rest, 0).ok_or(Fault::Incomplete)?];
        self.at += raw.len();
        Ok(raw)
    }
}

/// Behind the quote that ends the string whose first byte is at `at`.
fn end_of_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// What is between the quotes, if it means what it says.
fn unescaped(raw: &[u8]) -> Option<&[u8]> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    (!inner.contains(&b'\\')).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_value_is_read_and_one_byte_more_is_none_of_ours() {
        let quoted = |length: usize| format!("\"\\n{}\"", "x".repeat(length - 4));
        let (longest, longer) = (quoted(MAX_READ), quoted(MAX_READ + 1));
        assert_eq!(Cursor::new(longest.as_bytes()).text().map(|text| text.len()), Ok(MAX_READ - 3));
        assert_eq!(Cursor::new(longer.as_bytes()).text(), Err(Fault::Shape(0)));
        assert_eq!(Cursor::new(longer.as_bytes()).pass(), Ok(()));
    }

    #[test]
    fn what_a_fault_is_says_where() {
        let names = |text: &str| {
            let mut names = Vec::new();
            let mut cursor = Cursor::new(text.as_bytes());
            let read = cursor.object(|at, name| {
                names.push(String::from_utf8_lossy(name).into_owned());
                at.pass()
            });
            (names.concat(), read.and_then(|()| cursor.end()))
        };
        assert_eq!(names(r#" { "a" : [1,"]"] , "\u0062":{"x":"}"} } "#), ("ab".to_owned(), Ok(())));
        assert_eq!(names("{}").1, Ok(()));
        assert_eq!(names("{} {}").1, Err(Fault::Syntax(3)));
        assert_eq!(names(r#"{"a":1,}"#).1, Err(Fault::Syntax(7)));
        assert_eq!(names(r#"{"a" 1}"#).1, Err(Fault::Syntax(5)));
        assert_eq!(names(r#"{"a":@}"#).1, Err(Fault::Syntax(5)));
        assert_eq!(names("[]").1, Err(Fault::Shape(0)));
        for end in 0..r#"{"a":[1,"]"]}"#.len() {
            assert_eq!(names(&r#"{"a":[1,"]"]}"#[..end]).1, Err(Fault::Incomplete), "{end}");
        }
    }
}
