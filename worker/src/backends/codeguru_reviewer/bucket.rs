//! The bucket of an association: puts one object, and removes it. Decides nothing.

use std::path::Path;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation};
use aws_sdk_s3::primitives::ByteStream;
use eco_coder_shared::aws::{AwsSettings, Fault, count};
use tokio::sync::OnceCell;
use tracing::Instrument as _;

use crate::tools::codeguru_reviewer::Upload;

/// For one try of putting an archive.
const PUT: Duration = Duration::from_mins(2);

pub(super) struct Buckets {
    aws: AwsSettings,
    client: OnceCell<Client>,
}

impl Buckets {
    pub(super) fn new(aws: AwsSettings) -> Self {
        Self { aws, client: OnceCell::new() }
    }

    #[cfg(test)]
    pub(super) fn with(sdk: &aws_config::SdkConfig) -> Self {
        Self { client: OnceCell::new_with(Some(client(sdk))), ..Self::new(AwsSettings::default()) }
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| async { client(&self.aws.load().await) }).await
    }

    /// Puts the file there, if the bucket is this account's: a name that was given up may be a stranger's by now.
    pub(super) async fn put(&self, place: &Upload, account: &str, file: &Path) -> Result<(), Fault> {
        const ACTION: &str = "s3:PutObject";
        let body = ByteStream::from_path(file).await.map_err(|e| Fault {
            code: Some("Unreadable".to_owned()),
            words: format!("{ACTION}: the archive can't be read: {e}"),
        })?;
        let asked = count("s3", "PutObject");
        let call = self.client().await.put_object().bucket(&place.bucket).key(&place.key).body(body);
        let patient = TimeoutConfig::builder().operation_attempt_timeout(PUT).operation_timeout(PUT).build();
        let call = call.content_type("application/zip").expected_bucket_owner(account).customize();
        let sent = call.config_override(Builder::default().timeout_config(patient)).send().instrument(asked).await;
        sent.map(drop).map_err(|e| Fault::new(ACTION, &e))
    }

    /// Removes it. What is not there is removed.
    pub(super) async fn delete(&self, place: &Upload) -> Result<(), Fault> {
        let asked = count("s3", "DeleteObject");
        let call = self.client().await.delete_object().bucket(&place.bucket).key(&place.key);
        call.send().instrument(asked).await.map(drop).map_err(|e| Fault::new("s3:DeleteObject", &e))
    }
}

fn client(sdk: &aws_config::SdkConfig) -> Client {
    let config = Builder::from(sdk)
        // Names of buckets are no names of hosts at an endpoint of one's own.
        .force_path_style(sdk.endpoint_url().is_some())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    Client::from_conf(config.build())
}

#[cfg(test)]
mod tests {
    use eco_coder_shared::env::{Env, SystemEnv};
    use eco_coder_shared::testing::ministack;

    use super::*;

    /// The emulator's account.
    const ACCOUNT: &str = "000000000000";

    #[tokio::test]
    async fn an_object_is_put_put_again_and_removed_however_often() {
        let sdk = ministack::sdk().await;
        let (buckets, client) = (Buckets::with(&sdk), client(&sdk));
        let bucket = format!("codeguru-reviewer-{}", SystemEnv.random_id());
        let place = Upload { bucket: bucket.clone(), key: "eco-coder/a.zip".to_owned(), is_stored: false };
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("source.zip");
        std::fs::write(&file, b"one").unwrap();
        let nowhere = buckets.put(&place, ACCOUNT, &file).await.unwrap_err();
        assert_eq!(nowhere.code.as_deref(), Some("NoSuchBucket"), "{nowhere:?}");
        client.create_bucket().bucket(&bucket).send().await.unwrap();
        for text in ["one", "two"] {
            std::fs::write(&file, text).unwrap();
            buckets.put(&place, ACCOUNT, &file).await.unwrap();
            let found = client.get_object().bucket(&bucket).key(&place.key).send().await.unwrap();
            assert_eq!(found.body.collect().await.unwrap().into_bytes(), text.as_bytes());
        }
        for _ in 0..2 {
            buckets.delete(&place).await.unwrap();
            assert!(client.get_object().bucket(&bucket).key(&place.key).send().await.is_err());
        }
    }
}
