//! The deployed service's profile from CodeGuru Profiler: below the findings, said to be the service's, and never in the
//! way of a review.

use eco_coder_shared::env::Timestamp;
use eco_coder_worker::testing::codeguru::profiler::{sample_profile, sample_recommendation};
use eco_coder_worker::testing::codeguru::{FakeCodeGuru, REGION, Trouble};

use crate::telemetry::calls_are_allowed;
use crate::world::{QUERY_IN_A_LOOP, World, stdout};

const START: Timestamp = Timestamp(1_790_000_000_000);
const END: Timestamp = Timestamp(1_790_086_400_000);

/// A service that was profiled for a day, and the settings of a worker that knows of it.
pub async fn profiled() -> (FakeCodeGuru, String) {
    let fake = FakeCodeGuru::start().await;
    fake.profiler(|profiler| {
        let group = profiler.group("shop-api");
        group.put(START, sample_profile(START, END).to_string());
        group.is_zipped = true;
        group.recommendations = vec![sample_recommendation(START, END)];
    });
    let settings = settings(&fake, "shop-api");
    (fake, settings)
}

fn settings(fake: &FakeCodeGuru, group: &str) -> String {
    format!(
        r#"
        [aws]
        region = "{REGION}"
        endpoint_url = "{}"
        [profiles]
        kind = "codeguru"
        codeguru_group = "{group}"
        [carbon]
        region = "eu-west-1"
        "#,
        fake.url()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_webhook_becomes_a_comment_with_the_deployed_services_hot_functions() {
    let (fake, settings) = profiled().await;
    let world = World::running(&settings).await;
    let (pull, head) = world.open("feature", &[("app/orders.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    assert!(calls_are_allowed(&world).await.contains("codeguru-profiler:GetProfile"));
    assert!(body.contains("### Eco-Coder: 1 thing to mend\n"), "{body}");
    assert!(
        body.contains("Nothing of this pull request was measured; the deployed service's profile is below."),
        "{body}"
    );
    let (findings, service) = body.split_once("**The deployed service `shop-api`**").expect(&body);
    assert!(findings.contains("**1. ") && !findings.contains("CO2e over the period"), "{body}");
    let (service, footer) = service.split_once("\n\n<sub>").unwrap();
    assert!(footer.contains("this comment is kept up to date"));
    let service = format!("**The deployed service `shop-api`**{service}");
    insta::assert_snapshot!(service, @r#"
    **The deployed service `shop-api`** (not this pull request; 2026-09-21 14:13 to 2026-09-22 14:13 UTC) used **2 h** of CPU time; 70% of its CPU samples are in `shop.Search:search` itself.

    | | deployed service `shop-api` |
    |---|---:|
    | CPU time over the period | 2 h |
    | `shop.Search:search` itself | 70%, 90% with what it calls |
    | `java.util.regex.Pattern:compile` itself | 20% |
    | `shop.Server:handle` itself | 10%, 100% with what it calls |
    | CO2e over the period | 2 g (1 g to 40 g) |

    <details><summary>1 recommendation of CodeGuru Profiler for the deployed service</summary>

    - **Compiling a regular expression.** Compiling a pattern is expensive; [Pattern](https://docs.oracle.com/x) is immutable. Compile it once, and keep it in a static field. In `shop.Search:search`.

    </details>

    <details><summary>Not looked at: 1 file</summary>

    - `README.md` (nothing added)

    </details>

    <details><summary>How the numbers were made</summary>

    - Measured: 1,000 CPU samples of the service where it runs, 2026-09-21 14:13 to 2026-09-22 14:13 UTC, from `CodeGuru Profiler, profiling group shop-api`. This pull request's code was not run: the figures describe what is deployed, as it was used in that time.
    - Energy: 8 Wh, at 291 g CO2e per kWh: 2.3 g CO2e, like 48 minutes of light from a 10 W LED.
    - Method: codecarbon-process: CPU time x 4 W per thread (CPU unknown: codecarbon 3.3.2's default); memory 0.375 W per GiB (codecarbon 2.3.4) over the CPU time; PUE 1; grid 291 gCO2e/kWh (eu-west-1, average of Ireland, codecarbon 3.3.2); all of the deployed service's CPU time over the profile's period, not one execution.
    - Interval: the least and the most that the same measurement gives over the methods codecarbon-process, codecarbon-constant, ccf; the grid from 279 to 364 gCO2e/kWh (the embedded tables for the region); the processor from 1.69 to 4.74 W per vCPU in ccf (the CPU is unknown); the PUE from 1 to 1.135 (each method's own).

    </details>
    "#);
    world.settled().await;
    // Another webhook for it, and a second pull request: CodeGuru isn't asked again.
    world.deliver(pull, "opened").await;
    world.worker().says("the head is reviewed already").await;
    let (other, other_head) = world.open("other", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(other, "opened").await;
    let body = world.comment(other, &other_head).await.body;
    assert!(body.contains("`shop.Search:search` itself"), "{body}");
    world.settled().await;
    for operation in ["DescribeProfilingGroup", "GetProfile", "GetRecommendations"] {
        assert_eq!(fake.calls(operation).len(), 1, "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_codeguru_that_refuses_is_named_and_the_review_is_done() {
    let (fake, settings) = profiled().await;
    fake.trouble("GetProfile", 1, &Trouble::Denied);
    let world = World::running(&settings).await;
    let (pull, head) = world.open("feature", &[("app/orders.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    assert!(body.contains("### Eco-Coder: 1 thing to mend; profile unavailable"), "{body}");
    assert!(body.contains("CodeGuru Profiler refuses access; whoever runs Eco-Coder must allow it."), "{body}");
    assert!(!body.contains("deployed service"), "{body}");
    world.settled().await;
    assert_eq!(world.stored().await, 0, "no dead letter");
    assert_eq!(fake.calls("GetProfile").len(), 1, "and no second try");
    let line = world.worker().says("the tool failed").await;
    assert!(line.to_string().contains("allow codeguru-profiler:GetProfile in the role's policy"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_codeguru_defers_no_review() {
    let (fake, settings) = profiled().await;
    fake.trouble("GetProfile", 3, &Trouble::Throttled);
    let world = World::running(&settings).await;
    let (pull, head) = world.open("feature", &[("app/orders.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    assert!(
        body.contains("Performance profile unavailable (throttled): CodeGuru Profiler is asked too often"),
        "{body}"
    );
    world.settled().await;
    assert_eq!(world.stored().await, 0);
    assert_eq!(fake.calls("GetProfile").len(), 3, "the SDK's tries");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_asks_for_the_profiling_group_and_says_what_to_mend() {
    let (fake, with_a_profile) = profiled().await;
    fake.profiler(|profiler| profiler.group("empty").latest = None);
    let says = async |settings: &str| {
        let text = stdout(&World::new(settings).await.run_configured(&["doctor"]));
        text.lines().find(|line| line.contains(" profiles: ")).expect(&text).to_owned()
    };
    let line = says(&with_a_profile).await;
    assert!(
        line.starts_with("ok") && line.contains("shop-api: its latest profile begins at 2026-09-21T14:13:20"),
        "{line}"
    );
    let line = says(&settings(&fake, "empty")).await;
    assert!(line.starts_with("ok") && line.contains("empty has no profile yet"), "{line}");
    let line = says(&settings(&fake, "other")).await;
    assert!(line.starts_with("MEND") && line.contains("there is no profiling group other"), "{line}");
    fake.trouble("DescribeProfilingGroup", 1, &Trouble::Denied);
    let line = says(&with_a_profile).await;
    assert!(line.starts_with("MEND") && line.contains("allow codeguru-profiler:DescribeProfilingGroup"), "{line}");
}
