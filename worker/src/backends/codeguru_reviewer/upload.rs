//! Associations with S3: the head's source is put into the association's bucket, CodeGuru is asked to review it, and the
//! object is removed in every ending. A step says where the object will be before it puts it there, so that whoever goes on
//! after a crash removes it, too. Doing it twice is doing it once: all names are made of repository, head and base.

use std::time::Duration;

use eco_coder_shared::aws::Fault;
use metrics::counter;

use super::associations::Bucket;
use super::identity::Identity;
use super::{CodeguruReviewer, Trouble, error};
use crate::backends::source_archive::SourceError;
use crate::results::ErrorType;
use crate::subject::Target;
use crate::tools::codeguru_reviewer::{Progress, Upload};

/// For fetching the source, packing it and putting it into the bucket.
const UPLOAD: Duration = Duration::from_mins(3);

/// How far asking is.
pub(super) enum Asked {
    /// This is the review.
    Review(String),
    /// What is to be done next is in the progress: keep that, and go on at once.
    Noted,
    /// Look again later.
    NotYet,
}

impl CodeguruReviewer {
    /// Takes the next step towards a review.
    pub(super) async fn ask(
        &self,
        progress: &mut Progress,
        target: &Target,
        association: &Bucket,
    ) -> Result<Asked, Trouble> {
        let identity = Identity::of(target);
        let Some(upload) = &mut progress.upload else {
            progress.upload = Some(identity.place(&association.name));
            return Ok(Asked::Noted);
        };
        if !upload.is_stored {
            match tokio::time::timeout(UPLOAD, self.store(upload, target, association)).await {
                Ok(stored) => stored?,
                Err(_) => return Err(later("the source was not uploaded in time; look at the network")),
            }
            upload.is_stored = true;
        }
        match self.api.create(&identity, association, upload, target).await {
            Ok(review) => Ok(Asked::Review(review)),
            // It is there already: of a worker before this one, whose news was lost.
            Err(fault) if fault.code.as_deref() == Some("ConflictException") => {
                let found = self.api.find_named(&association.repository, &identity.name()).await?;
                Ok(found.map_or(Asked::NotYet, Asked::Review))
            }
            Err(fault) => Err(fault.into()),
        }
    }

    async fn store(&self, upload: &Upload, target: &Target, association: &Bucket) -> Result<(), Trouble> {
        let Some(sources) = &self.sources else { return Err(later("no source is configured")) };
        let Target { repository, head_sha, merge_base_sha, .. } = target;
        let archive = sources.archive(repository, head_sha, merge_base_sha).await.map_err(|fault| no_source(&fault))?;
        let put = self.buckets.put(upload, &association.account, archive.path()).await;
        put.map_err(|fault| match fault.code.as_deref() {
            _ if fault.is_denied() => never("the worker may not put the source into its bucket", fault.words),
            Some("NoSuchBucket") => never("its bucket is not there", fault.words),
            _ => fault.into(),
        })
    }

    /// Removes the object, wherever the review ended. If that can't be done, an operator hears of it, and the report stands.
    pub async fn remove(&self, progress: &Progress) {
        let Some(upload) = &progress.upload else { return };
        let Err(fault) = self.buckets.delete(upload).await else { return };
        counter!("CodeGuruUploadsLeft").increment(1);
        tracing::warn!(
            component = "codeguru_reviewer_tool",
            bucket = upload.bucket,
            key = upload.key,
            error = fault.words,
            "an uploaded source could not be removed; remove it, and see that the bucket has a lifecycle rule"
        );
    }
}

fn never(why: &str, operator: impl Into<String>) -> Trouble {
    Trouble::Never(error(ErrorType::ApiError, why, operator))
}

fn later(words: &str) -> Trouble {
    Trouble::Later(Fault { code: None, words: words.to_owned() })
}

fn no_source(fault: &SourceError) -> Trouble {
    let words = fault.to_string();
    if fault.may_pass() {
        return later(&words);
    }
    match fault {
        SourceError::TooLarge { .. } => {
            Trouble::Never(error(ErrorType::ValidationError, format!("{words}; it was not uploaded"), words))
        }
        _ => never("the source could not be put together for it", words),
    }
}
