//! Pages for people: a pull request with its comments as GitHub would show them, and a list of what there is.
//! Everything that somebody wrote is escaped or rendered inert; the pages run no script and load nothing.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse as _, Response};
use eco_coder_shared::ids::{PullNumber, RepoName};
use sha2::{Digest as _, Sha256};

use super::Forge;
use super::shapes::{base64, time};
use super::state::{Comment, PullView};

mod markdown;

const STYLE: &str = include_str!("page/style.css");

/// Nothing but this page's own style sheet, known by its digest.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = base64(&Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// The page at a path.
pub(super) fn show(forge: &Forge, method: &str, segments: &[String]) -> Response {
    if !matches!(method, "GET" | "HEAD") {
        return respond(StatusCode::METHOD_NOT_ALLOWED, "Not allowed", "<p>This page can only be read.</p>");
    }
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let page = match &segments[..] {
        [] => return index(forge),
        [owner, name, "pull", number] => pull(forge, owner, name, number),
        _ => None,
    };
    page.unwrap_or_else(not_found)
}

/// The page for what isn't there.
pub(super) fn not_found() -> Response {
    respond(StatusCode::NOT_FOUND, "Not found", r#"<p>There is nothing here. <a href="/">All pull requests</a></p>"#)
}

fn index(forge: &Forge) -> Response {
    let mut html = String::from("<h1>Pull requests</h1>");
    let state = forge.state();
    for repository in state.repositories.values() {
        let name = escape(repository.name.as_str());
        let _ = write!(html, r#"<section class="list"><h2>{name}</h2><ul>"#);
        for pull in repository.pulls.values().rev() {
            let PullView { number, title, author, .. } = &pull.view;
            let (title, login) = (escape(title), escape(&author.login));
            let comments = pull.comments.len();
            let _ = write!(
                html,
                r#"<li>{} <a href="/{name}/pull/{number}">{title}</a> <small>#{number} by {login}, {comments} comments</small></li>"#,
                badge(&pull.view),
            );
        }
        if repository.pulls.is_empty() {
            html.push_str("<li><small>no pull request yet</small></li>");
        }
        html.push_str("</ul></section>");
    }
    drop(state);
    respond(StatusCode::OK, "Pull requests", &html)
}

fn pull(forge: &Forge, owner: &str, name: &str, number: &str) -> Option<Response> {
    let repo: RepoName = format!("{owner}/{name}").parse().ok()?;
    let number = PullNumber::try_from(number.parse::<u64>().ok()?).ok()?;
    let pull = forge.pull(&repo, number).ok()?;
    let comments = forge.comments(&repo, number);
    // Nothing is counted for a repository that can't be read any more; the conversation is shown all the same.
    let changes = forge.pull_changes(&repo, &pull).unwrap_or_default();
    let added: usize = changes.iter().map(|file| file.additions).sum();
    let removed: usize = changes.iter().map(|file| file.deletions).sum();
    let (title, author) = (escape(&pull.title), escape(&pull.author.login));
    let mut html = format!(
        r#"<p class="crumbs"><a href="/">{repo}</a></p><h1>{title} <span class="number">#{number}</span></h1>
<p class="state">{} <b>{author}</b> wants to merge into <code>{}</code> from <code>{}</code></p>
<p class="numbers">{} files changed <span class="added">+{added}</span> <span class="removed">&minus;{removed}</span>
at <code>{}</code></p>"#,
        badge(&pull),
        escape(&pull.base_ref),
        escape(&pull.head_ref),
        changes.len(),
        escape(pull.head_sha.short()),
    );
    let opening = Comment {
        id: 0,
        author: pull.author.clone(),
        body: pull.body.clone(),
        created_at: pull.created_at,
        updated_at: pull.created_at,
    };
    for comment in [&opening].into_iter().chain(&comments) {
        html.push_str(&conversation(comment, None));
    }
    for (comment, lines) in forge.line_comments(&repo, number) {
        let place = match lines {
            Some((first, last)) if first < last => format!("{} lines {first}-{last}", comment.path),
            Some((_, last)) => format!("{} line {last}", comment.path),
            None => format!("{}, outdated", comment.path),
        };
        html.push_str(&conversation(&comment.comment, Some(&place)));
    }
    Some(respond(StatusCode::OK, &format!("{} #{number}", pull.title), &html))
}

/// `place`: of a comment on lines.
fn conversation(comment: &Comment, place: Option<&str>) -> String {
    let place = place.map(|place| format!(" on <code>{}</code>", escape(place))).unwrap_or_default();
    let login = escape(&comment.author.login);
    let bot = if comment.author.bot { r#" <span class="bot">bot</span>"# } else { "" };
    let edited = if comment.updated_at > comment.created_at { " - edited" } else { "" };
    let initial = escape(&comment.author.login.chars().take(1).collect::<String>().to_uppercase());
    let body = if comment.body.trim().is_empty() {
        "<p><em>No description provided.</em></p>".to_owned()
    } else {
        markdown::render(&comment.body)
    };
    let at = time(comment.created_at);
    format!(
        r#"<article class="comment" id="issuecomment-{}"><span class="avatar" aria-hidden="true">{initial}</span>
<div class="box"><header><b>{login}</b>{bot} commented{place} <time datetime="{at}">{}</time>{edited}</header>
<div class="markdown">{body}</div></div></article>"#,
        comment.id,
        at.replace('T', " ").replace('Z', " UTC"),
    )
}

fn badge(pull: &PullView) -> String {
    let (class, word) = match pull {
        PullView { merged: true, .. } => ("merged", "Merged"),
        PullView { open: false, .. } => ("closed", "Closed"),
        PullView { draft: true, .. } => ("draft", "Draft"),
        _ => ("open", "Open"),
    };
    format!(r#"<span class="badge {class}">{word}</span>"#)
}

fn respond(status: StatusCode, title: &str, html: &str) -> Response {
    let title = escape(title);
    let page = format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title><style>{STYLE}</style></head>
<body><main>{html}</main><footer>A local stand-in for GitHub on this machine</footer></body></html>
"#
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, page).into_response()
}

/// Text for any place in HTML, attributes in double or single quotes included.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
