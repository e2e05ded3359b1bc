//! AWS Secrets Manager: the value that is current, and the one before it if there is one.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use secrecy::SecretString;
use tracing::Instrument as _;

use super::{SecretError, SecretRef};
use crate::aws::{AwsSettings, Fault, count};

/// Stages, newest first. Not every secret was ever rotated.
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// Reads the value, and the one before it.
pub(super) async fn fetch(
    reference: &SecretRef,
    name: &str,
    key: Option<&str>,
    aws: &AwsSettings,
) -> Result<Vec<SecretString>, SecretError> {
    from(&Client::new(&aws.load().await), reference, name, key).await
}

async fn from(
    client: &Client,
    reference: &SecretRef,
    name: &str,
    key: Option<&str>,
) -> Result<Vec<SecretString>, SecretError> {
    let wrong = |cause: String| SecretError::Aws { reference: reference.clone(), cause };
    let current = stage(client, name, CURRENT).await.map_err(|fault| wrong(fault.words))?;
    let current = current.ok_or_else(|| wrong("it has no value that is a text; store it as a text".to_owned()))?;
    let mut secrets = vec![member(reference, &current, key)?];
    // What was never rotated has no stage before: that is no error, and neither is a role that may not see it.
    if let Ok(Some(previous)) = stage(client, name, PREVIOUS).await
        && let Ok(previous) = member(reference, &previous, key)
    {
        secrets.push(previous);
    }
    Ok(secrets)
}

async fn stage(client: &Client, name: &str, stage: &str) -> Result<Option<String>, Fault> {
    let asked = count("secretsmanager", "GetSecretValue");
    match client.get_secret_value().secret_id(name).version_stage(stage).send().instrument(asked).await {
        Ok(answer) => Ok(answer.secret_string),
        Err(e) => {
            let mut fault = Fault::new("secretsmanager:GetSecretValue", &e);
            if e.code() == Some("ResourceNotFoundException") {
                fault.words += "; make it, or name another; look at aws.region";
            }
            Err(fault)
        }
    }
}

/// The secret's text, or one member of it.
fn member(reference: &SecretRef, text: &str, key: Option<&str>) -> Result<SecretString, SecretError> {
    let wrong = |cause: &str| SecretError::Aws { reference: reference.clone(), cause: cause.to_owned() };
    let value = match key {
        None => text.to_owned(),
        Some(key) => {
            let object: BTreeMap<String, serde_json::Value> =
                serde_json::from_str(text).map_err(|_| wrong("its value is not a JSON object; leave out the #KEY"))?;
            let value = object.get(key).and_then(serde_json::Value::as_str);
            value.ok_or_else(|| wrong("its JSON has no text under the #KEY"))?.to_owned()
        }
    };
    let value = value.trim_end_matches(['\r', '\n']);
    if value.trim().is_empty() { Err(SecretError::Empty(reference.clone())) } else { Ok(SecretString::from(value)) }
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::error::ErrorMetadata;
    use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use secrecy::ExposeSecret;

    use super::*;
    use crate::env::{Env, SystemEnv};
    use crate::testing::ministack;

    async fn secret(value: &str) -> (Client, String) {
        let client = Client::new(&ministack::sdk().await);
        let name = SystemEnv.random_id();
        client.create_secret().name(&name).secret_string(value).send().await.unwrap();
        (client, name)
    }

    async fn read(client: &Client, name: &str, key: Option<&str>) -> Result<Vec<String>, SecretError> {
        let reference = SecretRef::Aws { name: name.to_owned(), key: key.map(str::to_owned) };
        let secrets = from(client, &reference, name, key).await?;
        Ok(secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect())
    }

    #[tokio::test]
    async fn the_current_value_comes_first_and_during_a_rotation_the_one_before_it_too() {
        let (client, name) = secret("first\n").await;
        assert_eq!(read(&client, &name, None).await.unwrap(), ["first"]);
        client.put_secret_value().secret_id(&name).secret_string("second").send().await.unwrap();
        assert_eq!(read(&client, &name, None).await.unwrap(), ["second", "first"]);
    }

    #[tokio::test]
    async fn a_member_of_a_json_secret_is_taken_by_its_key() {
        let (client, name) = secret("{\"token\":\"t\",\"n\":1}").await;
        assert_eq!(read(&client, &name, Some("token")).await.unwrap(), ["t"]);
        for missing in ["other", "n"] {
            let error = read(&client, &name, Some(missing)).await.unwrap_err().to_string();
            assert!(error.contains("no text under the #KEY"), "{error}");
        }
        let (client, name) = secret("bare").await;
        let error = read(&client, &name, Some("token")).await.unwrap_err().to_string();
        assert!(error.contains("not a JSON object") && !error.contains("bare"), "{error}");
    }

    #[tokio::test]
    async fn what_is_missing_empty_or_forbidden_says_what_to_do() {
        let (client, name) = secret(" ").await;
        assert!(matches!(read(&client, &name, None).await, Err(SecretError::Empty(_))));
        let error = read(&client, "nobody", None).await.unwrap_err().to_string();
        assert!(error.contains("aws:nobody") && error.contains("aws.region"), "{error}");
        let denied = mock!(Client::get_secret_value).then_error(|| {
            GetSecretValueError::generic(ErrorMetadata::builder().code("AccessDeniedException").build())
        });
        let client = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&denied]);
        let error = read(&client, "x", None).await.unwrap_err().to_string();
        assert!(error.contains("allow secretsmanager:GetSecretValue"), "{error}");
    }
}
