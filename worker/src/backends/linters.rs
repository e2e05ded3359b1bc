//! What linters found in CI: SARIF files of the pull request's head, `DIR/OWNER/REPO/SHA/*.sarif`, or named by a command. Their
//! findings on changed lines go beside ours. Reads, never writes; one file is in memory at a time, over all reviews.

mod join;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use eco_coder_analyzer::Options;
use eco_coder_shared::ids::{CommitSha, RepoName};

use self::join::Joining;
use super::cpu::CpuPool;
use super::cpu::budget::CpuBudget;
use super::sarif::{self, MAX_BYTES, MAX_RESULTS};
use crate::results::CodeAnalysis;
use crate::subject::Subject;

/// The most files of one commit.
const MAX_FILES: usize = 20;
/// The reader's stack: JSON is read up to a depth of 128.
const STACK_BYTES: usize = 2 << 20;

/// Where the files are.
#[derive(Debug, Clone)]
pub enum Place {
    /// These, whatever the commit.
    Files(Vec<PathBuf>),
    /// `DIR/OWNER/REPO/SHA/`.
    Dir(PathBuf),
}

/// The engine.
pub struct Linters {
    place: Place,
    /// Of one thread: it has one file in hand.
    reader: CpuPool,
}

impl Linters {
    /// Looks in `place`.
    pub fn new(place: Place) -> std::io::Result<Self> {
        Ok(Self { place, reader: CpuPool::start(1, STACK_BYTES)? })
    }

    /// The files' names, sizes and times: changes when there are others. Cheap.
    pub async fn fingerprint(&self, repository: &RepoName, head: &CommitSha) -> String {
        let files = self.files(repository, head).await.unwrap_or_default();
        let one = |file: &Listed| format!("{}:{}:{:?}", file.path.display(), file.bytes, file.modified);
        files.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    /// Puts what they found on changed lines into the analysis. What can't be read is said there.
    pub async fn add_to(
        &self,
        analysis: &mut CodeAnalysis,
        subject: &Subject,
        operator: &Options,
        wanted: impl Fn(&str) -> bool,
    ) {
        let files = match self.files(&subject.target.repository, &subject.target.head_sha).await {
            Ok(files) => files,
            Err(error) => {
                tracing::warn!(component = "linters", %error, "the directory of linters' results can't be read");
                analysis.notices.push("What linters found in CI could not be read".to_owned());
                return;
            }
        };
        let mut joining = Joining::new(analysis, subject, operator);
        for file in files.iter().take(MAX_FILES) {
            let path = file.path.clone();
            let read =
                self.reader.run(subject.target.repository_id, &CpuBudget::unlimited(), move |_| read(&path)).await;
            match read.map_err(|error| error.to_string()).and_then(|(read, _)| read) {
                Ok((linted, more)) => {
                    joining.add(linted, &wanted);
                    if more {
                        let name = file.name();
                        joining.notice(format!("{name}: it has more than {MAX_RESULTS} results: the first are used"));
                    }
                }
                Err(why) => joining.notice(format!("{}: {why}", file.name())),
            }
        }
        if files.len() > MAX_FILES {
            joining.notice(format!("There are more than {MAX_FILES} SARIF files of this commit: the first are used"));
        }
        joining.done();
    }

    async fn files(&self, repository: &RepoName, head: &CommitSha) -> std::io::Result<Vec<Listed>> {
        let place = match &self.place {
            Place::Files(files) => Place::Files(files.clone()),
            Place::Dir(dir) => Place::Dir(dir.join(repository.owner()).join(repository.name()).join(head.as_str())),
        };
        let look = move || match place {
            Place::Files(files) => files.into_iter().map(listed).collect(),
            Place::Dir(dir) => files_in(&dir),
        };
        tokio::task::spawn_blocking(look).await.map_err(std::io::Error::other)?
    }
}

struct Listed {
    path: PathBuf,
    bytes: u64,
    modified: SystemTime,
}

impl Listed {
    fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

fn listed(path: PathBuf) -> std::io::Result<Listed> {
    let metadata = std::fs::metadata(&path)?;
    Ok(Listed { path, bytes: metadata.len(), modified: metadata.modified()? })
}

fn files_in(directory: &Path) -> std::io::Result<Vec<Listed>> {
    let entries = match std::fs::read_dir(directory) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
        let is_sarif = [".sarif", ".sarif.json"].iter().any(|ending| name.ends_with(ending));
        if entry.file_type()?.is_file() && is_sarif {
            files.push(listed(entry.path())?);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn read(path: &Path) -> Result<(Vec<sarif::Linted>, bool), String> {
    let mut bytes = Vec::new();
    // One byte more than is read: enough for its refusal, however large it is by now.
    let opened = File::open(path).and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes));
    opened.map_err(|error| format!("it can't be read: {error}"))?;
    sarif::read(&bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
