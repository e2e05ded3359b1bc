//! Sign-in as a GitHub App: who signed with its key is the App, and gets tokens of its installations; with such a token the
//! bot calls, in the installation's repositories alone.

use std::time::Duration;

use eco_coder_shared::ids::RepoName;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};

use super::calls::Result;
use super::route::Endpoint;
use super::{Answer, Call};
use crate::forge::{AppSettings, Forge, shapes};

/// How long an installation's token is good.
const GOOD_FOR: Duration = Duration::from_hours(1);
/// The furthest end of a JWT, seconds. Source: GitHub's documentation of Apps.
const LONGEST: i64 = 600;

#[derive(Deserialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
}

impl Forge {
    /// Installs the App for all repositories of an owner; gives the installation's id.
    pub fn install_app(&self, owner: &str) -> u64 {
        let mut state = self.state();
        let id = state.next_id();
        state.installations.insert(owner.to_ascii_lowercase(), id);
        id
    }

    /// Uninstalls it: its tokens are no more.
    pub fn uninstall_app(&self, owner: &str) {
        let mut state = self.state();
        if let Some(id) = state.installations.remove(&owner.to_ascii_lowercase()) {
            state.tokens.retain(|_, (of, _)| *of != id);
        }
    }

    /// Ends all tokens of installations, as their hour does.
    pub fn revoke_app_tokens(&self) {
        self.state().tokens.clear();
    }

    /// The same, of a token that isn't in a call to the API.
    pub(in crate::forge) fn admits_app(&self, token: &str, path: &str) -> bool {
        self.admit_app(token, path).is_ok()
    }

    /// Is this the App's own token where that is due, or an installation's where its repositories are?
    pub(super) fn admit_app(&self, token: &str, path: &str) -> Result<Option<u64>> {
        let refused = || Answer::error(401, "Bad credentials");
        let app = self.settings().app.as_ref().ok_or_else(refused)?;
        let for_the_app = path == "/app" || path.starts_with("/app/") || path.ends_with("/installation");
        if for_the_app {
            return self.is_the_app(app, token).map(|()| None);
        }
        let now = self.now();
        let mut state = self.state();
        state.tokens.retain(|_, (_, until)| now < *until);
        let (installation, _) = *state.tokens.get(token).ok_or_else(refused)?;
        if path == "/user" {
            return Err(Answer::error(403, "Resource not accessible by integration"));
        }
        let owner = path.strip_prefix("/repos/").and_then(|rest| rest.split('/').next()).map(str::to_ascii_lowercase);
        match owner {
            // Others' repositories are as if they weren't there.
            Some(owner) if state.installations.get(&owner) != Some(&installation) => Err(Answer::not_found()),
            _ => Ok(Some(installation)),
        }
    }

    fn is_the_app(&self, app: &AppSettings, token: &str) -> Result<()> {
        let refuse = |why: &str| Answer::error(401, why);
        let undecodable = || refuse("A JSON web token could not be decoded");
        let key = DecodingKey::from_rsa_pem(app.public_key.as_bytes()).map_err(|_| undecodable())?;
        let mut validation = Validation::new(Algorithm::RS256);
        // By the forge's own clock, below.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(|_| undecodable())?.claims;
        let now = self.now().0.div_euclid(1000);
        if claims.iss != app.id.to_string() {
            return Err(refuse("'Issuer' claim ('iss') must be an Integer"));
        }
        if claims.iat > now {
            return Err(refuse(
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
            ));
        }
        if claims.exp <= now {
            return Err(refuse(
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
            ));
        }
        if claims.exp > now + LONGEST {
            return Err(refuse("'Expiration time' claim ('exp') is too far in the future"));
        }
        Ok(())
    }
}

/// The calls about Apps.
pub(super) fn perform(forge: &Forge, call: &Call) -> Result<Answer> {
    let root = forge.settings().base_url.as_str();
    match &call.endpoint {
        Endpoint::Installations => installations(forge, root),
        Endpoint::InstallationRepositories => repositories(forge, root, call.installation),
        Endpoint::App => app(forge),
        Endpoint::Installation(repo) => installation(forge, root, repo),
        Endpoint::AccessToken(id) => access_token(forge, *id),
        Endpoint::User(login) => {
            let viewer = &forge.settings().viewer;
            if *login != viewer.login {
                return Err(Answer::not_found());
            }
            Ok(Answer::json(200, &shapes::viewer(root, viewer, forge.inner.since)))
        }
        _ => Err(Answer::not_found()),
    }
}

fn slug(forge: &Forge) -> &str {
    let login = forge.settings().viewer.login.as_str();
    login.strip_suffix("[bot]").unwrap_or(login)
}

fn permissions() -> Value {
    json!({ "checks": "write", "contents": "read", "metadata": "read", "pull_requests": "write", "statuses": "write" })
}

/// The App as others' answers show it, if there is one.
pub(in crate::forge) fn shape(forge: &Forge) -> Option<Value> {
    let app = forge.settings().app.as_ref()?;
    let root = forge.settings().base_url.as_str();
    let since = shapes::time(forge.inner.since);
    let owner = shapes::user(root, &forge.settings().viewer);
    Some(json!({
        "id": app.id, "client_id": format!("Iv23{}", app.id), "slug": slug(forge), "node_id": "A_1", "owner": owner,
        "name": "Eco-Coder", "description": null, "external_url": root, "html_url": format!("{root}/apps/{}", slug(forge)),
        "created_at": since, "updated_at": since, "permissions": permissions(),
        "events": ["check_run", "check_suite", "pull_request"],
    }))
}

fn app(forge: &Forge) -> Result<Answer> {
    let mut app = shape(forge).ok_or_else(Answer::not_found)?;
    app["installations_count"] = forge.state().installations.len().into();
    Ok(Answer::json(200, &app))
}

fn installation(forge: &Forge, root: &str, repo: &RepoName) -> Result<Answer> {
    let id = forge.state().installations.get(&repo.owner().to_ascii_lowercase()).copied();
    let id = id.ok_or_else(Answer::not_found)?;
    Ok(Answer::json(200, &installation_value(forge, root, repo.owner(), id)?))
}

/// All there are, in one page: no test has more than a hundred.
fn installations(forge: &Forge, root: &str) -> Result<Answer> {
    let mut all: Vec<(String, u64)> =
        forge.state().installations.iter().map(|(owner, id)| (owner.clone(), *id)).collect();
    all.sort_by_key(|(_, id)| *id);
    let all: Result<Value> = all.iter().map(|(owner, id)| installation_value(forge, root, owner, *id)).collect();
    Ok(Answer::json(200, &all?))
}

/// All of the installation's, in one page.
fn repositories(forge: &Forge, root: &str, installation: Option<u64>) -> Result<Answer> {
    let state = forge.state();
    let is_its = |owner: &str| state.installations.get(&owner.to_ascii_lowercase()).copied() == installation;
    if installation.is_none() {
        return Err(Answer::error(
            403,
            "You must authenticate with an installation access token in order to list repositories for an installation.",
        ));
    }
    let its = state.repositories.values().filter(|repository| is_its(repository.name.owner()));
    let its: Vec<Value> = its.map(|repository| shapes::repository(root, repository)).collect();
    Ok(Answer::json(200, &json!({ "total_count": its.len(), "repository_selection": "all", "repositories": its })))
}

fn installation_value(forge: &Forge, root: &str, owner: &str, id: u64) -> Result<Value> {
    let app = forge.settings().app.as_ref().ok_or_else(Answer::not_found)?;
    let since = shapes::time(forge.inner.since);
    Ok(json!({
        "id": id, "account": shapes::user(root, &forge.settings().viewer), "repository_selection": "all",
        "access_tokens_url": format!("{root}/app/installations/{id}/access_tokens"),
        "repositories_url": format!("{root}/installation/repositories"),
        "html_url": format!("{root}/organizations/{}/settings/installations/{id}", owner), "app_id": app.id,
        "app_slug": slug(forge), "target_id": 1, "target_type": "Organization", "permissions": permissions(),
        "events": ["check_run", "check_suite", "pull_request"], "created_at": since, "updated_at": since, "single_file_name": null,
        "suspended_by": null, "suspended_at": null,
    }))
}

fn access_token(forge: &Forge, id: u64) -> Result<Answer> {
    let token = format!("ghs_{}", forge.settings().env.random_id());
    let expires = forge.now() + GOOD_FOR;
    let mut state = forge.state();
    if !state.installations.values().any(|known| *known == id) {
        return Err(Answer::not_found());
    }
    state.tokens.insert(token.clone(), (id, expires));
    Ok(Answer::json(
        201,
        &json!({
            "token": token, "expires_at": shapes::time(expires), "permissions": permissions(), "repository_selection": "all",
        }),
    ))
}
