//! The fuzz targets of this package, for tests/fuzz: each takes any bytes and asserts what must hold. Never part of a
//! release build.

use std::sync::Arc;

use async_trait::async_trait;
use eco_coder_shared::env::{ManualEnv, Timestamp};
use secrecy::SecretString;

use crate::auth::Auth;
use crate::client::{GitHub, Settings};
use crate::error::{self, ApiError};
use crate::limits::{LONGEST_WAIT, Verdict, classify, exhausted};
use crate::pages::next_link;
use crate::patch::{Hunk, changed_lines, hunks};
use crate::seen::Seen;
use crate::transport::{Headers, Request, Response, Target, Transport, TransportError};

/// The patch of a changed file: what is read is counted again, line by line.
pub fn patch(bytes: &[u8]) {
    let Ok(patch) = std::str::from_utf8(bytes) else { return };
    let Ok(hunks) = hunks(patch) else {
        assert!(changed_lines(patch).is_err());
        return;
    };
    let texts: Vec<&str> = hunks.iter().map(|hunk| hunk.text).collect();
    let whole = texts.join("\n");
    assert!(patch == whole || patch.strip_suffix('\n') == Some(whole.as_str()), "no line is lost between hunks");
    let added: Vec<u32> = hunks.iter().flat_map(recount).collect();
    assert!(added.is_sorted_by(|a, b| a < b), "no line is added twice: {added:?}");
    let lines = changed_lines(patch).unwrap_or_default();
    assert!(lines.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()), "ranges touch: {lines:?}");
    assert_eq!(lines.into_iter().flatten().collect::<Vec<_>>(), added);
    let forward = |a: &Hunk<'_>, b: &Hunk<'_>| a.old.start <= b.old.start && a.new.start <= b.new.start;
    assert!(hunks.is_sorted_by(forward), "hunks go forward");
}

/// The new file's line of every `+` in the hunk's text; asserts that its header's counts are those of its lines.
fn recount(hunk: &Hunk<'_>) -> Vec<u32> {
    let (mut old, mut new, mut added) = (0, 0, Vec::new());
    // A span of no lines names the line before.
    let first = hunk.new.start + u32::from(hunk.new.count == 0);
    for line in hunk.text.split('\n').skip(1) {
        match line.chars().next() {
            Some('+') => {
                added.push(first + new);
                new += 1;
            }
            Some('-') => old += 1,
            Some('\\') => {}
            other => {
                assert!(matches!(other, Some(' ' | '\r') | None), "{line:?}");
                old += 1;
                new += 1;
            }
        }
    }
    assert_eq!((old, new), (hunk.old.count, hunk.new.count), "{}", hunk.text);
    assert_eq!(hunk.added.iter().cloned().flatten().collect::<Vec<_>>(), added, "{}", hunk.text);
    added
}

/// An answer's status, headers (`name: value`, a line each) and, after an empty line, its body: what it means, how long it
/// asks us to wait, where the next page is, what it says went wrong.
pub fn answer(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(200);
    let headers: Headers = lines.filter_map(|line| line.split_once(": ")).collect();
    let now = Timestamp::from_seconds(1_790_000_000);
    let within = |until: Timestamp| assert!(until > now && until <= now + LONGEST_WAIT, "{until}");
    match classify(status, &headers, body.as_bytes(), now) {
        Verdict::Limited { until, .. } => {
            assert!(matches!(status, 403 | 429));
            within(until);
        }
        Verdict::Success => assert!((200..300).contains(&status)),
        _ => assert!(!(200..300).contains(&status)),
    }
    exhausted(&headers, now).into_iter().for_each(within);
    let token = SecretString::from("ghp_canary");
    let words = error::message(body.as_bytes(), Some(&token));
    assert!(words.chars().count() <= 200 && !words.chars().any(char::is_control), "{words:?}");
    assert!(!words.contains("ghp_canary"), "{words}");
    if let Some(link) = headers.value("link")
        && let Some(next) = next_link(link)
    {
        assert!(link.contains(&format!("<{next}>")) && link.to_ascii_lowercase().contains("next"), "{link}");
        assert!(!next.contains('>'), "{next}");
    }
}

/// Says the same to each request.
struct Echo(Response);

#[async_trait]
impl Transport for Echo {
    async fn send(&self, request: Request, _: Option<&SecretString>) -> Result<Response, TransportError> {
        // A list has two pages.
        let headers = match request.target {
            Target::Path(_) => self.0.headers.clone(),
            Target::Url(_) => Headers::default(),
        };
        Ok(Response { headers, ..self.0.clone() })
    }
}

/// GitHub's JSON, after a byte that chooses the call: it is read, or refused in short words that don't repeat it.
pub fn reading(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let link = (choice & 128 != 0).then_some(("link", "<https://api.github.com/x?page=2>; rel=\"next\""));
    let response = Response { status: 200, headers: link.into_iter().collect(), body: body.to_vec().into() };
    let env = Arc::new(ManualEnv::new(Timestamp::from_seconds(1_790_000_000), 1));
    let github = GitHub::new(Arc::new(Echo(response)), Auth::Anonymous, env, Settings::default());
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    if let Err(error) = runtime.block_on(call(&github, choice & 127)) {
        let words = error.to_string();
        assert!(words.len() < 400 && !words.chars().any(char::is_control), "{words:?}");
        assert!(matches!(error, ApiError::Decode { .. } | ApiError::TooLarge { .. }), "{error:?}");
        assert!(!words.contains("CANARY"), "{words}");
    }
}

async fn call(github: &GitHub, choice: u8) -> Result<(), ApiError> {
    let (Ok(repo), Ok(sha), Ok(number)) = ("o/r".parse(), "a".repeat(40).parse(), 1.try_into()) else { return Ok(()) };
    match choice % 17 {
        0 => drop(github.pull(&repo, number).await?),
        1 => drop(github.merge_base(&repo, &sha, &sha).await?),
        2 => {
            let patches = github.pull_files(&repo, number, 100, |file| file.patch).await?;
            patches.files.into_iter().flatten().for_each(|text| patch(text.as_bytes()));
        }
        3 => drop(github.comments(&repo, number).await?),
        4 => drop(github.comment(&repo, 1).await?),
        5 => drop(github.review_comments(&repo, number).await?),
        6 => drop(github.status(&repo, &sha, "eco-coder").await?),
        7 => drop(github.viewer().await?),
        8 => {
            let found = github.artifacts(&repo, "eco-coder", &sha).await?;
            let order = |a: &crate::Artifact| (a.created_at, a.id);
            assert!(found.is_sorted_by(|a, b| order(a) >= order(b)));
        }
        9 => drop(github.app().await?),
        10 => drop(github.author(&repo).await?),
        11 => drop(github.content(&repo, "a/b c.py", &sha, 1_000).await?),
        12 => {
            if let Seen::Fresh(page) = github.hook_deliveries(None, None).await? {
                assert!(page.items.iter().all(|d| d.guid.len() <= 64 && d.event.len() <= 64));
            }
        }
        13 => drop(github.installations(None, None).await?),
        14 => drop(github.installation_repositories(1, None, None).await?),
        15 => drop(github.open_pulls(&repo, None, None).await?),
        _ => drop(github.comment_again(&repo, 1, None).await?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_of_patches_holds() {
        eco_coder_shared::fuzzing::over_corpus("patch", patch);
    }

    #[test]
    fn the_corpora_of_answers_hold() {
        eco_coder_shared::fuzzing::over_corpus("answer", answer);
        eco_coder_shared::fuzzing::over_corpus("reading", reading);
    }
}
