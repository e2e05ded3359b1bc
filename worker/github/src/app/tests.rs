//! Sign-in against the fake: claims, caching, what is asked again, and that installations don't share limits.

use eco_coder_shared::env::{Env, ManualEnv};
use eco_coder_shared::retry::Policy;
use futures_util::future::join_all;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};

use super::*;
use crate::auth::{Auth, StaticToken};
use crate::testing::{FakeGitHub, Fault, answer, answer_with};

const KEY: &str = include_str!("../testing/app_key.pem");
const PUBLIC: &str = include_str!("../testing/app_key.pub.pem");
const NOW: Timestamp = Timestamp(1_700_000_000_000);

struct Scene {
    fake: Arc<FakeGitHub>,
    env: Arc<ManualEnv>,
    github: GitHub,
}

/// An App that is installed on `acme` as 7, and on `other` as 8.
fn scene() -> Scene {
    scene_with(Arc::new(StaticToken(SecretString::from(KEY))))
}

fn scene_with(key: Arc<dyn TokenSource>) -> Scene {
    let fake = FakeGitHub::new();
    let env = Arc::new(ManualEnv::new(NOW, 1));
    let eager =
        Policy { initial: Duration::ZERO, factor: 1.0, cap: Duration::ZERO, floor: Duration::ZERO, attempts: 3 };
    let settings = Settings { write_interval: Duration::ZERO, retries: eager, ..Settings::default() };
    let github = GitHub::new(fake.clone(), Auth::App(Arc::new(App::new("12345", key))), env.clone(), settings);
    for (repository, id) in [("acme/shop", 7), ("acme/till", 7), ("other/one", 8)] {
        fake.answer(Method::Get, &format!("/repos/{repository}/installation"), answer(200, &json!({ "id": id })));
    }
    let scene = Scene { fake, env, github };
    scene.mint(7, "ghs_seven");
    scene.mint(8, "ghs_eight");
    scene
}

impl Scene {
    /// What the next question for a token is answered.
    fn mint(&self, installation: u64, token: &str) {
        let expires = self.env.now() + Duration::from_hours(1);
        let body = json!({ "token": token, "expires_at": expires.to_string() });
        self.fake.answer(Method::Post, &format!("/app/installations/{installation}/access_tokens"), answer(201, &body));
    }

    async fn read(&self, repository: &str) -> Result<(), ApiError> {
        self.github.comments(&repository.parse().unwrap(), 1.try_into().unwrap()).await.map(drop)
    }

    fn sent(&self, path: &str) -> usize {
        self.fake.sent().iter().filter(|sent| sent.path.contains(path)).count()
    }
}

#[tokio::test]
async fn the_app_s_token_has_the_claims_that_github_wants() {
    let app = App::new("12345", Arc::new(StaticToken(SecretString::from(KEY))));
    let jwt = app.jwt(NOW).await.unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    let key = DecodingKey::from_rsa_pem(PUBLIC.as_bytes()).unwrap();
    let claims = jsonwebtoken::decode::<Value>(jwt.expose_secret(), &key, &validation).unwrap().claims;
    assert_eq!(claims, json!({ "iss": "12345", "iat": 1_699_999_940, "exp": 1_700_000_540 }));
    let broken = App::new("1", Arc::new(StaticToken(SecretString::from("canary"))));
    let error = broken.jwt(NOW).await.unwrap_err().to_string();
    assert!(!error.contains("canary") && error.contains("private key"), "{error}");
    assert!(check_key(&SecretString::from("canary")).is_err());
}

#[tokio::test]
async fn one_asks_for_the_token_and_the_others_wait_and_it_lasts_until_shortly_before_its_end() {
    let scene = scene();
    let reads = join_all((0..20).map(|_| scene.read("acme/shop"))).await;
    assert!(reads.iter().all(Result::is_ok), "{reads:?}");
    assert_eq!((scene.sent("/installation"), scene.sent("access_tokens")), (2, 1), "{:?}", scene.fake.sent());
    // Another repository of the same installation needs its installation, and no other token.
    scene.read("acme/till").await.unwrap();
    assert_eq!(scene.sent("access_tokens"), 1);
    scene.env.advance(Duration::from_mins(54));
    scene.read("acme/shop").await.unwrap();
    assert_eq!(scene.sent("access_tokens"), 1);
    scene.env.advance(Duration::from_mins(1));
    scene.mint(7, "ghs_next");
    scene.read("acme/shop").await.unwrap();
    assert_eq!(scene.sent("access_tokens"), 2, "five minutes before its end there is another");
}

#[tokio::test]
async fn a_refused_token_is_asked_for_again_once() {
    let scene = scene();
    scene.read("acme/shop").await.unwrap();
    let refused = || Fault::Answer(answer(401, &json!({ "message": "Bad credentials" })));
    scene.fake.fault(Method::Get, refused());
    scene.read("acme/shop").await.unwrap();
    assert_eq!(scene.sent("access_tokens"), 2);
    scene.fake.fault(Method::Get, refused());
    scene.fake.fault(Method::Get, refused());
    assert_eq!(scene.read("acme/shop").await, Err(ApiError::Unauthorized));
    assert_eq!(scene.sent("access_tokens"), 3);
}

#[tokio::test]
async fn one_installation_s_limit_is_not_another_s() {
    let scene = scene();
    scene.read("acme/shop").await.unwrap();
    scene.read("other/one").await.unwrap();
    let limited = answer_with(429, &[("retry-after", "60")], &json!({ "message": "secondary rate limit" }));
    scene.fake.fault(Method::Get, Fault::Answer(limited));
    assert!(matches!(scene.read("acme/shop").await, Err(ApiError::RateLimited { .. })));
    // The same installation in another repository, too; no request is made for it.
    let sent = scene.fake.sent().len();
    scene.read("acme/till").await.unwrap_err();
    assert!(scene.sent("/acme/till/issues") == 0 && scene.fake.sent().len() <= sent + 1);
    scene.read("other/one").await.unwrap();
    let until = |name: &str| scene.github.limited_until(&name.parse().unwrap());
    assert_eq!((until("acme/till"), until("other/one")), (Some(NOW + Duration::from_mins(1)), None));
}

#[tokio::test]
async fn where_the_app_is_not_installed_it_says_so_and_looks_again_the_next_time() {
    let scene = scene();
    let error = scene.read("nobody/there").await.unwrap_err();
    assert_eq!(error, ApiError::NotInstalled { repository: "nobody/there".to_owned() });
    assert!(error.to_string().contains("install it there"), "{error}");
    // Uninstalled after it was known: its token is refused, and there is no other.
    scene.read("acme/shop").await.unwrap();
    scene.fake.fault(Method::Get, Fault::Answer(answer(401, &json!({ "message": "Bad credentials" }))));
    scene.fake.fault(Method::Post, Fault::Answer(answer(404, &json!({ "message": "Not Found" }))));
    let error = scene.read("acme/shop").await.unwrap_err();
    assert_eq!(error, ApiError::NotInstalled { repository: "acme/shop".to_owned() });
    let looked = scene.sent("/acme/shop/installation");
    scene.read("acme/shop").await.unwrap();
    assert_eq!(scene.sent("/acme/shop/installation"), looked + 1, "installed again");
}

/// A key that is another once it was refused.
struct Rotated(std::sync::atomic::AtomicBool);

#[async_trait::async_trait]
impl TokenSource for Rotated {
    async fn token(&self) -> Result<SecretString, ApiError> {
        Ok(SecretString::from(KEY))
    }

    async fn refused(&self, _: &SecretString) -> bool {
        self.0.swap(false, std::sync::atomic::Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_rotated_key_is_taken_at_once_and_a_wrong_one_or_a_wrong_clock_is_said() {
    let refused = || {
        Fault::Answer(answer(401, &json!({ "message": "'Expiration time' claim ('exp') is too far in the future" })))
    };
    let scene = scene_with(Arc::new(Rotated(true.into())));
    scene.fake.fault(Method::Get, refused());
    scene.read("acme/shop").await.unwrap();
    let scene = self::scene();
    scene.fake.fault(Method::Get, refused());
    let error = scene.read("acme/shop").await.unwrap_err().to_string();
    assert!(error.contains("'exp') is too far in the future") && error.contains("this machine's clock"), "{error}");
}

#[tokio::test]
async fn lost_questions_for_a_token_are_asked_again() {
    let scene = scene();
    scene.fake.fault(Method::Post, Fault::Lost);
    scene.fake.fault(Method::Post, Fault::Answer(answer(502, &json!({}))));
    scene.read("acme/shop").await.unwrap();
    assert_eq!(scene.sent("access_tokens"), 3);
}

#[tokio::test]
async fn comments_are_the_bot_s() {
    let scene = scene();
    scene.fake.answer(Method::Get, "/app", answer(200, &json!({ "slug": "eco-coder", "name": "Eco-Coder" })));
    let bot = json!({ "id": 77, "login": "eco-coder[bot]", "type": "Bot" });
    scene.fake.answer(Method::Get, "/users/eco-coder%5Bbot%5D", answer(200, &bot));
    let author = scene.github.author(&"acme/shop".parse().unwrap()).await.unwrap();
    assert_eq!((author.id, author.is_bot), (77, true));
    assert!(!format!("{:?}", scene.github).contains("ghs_"));
}

#[tokio::test]
async fn git_gets_the_token_of_the_installation_there_and_a_token_s_bearer_gets_that() {
    let scene = scene();
    let token = async |repository: &str| {
        scene
            .github
            .token_for(&repository.parse().unwrap())
            .await
            .map(|token| token.unwrap().expose_secret().to_owned())
    };
    assert_eq!(token("acme/shop").await.unwrap(), "ghs_seven");
    assert_eq!(token("other/one").await.unwrap(), "ghs_eight");
    scene.read("acme/shop").await.ok();
    assert_eq!(scene.sent("/app/installations/7/access_tokens"), 1, "it is kept");
    let plain = Auth::token(SecretString::from("ghp_mine"));
    let github = GitHub::new(scene.fake.clone(), plain, scene.env.clone(), Settings::default());
    let mine = github.token_for(&"acme/shop".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(mine.expose_secret(), "ghp_mine");
}

#[tokio::test]
async fn what_the_app_does_as_itself_is_signed_by_it_and_lists_are_the_installation_s() {
    let s = scene();
    let delivery = json!({
        "id": 12, "guid": "g", "delivered_at": "2023-11-14T22:00:00Z", "redelivery": false, "status": "timed out",
        "status_code": 504, "event": "pull_request", "action": null,
    });
    let long = json!({ "id": 13, "guid": "g".repeat(65), "delivered_at": "2023-11-14T22:00:00Z", "event": "ping" });
    s.fake.answer(Method::Get, "/app/hook/deliveries", answer(200, &json!([delivery, long])));
    s.fake.answer(Method::Post, "/app/hook/deliveries/12/attempts", answer(202, &json!({})));
    let suspended = json!({ "id": 8, "suspended_at": "2023-11-14T22:00:00Z" });
    s.fake.answer(
        Method::Get,
        "/app/installations",
        answer(200, &json!([{ "id": 7, "suspended_at": null }, suspended])),
    );
    let archived = json!({ "full_name": "acme/old", "archived": true });
    let repositories = json!({ "total_count": 2, "repositories": [{ "full_name": "acme/till" }, archived] });
    s.fake.answer(Method::Get, "/installation/repositories", answer(200, &repositories));

    let crate::Seen::Fresh(page) = s.github.hook_deliveries(None, None).await.unwrap() else { panic!("not fresh") };
    assert_eq!(page.items.len(), 1, "what is longer than any is left out");
    assert!(page.items[0].id == 12 && !page.items[0].is_ok());
    s.github.redeliver(12).await.unwrap();
    let crate::Seen::Fresh(page) = s.github.installations(None, None).await.unwrap() else { panic!("not fresh") };
    assert_eq!(page.items.iter().map(|i| (i.id, i.suspended)).collect::<Vec<_>>(), [(7, false), (8, true)]);
    let fresh = s.github.installation_repositories(7, None, None).await.unwrap();
    let crate::Seen::Fresh(page) = fresh else { panic!("not fresh") };
    assert_eq!(page.items, ["acme/till".parse::<RepoName>().unwrap()]);
    // What a list said needn't be looked up.
    s.github.remember_installed(&page.items, 7);
    s.read("acme/till").await.unwrap();
    assert_eq!((s.sent("/repos/acme/till/installation"), s.sent("access_tokens")), (0, 1));
}
