//! Flame graphs that are kept: `DIR/OWNER/REPO/SHA.svg`, for a bounded time and up to a bounded number, and served to whoever reaches the
//! operators' port. They hold names of functions and files, and no other text of the source. Draws nothing itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{Path as InPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, RepoName};

use crate::subject::Target;

/// How long one is kept.
const KEPT: Duration = Duration::from_hours(24 * 14);
/// How many are kept, the newest; one has 6 MB at most, and seldom 1.
const MAX_KEPT: usize = 1_000;
/// Without scripts it needs none of what this forbids; a name from outside stands in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'";

/// Keeps them.
#[derive(Debug, Clone)]
pub struct FlameGraphs {
    dir: PathBuf,
    /// What stands before `/OWNER/REPO/SHA.svg` for a reader.
    url: Option<String>,
}

impl FlameGraphs {
    /// Those in `dir`, which readers find at `url`.
    pub fn new(dir: PathBuf, url: Option<String>) -> Self {
        Self { dir, url }
    }

    /// Keeps the head's. Returns where it can be seen, if anywhere. One that can't be written is logged.
    pub async fn keep(&self, target: &Target, svg: &str) -> Option<String> {
        let path = self.path(&target.repository, &target.head_sha);
        if let Err(error) = write(&path, svg.as_bytes()).await {
            tracing::warn!(component = "flame_graphs", %error, "a flame graph can't be kept; is profiles.flame_graphs_dir writable?");
            return None;
        }
        let base = self.url.as_deref()?.trim_end_matches('/');
        Some(format!("{base}/{}/{}.svg", target.repository, target.head_sha))
    }

    fn path(&self, repository: &RepoName, head: &CommitSha) -> PathBuf {
        self.dir.join(repository.owner()).join(repository.name()).join(format!("{head}.svg"))
    }

    /// Deletes what is old, and of the rest what is beyond the number that is kept, the oldest first.
    pub async fn tidy(&self, now: Timestamp) {
        let dir = self.dir.clone();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
        let tidied = tokio::task::spawn_blocking(move || tidy(&dir, now, MAX_KEPT)).await;
        if let Ok(Err(error)) = tidied {
            tracing::warn!(component = "flame_graphs", %error, "old flame graphs could not be deleted");
        }
    }

    /// `/flame-graphs/OWNER/REPO/SHA.svg`. What isn't the name of a repository and of a commit leads nowhere.
    pub fn router(&self) -> Router {
        Router::new().route("/flame-graphs/{owner}/{name}/{file}", get(serve)).with_state(Arc::new(self.clone()))
    }
}

async fn serve(
    State(kept): State<Arc<FlameGraphs>>,
    InPath((owner, name, file)): InPath<(String, String, String)>,
) -> Response {
    let asked = || {
        let repository: RepoName = format!("{owner}/{name}").parse().ok()?;
        let head: CommitSha = file.strip_suffix(".svg")?.parse().ok()?;
        Some(kept.path(&repository, &head))
    };
    let Some(path) = asked() else { return not_found() };
    match tokio::fs::read(path).await {
        Ok(svg) => {
            let headers = [
                (header::CONTENT_TYPE, "image/svg+xml"),
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::CACHE_CONTROL, "private, no-cache"),
                (header::REFERRER_POLICY, "no-referrer"),
            ];
            (headers, svg).into_response()
        }
        Err(_) => not_found(),
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "there is no such flame graph, or none any more\n").into_response()
}

/// Whole or not at all.
async fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    tokio::fs::create_dir_all(folder).await?;
    let half = path.with_extension("half");
    tokio::fs::write(&half, bytes).await?;
    tokio::fs::rename(&half, path).await
}

fn tidy(dir: &Path, now: SystemTime, most: usize) -> io::Result<()> {
    let mut kept: Vec<(SystemTime, PathBuf)> = Vec::new();
    for repository in folders(dir)?.iter().map(|owner| folders(owner)).collect::<io::Result<Vec<_>>>()?.concat() {
        for entry in std::fs::read_dir(&repository)? {
            let entry = entry?;
            let path = entry.path();
            let is_ours =
                path.extension().is_some_and(|end| end == "svg" || end == "half") && entry.file_type()?.is_file();
            if !is_ours {
                continue;
            }
            let modified = entry.metadata()?.modified()?;
            if now.duration_since(modified).is_ok_and(|age| age > KEPT) {
                std::fs::remove_file(path)?;
            } else {
                kept.push((modified, path));
            }
        }
    }
    kept.sort();
    let over = kept.len().saturating_sub(most);
    kept.into_iter().take(over).try_for_each(|(_, path)| std::fs::remove_file(path))
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?.collect::<io::Result<Vec<_>>>()?,
    };
    let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    Ok(entries.iter().filter(|entry| is_folder(entry)).map(std::fs::DirEntry::path).collect())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use eco_coder_shared::ids::{PullNumber, RepoId};
    use tower::ServiceExt;

    use super::*;

    fn target() -> Target {
        Target {
            repository: "acme/shop".parse().unwrap(),
            repository_id: RepoId(1),
            pull_request: PullNumber::try_from(1).unwrap(),
            head_sha: "a".repeat(40).parse().unwrap(),
            merge_base_sha: "b".repeat(40).parse().unwrap(),
        }
    }

    async fn asked(kept: &FlameGraphs, path: &str) -> Response {
        kept.router().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn one_is_kept_served_inert_and_named_where_readers_find_it() {
        let dir = tempfile::tempdir().unwrap();
        let kept = FlameGraphs::new(dir.path().to_owned(), Some("https://eco.example/graphs/".to_owned()));
        let url = kept.keep(&target(), "<svg/>").await;
        let file = format!("acme/shop/{}.svg", "a".repeat(40));
        assert_eq!(url.unwrap(), format!("https://eco.example/graphs/{file}"));
        let answer = asked(&kept, &format!("/flame-graphs/{file}")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let header = |name: header::HeaderName| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header(header::CONTENT_TYPE), "image/svg+xml");
        assert_eq!(header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        let policy = header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.contains("default-src 'none'") && policy.contains("sandbox;"), "{policy}");
        assert_eq!(axum::body::to_bytes(answer.into_body(), 100).await.unwrap(), "<svg/>");
        let silent = FlameGraphs::new(dir.path().to_owned(), None);
        assert_eq!(silent.keep(&target(), "<svg/>").await, None);
    }

    #[tokio::test]
    async fn nothing_else_is_served() {
        let dir = tempfile::tempdir().unwrap();
        let kept = FlameGraphs::new(dir.path().join("graphs"), None);
        kept.keep(&target(), "<svg/>").await;
        std::fs::write(dir.path().join("graphs/acme/shop/secret.svg"), "secret").unwrap();
        std::fs::write(dir.path().join("secret"), "secret").unwrap();
        let sha = "a".repeat(40);
        for path in [
            "/flame-graphs/acme/shop/secret.svg".to_owned(),
            "/flame-graphs/acme/shop/..%2f..%2f..%2fsecret".to_owned(),
            "/flame-graphs/..%2f../shop/x.svg".to_owned(),
            format!("/flame-graphs/../../{sha}.svg"),
            format!("/flame-graphs/acme/shop/{sha}"),
            format!("/flame-graphs/acme/other/{sha}.svg"),
            format!("/flame-graphs/acme/shop/{}.svg", "c".repeat(40)),
            "/flame-graphs/".to_owned(),
        ] {
            assert_eq!(asked(&kept, &path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn they_are_kept_up_to_their_time_and_their_number_and_not_one_past_it() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 1_000);
        let put = |name: &str, age: Duration| {
            let path = dir.path().join("acme/shop").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "<svg/>").unwrap();
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(now - age).unwrap();
        };
        let left = || {
            let entries = std::fs::read_dir(dir.path().join("acme/shop")).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        put("at.svg", KEPT);
        put("past.svg", KEPT + Duration::from_secs(1));
        put("young.svg", Duration::ZERO);
        put("notes.txt", KEPT * 2);
        tidy(dir.path(), now, 2).unwrap();
        assert_eq!(left(), ["at.svg", "notes.txt", "young.svg"], "another's file is another's");
        tidy(dir.path(), now, 1).unwrap();
        assert_eq!(left(), ["notes.txt", "young.svg"]);
        tidy(&dir.path().join("nowhere"), now, 1).unwrap();
    }
}
