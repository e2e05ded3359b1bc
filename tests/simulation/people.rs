//! What people do on GitHub, and the webhooks of it, on a network that loses, doubles and delays them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use eco_coder::forge::{NewPull, SignedWebhook, Tree};
use eco_coder_shared::ids::{PullKey, PullNumber, RepoName};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tower::ServiceExt;

use super::Story;
use super::dice::Dice;
use super::world::World;

/// One thing that somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Open,
    Push,
    Close,
    Reopen,
    Draft,
    Ready,
    /// Somebody else comments, sometimes with a copy of our marker.
    Chat,
    /// Somebody deletes our comment.
    Delete,
}

/// When, on which pull request, and what.
type Step = (Duration, usize, Deed);

fn story(story: Story, dice: &mut Dice) -> Vec<Step> {
    let seconds = Duration::from_secs;
    let mut steps = Vec::new();
    match story {
        Story::One => steps.extend([(seconds(0), 0, Deed::Open), (seconds(20), 0, Deed::Push)]),
        Story::Quick => {
            let deeds = [(50, Deed::Open), (250, Deed::Push), (450, Deed::Draft), (650, Deed::Ready)];
            steps.extend(deeds.map(|(at, deed)| (Duration::from_millis(at), 0, deed)));
        }
        Story::Storm(pushes) => {
            steps.push((seconds(0), 0, Deed::Open));
            let mut at = Duration::ZERO;
            for _ in 0..pushes {
                at += dice.millis(20, 180);
                steps.push((at, 0, Deed::Push));
            }
        }
        Story::Busy => {
            for pull in 0..*dice.pick(&[1, 1, 1, 2, 2, 3]) {
                let opened = dice.millis(0, 30_000);
                steps.push((opened, pull, Deed::Open));
                let mut is_closed = false;
                let mut is_draft = false;
                let mut at = opened;
                for _ in 0..dice.between(1, 4) {
                    let quick = dice.chance(4000);
                    at += if quick { dice.millis(100, 3_000) } else { dice.millis(3_000, 90_000) };
                    let deed = match dice.between(0, 19) {
                        0 | 1 if is_closed => Deed::Reopen,
                        0 => Deed::Close,
                        2 | 3 if is_draft => Deed::Ready,
                        2 => Deed::Draft,
                        4 | 5 => Deed::Chat,
                        6 => Deed::Delete,
                        _ => Deed::Push,
                    };
                    match deed {
                        Deed::Close => is_closed = true,
                        Deed::Reopen => is_closed = false,
                        Deed::Draft => is_draft = true,
                        Deed::Ready => is_draft = false,
                        _ => {}
                    }
                    steps.push((at, pull, deed));
                }
            }
        }
    }
    steps.sort_by_key(|(at, _, _)| *at);
    steps
}

/// A pull request of the story.
#[derive(Clone)]
struct Pull {
    repo: RepoName,
    number: PullNumber,
    key: PullKey,
    version: u32,
}

/// The files at this version. Every other one has something to say of.
fn files(version: u32) -> Tree {
    let text = if version.is_multiple_of(4) {
        format!("VERSION = {version}\n\n\ndef is_set(value):\n    return value == None\n")
    } else {
        format!("VERSION = {version}\n")
    };
    [("README.md".to_owned(), b"A shop\n".to_vec()), ("shop/version.py".to_owned(), text.into_bytes())].into()
}

/// Tells the story, and returns when the last webhook has been answered.
pub async fn act(world: &Arc<World>) {
    let mut dice = Dice::new(world.plan.seed, "people");
    let mut pulls: Vec<Option<Pull>> = vec![None; 3];
    let mut on_their_way = JoinSet::new();
    for (at, pull, deed) in story(world.plan.story, &mut dice) {
        sleep_until(world.started + at).await;
        if deed == Deed::Open {
            pulls[pull] = Some(open(world, pull));
        }
        let Some(pull) = &mut pulls[pull] else { continue };
        pull.version += 1;
        let Some(action) = does(world, pull, deed, &mut dice) else { continue };
        let shown = world.shown(&pull.repo, pull.number).expect("a pull request");
        let payload = json!({
            "action": action, "number": pull.number, "pull_request": shown,
            "repository": { "id": pull.key.repo_id, "full_name": pull.repo },
        });
        let webhook = world.forge.sign("pull_request", &payload);
        seen(world, pull, deed, &payload["pull_request"]);
        world.note("people", || format!("{deed:?} {}, head {}", pull.key, world.judge().newest(pull.key)));
        deliver(world, pull, &webhook, &mut on_their_way);
    }
    while on_their_way.join_next().await.is_some() {}
    if world.plan.story == Story::Quick {
        // It lags a while longer.
        sleep(Duration::from_secs(30)).await;
    }
}

fn open(world: &World, number: usize) -> Pull {
    let (repo, repo_id) = world.repositories[number].clone();
    let branch = format!("change-{number}");
    world.forge.commit(&repo, &branch, files(1), "A change").expect("a commit");
    let pull = world.forge.open_pull(&repo, NewPull::new("A change", branch.as_str())).expect("a pull request");
    Pull { key: PullKey { repo_id, pull }, repo, number: pull, version: 1 }
}

/// Does it; returns the webhook's action if there is one.
fn does(world: &World, pull: &Pull, deed: Deed, dice: &mut Dice) -> Option<&'static str> {
    let (forge, repo, number) = (&world.forge, &pull.repo, pull.number);
    let me = forge.settings().viewer.id;
    match deed {
        Deed::Open => Some("opened"),
        Deed::Push => {
            forge.push(repo, number, files(pull.version)).expect("a push");
            Some("synchronize")
        }
        Deed::Close => forge.close(repo, number).map(|()| "closed").ok(),
        Deed::Reopen => forge.reopen(repo, number).map(|()| "reopened").ok(),
        Deed::Draft => forge.set_draft(repo, number, true).map(|()| "converted_to_draft").ok(),
        Deed::Ready => forge.set_draft(repo, number, false).map(|()| "ready_for_review").ok(),
        Deed::Chat => {
            let ours = forge.comments(repo, number).into_iter().find(|comment| comment.author.id == me);
            let body = ours.filter(|_| dice.chance(5000)).map_or_else(|| "LGTM".to_owned(), |ours| ours.body);
            forge.add_comment_as(repo, number, "mallory", &body).expect("a comment");
            None
        }
        Deed::Delete => {
            let ours = forge.comments(repo, number).into_iter().find(|comment| comment.author.id == me)?;
            forge.delete_comment(repo, ours.id).expect("a comment");
            world.judge().bereft(pull.key);
            world.note("people", || format!("delete our comment on {}", pull.key));
            None
        }
    }
}

/// Tells the judge.
fn seen(world: &World, pull: &Pull, deed: Deed, shown: &Value) {
    let view = world.forge.pull(&pull.repo, pull.number).expect("a pull request");
    let looks: Arc<str> = shown.to_string().into();
    let mut judge = world.judge();
    if deed == Deed::Open {
        judge.opened(pull.key, pull.repo.clone(), pull.number, view.head_sha, looks);
    } else {
        let head = (deed == Deed::Push).then_some(view.head_sha);
        judge.changed(pull.key, head, view.open && !view.draft, looks);
    }
}

/// Sends it, as often and as late as it pleases the network.
fn deliver(world: &Arc<World>, pull: &Pull, webhook: &SignedWebhook, on_their_way: &mut JoinSet<()>) {
    let weather = world.weather();
    let copies = world.throw(|dice| {
        if dice.chance(weather.dropped) {
            return Vec::new();
        }
        let count = if dice.chance(weather.doubled) { 2 } else { 1 };
        let late = |dice: &mut Dice| dice.chance(weather.late);
        (0..count)
            .map(|_| if late(dice) { dice.millis(1_000, 120_000) } else { dice.millis(30, 900) })
            .collect::<Vec<_>>()
    });
    if copies.is_empty() {
        world.note("GitHub", || format!("a webhook of {} never arrives", pull.key));
    }
    let (made, head) = (Instant::now(), world.judge().newest(pull.key));
    for (copy, delay) in copies.into_iter().enumerate() {
        let (world, key, webhook) = (Arc::clone(world), pull.key, webhook.clone());
        on_their_way.spawn(async move {
            sleep(delay).await;
            let Some(ingress) = world.ingress() else { return };
            let mut request = Request::post("/webhooks/github");
            for (name, value) in &webhook.headers {
                // The second time it may be a delivery of its own.
                let again = copy > 0 && name.eq_ignore_ascii_case("x-github-delivery");
                let value = if again { value.replacen(char::is_alphanumeric, "0", 1) } else { value.clone() };
                request = request.header(name, value);
            }
            let request = request.body(Body::from(webhook.body)).expect("a request");
            let Ok(answer) = ingress.oneshot(request).await;
            world.note("ingress", || format!("answers a webhook of {key}: {}", answer.status().as_u16()));
            if answer.status() == 202 {
                world.judge().accepted(key, head, made);
            }
        });
    }
}
