//! What the git protocol needs to know of GitHub: where a repository is cloned from, and with which token. Never runs git.

use eco_coder_shared::ids::RepoName;
use eco_coder_shared::retry::retry;
use secrecy::SecretString;

use crate::auth::Auth;
use crate::client::{Failed, GitHub};
use crate::error::ApiError;

/// Where repositories are cloned from, for the API at `api`: without a slash at its end, a repository is at
/// `ROOT/OWNER/NAME.git`.
///
/// `https://api.github.com` has them at `https://github.com`, a server's `https://HOST/api/v3` at `https://HOST`, and
/// `https://api.NAME.ghe.com` at `https://NAME.ghe.com`.
pub fn git_root(api: &str) -> String {
    let api = api.trim_end_matches('/');
    let api = api.strip_suffix("/api/v3").unwrap_or(api);
    match api.split_once("://api.") {
        Some((scheme, host)) if host == "github.com" || host.ends_with(".ghe.com") => format!("{scheme}://{host}"),
        _ => api.to_owned(),
    }
}

impl GitHub {
    /// The token that reads this repository now: the sign-in's own, or that of the App's installation there. `None` if
    /// nobody is signed in.
    pub async fn token_for(&self, repository: &RepoName) -> Result<Option<SecretString>, ApiError> {
        let ask = || async {
            match self.auth() {
                Auth::App(app) => {
                    let installation = self.installation(app, repository).await?;
                    self.token(Some(&installation)).await
                }
                Auth::Anonymous | Auth::Token(_) => self.token(None).await,
            }
        };
        let (retries, env) = self.retries();
        retry(retries, env, |(_, retry): &Failed| *retry, ask).await.map_err(|(error, _)| error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_cloned_from_the_host_that_the_api_is_of() {
        for (api, root) in [
            ("https://api.github.com", "https://github.com"),
            ("https://api.github.com/", "https://github.com"),
            ("https://git.example.com/api/v3/", "https://git.example.com"),
            ("https://api.example.com/api/v3", "https://api.example.com"),
            ("https://api.acme.ghe.com", "https://acme.ghe.com"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000"),
        ] {
            assert_eq!(git_root(api), root);
        }
    }
}
