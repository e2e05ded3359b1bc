//! A small world: a forge on loopback, a data directory, and the product's processes in front of it. Tests read as
//! scripts: push, deliver, read the comment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use eco_coder::forge::{
    AppSettings, Comment, Content, Delivered, Forge, ForgeSettings, LoggedRequest, NewPull, SignedWebhook, Tree,
};
use eco_coder_github::{Auth, GitHub, HttpSettings, HttpTransport, Settings};
use eco_coder_shared::env::{Env, SystemEnv};
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoName};
use eco_coder_shared::queue::JobQueue;
use eco_coder_shared::queue::sqlite::SqliteQueue;
use eco_coder_shared::queue::sqs::SqsQueue;
use eco_coder_shared::testing::ministack;
use eco_coder_worker::store::dynamodb;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::canaries::{self, Canaries};
use crate::disk::Disk;
use crate::process::{PATIENCE, Process};

pub use crate::canaries::{SECRET, TOKEN};

/// Made for tests; no App has it.
pub const APP_KEY: &str = include_str!("../../worker/github/src/testing/app_key.pem");
const APP_PUBLIC: &str = include_str!("../../worker/github/src/testing/app_key.pub.pem");

/// What the product stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engines {
    /// Two files.
    OneMachine,
    /// SQS and DynamoDB, emulated.
    Fleet,
}

/// Runs each of these scripts on both engines.
macro_rules! on_both_engines {
    ($($script:ident),* $(,)?) => {
        mod on_one_machine {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $script() {
                    super::$script($crate::world::Engines::OneMachine).await;
                }
            )*
        }
        mod on_the_fleet {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $script() {
                    super::$script($crate::world::Engines::Fleet).await;
                }
            )*
        }
    };
}
pub(crate) use on_both_engines;

pub struct World {
    pub forge: Forge,
    pub repo: RepoName,
    pub dir: TempDir,
    pub ingress: Option<Process>,
    pub worker: Option<Process>,
    webhooks: String,
    /// Where several ingresses take webhooks.
    pub addresses: Vec<SocketAddr>,
    config: PathBuf,
    environment: Vec<(String, String)>,
    fleet: Option<Fleet>,
}

/// What a fleet shares.
struct Fleet {
    queue: Arc<SqsQueue>,
    tables: aws_sdk_dynamodb::Client,
    table: String,
}

/// A file with one finding: a query in a loop.
pub const QUERY_IN_A_LOOP: &str = "\
def lines_of(cursor, orders):
    lines = []
    for order in orders:
        cursor.execute(\"SELECT id, price FROM line WHERE order_id = %s\", (order.id,))
        lines.extend(cursor.fetchall())
    return lines
";

/// A file without any.
pub const CLEAN: &str = "def add(a, b):\n    return a + b\n";

pub fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

impl World {
    /// A forge with one repository, and nothing of ours running yet. `settings` are lines of TOML after the defaults of
    /// a test: short leases, no pacing, free ports.
    pub async fn new(settings: &str) -> Self {
        Self::on(Engines::OneMachine, settings).await
    }

    /// With an App on the forge, installed nowhere, that the product signs in as. `more` are tables of settings.
    pub async fn as_app(engines: Engines, more: &str) -> Self {
        let app = AppSettings { id: 4711, public_key: APP_PUBLIC.to_owned() };
        let settings = format!("[github]\napp_id = \"4711\"\napp_key_source = \"env:ECO_CODER_SECRET_APP\"\n{more}");
        let mut world = Self::made(engines, &settings, Some(app)).await;
        world.set_environment("ECO_CODER_SECRET_APP", APP_KEY);
        world.unset_environment("ECO_CODER_GITHUB_TOKEN");
        world
    }

    /// The same, on these engines.
    pub async fn on(engines: Engines, settings: &str) -> Self {
        Self::made(engines, settings, None).await
    }

    async fn made(engines: Engines, settings: &str, app: Option<AppSettings>) -> Self {
        let mut shared = toml::Table::new();
        let mut fleet = None;
        if engines == Engines::Fleet {
            let (settings, its) = fleet_of_its_own().await;
            (shared, fleet) = (settings, Some(its));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}", listener.local_addr().unwrap());
        let settings_of_forge = ForgeSettings::new(api.clone(), SecretString::from(TOKEN), SecretString::from(SECRET));
        // A load of reviews makes more calls than GitHub gives an hour.
        let forge = Forge::new(ForgeSettings { app, rate_limit: 1_000_000, ..settings_of_forge });
        tokio::spawn(forge.clone().serve(listener, std::future::pending()));
        let repo: RepoName = "acme/shop".parse().unwrap();
        forge.add_repository(&repo, Content::memory(tree(&[("README.md", "shop\n")])));
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("eco-coder.toml");
        let world = Self {
            forge,
            repo,
            webhooks: String::new(),
            addresses: Vec::new(),
            ingress: None,
            worker: None,
            config,
            environment: [canaries::environment(), vec![("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned())]]
                .concat(),
            dir,
            fleet,
        };
        world.configure(&api, [shared, settings.parse().unwrap()]);
        world
    }

    /// Everything running.
    pub async fn running(settings: &str) -> Self {
        Self::running_on(Engines::OneMachine, settings).await
    }

    /// The same, on these engines.
    pub async fn running_on(engines: Engines, settings: &str) -> Self {
        let mut world = Self::on(engines, settings).await;
        world.start_ingress().await;
        world.start_worker().await;
        world
    }

    fn configure(&self, api: &str, settings: [toml::Table; 2]) {
        let mut table: toml::Table = format!(
            r#"
            data_dir = "{}"
            [ingress]
            listen = "127.0.0.1:0"
            operator_listen = "127.0.0.1:0"
            [worker]
            operator_listen = "127.0.0.1:0"
            agentcore_listen = "127.0.0.1:0"
            cpu_threads = 1
            lease_seconds = 6
            visibility_seconds = 3
            hide_seconds = 1
            cooldown_seconds = 0
            retry_seconds = 0
            retry_cap_seconds = 1
            outage_seconds = 1
            shutdown_grace_seconds = 2
            [github]
            api_url = "{api}"
            write_interval_ms = 0
            writes_per_minute = 0
            writes_per_hour = 0
            request_timeout_seconds = 1
            [reconcile]
            every_seconds = 0
            "#,
            self.dir.path().join("data").display()
        )
        .parse()
        .unwrap();
        for (name, value) in settings.into_iter().flatten() {
            match (table.get_mut(&name), value) {
                (Some(toml::Value::Table(known)), toml::Value::Table(value)) => known.extend(value),
                (_, value) => {
                    table.insert(name, value);
                }
            }
        }
        std::fs::write(&self.config, table.to_string()).unwrap();
    }

    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub fn unset_environment(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    pub async fn start_ingress(&mut self) {
        let ingress = Process::start("ingress", &self.config, &self.environment);
        self.serves(ingress).await;
    }

    /// Ingress and worker in one process, in the ingress's place. It comes back at another address each time.
    pub async fn start_serve(&mut self) {
        let process = self.starting_serve();
        self.serves(process).await;
    }

    /// The same, as soon as the process is there.
    pub fn starting_serve(&self) -> Process {
        Process::start("serve", &self.config, &self.environment)
    }

    /// The same, its data on this disk.
    pub fn starting_serve_on(&self, disk: Disk) -> Process {
        std::fs::create_dir_all(self.data()).unwrap();
        Process::run("serve", disk.command("serve", &self.config, &self.data()), &self.environment)
    }

    /// Waits until the process takes webhooks.
    pub async fn serves(&mut self, process: Process) {
        let line = process.says("the ingress takes webhooks").await;
        line["context"]["webhooks"].as_str().unwrap().clone_into(&mut self.webhooks);
        self.ingress = Some(process);
    }

    /// Where the ingress takes webhooks.
    pub fn address(&self) -> SocketAddr {
        let url: reqwest::Url = self.webhooks.parse().unwrap();
        SocketAddr::new(url.host_str().unwrap().parse().unwrap(), url.port().unwrap())
    }

    pub async fn start_worker(&mut self) {
        let worker = Process::start("worker", &self.config, &self.environment);
        worker.says("working").await;
        self.worker = Some(worker);
    }

    /// A worker that takes invocations; returns where.
    pub async fn start_agentcore(&mut self) -> String {
        let worker = Process::start_with("worker", &["--agentcore"], &self.config, &self.environment);
        let line = worker.says("taking invocations").await;
        self.worker = Some(worker);
        format!("http://{}", line["context"]["invocations"].as_str().unwrap())
    }

    pub fn ingress(&self) -> &Process {
        self.ingress.as_ref().unwrap()
    }

    pub fn worker(&self) -> &Process {
        self.worker.as_ref().unwrap()
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The queue, opened a second time.
    pub fn queue(&self) -> Arc<dyn JobQueue> {
        match &self.fleet {
            Some(fleet) => Arc::clone(&fleet.queue) as Arc<dyn JobQueue>,
            None => Arc::new(SqliteQueue::open(&self.data().join("queue.db"), Arc::new(SystemEnv)).unwrap()),
        }
    }

    /// Everything that is kept, as whoever steals it would see it.
    pub async fn at_rest(&self) -> String {
        let mut bytes = Vec::new();
        match &self.fleet {
            None => {
                for entry in std::fs::read_dir(self.data()).unwrap() {
                    bytes.extend(std::fs::read(entry.unwrap().path()).unwrap_or_default());
                }
            }
            Some(Fleet { tables, table, .. }) => {
                let items = tables.scan().table_name(table).send().await.unwrap();
                for value in items.items().iter().flat_map(|item| item.values()) {
                    match value.as_b() {
                        Ok(blob) => bytes.extend(blob.as_ref()),
                        Err(other) => bytes.extend(format!("{other:?}").bytes()),
                    }
                }
                assert!(!bytes.is_empty());
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// One more process of a kind that may run already.
    pub fn another(&self, name: &'static str) -> Process {
        Process::start(name, &self.config, &self.environment)
    }

    /// Messages in the queue, the dead ones included.
    pub async fn stored(&self) -> u64 {
        let depth = self.queue().depth().await.unwrap();
        depth.visible + depth.in_flight + depth.delayed + depth.dead
    }

    /// A pull request whose head has these files.
    pub fn open(&self, branch: &str, files: &[(&str, &str)]) -> (PullNumber, CommitSha) {
        let head = self.forge.commit(&self.repo, branch, tree(files), "A change").unwrap();
        (self.forge.open_pull(&self.repo, NewPull::new("A change", branch)).unwrap(), head)
    }

    pub async fn send(&self, webhook: &SignedWebhook) -> Delivered {
        self.forge.deliver(&self.webhooks, webhook).await.unwrap()
    }

    /// Delivers an action, and expects it to be accepted.
    pub async fn deliver(&self, pull: PullNumber, action: &str) {
        let answer = self.send(&self.forge.webhook(&self.repo, pull, action).unwrap()).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
    }

    /// Waits until exactly one comment of ours stands and shows this head.
    pub async fn comment(&self, pull: PullNumber, head: &CommitSha) -> Comment {
        let marker = format!("head={head}");
        self.until("a comment for the head", |forge| {
            let ours: Vec<Comment> = self.ours(forge, pull);
            match ours.as_slice() {
                [one] if one.body.lines().next().is_some_and(|line| line.contains(&marker)) => Some(one.clone()),
                _ => None,
            }
        })
        .await
    }

    pub fn ours(&self, forge: &Forge, pull: PullNumber) -> Vec<Comment> {
        let me = forge.settings().viewer.id;
        forge.comments(&self.repo, pull).into_iter().filter(|comment| comment.author.id == me).collect()
    }

    /// Waits for something on the forge.
    pub async fn until<T>(&self, what: &str, look: impl FnMut(&Forge) -> Option<T>) -> T {
        tokio::time::timeout(PATIENCE, self.forge.wait_for(look)).await.unwrap_or_else(|_| panic!("never came: {what}"))
    }

    /// Waits until the worker has told the queue that this many jobs are done.
    pub async fn settled(&self) {
        let queue = self.queue();
        let settle = async {
            loop {
                let depth = queue.depth().await.unwrap();
                if depth.visible + depth.in_flight + depth.delayed == 0 {
                    return;
                }
                // Another process's queue tells nobody here: looking again is the only way.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, settle).await.unwrap_or_else(|_| panic!("the queue does not become empty"));
    }

    /// The product's own client, signed in.
    pub fn client(&self) -> GitHub {
        let settings = HttpSettings { api: self.forge.settings().base_url.clone(), ..HttpSettings::default() };
        let unpaced = Settings { write_interval: Duration::ZERO, ..Settings::default() };
        let transport = Arc::new(HttpTransport::new(&settings).unwrap());
        GitHub::new(transport, Auth::token(SecretString::from(TOKEN)), Arc::new(SystemEnv), unpaced)
    }

    /// Calls that change something.
    pub fn writes(&self) -> Vec<LoggedRequest> {
        self.forge.requests().into_iter().filter(|request| request.method != "GET").collect()
    }

    /// Runs a command of the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        run_in(self.dir.path(), &self.environment, arguments)
    }

    /// Runs a command with this world's settings.
    pub fn run_configured(&self, arguments: &[&str]) -> Output {
        let config = self.config.to_str().unwrap();
        let mut all = vec![arguments[0], "--config", config];
        all.extend(&arguments[1..]);
        self.run(&all)
    }
}

/// What is left of a world is searched for the secrets that its processes had.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // Each is searched by itself.
        drop((self.ingress.take(), self.worker.take()));
        let canaries = Canaries::of(&self.environment);
        canaries.refuse("what GitHub was asked and told", format!("{:?}", self.forge.requests()).as_bytes());
        canaries.refuse_below(self.dir.path());
        if let Some(fleet) = &self.fleet {
            canaries.refuse("the table and the queues", &fleet.kept());
        }
    }
}

impl Fleet {
    /// Everything in the table and the queues, for whoever has no runtime.
    fn kept(&self) -> Vec<u8> {
        let (tables, table, queue) = (self.tables.clone(), self.table.clone(), Arc::clone(&self.queue));
        let look = async move {
            let items = tables.scan().table_name(table).send().await.unwrap();
            let dead = queue.dead_letters(100).await.unwrap();
            let waiting = queue.receive(10, Duration::ZERO, Duration::ZERO).await.unwrap();
            let blobs = items.items().iter().flat_map(|item| item.values()).filter_map(|value| value.as_b().ok());
            let mut bytes: Vec<u8> = blobs.flat_map(|blob| blob.as_ref().to_vec()).collect();
            bytes.extend(format!("{:?}{dead:?}{waiting:?}", items.items()).bytes());
            bytes
        };
        let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(look);
        std::thread::scope(|scope| scope.spawn(run).join().unwrap())
    }
}

/// Queues and a table that nobody else uses, and the settings that lead to them.
async fn fleet_of_its_own() -> (toml::Table, Fleet) {
    let sdk = ministack::sdk().await;
    let name = SystemEnv.random_id();
    let queues = aws_sdk_sqs::Client::new(&sdk);
    let create = |name: String| {
        let call = queues.create_queue().queue_name(name);
        async move { call.send().await.unwrap().queue_url().unwrap().to_owned() }
    };
    let (url, dead) = (create(name.clone()).await, create(format!("{name}-dead")).await);
    let tables = aws_sdk_dynamodb::Client::new(&sdk);
    dynamodb::create(&tables, &name).await.unwrap();
    let settings = format!(
        r#"
        [aws]
        region = "us-east-1"
        endpoint_url = "{}"
        [queue]
        kind = "sqs"
        url = "{url}"
        dead_letter_url = "{dead}"
        [store]
        kind = "dynamodb"
        table = "{name}"
        session_key = "env:ECO_CODER_SECRET_SESSION"
        "#,
        ministack::endpoint()
    );
    let queue = Arc::new(SqsQueue::new(&sdk, url, dead, Arc::new(SystemEnv)));
    (settings.parse().unwrap(), Fleet { queue, tables, table: name })
}

/// Runs the binary to its end. Whatever secret the environment has, nothing that it writes does.
pub fn run_in(directory: &Path, environment: &[(String, String)], arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_eco-coder"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(if environment.is_empty() { canaries::environment() } else { environment.to_vec() })
        .output()
        .unwrap();
    let canaries = Canaries::of(environment);
    canaries.refuse(&format!("what {arguments:?} printed"), &output.stdout);
    canaries.refuse(&format!("the errors of {arguments:?}"), &output.stderr);
    output
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
