//! CodeGuru Reviewer's calls: one client, nothing retried, calls of one operation a second apart. Decides nothing.

use std::time::Duration;

use aws_sdk_codegurureviewer::Client;
use aws_sdk_codegurureviewer::config::{Builder, retry::RetryConfig};
use aws_sdk_codegurureviewer::types::{
    CodeReviewSummary, JobState, ProviderType, RecommendationSummary, RepositoryAssociation, Type,
};
use eco_coder_shared::aws::{AwsSettings, Fault, count};
use eco_coder_shared::ids::RepoName;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::associations::Bucket;
use super::identity::Identity;
use super::scan;
use crate::subject::Target;
use crate::tools::codeguru_reviewer::Upload;

/// CodeGuru's quota: a call a second of each operation, for all of the account.
const APART: Duration = Duration::from_secs(1);
/// Reviews of a repository that are looked through for one commit's, in pages of 100.
const REVIEW_PAGES: usize = 10;
/// Recommendations of a review that are read, in pages of 300: 3,000.
const RECOMMENDATION_PAGES: usize = 10;

/// Where a code review is. What it is called that nobody knows is pending: it may still end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReviewState {
    Pending,
    Completed,
    Failed,
    Deleting,
}

impl ReviewState {
    fn of(state: Option<&JobState>) -> Self {
        match state {
            Some(JobState::Completed) => Self::Completed,
            Some(JobState::Failed) => Self::Failed,
            Some(JobState::Deleting) => Self::Deleting,
            _ => Self::Pending,
        }
    }
}

/// All recommendations of a review, as far as they are read.
pub(super) struct Listed {
    pub(super) summaries: Vec<RecommendationSummary>,
    /// There are more.
    pub(super) more: bool,
}

/// When a call of one operation began last.
type Turn = Mutex<Option<Instant>>;

pub(super) struct Api {
    aws: AwsSettings,
    client: OnceCell<Client>,
    associations: Turn,
    reviews: Turn,
    states: Turn,
    recommendations: Turn,
    creations: Turn,
    apart: Duration,
}

impl Api {
    pub(super) fn new(aws: AwsSettings) -> Self {
        Self {
            aws,
            client: OnceCell::new(),
            associations: Turn::default(),
            reviews: Turn::default(),
            states: Turn::default(),
            recommendations: Turn::default(),
            creations: Turn::default(),
            apart: APART,
        }
    }

    /// With this client, and calls one right after the other.
    #[cfg(test)]
    pub(super) fn unpaced(sdk: &aws_config::SdkConfig) -> Self {
        let api = Self { apart: Duration::ZERO, ..Self::new(AwsSettings::default()) };
        Self { client: OnceCell::new_with(Some(client(sdk))), ..api }
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| async { client(&self.aws.load().await) }).await
    }

    /// Waits until a call of this operation may begin.
    async fn turn(&self, last: &Turn) {
        self.turn_after(last, self.apart).await;
    }

    async fn turn_after(&self, last: &Turn, apart: Duration) {
        let mut last = last.lock().await;
        if let Some(before) = *last {
            tokio::time::sleep_until(before + apart).await;
        }
        *last = Some(Instant::now());
    }

    pub(super) async fn association(&self, arn: &str) -> Result<RepositoryAssociation, Fault> {
        self.turn(&self.associations).await;
        let asked = count("codeguru-reviewer", "DescribeRepositoryAssociation");
        let answer =
            self.client().await.describe_repository_association().association_arn(arn).send().instrument(asked).await;
        let answer = answer.map_err(|e| Fault::new("codeguru-reviewer:DescribeRepositoryAssociation", &e))?;
        answer.repository_association.ok_or_else(|| Fault {
            code: Some("NotFoundException".to_owned()),
            words: "codeguru-reviewer:DescribeRepositoryAssociation: the answer holds no association".to_owned(),
        })
    }

    /// Asks for one review of the repository, whichever.
    pub(super) async fn may_list(&self, repository: &RepoName) -> Result<(), Fault> {
        self.turn(&self.reviews).await;
        let asked = count("codeguru-reviewer", "ListCodeReviews");
        let call = self.client().await.list_code_reviews().r#type(Type::PullRequest);
        let call = call.provider_types(ProviderType::GitHub).repository_names(repository.name());
        call.max_results(1)
            .send()
            .instrument(asked)
            .await
            .map(drop)
            .map_err(|e| Fault::new("codeguru-reviewer:ListCodeReviews", &e))
    }

    /// Asks for a review of what was uploaded, and gives its ARN.
    pub(super) async fn create(
        &self,
        identity: &Identity,
        association: &Bucket,
        upload: &Upload,
        target: &Target,
    ) -> Result<String, Fault> {
        // One in two seconds.
        self.turn_after(&self.creations, self.apart * 2).await;
        let asked = count("codeguru-reviewer", "CreateCodeReview");
        let kind = scan::of(identity, association, upload, target).map_err(|e| Fault {
            code: Some("ValidationException".to_owned()),
            words: format!("codeguru-reviewer:CreateCodeReview: {e}"),
        })?;
        let call = self.client().await.create_code_review().name(identity.name()).r#type(kind);
        let call = call.repository_association_arn(&association.arn).client_request_token(identity.token());
        let answer =
            call.send().instrument(asked).await.map_err(|e| Fault::new("codeguru-reviewer:CreateCodeReview", &e))?;
        answer.code_review.and_then(|review| review.code_review_arn).ok_or_else(|| Fault {
            // The next try asks for the same one.
            code: None,
            words: "codeguru-reviewer:CreateCodeReview: the answer holds no code review".to_owned(),
        })
    }

    /// The ARN of the review of an upload that has this name.
    pub(super) async fn find_named(&self, repository: &str, name: &str) -> Result<Option<String>, Fault> {
        self.search(Type::RepositoryAnalysis, ProviderType::S3Bucket, repository, |found| found.name() == Some(name))
            .await
    }

    /// The ARN of CodeGuru's own review of this head, if there is one.
    pub(super) async fn find(&self, target: &Target) -> Result<Option<String>, Fault> {
        let name = target.repository.name();
        self.search(Type::PullRequest, ProviderType::GitHub, name, |summary| is_of(summary, target)).await
    }

    async fn search(
        &self,
        kind: Type,
        provider: ProviderType,
        repository: &str,
        is_wanted: impl Fn(&CodeReviewSummary) -> bool,
    ) -> Result<Option<String>, Fault> {
        let mut next = None;
        for _ in 0..REVIEW_PAGES {
            self.turn(&self.reviews).await;
            let asked = count("codeguru-reviewer", "ListCodeReviews");
            let call = self.client().await.list_code_reviews().r#type(kind.clone());
            let call = call.provider_types(provider.clone()).repository_names(repository);
            let page = call.max_results(100).set_next_token(next).send().instrument(asked).await;
            let page = page.map_err(|e| Fault::new("codeguru-reviewer:ListCodeReviews", &e))?;
            let found = page.code_review_summaries().iter().find(|summary| is_wanted(summary));
            if let Some(arn) = found.and_then(CodeReviewSummary::code_review_arn) {
                return Ok(Some(arn.to_owned()));
            }
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// Where the review is, and why.
    pub(super) async fn state(&self, review: &str) -> Result<(ReviewState, Option<String>), Fault> {
        self.turn(&self.states).await;
        let asked = count("codeguru-reviewer", "DescribeCodeReview");
        let answer = self.client().await.describe_code_review().code_review_arn(review).send().instrument(asked).await;
        let answer = answer.map_err(|e| Fault::new("codeguru-reviewer:DescribeCodeReview", &e))?;
        let review = answer.code_review();
        let reason = review.and_then(|review| review.state_reason()).map(str::to_owned);
        Ok((ReviewState::of(review.and_then(|review| review.state())), reason))
    }

    pub(super) async fn recommendations(&self, review: &str) -> Result<Listed, Fault> {
        let mut summaries = Vec::new();
        let mut next = None;
        for _ in 0..RECOMMENDATION_PAGES {
            self.turn(&self.recommendations).await;
            let asked = count("codeguru-reviewer", "ListRecommendations");
            let call = self.client().await.list_recommendations().code_review_arn(review).max_results(300);
            let page = call.set_next_token(next).send().instrument(asked).await;
            let page = page.map_err(|e| Fault::new("codeguru-reviewer:ListRecommendations", &e))?;
            summaries.extend(page.recommendation_summaries.unwrap_or_default());
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(Listed { summaries, more: next.is_some() })
    }
}

fn client(sdk: &aws_config::SdkConfig) -> Client {
    // A step that fails is the next step's: that is the one layer of retries here.
    Client::from_conf(Builder::from(sdk).retry_config(RetryConfig::disabled()).build())
}

/// Is this the review of the head, of the pull request?
fn is_of(summary: &CodeReviewSummary, target: &Target) -> bool {
    let commit =
        summary.source_code_type().and_then(|source| source.commit_diff()).and_then(|diff| diff.source_commit());
    let same = |one: Option<&str>, other: &str| one.is_some_and(|one| one.eq_ignore_ascii_case(other));
    summary.pull_request_id() == Some(&target.pull_request.to_string())
        && same(commit, target.head_sha.as_str())
        && same(summary.owner(), target.repository.owner())
        && same(summary.repository_name(), target.repository.name())
}
