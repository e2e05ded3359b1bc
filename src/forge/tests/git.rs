//! Repositories as the real `git` sees them over a socket.

use std::process::Command;

use super::*;
use crate::forge::shapes::base64;

/// What git says, signed in so, or `None` if it fails.
async fn git(arguments: Vec<String>, token: &'static str, protocol: &'static str) -> Option<String> {
    let asked = move || {
        let header =
            format!("http.extraHeader=Authorization: Basic {}", base64(format!("x-access-token:{token}").as_bytes()));
        let mut git = Command::new("git");
        git.args(["-c", &header, "-c", &format!("protocol.version={protocol}"), "-c", "http.proxy="]).args(arguments);
        git.env("GIT_TERMINAL_PROMPT", "0").env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap()
    };
    let output = tokio::task::spawn_blocking(asked).await.unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn git_fetches_any_commit_and_only_with_the_token() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/acme/shop.git", listener.local_addr().unwrap());
    tokio::spawn(scene.forge.clone().serve(listener, std::future::pending()));
    let pull = scene.forge.pull(&scene.repo, scene.number).unwrap();
    let words = |text: &[&str]| text.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    for protocol in ["0", "2"] {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().to_str().unwrap();
        git(words(&["init", "--quiet", at]), "", protocol).await.unwrap();
        let fetch = words(&["-C", at, "fetch", "--quiet", "--depth=5", &url, pull.head_sha.as_str()]);
        assert_eq!(git(fetch.clone(), "wrong", protocol).await, None);
        git(fetch, "token", protocol).await.unwrap();
        let shown = git(words(&["-C", at, "show", "FETCH_HEAD:app.py"]), "", protocol).await.unwrap();
        assert!(shown.contains("print(2)"), "{shown}");
        let base = git(words(&["-C", at, "rev-parse", "FETCH_HEAD~1"]), "", protocol).await.unwrap();
        assert_eq!(base, pull.base_sha.as_str());
    }
    // It is for reading.
    assert_eq!(git(words(&["push", &url, "HEAD:refs/heads/x"]), "token", "2").await, None);
    let asked: Vec<_> = scene.forge.requests().into_iter().map(|request| (request.path, request.status)).collect();
    assert!(asked.contains(&("/acme/shop.git/info/refs".to_owned(), Some(401))), "{asked:?}");
    assert!(asked.contains(&("/acme/shop.git/git-upload-pack".to_owned(), Some(200))), "{asked:?}");
}
