//! Where the App is installed, and on which repositories. The first as the App itself, the second as each installation.

use eco_coder_shared::ids::RepoName;
use serde::Deserialize;

use crate::client::GitHub;
use crate::error::ApiError;
use crate::seen::{Page, Seen};
use crate::transport::{Caller, Method, Request};

/// The App where an account has installed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstallationInfo {
    /// GitHub's number.
    pub id: u64,
    /// The account, or GitHub, has put it out of service.
    pub suspended: bool,
}

#[derive(Deserialize)]
struct WireInstallation {
    id: u64,
    suspended_at: Option<String>,
}

#[derive(Deserialize)]
struct WireRepositories {
    repositories: Vec<WireRepository>,
}

#[derive(Deserialize)]
struct WireRepository {
    full_name: RepoName,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    disabled: bool,
}

impl GitHub {
    /// A page of the App's installations.
    pub async fn installations(
        &self,
        next: Option<&str>,
        tag: Option<&str>,
    ) -> Result<Seen<Page<InstallationInfo>>, ApiError> {
        let first = Request::new(Method::Get, "/app/installations");
        let info = |wire: WireInstallation| InstallationInfo { id: wire.id, suspended: wire.suspended_at.is_some() };
        let read = |page: Vec<WireInstallation>| page.into_iter().map(info).collect();
        self.page_again(first, next, tag, "the App's installations", read).await
    }

    /// A page of an installation's repositories, without those that nobody can write to.
    pub async fn installation_repositories(
        &self,
        id: u64,
        next: Option<&str>,
        tag: Option<&str>,
    ) -> Result<Seen<Page<RepoName>>, ApiError> {
        let first = Request::new(Method::Get, "/installation/repositories");
        let first = Request { caller: Caller::Installation(id), ..first };
        let read = |page: WireRepositories| {
            let alive = page.repositories.into_iter().filter(|repository| !repository.archived && !repository.disabled);
            alive.map(|repository| repository.full_name).collect()
        };
        self.page_again(first, next, tag, "the installation's repositories", read).await
    }
}
