//! Lists in pages, with the `Link` headers that lead from one to the next.

use std::fmt::Write as _;

use eco_coder_shared::ids::RepoId;
use serde_json::Value;

use super::{Answer, Call};

/// What GitHub does where nothing is asked for.
const DEFAULT_SIZE: usize = 30;
/// What GitHub does at most.
const MAX_SIZE: usize = 100;

/// One page of `items`, each made into JSON; `rest` is the path below the repository.
pub(super) fn page<T>(
    call: &Call,
    root: &str,
    repo: RepoId,
    rest: &str,
    items: &[T],
    shape: impl Fn(&T) -> Value,
) -> Answer {
    let (size, number) = asked(call);
    let last = items.len().div_ceil(size).max(1);
    let start = (number - 1).saturating_mul(size).min(items.len());
    let end = (start + size).min(items.len());
    let mut answer = Answer::json(200, &items[start..end].iter().map(shape).collect());
    let mut links = String::new();
    let mut link = |rel: &str, page: usize| {
        let comma = if links.is_empty() { "" } else { ", " };
        let _ = write!(links, "{comma}<{root}/repositories/{repo}/{rest}?{}>; rel=\"{rel}\"", query(call, page));
    };
    if number > 1 {
        link("prev", (number - 1).min(last));
    }
    if number < last {
        link("next", number + 1);
        link("last", last);
    }
    if number > 1 {
        link("first", 1);
    }
    if !links.is_empty() {
        answer.headers.push(("link".to_owned(), links));
    }
    answer
}

/// Size and number of the page, from 1.
fn asked(call: &Call) -> (usize, usize) {
    let number = |name: &str| {
        let value = call.query.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse().ok());
        value.filter(|n: &usize| *n > 0)
    };
    (number("per_page").unwrap_or(DEFAULT_SIZE).min(MAX_SIZE), number("page").unwrap_or(1))
}

fn query(call: &Call, page: usize) -> String {
    let kept = call.query.iter().filter(|(name, _)| name != "page");
    let mut text = String::new();
    for (name, value) in kept {
        let encode = |text: &str| crate::forge::shapes::encode_path(text);
        let _ = write!(text, "{}={}&", encode(name), encode(value));
    }
    let _ = write!(text, "page={page}");
    text
}
