//! The fields of a pull_request event that decide, borrowed from the body; all others are passed over. A field that comes
//! twice before all are known is refused: which of the two was meant can't be known. What comes after them isn't read.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::webhook::json::{Cursor, Fault};

pub(super) struct Payload<'a> {
    pub(super) action: Cow<'a, str>,
    pub(super) pull_request: PullRequest<'a>,
    pub(super) repository: Repository<'a>,
    /// Is the base branch among the `changes`?
    pub(super) base_changed: bool,
    pub(super) label: Option<Label<'a>>,
}

pub(super) struct PullRequest<'a> {
    pub(super) number: u64,
    pub(super) draft: Option<bool>,
    pub(super) state: Cow<'a, str>,
    pub(super) updated_at: Cow<'a, str>,
    pub(super) head_sha: Cow<'a, str>,
    pub(super) user: Option<User<'a>>,
    pub(super) labels: Vec<Label<'a>>,
}

pub(super) struct Repository<'a> {
    pub(super) id: u64,
    pub(super) full_name: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct User<'a> {
    #[serde(borrow)]
    pub(super) login: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Label<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Changes {
    base: Option<IgnoredAny>,
}

/// A field on its way: filled once.
pub(super) struct Field<T>(pub(super) Option<T>);

impl<T> Field<T> {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    pub(super) fn fill<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        read: impl FnOnce(&mut Cursor<'a>) -> Result<T, Fault>,
    ) -> Result<(), Fault> {
        if self.0.is_some() {
            return Err(Fault::Shape(cursor.place()));
        }
        self.0 = Some(read(cursor)?);
        Ok(())
    }

    /// What must be there, in the object that ends before the cursor.
    pub(super) fn needed(self, cursor: &Cursor<'_>) -> Result<T, Fault> {
        self.0.ok_or(Fault::Shape(cursor.place()))
    }
}

impl<'a> Payload<'a> {
    /// Reads a whole body.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Fault> {
        let (mut action, mut pull_request, mut repository) = (Field::new(), Field::new(), Field::new());
        let (mut changes, mut label) = (Field::new(), Field::new());
        let mut cursor = Cursor::new(body);
        cursor.object(|at, name| match name {
            b"action" => action.fill(at, Cursor::text),
            b"pull_request" => pull_request.fill(at, PullRequest::read),
            b"repository" => repository.fill(at, Repository::read),
            b"changes" => changes.fill(at, Cursor::read::<Option<Changes>>),
            b"label" => label.fill(at, Cursor::read),
            _ => at.pass(),
        })?;
        cursor.end()?;
        Ok(Self {
            action: action.needed(&cursor)?,
            pull_request: pull_request.needed(&cursor)?,
            repository: repository.needed(&cursor)?,
            base_changed: changes.0.flatten().is_some_and(|changes| changes.base.is_some()),
            label: label.0.flatten(),
        })
    }
}

impl<'a> PullRequest<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let (mut number, mut draft, mut state, mut updated_at) =
            (Field::new(), Field::new(), Field::new(), Field::new());
        let (mut head_sha, mut user, mut labels) = (Field::new(), Field::new(), Field::new());
        cursor.object(|at, name| match name {
            b"number" => number.fill(at, Cursor::read),
            b"draft" => draft.fill(at, Cursor::read),
            b"state" => state.fill(at, Cursor::text),
            b"updated_at" => updated_at.fill(at, Cursor::text),
            b"head" => head_sha.fill(at, sha),
            b"user" => user.fill(at, Cursor::read),
            b"labels" => labels.fill(at, Cursor::read),
            _ => at.pass(),
        })?;
        Ok(Self {
            number: number.needed(cursor)?,
            draft: draft.0.flatten(),
            state: state.needed(cursor)?,
            updated_at: updated_at.needed(cursor)?,
            head_sha: head_sha.needed(cursor)?,
            user: user.0.flatten(),
            labels: labels.0.unwrap_or_default(),
        })
    }
}

fn sha<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, str>, Fault> {
    let mut sha = Field::new();
    cursor.object(|at, name| match name {
        b"sha" => {
            sha.fill(at, Cursor::text)?;
            at.pass_rest()
        }
        _ => at.pass(),
    })?;
    sha.needed(cursor)
}

impl<'a> Repository<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let (mut id, mut full_name) = (Field::new(), Field::new());
        cursor.object(|at, name| {
            match name {
                b"id" => id.fill(at, Cursor::read),
                b"full_name" => full_name.fill(at, Cursor::text),
                _ => at.pass(),
            }?;
            if id.0.is_some() && full_name.0.is_some() { at.pass_rest() } else { Ok(()) }
        })?;
        Ok(Self { id: id.needed(cursor)?, full_name: full_name.needed(cursor)? })
    }
}
