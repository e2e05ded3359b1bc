//! `eco-coder smoke`: does a deployment answer as it must? Sends what GitHub would send, and what nobody should; never anything
//! that becomes a job.

use std::fmt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use eco_coder_shared::aws::AwsSettings;
use eco_coder_shared::config::Settings;
use eco_coder_shared::secrets::SecretRef;
use reqwest::{Client, Method, Url, redirect};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};

use super::system_env;
use super::terminal::out;
use crate::forge::webhook::{guid, signature};

/// Where webhooks go, if the URL names no path.
const PATH: &str = "/webhooks/github";
/// The most of an answer that is read, bytes.
const MAX_ANSWER: usize = 4096;
/// Between two looks at a deployment that does not answer yet: doubled from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Arguments of `smoke`.
#[derive(Debug, Args)]
#[command(
    after_help = "It asks for the webhook's address, sends a signed ping, a ping with a wrong signature, one without, and a signed
pull_request event of an action that is never reviewed (assigned). Nothing of it becomes a job. Exit code 0 if each was
answered as it must be, 1 if one was not, 2 if it could not be tried.

Examples:
  ECO_CODER_WEBHOOK_SECRET=... eco-coder smoke --url https://hooks.example.com
  eco-coder smoke --url https://hooks.example.com --secret aws:eco-coder/webhook-secret --wait 120 --format json"
)]
pub struct SmokeArgs {
    /// The ingress, as GitHub reaches it; without a path, /webhooks/github is meant
    #[arg(long)]
    url: Url,
    /// Where the webhook's secret is: env:NAME, file:PATH or aws:NAME
    #[arg(long, default_value = "env:ECO_CODER_WEBHOOK_SECRET", value_name = "SOURCE")]
    secret: SecretRef,
    /// How long a fresh deployment may take until it answers at all, seconds
    #[arg(long, default_value_t = 0, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=3600))]
    wait: u64,
    /// How long one answer may take, seconds
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// text or json
    #[arg(long, default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

/// What became of one check, as `--format json` prints it.
#[derive(Serialize)]
struct Row {
    check: &'static str,
    passed: bool,
    milliseconds: u64,
    /// What came back, and, if that is wrong, what to do.
    detail: String,
}

/// Runs `smoke`.
pub async fn run(args: &SmokeArgs) -> anyhow::Result<ExitCode> {
    let url = target(&args.url)?;
    let secret = secret(&args.secret).await?;
    let timeout = Duration::from_secs(args.timeout);
    let client = Client::builder()
        .timeout(timeout)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("eco-coder-smoke/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("the HTTP client can't be made")?;
    let mut rows = vec![reached(&client, &url, Duration::from_secs(args.wait)).await];
    // Of what can't be reached nothing else is to be learned.
    if rows.iter().all(|row| row.passed) {
        for check in checks(&secret) {
            rows.push(check.run(&client, &url).await);
        }
    }
    if args.format == "json" {
        out!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        for Row { check, passed, milliseconds, detail } in &rows {
            out!("{}  {check:<18} {milliseconds:>6} ms  {detail}", if *passed { "ok    " } else { "failed" });
        }
    }
    Ok(if rows.iter().all(|row| row.passed) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn target(url: &Url) -> anyhow::Result<Url> {
    anyhow::ensure!(
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none(),
        "--url must be https://HOST or http://HOST, without a user"
    );
    let mut url = url.clone();
    if url.path() == "/" {
        url.set_path(PATH);
    }
    Ok(url)
}

async fn secret(source: &SecretRef) -> anyhow::Result<SecretString> {
    let aws = AwsSettings::default();
    let known = source.fetch(&Settings::process_environment(), &aws).await?;
    known.into_iter().next().with_context(|| format!("the secret {source} has no value"))
}

/// A delivery, and what must be answered.
struct Check {
    name: &'static str,
    event: &'static str,
    body: Value,
    signature: Option<String>,
    expected: (u16, &'static str),
    /// What to do if something else is.
    next: &'static str,
}

fn checks(secret: &SecretString) -> Vec<Check> {
    let ping = json!({"zen": "Keep it logically awesome.", "hook_id": 1});
    let repository = json!({"id": 1, "full_name": "eco-coder/smoke"});
    let side = json!({"ref": "main", "sha": "0".repeat(40), "repo": repository});
    let assigned = json!({
        "action": "assigned",
        "number": 1,
        "pull_request": {
            "number": 1, "state": "open", "draft": false, "merged": false, "title": "smoke", "labels": [],
            "updated_at": "2026-01-01T00:00:00Z", "user": {"login": "smoke", "type": "User"},
            "head": side, "base": side,
        },
        "repository": repository,
        "sender": {"login": "smoke", "type": "User"},
    });
    let sign = |secret: &SecretString, body: &Value| signature(secret, body.to_string().as_bytes());
    let (right, event) = (sign(secret, &ping), sign(secret, &assigned));
    let wrong = sign(&SecretString::from(system_env().random_id()), &ping);
    let differs = "compare the secret here with the webhook's in GitHub and ingress.webhook_secrets; after a rotation the ingress \
                   takes up to 5 minutes";
    let open =
        "whoever knows the address can start reviews: is this the ingress, and nothing that answers in front of it?";
    vec![
        Check {
            name: "signed ping",
            event: "ping",
            body: ping.clone(),
            signature: Some(right),
            expected: (200, "pong"),
            next: differs,
        },
        Check {
            name: "wrong signature",
            event: "ping",
            body: ping.clone(),
            signature: Some(wrong),
            expected: (401, "refused"),
            next: open,
        },
        Check {
            name: "no signature",
            event: "ping",
            body: ping,
            signature: None,
            expected: (401, "refused"),
            next: open,
        },
        Check {
            name: "signed event",
            event: "pull_request",
            body: assigned,
            signature: Some(event),
            expected: (200, "ignored"),
            next: "look for the delivery's id in the ingress's log",
        },
    ]
}

impl Check {
    async fn run(self, client: &Client, url: &Url) -> Row {
        let mut request = client
            .post(url.clone())
            .header("content-type", "application/json")
            .header("x-github-event", self.event)
            .header("x-github-delivery", guid(&system_env().random_id()))
            .body(self.body.to_string());
        if let Some(signature) = &self.signature {
            request = request.header("x-hub-signature-256", signature);
        }
        let began = Instant::now();
        let answer = Answer::of(request).await;
        let passed = matches!(&answer, Ok(answer) if (answer.status, &*answer.word) == self.expected);
        let detail = match answer {
            Ok(answer) if passed => answer.to_string(),
            Ok(answer) => {
                format!("{answer}, and not {} {}; {}", self.expected.0, self.expected.1, self.next)
            }
            Err(reason) => format!("no answer: {reason}"),
        };
        Row { check: self.name, passed, milliseconds: milliseconds(began), detail }
    }
}

/// Whether the ingress is there: who doesn't POST is told so. Asked again until the wait is over.
async fn reached(client: &Client, url: &Url, wait: Duration) -> Row {
    let began = Instant::now();
    let mut pause = PAUSES.0;
    loop {
        let answer = Answer::of(client.request(Method::GET, url.clone())).await;
        let passed = matches!(&answer, Ok(answer) if (answer.status, &*answer.word) == (405, "refused"));
        if passed || began.elapsed() + pause > wait {
            let detail = match answer {
                Ok(answer) if passed => answer.to_string(),
                Ok(answer) => format!(
                    "{answer}, and not 405 refused: this is no ingress, or none that is ready; look at the address, at \
                     what stands in front of it, and at the ingress's log"
                ),
                Err(reason) => format!("no answer: {reason}; look at the address, and whether the ingress runs"),
            };
            return Row { check: "reached", passed, milliseconds: milliseconds(began), detail };
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// An answer's status, and the word that the ingress says in it.
struct Answer {
    status: u16,
    word: String,
}

impl Answer {
    async fn of(request: reqwest::RequestBuilder) -> Result<Self, String> {
        // The address is known, and may have what nobody should read in a log.
        let words = |error: reqwest::Error| {
            let error = error.without_url();
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{error}{cause}")
        };
        let mut response = request.send().await.map_err(words)?;
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(words)? {
            body.extend_from_slice(&piece);
            if body.len() > MAX_ANSWER {
                return Err(format!("status {}, and more than {MAX_ANSWER} bytes", response.status().as_u16()));
            }
        }
        let page: Value = serde_json::from_slice(&body).unwrap_or_default();
        let word = page["status"].as_str().unwrap_or_default();
        let is_word = word.len() <= 20 && word.bytes().all(|byte| byte.is_ascii_lowercase());
        Ok(Self { status: response.status().as_u16(), word: if is_word { word.to_owned() } else { String::new() } })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.status, if self.word.is_empty() { "" } else { " " }, self.word)
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_path_is_the_webhook_s() {
        let target = |url: &str| target(&url.parse().unwrap()).map(String::from).ok();
        assert_eq!(target("https://a.example").unwrap(), "https://a.example/webhooks/github");
        assert_eq!(target("https://a.example/eco/hook").unwrap(), "https://a.example/eco/hook");
        assert!(target("ftp://a.example").is_none() && target("https://me:secret@a.example").is_none());
    }
}
