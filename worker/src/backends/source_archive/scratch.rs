//! A private directory for one archive, in memory if there is room, removed when it is dropped. Knows nothing of git.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::statvfs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

/// A program that was killed a moment ago may still write: so often, and so far apart, removal is tried again.
const TRIES: u32 = 50;
const BETWEEN: Duration = Duration::from_millis(100);

/// The directory, with places for a clone, an archive and a home.
pub(super) struct Scratch {
    dir: PathBuf,
    archive: PathBuf,
}

impl Scratch {
    /// In the first of these directories that can be written and has so many bytes left; the last one is not asked how
    /// many.
    pub(super) fn new(places: &[PathBuf], room: u64) -> io::Result<Self> {
        let mut refused = io::Error::other("no directory for scratch files is known");
        for (at, place) in places.iter().enumerate() {
            let is_last = at + 1 == places.len();
            if !is_last && free(place) < room {
                continue;
            }
            let made = tempfile::Builder::new()
                .prefix("eco-coder-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(place);
            match made {
                Ok(made) => {
                    // From here on it is ours to remove.
                    let dir = made.keep();
                    return Ok(Self { archive: dir.join("source.zip"), dir });
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// Where the clone is; not made yet.
    pub(super) fn source(&self) -> PathBuf {
        self.dir.join("source")
    }

    /// Where the archive is; not made yet.
    pub(super) fn archive(&self) -> &Path {
        &self.archive
    }

    /// A home without anything of anybody's.
    pub(super) fn home(&self) -> &Path {
        &self.dir
    }
}

/// Bytes that are left there; none if it is not a directory.
fn free(place: &Path) -> u64 {
    if !place.is_dir() {
        return 0;
    }
    statvfs(place).map_or(0, |found| found.f_bavail.saturating_mul(found.f_frsize))
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if is_gone(&self.dir) {
            return;
        }
        let dir = std::mem::take(&mut self.dir);
        std::thread::spawn(move || {
            for _ in 0..TRIES {
                std::thread::sleep(BETWEEN);
                if is_gone(&dir) {
                    return;
                }
            }
            tracing::error!(
                component = "source",
                directory = %dir.display(),
                "source code could not be removed from a scratch directory; remove it"
            );
        });
    }
}

/// Removes it; is it gone?
fn is_gone(dir: &Path) -> bool {
    match std::fs::remove_dir_all(dir) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}
