//! `eco-coder backup`: queue and store as they are now, in one file, while others serve from them. Overwrites nothing,
//! and never holds the key of sealed values.

mod tar;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use eco_coder_shared::queue::settings::QueueSettings;
use eco_coder_shared::queue::sqlite::SCHEMA as QUEUE;
use eco_coder_shared::sqlite::{Look, Schema};
use eco_coder_worker::config::StoreSettings;
use eco_coder_worker::store::sqlite::SCHEMA as STORE;

use super::terminal::out;
use super::{ConfigArgs, system_env};

/// Arguments of `backup`.
#[derive(Debug, Args)]
#[command(
    after_help = "FILE is a tar archive, mode 600, with queue.db, store.db and MANIFEST.txt. Each database is as it
was at one moment after the command began, and is checked before it is packed: every webhook
that was answered 202 before is in it. Writers don't wait. It needs room for two copies.

The key of sealed values (store.session_key, by default DATA_DIR/session.key) is not in it, so
that the archive alone opens nothing: keep the key elsewhere, once. Without it results are made
again, and kept reports are lost. Profiles and settings are not in it either.

To restore: stop eco-coder, move the files queue.db* and store.db* of the data directory away,
then: tar -xf FILE -C DATA_DIR && eco-coder doctor --storage

Example:
  eco-coder backup --config eco-coder.toml \"backups/$(date -u +%Y%m%dT%H%M%SZ).tar\""
)]
pub struct BackupArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Where to; must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs `backup`.
pub async fn run(args: &BackupArgs) -> anyhow::Result<()> {
    let settings = args.config.settings()?.fetching(&["store.session_key"]).await?;
    let queue = QueueSettings::from_settings(&settings)?;
    let store = StoreSettings::from_settings(&settings)?.place;
    let target = &args.file;
    ensure!(!target.try_exists()?, "{} is there already; name another file, nothing was written", target.display());
    // The queue first: a job that is done in between is then in the queue and in the store, which costs a read; the other
    // way round it would be in neither.
    let sources = [("queue.db", queue.file(), &QUEUE), ("store.db", store.file(), &STORE)];
    let there: Vec<_> = sources
        .into_iter()
        .filter_map(|(name, path, schema)| Some((name, path?, schema)))
        .filter(|(_, path, _)| path.exists())
        .collect();
    ensure!(
        !there.is_empty(),
        "there is nothing to back up: neither {queue} nor {store} is there; run this where eco-coder serves, or with its \
         --config; AWS backs up what it keeps itself"
    );
    let directory = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let room = private_directory(directory)?;
    let copies: Vec<_> = there.into_iter().map(|source| copy(room.path(), source)).collect::<anyhow::Result<_>>()?;
    let bytes = pack(directory, target, &copies)?;
    for copied in &copies {
        out!("{} {:.1} MB, checked", copied.name, copied.bytes as f64 / 1e6);
    }
    out!("{} {:.1} MB; the key of sealed values is not in it: keep it elsewhere", target.display(), bytes as f64 / 1e6);
    Ok(())
}

/// A database, copied and checked.
struct Copied {
    name: &'static str,
    path: PathBuf,
    bytes: u64,
    schema: i64,
}

/// Beside the target, on the same file system; goes with its value.
fn private_directory(beside: &Path) -> anyhow::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".eco-coder-backup-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir_in(beside).with_context(|| {
        format!("{} can't be written to; name a file in a directory that is there and is yours", beside.display())
    })
}

fn copy(room: &Path, (name, from, schema): (&'static str, &Path, &Schema)) -> anyhow::Result<Copied> {
    let path = room.join(name);
    let look = Look::at(from, schema)?;
    look.copy(&path)?;
    // SQLite has closed the copy, and nobody else knows it.
    Ok(Copied { name, bytes: fs::metadata(&path)?.len(), path, schema: look.version() })
}

/// Writes the archive under another name, makes it durable, and gives it its name if nobody has taken it meanwhile.
fn pack(directory: &Path, target: &Path, copies: &[Copied]) -> anyhow::Result<u64> {
    let packing = || -> std::io::Result<tempfile::NamedTempFile> {
        let now = system_env().now();
        let seconds = u64::try_from(now.0 / 1000).unwrap_or(0);
        let mut archive = tempfile::Builder::new().prefix(".eco-coder-backup-").tempfile_in(directory)?;
        let manifest = manifest(&now.to_string(), copies);
        tar::entry(&mut archive, "MANIFEST.txt", manifest.len() as u64, seconds, manifest.as_bytes())?;
        for copied in copies {
            tar::entry(&mut archive, copied.name, copied.bytes, seconds, File::open(&copied.path)?)?;
        }
        tar::end(&mut archive)?;
        archive.flush()?;
        archive.as_file().sync_all()?;
        Ok(archive)
    };
    let archive = packing().with_context(|| format!("writing the archive in {}", directory.display()))?;
    let bytes = archive.as_file().metadata()?.len();
    archive
        .persist_noclobber(target)
        .map_err(|e| e.error)
        .with_context(|| format!("{} can't be made; name another file", target.display()))?;
    // The name, too, is to survive a power cut. Not every system lets a directory be opened.
    if let Ok(directory) = File::open(directory) {
        directory.sync_all()?;
    }
    Ok(bytes)
}

fn manifest(now: &str, copies: &[Copied]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("eco-coder {} backup of {now}\n\n", env!("CARGO_PKG_VERSION"));
    for copied in copies {
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "{}: schema {}, {} bytes", copied.name, copied.schema, copied.bytes);
    }
    text.push_str(
        "\nTo restore: stop eco-coder, move queue.db* and store.db* of the data directory away, unpack this there, and run:\n\
         eco-coder doctor --storage\n\
         The key of sealed values (store.session_key) is not in here.\n",
    );
    text
}
