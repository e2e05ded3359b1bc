//! Finds the end of an object or array, 64 bytes at a time and without a branch for each of its strings: two thirds of a
//! payload are objects that nobody reads.
//!
//! Each block becomes four masks, one bit for a byte: quotes, backslashes, opening and closing brackets. The quotes that
//! count say which bytes are inside of strings; the brackets outside of them say how deep it goes.

use wide::u8x16;

const BLOCK: usize = 64;

/// Which bytes of a block are what.
#[derive(Default)]
struct Masks {
    quotes: u64,
    backslashes: u64,
    opening: u64,
    closing: u64,
}

impl Masks {
    fn of(block: &[u8; BLOCK]) -> Self {
        let mut masks = Self::default();
        let (lanes, _) = block.as_chunks::<16>();
        for (n, lane) in lanes.iter().enumerate() {
            let lane = u8x16::new(*lane);
            let bits = |byte: u8, lane: u8x16| u64::from(lane.simd_eq(u8x16::splat(byte)).to_bitmask()) << (16 * n);
            // A square bracket and the curly one of the same side differ in this bit, and in no other.
            let curly = lane | u8x16::splat(0x20);
            masks.quotes |= bits(b'"', lane);
            masks.backslashes |= bits(b'\\', lane);
            masks.opening |= bits(b'{', curly);
            masks.closing |= bits(b'}', curly);
        }
        masks
    }
}

/// What one block leaves to the next.
#[derive(Default)]
struct Carry {
    /// All ones if the block began inside of a string.
    in_string: u64,
    /// One if the first byte is escaped.
    escaped: u64,
}

impl Carry {
    /// The bytes that are inside of strings, opening quotes included and closing ones not.
    fn strings(&mut self, masks: &Masks) -> u64 {
        let quotes = masks.quotes & !self.escapes(masks.backslashes);
        let strings = running_parity(quotes) ^ self.in_string;
        self.in_string = 0_u64.wrapping_sub(strings >> 63);
        strings
    }

    /// The bytes that have an escaping backslash before them.
    fn escapes(&mut self, mut backslashes: u64) -> u64 {
        let mut escaped = std::mem::take(&mut self.escaped);
        backslashes &= !escaped;
        while backslashes != 0 {
            let at = backslashes.trailing_zeros();
            let next = 2_u64.checked_shl(at).unwrap_or(0);
            // The last byte of the block escapes the first of the next.
            self.escaped |= u64::from(at == 63);
            escaped |= next;
            backslashes &= !(next | 1 << at);
        }
        escaped
    }
}

/// Each bit becomes the parity of itself and all lower ones.
fn running_parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// Behind the bracket that closes the last of `depth` objects and arrays, and of those that begin in `text`, which
/// begins outside of strings; `None` if it isn't there. Curly and square brackets are not told apart.
pub(super) fn end_of_container(text: &[u8], mut depth: usize) -> Option<usize> {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let mut carry = Carry::default();
    for (n, block) in blocks.iter().chain(std::iter::once(&last)).enumerate() {
        let masks = Masks::of(block);
        let outside = !carry.strings(&masks);
        let (opening, closing) = (masks.opening & outside, masks.closing & outside);
        if opening | closing == 0 {
            continue;
        }
        let closed = closing.count_ones() as usize;
        if closed < depth {
            depth = depth + opening.count_ones() as usize - closed;
            continue;
        }
        let mut left = opening | closing;
        while left != 0 {
            let bit = left & left.wrapping_neg();
            left ^= bit;
            if opening & bit != 0 {
                depth += 1;
                continue;
            }
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(n * BLOCK + bit.trailing_zeros() as usize + 1);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, a byte at a time.
    fn plainly(text: &[u8]) -> Option<usize> {
        let (mut depth, mut in_string, mut escaping) = (0_usize, false, false);
        for (at, byte) in text.iter().enumerate() {
            let escaped = escaping;
            escaping = *byte == b'\\' && !escaped;
            match byte {
                b'"' if escaped => {}
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_end_is_where_a_byte_at_a_time_finds_it(
            inner in proptest::collection::vec(
                prop_oneof![
                    4 => Just(b'"'), 4 => Just(b'\\'), 2 => Just(b'{'), 2 => Just(b'}'), 1 => Just(b'['), 1 => Just(b']'),
                    8 => Just(b'x'), 1 => any::<u8>(),
                ],
                0..300,
            ),
        ) {
            let text = [b"{", &inner[..], b"}"].concat();
            prop_assert_eq!(end_of_container(&text, 0), plainly(&text));
            prop_assert_eq!(end_of_container(&text[1..], 1).map(|end| end + 1), plainly(&text));
        }
    }

    #[test]
    fn runs_of_backslashes_over_the_ends_of_blocks_are_counted_on() {
        for before in 0..70 {
            for run in 0..140 {
                let text = format!("[\"{}{}\"]\"]", "x".repeat(before), "\\".repeat(run));
                assert_eq!(end_of_container(text.as_bytes(), 0), plainly(text.as_bytes()), "{before} {run}");
            }
        }
    }
}
