//! Scale-in protection on ECS: while reviews run, the task asks its agent not to be chosen when the service shrinks.
//! A courtesy: whoever is stopped all the same drains within its grace, and hands back what isn't done.

use std::time::Duration;

use metrics::counter;
use tokio::sync::watch;
use tokio::time::sleep;

/// How long one request protects for; a task that dies without a word is protected no longer.
const MINUTES: u64 = 30;
/// Renewed so often.
const RENEW: Duration = Duration::from_mins(10);
/// Nothing to do for so long before the protection is taken back: jobs come in bursts, and the agent limits requests.
const IDLE: Duration = Duration::from_secs(20);
/// For one request to the agent, which is on this machine.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The ECS agent of this task.
#[derive(Debug, Clone)]
pub struct Agent {
    url: String,
    client: reqwest::Client,
}

impl Agent {
    /// `uri` as ECS gives it to the container in `ECS_AGENT_URI`.
    pub fn new(uri: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self { url: format!("{}/task-protection/v1/state", uri.trim_end_matches('/')), client })
    }

    /// Asks once, and says in the log when it was refused: the reviews go on.
    pub async fn protect(&self, on: bool) {
        let body = if on {
            format!("{{\"ProtectionEnabled\":true,\"ExpiresInMinutes\":{MINUTES}}}")
        } else {
            "{\"ProtectionEnabled\":false}".to_owned()
        };
        let request = self.client.put(&self.url).header("content-type", "application/json").body(body);
        let error = match request.send().await {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) => format!("it answered {}", answer.status().as_u16()),
            Err(e) => e.without_url().to_string(),
        };
        counter!("ScaleInProtectionErrors").increment(1);
        tracing::warn!(
            component = "ecs",
            error,
            on,
            "the ECS agent did not change the scale-in protection; allow ecs:UpdateTaskProtection in the task role"
        );
    }
}

/// Protects while `under_way` is not zero. Ends when nobody counts any more.
pub async fn protect<F: Future<Output = ()>>(mut under_way: watch::Receiver<usize>, ask: impl Fn(bool) -> F) {
    while under_way.wait_for(|reviews| *reviews > 0).await.is_ok() {
        ask(true).await;
        loop {
            tokio::select! {
                () = sleep(RENEW) => ask(true).await,
                () = idle(&mut under_way) => break,
            }
        }
        ask(false).await;
    }
}

/// Until nothing was to do for a while, or nobody counts any more.
async fn idle(under_way: &mut watch::Receiver<usize>) {
    loop {
        if under_way.wait_for(|reviews| *reviews == 0).await.is_err() {
            return;
        }
        tokio::select! {
            () = sleep(IDLE) => return,
            busy = under_way.wait_for(|reviews| *reviews > 0) => if busy.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use axum::routing::put;
    use tokio::sync::mpsc;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn protection_is_asked_for_while_reviews_run_renewed_and_taken_back_when_idle() {
        let (count, under_way) = watch::channel(0_usize);
        let (asked, mut asks) = mpsc::unbounded_channel();
        let protecting = tokio::spawn(protect(under_way, move |on| {
            let _ = asked.send(on);
            std::future::ready(())
        }));
        tokio::task::yield_now().await;
        assert!(asks.try_recv().is_err());
        count.send_replace(2);
        assert_eq!(asks.recv().await, Some(true));
        // Renewed while it works.
        advance(RENEW).await;
        assert_eq!(asks.recv().await, Some(true));
        // A short pause is none.
        count.send_replace(0);
        tokio::task::yield_now().await;
        advance(IDLE / 2).await;
        count.send_replace(1);
        tokio::task::yield_now().await;
        advance(IDLE).await;
        assert!(asks.try_recv().is_err());
        count.send_replace(0);
        assert_eq!(asks.recv().await, Some(false));
        drop(count);
        protecting.await.unwrap();
    }

    #[tokio::test]
    async fn the_agent_is_asked_as_its_documentation_says() {
        let bodies: Arc<Mutex<Vec<String>>> = Arc::default();
        let take = |State(bodies): State<Arc<Mutex<Vec<String>>>>, body: String| async move {
            bodies.lock().unwrap().push(body);
        };
        let app = Router::new().route("/task-protection/v1/state", put(take)).with_state(Arc::clone(&bodies));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let agent = Agent::new(&uri).unwrap();
        agent.protect(true).await;
        agent.protect(false).await;
        let asked: Vec<serde_json::Value> =
            bodies.lock().unwrap().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
        assert_eq!(asked[0], serde_json::json!({"ProtectionEnabled": true, "ExpiresInMinutes": 30}));
        assert_eq!(asked[1], serde_json::json!({"ProtectionEnabled": false}));
    }
}
