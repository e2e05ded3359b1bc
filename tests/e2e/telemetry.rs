//! What operators watch: alarms, dashboards and queries ask for what the processes tell, and the roles allow the calls to AWS that
//! they make.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use eco_coder::forge::{Action, Fault};
use eco_coder_worker::model::openai::fake::{FakeServer, reports};

use crate::process::Process;
use crate::profiler::profiled;
use crate::world::{QUERY_IN_A_LOOP, World};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a process tells whoever scrapes it.
async fn scrape(process: &Process, message: &str) -> String {
    let line = process.says(message).await;
    let operator = line["context"]["operator"].as_str().unwrap();
    reqwest::get(format!("http://{operator}/metrics")).await.unwrap().text().await.unwrap()
}

async fn scrapes(world: &World) -> [String; 2] {
    [scrape(world.ingress(), "the ingress takes webhooks").await, scrape(world.worker(), "working").await]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_watched_is_what_the_processes_tell() {
    let (_codeguru, codeguru) = profiled().await;
    let server = FakeServer::new((0..8).map(|_| reports("The query in the loop costs a round trip.")));
    let url = server.serve().await.unwrap();
    let settings = format!(
        "{codeguru}\n[telemetry]\nemf = true\n[worker]\nmax_attempts = 2\n[model]\nkind = \"openai\"\nid = \"qwen2.5-coder\"\n\
         url = \"{url}\"\napi_key = \"env:ECO_CODER_SECRET_MODEL\"\nprice_input = 1.0\nprice_output = 2.0"
    );
    let mut world = World::new(&settings).await;
    world.set_environment("ECO_CODER_SECRET_MODEL", "canary-model-key-3fd1");
    world.start_ingress().await;
    world.start_worker().await;

    // One that is reviewed, one whose comment is refused and that is given up, one that has to wait.
    let (good, head) = world.open("good", &[("app/orders.py", QUERY_IN_A_LOOP)]);
    world.deliver(good, "opened").await;
    world.comment(good, &head).await;
    world.settled().await;
    world.forge.add_fault(Fault::on("POST", "/repos/*/*/issues/*/comments", Action::forbidden()).times(100));
    let (refused, _) = world.open("refused", &[("app/orders.py", QUERY_IN_A_LOOP)]);
    world.deliver(refused, "opened").await;
    world.worker().says("given up").await;
    world.forge.clear_faults();
    let limited = Action::secondary_limit(Some(1));
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*", limited).times(1));
    let (late, head) = world.open("late", &[("app/orders.py", QUERY_IN_A_LOOP)]);
    world.deliver(late, "opened").await;
    world.worker().says("waits").await;
    world.comment(late, &head).await;
    world.settled().await;

    let run = world.dir.path().join("run");
    std::fs::create_dir(&run).unwrap();
    let [ingress, worker] = scrapes(&world).await;
    std::fs::write(run.join("ingress.metrics"), ingress).unwrap();
    std::fs::write(run.join("worker.metrics"), worker).unwrap();
    // What is held is written at the end.
    for (name, process) in [("ingress", &mut world.ingress), ("worker", &mut world.worker)] {
        let process = process.as_mut().unwrap();
        process.terminate();
        assert!(process.ended().await.success());
        std::fs::write(run.join(format!("{name}.log")), process.output()).unwrap();
    }
    check(&["infra/telemetry/check_run.py", &run.to_string_lossy()]);
}

#[test]
fn what_is_made_of_the_description_is_current() {
    check(&["infra/telemetry/generate.py", "--check"]);
}

/// Runs one of the infrastructure's checks.
fn check(arguments: &[&str]) {
    let done = Command::new("python3").args(arguments).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(root()).output();
    let done = done.expect("python3 (3.11 or newer), which checks what infra/ says");
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}");
}

/// Holds the calls to AWS that both processes of a world have made against their roles in `infra/templates/roles.yaml`; returns the
/// IAM actions of both.
pub async fn calls_are_allowed(world: &World) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (role, told) in ["IngressRole", "AgentRole"].into_iter().zip(scrapes(world).await) {
        let (made, may) = (actions(&told), allowed(role));
        let missing: Vec<_> = made.difference(&may).collect();
        assert!(missing.is_empty(), "infra/templates/roles.yaml: {role} lacks {missing:?}");
        all.extend(made);
    }
    assert!(!all.is_empty(), "no call was counted");
    all
}

/// The IAM actions of the calls that a scrape counts.
fn actions(told: &str) -> BTreeSet<String> {
    let calls = told.lines().filter_map(|line| line.strip_prefix("AwsCalls{"));
    calls
        .map(|line| {
            let label = |name: &str| {
                let (_, rest) = line.split_once(&format!("{name}=\"")).unwrap();
                rest.split_once('"').unwrap().0
            };
            let service = match label("Service") {
                "codeguruprofiler" => "codeguru-profiler",
                service => service,
            };
            // One action covers a call and its batch; Converse is InvokeModel to IAM.
            let action = match label("Operation") {
                "Converse" => "InvokeModel",
                operation => operation.trim_end_matches("Batch"),
            };
            format!("{service}:{action}")
        })
        .collect()
}

/// The actions of a role, all of its conditional statements among them.
fn allowed(role: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join(Path::new("infra/templates/roles.yaml"))).unwrap();
    let (_, rest) = text.split_once(&format!("\n  {role}:\n")).expect("the role");
    let own = rest.lines().take_while(|line| line.is_empty() || line.starts_with("   "));
    let quoted = own.flat_map(|line| line.split('"').skip(1).step_by(2));
    quoted.filter(|text| text.contains(':') && !text.contains('/')).map(str::to_owned).collect()
}
