//! The fields of a workflow_run event that decide: which pull requests a workflow of GitHub Actions was about.

use std::borrow::Cow;

use serde::Deserialize;

use super::payload::{Field, Repository};
use crate::webhook::json::{Cursor, Fault};

pub(super) struct Payload<'a> {
    pub(super) action: Cow<'a, str>,
    pub(super) run: Run<'a>,
    pub(super) repository: Repository<'a>,
}

pub(super) struct Run<'a> {
    pub(super) head_sha: Cow<'a, str>,
    /// GitHub leaves those of forks out.
    pub(super) pulls: Vec<PullRef>,
}

#[derive(Deserialize)]
pub(super) struct PullRef {
    pub(super) number: u64,
    base: Base,
}

#[derive(Deserialize)]
struct Base {
    repo: BaseRepository,
}

#[derive(Deserialize)]
struct BaseRepository {
    id: u64,
}

impl PullRef {
    /// The repository that it is to be merged into.
    pub(super) fn repository_id(&self) -> u64 {
        self.base.repo.id
    }
}

impl<'a> Payload<'a> {
    /// Reads a whole body.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Fault> {
        let (mut action, mut run, mut repository) = (Field::new(), Field::new(), Field::new());
        let mut cursor = Cursor::new(body);
        cursor.object(|at, name| match name {
            b"action" => action.fill(at, Cursor::text),
            b"workflow_run" => run.fill(at, Run::read),
            b"repository" => repository.fill(at, Repository::read),
            _ => at.pass(),
        })?;
        cursor.end()?;
        Ok(Self { action: action.needed(&cursor)?, run: run.needed(&cursor)?, repository: repository.needed(&cursor)? })
    }
}

impl<'a> Run<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let (mut head_sha, mut pulls) = (Field::new(), Field::new());
        cursor.object(|at, name| match name {
            b"head_sha" => head_sha.fill(at, Cursor::text),
            b"pull_requests" => pulls.fill(at, Cursor::read::<Option<Vec<PullRef>>>),
            _ => at.pass(),
        })?;
        Ok(Self { head_sha: head_sha.needed(cursor)?, pulls: pulls.0.flatten().unwrap_or_default() })
    }
}
