//! Protobuf's outermost layer: walks the fields of a message without holding them. Knows no message.

use crate::ProfileError;

/// A field's content, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// A number.
    Varint(u64),
    /// Bytes, text or a message.
    Bytes(&'a [u8]),
    /// Four or eight bytes; pprof has no such field.
    Fixed,
}

/// The fields of a message, in the file's order; ends after the first error.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Option<(u64, Content<'a>)> {
        let key = self.varint()?;
        let content = match key & 7 {
            0 => Content::Varint(self.varint()?),
            1 => self.take(8).map(|_| Content::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Content::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Content::Fixed)?,
            _ => return None,
        };
        (key >> 3 != 0).then_some((key >> 3, content))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Content<'a>), ProfileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or(ProfileError::Malformed { what: "a field is cut off" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_walked_in_order() {
        let bytes = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8];
        let fields: Result<Vec<_>, _> = Fields::of(&bytes).collect();
        let expected =
            [(1, Content::Varint(150)), (2, Content::Bytes(b"hi")), (3, Content::Fixed), (4, Content::Fixed)];
        assert_eq!(fields.unwrap(), expected);
    }

    #[test]
    fn what_is_cut_off_or_impossible_is_one_error() {
        let cut: [&[u8]; 7] = [
            &[0x08],
            &[0x12, 0x05, b'h'],
            &[0x0b],
            &[0x00, 0x00],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x1d, 1, 2],
        ];
        for bytes in cut {
            let fields: Vec<_> = Fields::of(bytes).collect();
            assert!(matches!(fields.as_slice(), [Err(ProfileError::Malformed { .. })]), "{bytes:?}");
        }
    }
}
