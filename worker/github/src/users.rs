//! Who is who: the accounts behind calls, pull requests and comments. Never looks anybody up by name.

use eco_coder_shared::ids::RepoName;
use serde::Deserialize;

use crate::client::GitHub;
use crate::error::ApiError;
use crate::transport::{Caller, Method, Request};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// GitHub's number; survives renames. 0 if the account is gone.
    pub id: u64,
    /// Its name now; `ghost` if the account is gone.
    pub login: String,
    /// An App's or a machine's account.
    pub is_bot: bool,
}

/// As GitHub's JSON has it.
#[derive(Deserialize)]
pub(crate) struct WireUser {
    id: u64,
    login: String,
    #[serde(rename = "type", default)]
    kind: String,
}

impl From<Option<WireUser>> for User {
    fn from(user: Option<WireUser>) -> Self {
        match user {
            Some(WireUser { id, login, kind }) => Self { id, is_bot: kind == "Bot" || login.ends_with("[bot]"), login },
            None => Self { id: 0, login: "ghost".to_owned(), is_bot: false },
        }
    }
}

impl GitHub {
    /// The account that writes comments in this repository: the token's, or the App's bot.
    pub async fn author(&self, repository: &RepoName) -> Result<User, ApiError> {
        if !self.is_app() {
            return self.viewer().await;
        }
        let path = format!("/users/{}%5Bbot%5D", self.app().await?.slug);
        let request = Request { caller: Caller::Repository(repository.clone()), ..Request::new(Method::Get, path) };
        let user: WireUser = self.json(request, "the App's bot").await?;
        Ok(Some(user).into())
    }

    /// Does GitHub answer whoever works on this repository anything at all? Asks for the rate limit, which costs none of
    /// it; a server without limits says 404, which is an answer, too.
    pub async fn answers(&self, repository: &RepoName) -> Result<(), ApiError> {
        let caller = Caller::Repository(repository.clone());
        let request = Request { caller, ..Request::new(Method::Get, "/rate_limit") };
        self.send(request).await.map(drop)
    }

    /// The account that the token belongs to. An App's installation token has none, and gets a `Forbidden`.
    pub async fn viewer(&self) -> Result<User, ApiError> {
        let user: WireUser = self.json(Request::new(Method::Get, "/user"), "the user").await?;
        Ok(Some(user).into())
    }
}
