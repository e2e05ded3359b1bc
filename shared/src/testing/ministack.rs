//! An emulator of AWS on this machine: ministack (SQS, DynamoDB, Secrets Manager, Parameter Store, S3 and others; not
//! CodeGuru, and no StartMessageMoveTask). Installed from the package registry into the target directory once; one server
//! for each test binary, on a port of its own, which ends with the test process however that ends.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::aws::AwsSettings;
use aws_config::{BehaviorVersion, Region, SdkConfig};

const VERSION: &str = "1.5.33";
/// It starts in half a second on an idle machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The emulator of this test process: its address, as in `http://127.0.0.1:40123`.
pub fn endpoint() -> &'static str {
    static RUNNING: OnceLock<Emulator> = OnceLock::new();
    &RUNNING.get_or_init(|| start(&[])).endpoint
}

/// An emulator of its own; it ends when this is dropped.
#[derive(Debug)]
pub struct Emulator {
    /// Its address, as in `http://127.0.0.1:40123`.
    pub endpoint: String,
    /// Its input, when that closes, ends it.
    _shell: Child,
}

/// One whose Bedrock asks the OpenAI-compatible server at this address, given without `/v1`.
pub fn with_bedrock(upstream: &str) -> Emulator {
    start(&[("MINISTACK_BEDROCK_PROXY_URL", upstream)])
}

/// The settings that lead to it.
pub fn settings() -> AwsSettings {
    AwsSettings { region: Some("us-east-1".to_owned()), endpoint_url: Some(endpoint().to_owned()) }
}

/// What clients are made from: this emulator, credentials of nobody.
pub async fn sdk() -> SdkConfig {
    let credentials = aws_sdk_sqs::config::Credentials::new("test", "test", None, None, "ministack");
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint())
        .credentials_provider(credentials)
        .load()
        .await
}

fn start(environment: &[(&str, &str)]) -> Emulator {
    let program = install();
    // Free now; whoever takes it before ministack does makes the start fail loudly.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let log = program.with_file_name(format!("ministack-{port}.log"));
    let file = File::create(&log).expect("the target directory can be written");
    // The shell ends the server when its own input closes: when this process is gone.
    let child = Command::new("sh")
        .args(["-c", "\"$0\" </dev/null & server=$!; cat >/dev/null; kill $server"])
        .arg(&program)
        .env("GATEWAY_PORT", port.to_string())
        .env("BIND_HOST", "127.0.0.1")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(file.try_clone().expect("a file handle"))
        .stderr(file)
        .spawn()
        .expect("sh can be run");
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < PATIENCE, "ministack does not answer on port {port}; see {}", log.display());
        std::thread::yield_now();
    }
    Emulator { endpoint: format!("http://127.0.0.1:{port}"), _shell: child }
}

/// Where ministack's command is: beside this test's binary, so that a clean checkout installs it once.
fn install() -> PathBuf {
    let test = std::env::current_exe().expect("a path of this test");
    let target = test.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists()).expect("a target directory");
    let home = target.join(format!("ministack-{VERSION}"));
    let program = home.join("bin/ministack");
    let lock = File::create(target.join("ministack.lock")).expect("the target directory can be written");
    lock.lock().expect("a lock on a file");
    if !home.join("complete").exists() {
        let run = |program: &Path, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output();
            match output {
                Ok(output) if output.status.success() => {}
                Ok(output) => panic!(
                    "the AWS tests need ministack {VERSION} from the Python package registry: {}",
                    String::from_utf8_lossy(&output.stderr)
                ),
                Err(e) => panic!("the AWS tests need python3 with venv and pip (Debian: python3-venv): {e}"),
            }
        };
        run(Path::new("python3"), &["-m", "venv", "--clear", &home.to_string_lossy()]);
        run(&home.join("bin/python"), &["-m", "pip", "install", "--quiet", &format!("ministack=={VERSION}")]);
        File::create(home.join("complete")).expect("the target directory can be written");
    }
    program
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn it_answers() {
        let client = aws_sdk_sqs::Client::new(&super::sdk().await);
        let made = client.create_queue().queue_name("first").send().await.unwrap();
        let found = client.get_queue_url().queue_name("first").send().await.unwrap();
        assert_eq!(made.queue_url(), found.queue_url());
    }
}
