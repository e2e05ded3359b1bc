//! How the worker signs in at GitHub: with a token, or as an App, never half of both.

use eco_coder_github::app;
use eco_coder_shared::config::{ConfigError, Settings};
use secrecy::SecretString;

use super::tables::GitHubTable;

/// Where the token is if nothing is set.
const TOKEN_SOURCE: &str = "env:ECO_CODER_GITHUB_TOKEN";

/// Who the worker is at GitHub. Secrets are as they were at the start, with the setting and the reference that name them, for
/// reading them again.
#[derive(Debug, Clone)]
pub enum SignIn {
    /// The bearer of a token.
    Token {
        /// `env:NAME`, `file:PATH`, `aws:NAME`.
        reference: String,
        /// The token.
        token: SecretString,
    },
    /// A GitHub App.
    App {
        /// Its id or client id.
        id: String,
        /// `env:NAME`, `file:PATH`, `aws:NAME`.
        reference: String,
        /// Its private key, PEM.
        key: SecretString,
    },
}

/// Reads and checks that part of `[github]`.
pub(super) fn from_table(table: &GitHubTable, settings: &Settings) -> Result<SignIn, ConfigError> {
    let wrong = |key: &str, problem: &str| Err(ConfigError::value(key, problem));
    match (&table.app_id, &table.app_key_source) {
        (None, None) => {
            let reference = table.token_source.clone().unwrap_or_else(|| TOKEN_SOURCE.to_owned());
            let token = settings.secret("github.token_source", &reference)?;
            Ok(SignIn::Token { reference, token })
        }
        (Some(_), None) => {
            wrong("github.app_key_source", "app_id is set, so it must be, too: where the App's .pem file is")
        }
        (None, Some(_)) => {
            wrong("github.app_id", "app_key_source is set, so it must be, too: the App's id or client id")
        }
        (Some(_), Some(_)) if table.token_source.is_some() => {
            wrong("github.token_source", "an App is set (app_id), too: remove one of them")
        }
        (Some(id), Some(reference)) => {
            let id = id.trim().to_owned();
            if !(1..=100).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.') {
                return wrong("github.app_id", "it must be the App's id (a number) or its client id (Iv23...)");
            }
            let key = settings.secret("github.app_key_source", reference)?;
            app::check_key(&key).map_err(|problem| ConfigError::value("github.app_key_source", problem))?;
            Ok(SignIn::App { id, reference: reference.clone(), key })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made for tests; no App has it.
    const KEY: &str = include_str!("../../github/src/testing/app_key.pem");

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<SignIn, String> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = Settings::parse(&format!("[github]\n{text}"), environment).unwrap();
        from_table(&settings.table("github").unwrap(), &settings).map_err(|e| e.to_string())
    }

    #[test]
    fn a_token_or_an_app_and_never_half_of_both() {
        let token = ("ECO_CODER_GITHUB_TOKEN", "t");
        let key = ("ECO_CODER_SECRET_APP", KEY);
        assert!(matches!(read("", &[token]), Ok(SignIn::Token { .. })));
        let app = "app_id = \"12345\"\napp_key_source = \"env:ECO_CODER_SECRET_APP\"\n";
        // The token's variable may be there; it isn't read.
        for environment in [&[key][..], &[key, token]] {
            let Ok(SignIn::App { id, .. }) = read(app, environment) else { panic!("{:?}", read(app, environment)) };
            assert_eq!(id, "12345");
        }
        let by_client = app.replace("12345", "Iv23liABC");
        assert!(matches!(read(&by_client, &[key]), Ok(SignIn::App { id, .. }) if id == "Iv23liABC"));
        let broken = KEY.replace("MII", "XXX");
        for (text, environment, says) in [
            ("", vec![], "github.token_source"),
            ("app_id = \"1\"", vec![token], "github.app_key_source"),
            ("app_key_source = \"env:ECO_CODER_SECRET_APP\"", vec![key], "github.app_id"),
            (&format!("{app}token_source = \"env:ECO_CODER_GITHUB_TOKEN\""), vec![key, token], "remove one of them"),
            (app, vec![("ECO_CODER_SECRET_APP", "")], "github.app_key_source"),
            (app, vec![("ECO_CODER_SECRET_APP", "not a key")], "no RSA private key in PEM"),
            (app, vec![("ECO_CODER_SECRET_APP", &*broken)], "no RSA private key in PEM"),
            (&app.replace("12345", "1 2"), vec![key], "github.app_id"),
        ] {
            let error = read(text, &environment).unwrap_err();
            assert!(error.contains(says) && !error.contains("MII"), "{text}: {error}");
        }
    }
}
