//! What CodeGuru is asked about an upload: which object, and which two commits in it. Pure.

use aws_sdk_codegurureviewer::error::BuildError;
use aws_sdk_codegurureviewer::types::{
    AnalysisType, CodeArtifacts, CodeReviewType, CommitDiffSourceCodeType, EventInfo, RepositoryAnalysis,
    RepositoryHeadSourceCodeType, RequestMetadata, S3BucketRepository, S3RepositoryDetails, SourceCodeType, VendorName,
};

use super::associations::Bucket;
use super::identity::Identity;
use crate::backends::source_archive::HEAD_BRANCH;
use crate::subject::Target;
use crate::tools::codeguru_reviewer::Upload;

/// Who asks.
const REQUESTER: &str = "eco-coder";
/// What it comes with.
const EVENT: &str = "push";

/// Nothing of it is one pull request's: two of the same head ask for the same. The difference of head and merge base. Without build artifacts CodeGuru looks at quality alone.
pub(super) fn of(
    identity: &Identity,
    association: &Bucket,
    upload: &Upload,
    target: &Target,
) -> Result<CodeReviewType, BuildError> {
    let artifacts = CodeArtifacts::builder().source_code_artifacts_object_key(&upload.key).build()?;
    let details = S3RepositoryDetails::builder().bucket_name(&upload.bucket).code_artifacts(artifacts).build();
    let diff = CommitDiffSourceCodeType::builder()
        .source_commit(target.head_sha.as_str())
        .destination_commit(target.merge_base_sha.as_str());
    let metadata = RequestMetadata::builder()
        .request_id(identity.token())
        .requester(REQUESTER)
        .event_info(EventInfo::builder().name(EVENT).build())
        .vendor_name(VendorName::Github);
    let source = SourceCodeType::builder()
        .s3_bucket_repository(S3BucketRepository::builder().name(&association.repository).details(details).build()?)
        .commit_diff(diff.build())
        .repository_head(RepositoryHeadSourceCodeType::builder().branch_name(HEAD_BRANCH).build()?)
        .request_metadata(metadata.build());
    let analysis = RepositoryAnalysis::builder().source_code_type(source.build()).build();
    let kind = CodeReviewType::builder().repository_analysis(analysis).analysis_types(AnalysisType::CodeQuality);
    Ok(kind.build())
}
