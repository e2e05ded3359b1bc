//! What the load drivers share: a forge on loopback with pull requests of mixed languages, a measured process of its
//! own beside it, and signed webhooks in. The driver's own time and memory are never the measured process's.

#![allow(dead_code, reason = "each driver uses a part of it")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use anyhow::Context;
use eco_coder::forge::{Content, Forge, ForgeSettings, NewPull, Tree};
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoName};
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::net::TcpListener;

/// Lines of a process that are shown; all are counted.
const SHOWN_WARNINGS: u64 = 100;
/// The longest wait for a process to say something.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection that waited longer is not sent into any more: the ingress closes it after ten seconds, which could be just then.
const IDLE: Duration = Duration::from_secs(5);

/// A forge, and somebody who delivers its webhooks.
pub(crate) struct Stage {
    pub(crate) forge: Forge,
    pub(crate) api: String,
    pub(crate) client: Client,
}

/// A pull request to be reviewed.
pub(crate) struct Shown {
    pub(crate) repo: RepoName,
    pub(crate) number: PullNumber,
    pub(crate) head: CommitSha,
}

impl Stage {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port on loopback for the forge")?;
        let api = format!("http://{}", listener.local_addr()?);
        let mut settings = ForgeSettings::new(api.clone(), SecretString::from("token"), SecretString::from("secret"));
        settings.rate_limit = 100_000_000;
        let forge = Forge::new(settings);
        tokio::spawn(forge.clone().serve(listener, std::future::pending()));
        let client = Client::builder().no_proxy().pool_idle_timeout(IDLE).build()?;
        Ok(Self { forge, api, client })
    }

    /// Opens a pull request, alone in its repository, that changes `files` files by `lines` lines each: additions to
    /// files that are there. No two are alike.
    pub(crate) async fn open(&self, seed: usize, files: usize, lines: usize) -> anyhow::Result<Shown> {
        let repo: RepoName = format!("acme/service-{seed}").parse()?;
        let tree = |more: usize| -> Tree {
            (0..files).map(|file| (path(file), text(file, seed, 100, more).into_bytes())).collect()
        };
        self.forge.add_repository(&repo, Content::memory(tree(0)));
        let head = self.forge.commit(&repo, "change", tree(lines), "A change")?;
        let number = self.forge.open_pull(&repo, NewPull::new("A change", "change"))?;
        // GitHub has its diffs ready when it sends a webhook: the forge makes its own now.
        let listed = self.client.get(format!("{}/repos/{repo}/pulls/{number}/files", self.api));
        let listed = listed.bearer_auth(self.forge.settings().token.expose_secret()).send().await?;
        anyhow::ensure!(listed.status().is_success(), "the forge does not list the files: {}", listed.status());
        Ok(Shown { repo, number, head })
    }

    /// Pushes to it: its files change by `lines` lines each, to what no push before had.
    pub(crate) fn push(&self, shown: &mut Shown, seed: usize, files: usize, lines: usize) -> anyhow::Result<()> {
        let tree = (0..files).map(|file| (path(file), text(file, seed, 100, lines).into_bytes())).collect();
        shown.head = self.forge.push(&shown.repo, shown.number, tree)?;
        Ok(())
    }

    /// Delivers its webhook, and returns when it is accepted.
    pub(crate) async fn deliver(&self, url: &str, shown: &Shown) -> anyhow::Result<()> {
        let webhook = self.forge.webhook(&shown.repo, shown.number, "opened")?;
        let mut request = self.client.post(url).body(webhook.body);
        for (name, value) in webhook.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await?;
        anyhow::ensure!(answer.status().as_u16() == 202, "the ingress answered {}", answer.status());
        Ok(())
    }

    /// Does the one comment on it stand, for its head?
    pub(crate) fn is_posted(&self, shown: &Shown) -> bool {
        let comments = self.forge.comments(&shown.repo, shown.number);
        comments.iter().any(|comment| comment.body.contains(shown.head.as_str()))
    }

    /// The settings of the measured process: everything as by default but what a measurement needs.
    pub(crate) fn configure(&self, dir: &Path, worker: &str) -> anyhow::Result<()> {
        let data = dir.join("data");
        let text = format!(
            "data_dir = '{}'\n[ingress]\nlisten = '127.0.0.1:0'\noperator_listen = '127.0.0.1:0'\n\
             [github]\napi_url = '{}'\nwrite_interval_ms = 0\nwrites_per_minute = 0\nwrites_per_hour = 0\n\
             [worker]\noperator_listen = '127.0.0.1:0'\n{worker}\n[telemetry]\nemf = true\n",
            data.display(),
            self.api
        );
        std::fs::write(dir.join("eco-coder.toml"), text).context("writing the settings")
    }

    /// Starts a process with these settings, and waits until it takes webhooks; with their address.
    pub(crate) fn start(&self, program: &Path, arguments: &[&str], dir: &Path) -> anyhow::Result<(Process, String)> {
        let (process, context) = self.launch(program, arguments, dir, "the ingress takes webhooks")?;
        Ok((process, context["webhooks"].as_str().unwrap_or_default().to_owned()))
    }

    /// Starts a process with these settings, and waits until it logs this message; with that line's context.
    pub(crate) fn launch(
        &self,
        program: &Path,
        arguments: &[&str],
        dir: &Path,
        message: &'static str,
    ) -> anyhow::Result<(Process, Value)> {
        let mut child = Command::new(program)
            .args(arguments)
            .arg("--config")
            .arg(dir.join("eco-coder.toml"))
            .env_clear()
            .env("ECO_CODER_GITHUB_TOKEN", self.forge.settings().token.expose_secret())
            .env("ECO_CODER_WEBHOOK_SECRET", self.forge.settings().webhook_secret.expose_secret())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let stderr = BufReader::new(child.stderr.take().context("its stderr")?);
        let process = Process { child, values: Values::default(), errors: Arc::default() };
        let (values, errors) = (Arc::clone(&process.values), Arc::clone(&process.errors));
        let (tell, said) = mpsc::channel();
        // Its log is read to the end, so that it never waits for us; the first warnings are shown.
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut value: Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(directives) = value["_aws"]["CloudWatchMetrics"].as_array() {
                    let mut values = values.lock().unwrap_or_else(PoisonError::into_inner);
                    for name in directives.iter().filter_map(|one| one["Metrics"][0]["Name"].as_str()) {
                        let of = value["ToolName"].as_str().map_or(String::new(), |tool| format!(" {tool}"));
                        let told = value[name].as_array().into_iter().flatten().filter_map(Value::as_f64);
                        values.entry(format!("{name}{of}")).or_default().extend(told);
                    }
                } else if value["message"] == message {
                    let _ = tell.send(value["context"].take());
                } else if matches!(value["level"].as_str(), Some("ERROR" | "WARN"))
                    && errors.fetch_add(1, Ordering::Relaxed) < SHOWN_WARNINGS
                {
                    eprintln!("{line}");
                }
            }
        });
        let context = said.recv_timeout(PATIENCE).with_context(|| format!("it does not say: {message}"))?;
        Ok((process, context))
    }
}

/// The values of histograms, by name, of tools by theirs too: what the process wrote in the embedded metric format.
type Values = Arc<Mutex<BTreeMap<String, Vec<f64>>>>;

/// The measured process; ended when this is dropped.
pub(crate) struct Process {
    child: Child,
    values: Values,
    errors: Arc<AtomicU64>,
}

impl Process {
    /// The p95 of each of its histograms, as far as it has told: it does so every ten seconds.
    pub(crate) fn histograms(&self) -> Vec<String> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let p95 = |(name, of): (&String, &Vec<f64>)| {
            let mut of = of.clone();
            of.sort_by(f64::total_cmp);
            let rank = (of.len() * 95).div_ceil(100).max(1);
            format!("  {name}: p95 {:.1} of {}", of.get(rank - 1).copied().unwrap_or_default(), of.len())
        };
        values.iter().map(p95).collect()
    }

    /// A figure of `/proc/PID/status`: `VmHWM` (the peak of the resident memory, kB), `VmRSS`, `Threads`.
    pub(crate) fn status(&self, name: &str) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let figure = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        figure.with_context(|| format!("/proc/PID/status has no {name}"))
    }

    /// Files, sockets among them, that it has open.
    pub(crate) fn open_files(&self) -> anyhow::Result<u64> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count() as u64)
    }

    /// Warnings and errors that it has logged.
    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// CPU time so far, all threads, seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let mut fields = after.split_whitespace().skip(11).map(|field| field.parse::<f64>().unwrap_or(0.0));
        // User and system time, in hundredths of a second on every Linux that matters here.
        Ok((fields.next().unwrap_or(0.0) + fields.next().unwrap_or(0.0)) / 100.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ENDINGS: [&str; 6] = ["py", "ts", "js", "go", "java", "rs"];

fn path(file: usize) -> String {
    let name = if ENDINGS[file % 6] == "java" { format!("Part{file}") } else { format!("part_{file}") };
    format!("src/{name}.{}", ENDINGS[file % 6])
}

/// A file of about `before` lines and `more` new ones behind them: functions of ten lines, some with something to mend.
fn text(file: usize, seed: usize, before: usize, more: usize) -> String {
    let blocks = (before + more) / 10;
    let block = |n: usize| block(ENDINGS[file % 6], &format!("s{seed}f{file}n{n}"));
    let body: String = (0..blocks).map(block).collect();
    match ENDINGS[file % 6] {
        "go" => format!("package parts\n\n{body}"),
        "java" => format!("class Part{file} {{\n{body}}}\n"),
        _ => body,
    }
}

/// A function of ten lines, blank line included.
fn block(ending: &str, name: &str) -> String {
    match ending {
        "py" => format!(
            "def load_{name}(cursor, orders, limit=100):\n    total = 0\n    lines = []\n    for order in orders[:limit]:\n        \
             cursor.execute('SELECT id, price FROM line WHERE order_id = %s', (order.id,))\n        \
             for row in cursor.fetchall():\n            lines.append(row)\n            total += row[1]\n    return total, lines\n\n"
        ),
        "ts" => format!(
            "export async function load_{name}(ids: string[], api: Api): Promise<Item[]> {{\n  const items: Item[] = [];\n  \
             for (const id of ids) {{\n    const item = await api.fetch(`/items/${{id}}`);\n    if (item !== null && item.open) {{\n      \
             items.push(item);\n    }}\n  }}\n  return items;\n}}\n"
        ),
        "js" => format!(
            "function total_{name}(basket, rates) {{\n  let sum = 0;\n  for (const line of basket.lines) {{\n    \
             const rate = rates.find((r) => r.code === line.code);\n    if (rate) {{\n      sum += line.price * line.count * rate.value;\n    }}\n  \
             }}\n  return Math.round(sum * 100) / 100;\n}}\n"
        ),
        "go" => format!(
            "func Sum_{name}(rows []Row, limit int) (int, error) {{\n\ttotal := 0\n\tfor i, row := range rows {{\n\t\tif i > limit {{\n\t\t\t\
             return 0, errTooMany\n\t\t}}\n\t\ttotal += row.Price * row.Count\n\t}}\n\treturn total, nil\n}}\n"
        ),
        "java" => format!(
            "    String join_{name}(java.util.List<String> parts, int limit) {{\n        String out = \"\";\n        for (String part : parts) {{\n            \
             if (out.length() > limit) {{\n                break;\n            }}\n            out += part;\n        }}\n        return out;\n    }}\n"
        ),
        _ => format!(
            "pub fn longest_{name}(lines: &[String], limit: usize) -> Option<usize> {{\n    let mut best = None;\n    \
             for (at, line) in lines.iter().enumerate().take(limit) {{\n        let is_longer = best.is_none_or(|b: usize| lines[b].len() < line.len());\n        \
             if is_longer {{\n            best = Some(at);\n        }}\n    }}\n    best\n}}\n"
        ),
    }
}
