//! Reading again what was read before: a tag says what is known, and an answer that nothing changed costs nothing of the
//! hourly limit. Keeps no tags itself.
//!
//! GitHub may give another tag to another token: after an installation's hour a page can be fresh though nothing changed.
//! Source: <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate>

use serde::de::DeserializeOwned;

use crate::client::{GitHub, parse};
use crate::error::ApiError;
use crate::pages::{PAGE_SIZE, next_link};
use crate::transport::{Request, Response, Target};

/// The longest tag that is kept, bytes. GitHub's have 70.
const MAX_TAG: usize = 256;
/// The longest address of a next page that is followed, bytes.
const MAX_LINK: usize = 2048;

/// What reading again gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// It is what is known.
    Unchanged,
    /// This is what there is now.
    Fresh(T),
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// In GitHub's order.
    pub items: Vec<T>,
    /// What to name to read it again.
    pub tag: Option<String>,
    /// Where it goes on.
    pub next: Option<String>,
}

impl GitHub {
    /// Reads JSON, unless it is what has this tag.
    pub(crate) async fn seen<T: DeserializeOwned>(
        &self,
        request: Request,
        tag: Option<&str>,
        what: &'static str,
    ) -> Result<Seen<(T, Response)>, ApiError> {
        let request = Request { if_none_match: tag.map(str::to_owned), ..request };
        let answer = self.send(request).await?;
        if answer.status == 304 {
            return Ok(Seen::Unchanged);
        }
        Ok(Seen::Fresh((parse(&answer, what)?, answer)))
    }

    /// Reads the first page of a list, or the one that `next` leads to, unless it is what has this tag.
    pub(crate) async fn page_again<W: DeserializeOwned, T>(
        &self,
        first: Request,
        next: Option<&str>,
        tag: Option<&str>,
        what: &'static str,
        read: impl FnOnce(W) -> Vec<T>,
    ) -> Result<Seen<Page<T>>, ApiError> {
        let request = match next {
            None => first.query("per_page", PAGE_SIZE),
            // The link has the whole query in it.
            Some(url) => Request { target: Target::Url(url.to_owned()), query: Vec::new(), ..first },
        };
        Ok(match self.seen::<W>(request, tag, what).await? {
            Seen::Unchanged => Seen::Unchanged,
            Seen::Fresh((page, answer)) => {
                let link = answer.headers.value("link").and_then(next_link).filter(|link| link.len() <= MAX_LINK);
                Seen::Fresh(Page { items: read(page), tag: tag_of(&answer), next: link.map(str::to_owned) })
            }
        })
    }
}

/// The tag of what was answered.
pub(crate) fn tag_of(answer: &Response) -> Option<String> {
    answer.headers.value("etag").filter(|tag| tag.len() <= MAX_TAG).map(str::to_owned)
}

#[cfg(test)]
mod tests;
