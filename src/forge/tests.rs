//! The forge seen from outside: calls through its router, and through a socket where the connection matters.

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use eco_coder_shared::env::ManualEnv;
use eco_coder_shared::ids::{PullNumber, RepoName};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;

mod api;
mod breaking;
mod checks;
mod git;
mod pages;
mod webhooks;

/// 2026-03-01T12:00:00Z
const START: Timestamp = Timestamp(1_772_366_400_000);

/// A forge with one pull request, and a clock that stands still.
struct Scene {
    forge: Forge,
    env: Arc<ManualEnv>,
    repo: RepoName,
    number: PullNumber,
}

struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn tree<const N: usize>(files: [(&str, &str); N]) -> Tree {
    files.into_iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect()
}

impl Scene {
    fn new() -> Self {
        let base = tree([("app.py", "import os\n\nprint(1)\n"), ("README.md", "# Shop\n"), ("src/a b.py", "x = 1\n")]);
        let head = tree([("app.py", "import os\n\nprint(2)\n"), ("README.md", "# Shop\n"), ("src/a b.py", "x = 1\n")]);
        Self::with(base, head)
    }

    fn with(base: Tree, head: Tree) -> Self {
        let env = Arc::new(ManualEnv::new(START, 1));
        let settings = ForgeSettings {
            env: env.clone(),
            ..ForgeSettings::new("http://forge.test", "token".to_owned().into(), "It's a Secret".to_owned().into())
        };
        let forge = Forge::new(settings);
        let repo: RepoName = "acme/shop".parse().unwrap();
        forge.add_repository(&repo, Content::memory(base));
        forge.commit(&repo, "topic", head, "Print another number").unwrap();
        let number = forge.open_pull(&repo, NewPull::new("Print 2", "topic")).unwrap();
        Self { forge, env, repo, number }
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.send(method, path, &[("authorization", "Bearer token")], body).await.unwrap()
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Reply, axum::Error> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.forge.router().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await?.to_vec();
        Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, None).await
    }

    async fn comment(&self, text: &str) -> Reply {
        self.call("POST", "/repos/acme/shop/issues/1/comments", Some(json!({ "body": text }))).await
    }

    fn bodies(&self) -> Vec<String> {
        self.forge.comments(&self.repo, self.number).into_iter().map(|comment| comment.body).collect()
    }
}
