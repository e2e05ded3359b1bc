//! `eco-coder smoke` against an ingress, against what is none, and against nobody.

use std::process::Output;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{World, run_in, stdout};

const SECRET: &str = "canary-webhook-secret-of-smoke-77ab";
const SETTINGS: &str = "[ingress]\nwebhook_secrets = ['env:SMOKE_SECRET']";

fn smoke(url: &str, secret: &str, more: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let environment = [("ECO_CODER_WEBHOOK_SECRET".to_owned(), secret.to_owned())];
    let output = run_in(directory.path(), &environment, &[&["smoke", "--url", url], more].concat());
    let all = [&output.stdout[..], &output.stderr].concat();
    assert!(!String::from_utf8_lossy(&all).contains("canary"), "the secret is told");
    output
}

/// Name and outcome of each check.
fn rows(output: &Output) -> Vec<(String, bool, String)> {
    let rows: Vec<Value> = serde_json::from_str(&stdout(output)).unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(row, "check"), row["passed"].as_bool().unwrap(), text(row, "detail"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_answers_as_it_must_passes_and_has_no_job_of_it() {
    let mut world = World::new(SETTINGS).await;
    world.set_environment("SMOKE_SECRET", SECRET);
    world.start_ingress().await;
    let url = format!("http://{}", world.address());

    let passed = smoke(&url, SECRET, &["--format", "json", "--wait", "5"]);
    let expected = [
        ("reached", "405 refused"),
        ("signed ping", "200 pong"),
        ("wrong signature", "401 refused"),
        ("no signature", "401 refused"),
        ("signed event", "200 ignored"),
    ];
    assert_eq!(rows(&passed), expected.map(|(check, detail)| (check.to_owned(), true, detail.to_owned())));
    assert_eq!(passed.status.code(), Some(0));
    assert_eq!(stdout(&smoke(&url, SECRET, &[])).lines().filter(|line| line.starts_with("ok ")).count(), 5);
    assert_eq!(world.stored().await, 0);

    let other = smoke(&url, "canary-another", &["--format", "json"]);
    let failed: Vec<_> = rows(&other).into_iter().filter(|(_, passed, _)| !passed).collect();
    assert_eq!(failed.iter().map(|(check, ..)| &**check).collect::<Vec<_>>(), ["signed ping", "signed event"]);
    assert!(failed[0].2.contains("401 refused") && failed[0].2.contains("webhook_secrets"), "{}", failed[0].2);
    assert_eq!(other.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_ingress_and_nobody_fail_with_what_to_look_at() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let answers = tokio::spawn(async move {
        let bodies = [
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n",
            "\0\u{1}garbage\r\n\r\n",
        ];
        for body in bodies {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = peer.read(&mut request).await;
            peer.write_all(body.as_bytes()).await.unwrap();
        }
        // One that sends without an end.
        let (mut peer, _) = listener.accept().await.unwrap();
        let _ = peer.read(&mut [0; 1024]).await;
        let _ = peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
        while peer.write_all(&[b'x'; 4096]).await.is_ok() {}
    });
    for (expected, said) in [("302", "no ingress"), ("no answer", "look at the address"), ("more than", "look at")] {
        let url = url.clone();
        let output = tokio::task::spawn_blocking(move || smoke(&url, SECRET, &["--format", "json"])).await.unwrap();
        let rows = rows(&output);
        assert_eq!((rows.len(), rows[0].1, output.status.code()), (1, false, Some(1)));
        assert!(rows[0].2.contains(expected) && rows[0].2.contains(said), "{}", rows[0].2);
    }
    answers.await.unwrap();
    let nobody = smoke(&url, SECRET, &["--wait", "1"]);
    assert!(stdout(&nobody).starts_with("failed") && stdout(&nobody).contains("whether the ingress runs"));
    assert_eq!(nobody.status.code(), Some(1));
    for wrong in [&["--secret", "hunter2"][..], &["--timeout", "0"]] {
        assert_eq!(smoke(&url, SECRET, wrong).status.code(), Some(2));
    }
}
