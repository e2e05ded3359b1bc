//! The ingress on SQS: webhooks a second and calls to SQS for each, with its batched sends and, in turn, with a call for each
//! webhook. Run by sqs.sh, which says what is measured.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use async_trait::async_trait;
use eco_coder::forge::{Content, Forge, ForgeSettings, NewPull, SignedWebhook};
use eco_coder_ingress::{Ingress, IngressConfig};
use eco_coder_shared::config::Settings;
use eco_coder_shared::env::{SharedEnv, SystemEnv};
use eco_coder_shared::queue::sqs::SqsQueue;
use eco_coder_shared::queue::{
    DeadLetter, Death, Depth, EntryError, JobQueue, NewMessage, QueueError, Receipt, Received, Redrive, Rewrite,
};
use eco_coder_shared::telemetry::metrics as names;
use eco_coder_shared::testing::ministack;
use futures_util::future::join_all;
use reqwest::Client;
use secrecy::SecretString;
use tokio::sync::oneshot;

/// Connections, each with one webhook under way.
const CONNECTIONS: usize = 32;
/// Of each connection in a round.
const WEBHOOKS: usize = 60;
const ROUNDS: usize = 3;
const SECRET: &str = "secret";

/// What a queue without batches does: a call for each message.
struct OneByOne(Arc<SqsQueue>);

#[async_trait]
impl JobQueue for OneByOne {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<Result<String, EntryError>>, QueueError> {
        let sent = join_all(batch.into_iter().map(|message| self.0.send(vec![message]))).await;
        sent.into_iter().map(|answer| answer.map(|mut entries| entries.remove(0))).collect()
    }

    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>, QueueError> {
        self.0.receive(max, wait, visibility).await
    }

    async fn extend(&self, all: &[Receipt], visibility: Duration) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        self.0.extend(all, visibility).await
    }

    async fn ack(&self, all: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        self.0.ack(all).await
    }

    async fn defer(&self, of: &Received, body: String, delay: Duration) -> Result<Result<(), EntryError>, QueueError> {
        self.0.defer(of, body, delay).await
    }

    async fn dead_letter(&self, received: &Received, death: Death) -> Result<Result<(), EntryError>, QueueError> {
        self.0.dead_letter(received, death).await
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        self.0.depth().await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        self.0.dead_letters(limit).await
    }

    async fn redrive(&self, which: Redrive, rewrite: Rewrite) -> Result<u64, QueueError> {
        self.0.redrive(which, rewrite).await
    }

    async fn check(&self) -> Result<(), QueueError> {
        self.0.check().await
    }
}

/// Calls to SQS so far.
fn calls() -> f64 {
    let text = names::install().map(|metrics| metrics.render()).unwrap_or_default();
    let values = text.lines().filter(|line| line.starts_with("AwsCalls{Service=\"sqs\""));
    values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// A queue that nobody else uses.
async fn queue(env: &SharedEnv) -> anyhow::Result<Arc<SqsQueue>> {
    let sdk = ministack::sdk().await;
    let client = aws_sdk_sqs::Client::new(&sdk);
    let mut urls = Vec::new();
    for name in [env.random_id(), env.random_id()] {
        urls.push(client.create_queue().queue_name(name).send().await?.queue_url.context("a queue's URL")?);
    }
    let dead = urls.pop().context("two queues")?;
    Ok(Arc::new(SqsQueue::new(&sdk, urls.remove(0), dead, Arc::clone(env))))
}

/// Sends a round of webhooks; the seconds it took. Each must be accepted.
async fn round(url: &str, webhook: &SignedWebhook) -> anyhow::Result<f64> {
    let client = Client::builder().no_proxy().pool_max_idle_per_host(CONNECTIONS).build()?;
    let began = Instant::now();
    let senders = (0..CONNECTIONS).map(|_| async {
        for _ in 0..WEBHOOKS {
            let mut request = client.post(url).body(webhook.body.clone());
            for (name, value) in &webhook.headers {
                request = request.header(name, value);
            }
            let status = request.send().await?.status();
            anyhow::ensure!(status.as_u16() == 202, "the ingress answered {status}");
        }
        Ok(())
    });
    join_all(senders).await.into_iter().collect::<anyhow::Result<()>>()?;
    Ok(began.elapsed().as_secs_f64())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    names::install();
    let env: SharedEnv = Arc::new(SystemEnv);
    let settings = ForgeSettings::new("http://127.0.0.1:1".to_owned(), "token".into(), SecretString::from(SECRET));
    let forge = Forge::new(settings);
    let repo = "acme/shop".parse()?;
    let tree = |text: &str| [("a.py".to_owned(), text.as_bytes().to_vec())].into_iter().collect();
    forge.add_repository(&repo, Content::memory(tree("x = 1\n")));
    forge.commit(&repo, "change", tree("x = 2\n"), "A change")?;
    let webhook = forge.webhook(&repo, forge.open_pull(&repo, NewPull::new("A change", "change"))?, "opened")?;

    let mut ingresses = Vec::new();
    let mut ends = Vec::new();
    for batched in [true, false] {
        let text =
            "[ingress]\nlisten = \"127.0.0.1:0\"\noperator_listen = \"127.0.0.1:0\"\n[telemetry]\nlevel = \"error\"";
        let environment = [("ECO_CODER_WEBHOOK_SECRET".to_owned(), SECRET.to_owned())];
        let config = IngressConfig::from_settings(&Settings::parse(text, environment)?)?;
        let sqs = queue(&env).await?;
        let queue: Arc<dyn JobQueue> = if batched { sqs } else { Arc::new(OneByOne(sqs)) };
        let ingress = Ingress::bind(&config, queue, Arc::clone(&env))?;
        ingresses.push(format!("http://{}/webhooks/github", ingress.addr()));
        let (end, ended) = oneshot::channel::<()>();
        ends.push(end);
        tokio::spawn(ingress.run(async {
            let _ = ended.await;
        }));
    }
    let all = (CONNECTIONS * WEBHOOKS) as f64;
    let mut figures = [Vec::new(), Vec::new()];
    // The first round of each is a warm-up.
    for number in 0..=ROUNDS {
        for (url, (figures, kind)) in ingresses.iter().zip(figures.iter_mut().zip(["batched", "one by one"])) {
            let before = calls();
            let seconds = round(url, &webhook).await?;
            let (rate, each) = (all / seconds, (calls() - before) / all);
            println!(
                "{kind}: {rate:.0} webhooks/s, {each:.2} calls for each{}",
                if number == 0 { " (warm-up)" } else { "" }
            );
            if number > 0 {
                figures.push((rate, each));
            }
        }
    }
    drop(ends);
    let [(batched, each), (single, each_single)] = figures.map(|mut rounds| {
        rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        rounds[rounds.len() / 2]
    });
    println!(
        "batched_per_s={batched:.0} unbatched_per_s={single:.0} ratio={:.2} calls_per_webhook={each:.2} \
         unbatched_calls_per_webhook={each_single:.2}",
        batched / single
    );
    Ok(())
}
