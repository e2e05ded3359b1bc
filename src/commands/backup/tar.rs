//! The tar format (POSIX ustar), as much of it as a few plain files need. Reads nothing.

use std::io::{self, Read, Write};

const BLOCK: usize = 512;

/// Writes one file, mode 600. `name` is ASCII and shorter than 100 bytes; `content` must have exactly `size` bytes.
pub(super) fn entry(to: &mut impl Write, name: &str, size: u64, modified: u64, content: impl Read) -> io::Result<()> {
    to.write_all(&header(name, size, modified)?)?;
    let written = io::copy(&mut content.take(size), to)?;
    if written != size {
        return Err(io::Error::other(format!("{name} has {written} bytes and not {size}")));
    }
    let padding = size.next_multiple_of(BLOCK as u64) - size;
    io::copy(&mut io::repeat(0).take(padding), to)?;
    Ok(())
}

/// Ends the archive.
pub(super) fn end(to: &mut impl Write) -> io::Result<()> {
    to.write_all(&[0; 2 * BLOCK])
}

fn header(name: &str, size: u64, modified: u64) -> io::Result<[u8; BLOCK]> {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    if name.is_empty() || name.len() >= 100 || !name.is_ascii() {
        return Err(io::Error::other("the name doesn't fit into an archive"));
    }
    put(0, name.as_bytes());
    put(100, b"0000600\0"); // mode
    put(108, b"0000000\0"); // owner: whoever unpacks it
    put(116, b"0000000\0"); // group
    put(124, &length(size));
    put(136, format!("{:011o}\0", modified.min(0o777_7777_7777)).as_bytes());
    put(148, b"        "); // the sum is taken with blanks in its own place
    put(156, b"0"); // a plain file
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(block)
}

/// Eleven octal digits, up to 8 GiB; above, the binary form that GNU tar and POSIX readers know.
fn length(size: u64) -> [u8; 12] {
    let mut field = [0; 12];
    if size <= 0o777_7777_7777 {
        field[..11].copy_from_slice(format!("{size:011o}").as_bytes());
    } else {
        field[0] = 0x80;
        field[4..].copy_from_slice(&size.to_be_bytes());
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_whole_blocks_with_sums_that_are_right() {
        let mut archive = Vec::new();
        entry(&mut archive, "a.txt", 5, 1_700_000_000, b"hello".as_slice()).unwrap();
        entry(&mut archive, "empty", 0, 0, io::empty()).unwrap();
        end(&mut archive).unwrap();
        assert_eq!(archive.len(), BLOCK * 5);
        assert_eq!(&archive[BLOCK..BLOCK + 6], b"hello\0");
        for header in [&archive[..BLOCK], &archive[2 * BLOCK..3 * BLOCK]] {
            let told = u32::from_str_radix(std::str::from_utf8(&header[148..154]).unwrap(), 8).unwrap();
            let own: u32 = header[148..156].iter().map(|b| u32::from(*b)).sum();
            let all: u32 = header.iter().map(|b| u32::from(*b)).sum();
            assert_eq!(told, all - own + 8 * 32);
        }
        assert_eq!(&archive[124..136], b"00000000005\0");
    }

    #[test]
    fn a_file_beyond_8_gib_has_its_size_in_binary() {
        assert_eq!(&length(0o777_7777_7777)[..11], b"77777777777");
        assert_eq!(length(1 << 33), [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
    }

    #[test]
    fn a_file_that_is_shorter_than_told_is_an_error() {
        assert!(entry(&mut Vec::new(), "a", 5, 0, b"four".as_slice()).is_err());
        assert!(entry(&mut Vec::new(), &"n".repeat(100), 0, 0, io::empty()).is_err());
    }
}
