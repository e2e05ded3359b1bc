//! A directory as a zip: its plain files under their names below it. Links, devices and names that are not UTF-8 are left
//! out, so that nothing outside the directory gets in.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::SourceError;

/// Writes `to` with what is below `from`; more than `most` bytes are refused. Blocks.
pub(super) fn write(from: &Path, to: &Path, most: u64) -> Result<(), SourceError> {
    let too_large = SourceError::TooLarge { what: "the archive of the source has", most };
    let file = File::create_new(to).map_err(SourceError::Scratch)?;
    let mut zip = ZipWriter::new(BufWriter::new(file));
    let mut folders = vec![(from.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(SourceError::Scratch)? {
            let entry = entry.map_err(SourceError::Scratch)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let name = format!("{prefix}{name}");
            // Of the entry itself: a link is not followed.
            let kind = entry.file_type().map_err(SourceError::Scratch)?;
            if kind.is_dir() {
                folders.push((entry.path(), format!("{name}/")));
            } else if kind.is_file() {
                let packed = name.starts_with(".git/objects/");
                let method = if packed { CompressionMethod::Stored } else { CompressionMethod::Deflated };
                let options = SimpleFileOptions::default().compression_method(method);
                zip.start_file(name, options).map_err(|e| SourceError::Scratch(e.into()))?;
                let mut source = File::open(entry.path()).map_err(SourceError::Scratch)?;
                io::copy(&mut source, &mut zip).map_err(SourceError::Scratch)?;
                if std::fs::metadata(to).map_err(SourceError::Scratch)?.len() > most {
                    return Err(too_large);
                }
            }
        }
    }
    let file = zip.finish().map_err(|e| SourceError::Scratch(e.into()))?;
    let file = file.into_inner().map_err(|e| SourceError::Scratch(e.into_error()))?;
    if file.metadata().map_err(SourceError::Scratch)?.len() > most {
        return Err(too_large);
    }
    Ok(())
}
