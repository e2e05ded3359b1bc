//! GitHub's JSON in, a decision out. Pure: no clock, no dice, no queue. What it can't make sense of is refused without
//! repeating it.

mod check;
mod payload;
mod workflow;

use eco_coder_shared::check::ExternalId;
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{DeliveryId, PullKey, PullNumber, RepoId, RepoName};
use eco_coder_shared::job::{Cause, Job};
use eco_coder_shared::policy::{Candidate, Policy, Refusal as PolicyRefusal};

use self::payload::{Payload, PullRequest};
use super::answer::Refusal;
use super::json::Fault;
use super::signature::SignedBody;

/// What a delivery means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A pull request is to be brought up to date.
    Review(Box<Job>),
    /// GitHub asks whether anybody is there.
    Pong,
    /// Nothing to do. The words are for GitHub's delivery page.
    Ignore(&'static str),
}

/// What the job takes from elsewhere than the payload.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// The job's id, random.
    pub(crate) id: String,
    /// Now.
    pub(crate) at: Timestamp,
    /// GitHub's id of the delivery, if it is one.
    pub(crate) delivery: Option<DeliveryId>,
}

/// Decides about one signed delivery of `event` (the X-GitHub-Event header).
pub(crate) fn decide(event: &str, body: &SignedBody, policy: &Policy, arrival: &Arrival) -> Result<Decision, Refusal> {
    match event {
        "ping" => Ok(Decision::Pong),
        "pull_request" => {
            let payload = Payload::read(body.bytes()).map_err(|fault| unreadable(fault, body.bytes()))?;
            decide_pull_request(&payload, policy, arrival)
        }
        "workflow_run" => {
            let payload = workflow::Payload::read(body.bytes()).map_err(|fault| unreadable(fault, body.bytes()))?;
            decide_workflow_run(&payload, policy, arrival)
        }
        "check_run" | "check_suite" => {
            let payload = check::Payload::read(event, body.bytes()).map_err(|fault| unreadable(fault, body.bytes()))?;
            decide_check(&payload, policy, arrival)
        }
        _ => Ok(Decision::Ignore("only pull_request, workflow_run, check_run and check_suite events are reviewed")),
    }
}

fn decide_pull_request(payload: &Payload<'_>, policy: &Policy, arrival: &Arrival) -> Result<Decision, Refusal> {
    let pull = &payload.pull_request;
    let repo: RepoName = payload.repository.full_name.parse().map_err(|_| Refusal::BadName)?;
    let number = PullNumber::try_from(pull.number).map_err(|_| Refusal::BadNumber)?;
    let cause = match cause(payload, policy) {
        Ok(cause) => cause,
        Err(reason) => return Ok(Decision::Ignore(reason)),
    };
    if let Err(refusal) = admit(cause, pull, &repo, policy) {
        return Ok(Decision::Ignore(refusal.reason()));
    }
    Ok(Decision::Review(Box::new(Job {
        // For logs only: a head of another form is no reason to lose the hint.
        head: pull.head_sha.parse().ok(),
        updated_at: Timestamp::parse_rfc3339(&pull.updated_at),
        ..hint(PullKey { repo_id: RepoId(payload.repository.id), pull: number }, repo, cause, arrival)
    })))
}

/// A workflow may have left measurements, or what linters found. One pull request of its branch is looked at: it is rare that
/// there are more, and each has its own events.
fn decide_workflow_run(
    payload: &workflow::Payload<'_>,
    policy: &Policy,
    arrival: &Arrival,
) -> Result<Decision, Refusal> {
    if payload.action != "completed" {
        return Ok(Decision::Ignore("the workflow has not ended"));
    }
    let repo: RepoName = payload.repository.full_name.parse().map_err(|_| Refusal::BadName)?;
    let ours = payload.run.pulls.iter().find(|pull| pull.repository_id() == payload.repository.id);
    let Some(pull) = ours else {
        return Ok(Decision::Ignore("the workflow names no pull request of this repository"));
    };
    let number = PullNumber::try_from(pull.number).map_err(|_| Refusal::BadNumber)?;
    if let Some(reason) = refused(&repo, policy) {
        return Ok(Decision::Ignore(reason));
    }
    Ok(Decision::Review(Box::new(Job {
        head: payload.run.head_sha.parse().ok(),
        ..hint(PullKey { repo_id: RepoId(payload.repository.id), pull: number }, repo, Cause::CiFinished, arrival)
    })))
}

/// Somebody pressed *Re-run*: what stands is made again, and failed attempts are forgotten. A check run of ours names its
/// pull request itself, a fork's too; for a suite of them GitHub names one, unless the branch is a fork's.
fn decide_check(payload: &check::Payload<'_>, policy: &Policy, arrival: &Arrival) -> Result<Decision, Refusal> {
    let check::Payload { action, check, repository } = payload;
    if action != "rerequested" {
        return Ok(Decision::Ignore("nobody asked for a check again"));
    }
    let repo: RepoName = repository.full_name.parse().map_err(|_| Refusal::BadName)?;
    let key = if let Some(id) = &check.external_id {
        match id.parse::<ExternalId>() {
            Ok(ExternalId(key)) if key.repo_id.0 == repository.id => key,
            _ => return Ok(Decision::Ignore("the check run is not one of Eco-Coder's in this repository")),
        }
    } else {
        let Some(pull) = check.pulls.iter().find(|pull| pull.repository_id() == repository.id) else {
            return Ok(Decision::Ignore(
                "the check suite names no pull request of this repository; re-run the check itself",
            ));
        };
        let pull = PullNumber::try_from(pull.number).map_err(|_| Refusal::BadNumber)?;
        PullKey { repo_id: RepoId(repository.id), pull }
    };
    if let Some(reason) = refused(&repo, policy) {
        return Ok(Decision::Ignore(reason));
    }
    Ok(Decision::Review(Box::new(Job {
        head: check.head_sha.parse().ok(),
        redriven_at: Some(arrival.at),
        nonce: Some(arrival.id.clone()),
        ..hint(key, repo, Cause::Rerequested, arrival)
    })))
}

/// Why nothing in this repository is reviewed, if so. What else the pull request is, the worker asks GitHub; while reviews are
/// paused, the jobs wait in the queue.
fn refused(repo: &RepoName, policy: &Policy) -> Option<&'static str> {
    let candidate = Candidate { repo, draft: false, author_is_bot: false, has_skip_label: false };
    let refusal = policy.accepts(candidate).err()?;
    (!matches!(refusal, PolicyRefusal::Paused | PolicyRefusal::RepositoryPaused)).then(|| refusal.reason())
}

/// A job that knows which pull request it is about, and no more.
fn hint(key: PullKey, repo: RepoName, cause: Cause, arrival: &Arrival) -> Job {
    Job {
        id: arrival.id.clone(),
        repo_id: key.repo_id,
        repo,
        pull: key.pull,
        cause,
        head: None,
        updated_at: None,
        accepted_at: arrival.at,
        rereads: 0,
        redriven_at: None,
        nonce: None,
        not_before: None,
        delivery: arrival.delivery.clone(),
        traceparent: None,
    }
}

/// What happened that matters here; else why it doesn't.
fn cause(payload: &Payload<'_>, policy: &Policy) -> Result<Cause, &'static str> {
    let cause = match &*payload.action {
        "opened" => Cause::Opened,
        "synchronize" => Cause::Synchronize,
        "reopened" => Cause::Reopened,
        "ready_for_review" => Cause::ReadyForReview,
        "closed" => Cause::Closed,
        "converted_to_draft" => Cause::ConvertedToDraft,
        "edited" if payload.base_changed => Cause::BaseChanged,
        "edited" => return Err("the edit did not change the base branch"),
        "unlabeled" if payload.label.as_ref().is_some_and(|label| policy.is_skip_label(&label.name)) => {
            Cause::Unlabeled
        }
        "unlabeled" => return Err("the removed label is not the skip label (policy.skip_label)"),
        _ => return Err("this action of a pull request changes nothing that is reviewed"),
    };
    if payload.pull_request.state == "closed" && cause != Cause::Closed {
        return Err("the pull request is closed");
    }
    Ok(cause)
}

/// A stop goes through whatever the pull request has become meanwhile, because a review of it may be under way.
fn admit(cause: Cause, pull: &PullRequest<'_>, repo: &RepoName, policy: &Policy) -> Result<(), PolicyRefusal> {
    let stop = matches!(cause, Cause::Closed | Cause::ConvertedToDraft);
    let verdict = policy.accepts(Candidate {
        repo,
        draft: !stop && pull.draft.unwrap_or(false),
        author_is_bot: pull.user.as_ref().is_some_and(|user| user.kind == "Bot" || user.login.ends_with("[bot]")),
        has_skip_label: !stop && pull.labels.iter().any(|label| policy.is_skip_label(&label.name)),
    });
    match verdict {
        // GitHub sends a webhook once: while reviews are paused, the jobs wait in the queue.
        Err(PolicyRefusal::Paused | PolicyRefusal::RepositoryPaused) => Ok(()),
        verdict => verdict,
    }
}

/// Says where, and not what: nothing of the payload is repeated.
fn unreadable(fault: Fault, body: &[u8]) -> Refusal {
    let place = |at: usize| {
        let before = &body[..at.min(body.len())];
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = at - memchr::memrchr(b'\n', before).map_or(0, |end| end + 1) + 1;
        (line, column)
    };
    match fault {
        Fault::Incomplete => Refusal::Incomplete,
        Fault::Syntax(at) => {
            let (line, column) = place(at);
            Refusal::Syntax { line, column }
        }
        Fault::Shape(at) => {
            let (line, column) = place(at);
            Refusal::Shape { line, column }
        }
    }
}

#[cfg(test)]
mod tests;
