//! The fields of a check_run or check_suite event that decide: somebody pressed *Re-run*. GitHub sends `rerequested` only
//! to the App whose check it is; a check run of ours says besides, in its external id, whose it is.

use std::borrow::Cow;

use super::payload::{Field, Repository};
use super::workflow::PullRef;
use crate::webhook::json::{Cursor, Fault};

pub(super) struct Payload<'a> {
    pub(super) action: Cow<'a, str>,
    pub(super) check: Check<'a>,
    pub(super) repository: Repository<'a>,
}

/// A check run, or a suite of them.
pub(super) struct Check<'a> {
    pub(super) head_sha: Cow<'a, str>,
    /// What the App wrote into it; a suite has none.
    pub(super) external_id: Option<Cow<'a, str>>,
    /// GitHub leaves those of forks out.
    pub(super) pulls: Vec<PullRef>,
}

impl<'a> Payload<'a> {
    /// Reads a whole body. `event` is also the name of the check's field.
    pub(super) fn read(event: &str, body: &'a [u8]) -> Result<Self, Fault> {
        let (mut action, mut check, mut repository) = (Field::new(), Field::new(), Field::new());
        let mut cursor = Cursor::new(body);
        cursor.object(|at, name| match name {
            b"action" => action.fill(at, Cursor::text),
            b"repository" => repository.fill(at, Repository::read),
            name if name == event.as_bytes() => check.fill(at, Check::read),
            _ => at.pass(),
        })?;
        cursor.end()?;
        let mut check: Check<'a> = check.needed(&cursor)?;
        if event == "check_run" {
            // None at all is not ours, like any other that isn't.
            check.external_id.get_or_insert_default();
        }
        Ok(Self { action: action.needed(&cursor)?, check, repository: repository.needed(&cursor)? })
    }
}

impl<'a> Check<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let (mut head_sha, mut external_id, mut pulls) = (Field::new(), Field::new(), Field::new());
        cursor.object(|at, name| match name {
            b"head_sha" => head_sha.fill(at, Cursor::text),
            b"external_id" => external_id.fill(at, Cursor::read::<Option<Cow<'a, str>>>),
            b"pull_requests" => pulls.fill(at, Cursor::read::<Option<Vec<PullRef>>>),
            _ => at.pass(),
        })?;
        Ok(Self {
            head_sha: head_sha.needed(cursor)?,
            external_id: external_id.0.flatten(),
            pulls: pulls.0.flatten().unwrap_or_default(),
        })
    }
}
