//! Which repository is associated with CodeGuru, and whether its association is what the settings say: looked at once an
//! hour.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_codegurureviewer::types::{ProviderType, RepositoryAssociation, RepositoryAssociationState};
use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::ids::RepoName;
use tokio::sync::Mutex;

use super::api::Api;
use super::{Trouble, error};
use crate::results::ErrorType;

/// How long an association that was looked at is taken for good.
const KNOWN: Duration = Duration::from_hours(1);

/// A repository, and its association with CodeGuru.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// On GitHub.
    pub repository: RepoName,
    /// `arn:aws:codeguru-reviewer:REGION:ACCOUNT:association:ID`.
    pub arn: String,
}

pub(super) struct Associations {
    all: Vec<Association>,
    env: SharedEnv,
    /// ARNs that are good, and until when that is taken for granted.
    known: Mutex<HashMap<String, Timestamp>>,
}

impl Associations {
    pub(super) fn new(all: Vec<Association>, env: SharedEnv) -> Self {
        Self { all, env, known: Mutex::default() }
    }

    /// The repository's, if it has one.
    pub(super) fn of(&self, repository: &RepoName) -> Option<&Association> {
        let name = repository.as_str();
        self.all.iter().find(|known| known.repository.as_str().eq_ignore_ascii_case(name))
    }

    /// Is the configured association this repository's, and in use?
    pub(super) async fn check(&self, api: &Api, repository: &RepoName) -> Result<(), Trouble> {
        let Some(Association { arn, .. }) = self.of(repository) else {
            return refuse("this repository has no association", &repository.to_string());
        };
        let now = self.env.now();
        // One looks; the others wait for what it finds.
        let mut known = self.known.lock().await;
        if known.get(arn).is_some_and(|until| now < *until) {
            return Ok(());
        }
        match api.association(arn).await {
            Ok(found) => is_good(&found, arn, repository)?,
            Err(fault) => match fault.code.as_deref() {
                Some("NotFoundException" | "ResourceNotFoundException" | "ValidationException") => {
                    return refuse("the configured association does not exist", &fault.words);
                }
                _ => return Err(fault.into()),
            },
        }
        known.insert(arn.clone(), now + KNOWN);
        Ok(())
    }

    /// What an operator has to mend.
    pub(super) async fn wrong(&self, api: &Api) -> Vec<String> {
        let mut wrong = Vec::new();
        for Association { repository, .. } in &self.all {
            match self.check(api, repository).await {
                Ok(()) => {}
                Err(Trouble::Never(error)) => wrong.push(format!("{repository}: {}", error.for_operator)),
                Err(Trouble::Later(fault)) => wrong.push(format!("{repository}: {}", fault.words)),
            }
        }
        let Some(Association { repository, .. }) = self.all.first() else { return wrong };
        // That the calls on one review may be made shows only at a review.
        if let Err(fault) = api.may_list(repository).await {
            wrong.push(fault.words);
        }
        wrong
    }
}

fn is_good(found: &RepositoryAssociation, arn: &str, repository: &RepoName) -> Result<(), Trouble> {
    let name = format!("{}/{}", found.owner().unwrap_or_default(), found.name().unwrap_or_default());
    if !name.eq_ignore_ascii_case(repository.as_str()) {
        return refuse("the configured association is another repository's", &format!("{arn} is of {name}"));
    }
    if found.provider_type() != Some(&ProviderType::GitHub) {
        let kind = found.provider_type().map_or("nothing", ProviderType::as_str);
        return refuse(
            "the configured association is not with GitHub",
            &format!("{arn} is with {kind}, and only CodeGuru's reviews of GitHub's pull requests can be taken"),
        );
    }
    if found.state() != Some(&RepositoryAssociationState::Associated) {
        let state = found.state().map_or("unknown", RepositoryAssociationState::as_str);
        let reason = found.state_reason().unwrap_or_default();
        return refuse("the configured association is not in use", &format!("{arn} is {state}: {reason}"));
    }
    Ok(())
}

fn refuse(why: &str, operator: &str) -> Result<(), Trouble> {
    Err(Trouble::Never(error(
        ErrorType::ValidationError,
        why,
        format!("{operator}; see analysis.codeguru_associations"),
    )))
}
