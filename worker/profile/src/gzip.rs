//! Unzips, up to a bound. Knows nothing of what is in the file.

use std::io::Read;

use flate2::bufread::GzDecoder;

use crate::ProfileError;

/// Parts of a gzip file, each with a header of its own: profilers write one, tools that join or zip in parallel a few.
const MAX_GZIP_MEMBERS: usize = 64;

/// Do the bytes begin as gzip does?
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// Unzips all members, to `limit` bytes at most. An empty one costs 20 bytes of file and a fresh decoder, so their number is
/// bounded too.
pub fn unzip(bytes: &[u8], limit: usize) -> Result<Vec<u8>, ProfileError> {
    let mut unzipped = Vec::new();
    let mut rest = bytes;
    let mut members = 0;
    while !rest.is_empty() {
        if members == MAX_GZIP_MEMBERS {
            return Err(ProfileError::TooMany { what: "gzip members", limit: MAX_GZIP_MEMBERS });
        }
        members += 1;
        let most = u64::try_from(limit - unzipped.len()).unwrap_or(u64::MAX).saturating_add(1);
        let mut decoder = GzDecoder::new(rest);
        decoder.by_ref().take(most).read_to_end(&mut unzipped).map_err(|_| ProfileError::Gzip)?;
        if unzipped.len() > limit {
            return Err(ProfileError::TooLarge { limit, unzipped: true });
        }
        rest = decoder.into_inner();
    }
    Ok(unzipped)
}
