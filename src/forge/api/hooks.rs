//! The App's webhook deliveries: what was tried, and trying again.

use serde_json::{Value, json};

use super::calls::{Result, parameter};
use super::{Answer, Call};
use crate::forge::state::HookDelivery;
use crate::forge::{Forge, shapes};

/// What GitHub does where nothing is asked for, and at most.
const DEFAULT_SIZE: usize = 30;
const MAX_SIZE: usize = 100;

/// The newest first; a cursor leads on.
pub(super) fn list(forge: &Forge, call: &Call) -> Answer {
    let size =
        parameter(call, "per_page").and_then(|size| size.parse().ok()).unwrap_or(DEFAULT_SIZE).clamp(1, MAX_SIZE);
    let before = parameter(call, "cursor").and_then(|cursor| cursor.strip_prefix("v1_")?.parse::<u64>().ok());
    let state = forge.state();
    let mut left = state.deliveries.iter().rev().filter(|delivery| before.is_none_or(|id| delivery.id < id));
    let page: Vec<&HookDelivery> = left.by_ref().take(size).collect();
    let mut answer = Answer::json(200, &page.iter().map(|delivery| shape(delivery)).collect());
    if let (Some(last), Some(_)) = (page.last(), left.next()) {
        let root = &forge.settings().base_url;
        let url = format!("{root}/app/hook/deliveries?per_page={size}&cursor=v1_{}", last.id);
        answer.headers.push(("link".to_owned(), format!("<{url}>; rel=\"next\"")));
    }
    answer
}

/// Tries again, in its own time.
pub(super) fn attempt(forge: &Forge, id: u64) -> Result<Answer> {
    let found = forge.state().deliveries.iter().find(|delivery| delivery.id == id).map(|found| found.webhook.clone());
    let webhook = found.ok_or_else(Answer::not_found)?;
    let forge = forge.clone();
    tokio::spawn(async move { forge.redeliver(webhook).await });
    Ok(Answer::json(202, &json!({})))
}

fn shape(delivery: &HookDelivery) -> Value {
    let HookDelivery { id, guid, delivered_at, redelivery, status, webhook } = delivery;
    let payload: Value = serde_json::from_slice(&webhook.body).unwrap_or_default();
    json!({
        "id": id, "guid": guid, "delivered_at": shapes::time(*delivered_at), "redelivery": redelivery, "duration": 0.03,
        "status": if (200..300).contains(status) { "OK" } else { "failed to deliver" }, "status_code": status,
        "event": webhook.header("X-GitHub-Event"), "action": payload["action"],
        "installation_id": payload["installation"]["id"], "repository_id": payload["repository"]["id"],
        "throttled_at": null,
    })
}
