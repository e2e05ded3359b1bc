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
/// How the names of buckets begin that CodeGuru may read.
const BUCKETS: &str = "codeguru-reviewer-";

/// A repository, and its association with CodeGuru.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// On GitHub.
    pub repository: RepoName,
    /// `arn:aws:codeguru-reviewer:REGION:ACCOUNT:association:ID`.
    pub arn: String,
}

/// Where CodeGuru gets the source from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Provider {
    /// From GitHub, whose pull requests it reviews by itself.
    GitHub,
    /// From this bucket, if somebody puts it there.
    Bucket(Bucket),
}

/// An association with S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) arn: String,
    /// The number of the account that it is of.
    pub(super) account: String,
    /// What the association calls its repository: not what GitHub does.
    pub(super) repository: String,
    /// The bucket.
    pub(super) name: String,
}

pub(super) struct Associations {
    all: Vec<Association>,
    /// Source may be put into buckets.
    may_upload: bool,
    env: SharedEnv,
    /// What is known of ARNs that are good, and until when that is taken for granted.
    known: Mutex<HashMap<String, (Provider, Timestamp)>>,
}

impl Associations {
    pub(super) fn new(all: Vec<Association>, may_upload: bool, env: SharedEnv) -> Self {
        Self { all, may_upload, env, known: Mutex::default() }
    }

    /// The repository's, if it has one.
    pub(super) fn of(&self, repository: &RepoName) -> Option<&Association> {
        let name = repository.as_str();
        self.all.iter().find(|known| known.repository.as_str().eq_ignore_ascii_case(name))
    }

    /// Is the configured association this repository's, and in use? Then, where CodeGuru gets the source from.
    pub(super) async fn check(&self, api: &Api, repository: &RepoName) -> Result<Provider, Trouble> {
        let Some(Association { arn, .. }) = self.of(repository) else {
            return refuse("this repository has no association", &repository.to_string());
        };
        let now = self.env.now();
        // One looks; the others wait for what it finds.
        let mut known = self.known.lock().await;
        if let Some((provider, _)) = known.get(arn).filter(|(_, until)| now < *until) {
            return Ok(provider.clone());
        }
        let provider = match api.association(arn).await {
            Ok(found) => self.look_at(&found, arn, repository)?,
            Err(fault) => match fault.code.as_deref() {
                Some("NotFoundException" | "ResourceNotFoundException" | "ValidationException") => {
                    return refuse("the configured association does not exist", &fault.words);
                }
                _ => return Err(fault.into()),
            },
        };
        known.insert(arn.clone(), (provider.clone(), now + KNOWN));
        Ok(provider)
    }

    /// What an operator has to mend.
    pub(super) async fn wrong(&self, api: &Api) -> Vec<String> {
        let mut wrong = Vec::new();
        for Association { repository, .. } in &self.all {
            match self.check(api, repository).await {
                Ok(_) => {}
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

    fn look_at(&self, found: &RepositoryAssociation, arn: &str, repository: &RepoName) -> Result<Provider, Trouble> {
        let provider = match found.provider_type() {
            Some(ProviderType::GitHub) => {
                let name = format!("{}/{}", found.owner().unwrap_or_default(), found.name().unwrap_or_default());
                if !name.eq_ignore_ascii_case(repository.as_str()) {
                    let operator = format!("{arn} is of {name}");
                    return refuse("the configured association is another repository's", &operator);
                }
                Provider::GitHub
            }
            Some(ProviderType::S3Bucket) => Provider::Bucket(self.bucket(found, arn)?),
            other => {
                let kind = other.map_or("nothing", ProviderType::as_str);
                return refuse(
                    "the configured association is neither with GitHub nor with S3",
                    &format!("{arn} is with {kind}: CodeGuru's reviews of those can't be taken"),
                );
            }
        };
        if found.state() != Some(&RepositoryAssociationState::Associated) {
            let state = found.state().map_or("unknown", RepositoryAssociationState::as_str);
            let reason = found.state_reason().unwrap_or_default();
            return refuse("the configured association is not in use", &format!("{arn} is {state}: {reason}"));
        }
        Ok(provider)
    }

    fn bucket(&self, found: &RepositoryAssociation, arn: &str) -> Result<Bucket, Trouble> {
        if !self.may_upload {
            return refuse(
                "its association is with S3, and uploading source to it is not allowed: analysis.codeguru_upload_source",
                &format!(
                    "{arn} is with S3, where CodeGuru sees only source that is uploaded: set \
                     analysis.codeguru_upload_source = true to put it into the association's bucket, in your own account"
                ),
            );
        }
        let name = found.s3_repository_details().and_then(|details| details.bucket_name()).unwrap_or_default();
        if !name.starts_with(BUCKETS) {
            return refuse(
                "the configured association's bucket is none that CodeGuru reads",
                &format!("the bucket of {arn} is {name:?}, and must be one whose name begins with {BUCKETS}"),
            );
        }
        Ok(Bucket {
            arn: arn.to_owned(),
            account: arn.split(':').nth(4).unwrap_or_default().to_owned(),
            repository: found.name().unwrap_or_default().to_owned(),
            name: name.to_owned(),
        })
    }
}

fn refuse<T>(why: &str, operator: &str) -> Result<T, Trouble> {
    Err(Trouble::Never(error(
        ErrorType::ValidationError,
        why,
        format!("{operator}; see analysis.codeguru_associations"),
    )))
}
