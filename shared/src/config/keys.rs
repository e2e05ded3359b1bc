//! Every setting there is, in one table: what `docs/configuration.md` shows, what the environment may set, and what is
//! refused as unknown.

use super::ConfigError;

/// How an environment variable's text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Text,
    /// A whole number.
    Integer,
    /// A decimal number.
    Number,
    /// `true` or `false`.
    Flag,
    /// Parts between commas.
    List,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// `table.key`, or `key` at the top.
    pub path: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What holds when it isn't set, as shown in the documentation.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
    /// A second environment variable that sets it.
    pub also: Option<&'static str>,
}

const fn key(path: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    Key { path, kind, default, help, also: None }
}

const fn also(key: Key, variable: &'static str) -> Key {
    Key { also: Some(variable), ..key }
}

use Kind::{Flag, Integer, List, Number, Text};

/// All settings, in the order of the documentation.
pub const KEYS: &[Key] = &[
    key("data_dir", Text, "eco-coder-data", "Directory of queue, store and keys (created with mode 0700)."),
    key("dry_run", Flag, "false", "Do everything but write to GitHub."),
    key(
        "deployment",
        Text,
        "eco-coder",
        "Name of this deployment, in the comment's marker: two deployments on one repository keep a comment each. Letters, digits and '-'.",
    ),
    key(
        "ingress.listen",
        Text,
        "127.0.0.1:8080",
        "Address for GitHub's webhooks (`/webhooks/github`). Put TLS in front of it.",
    ),
    key("ingress.operator_listen", Text, "127.0.0.1:9090", "Address of `/healthz`, `/readyz` and `/metrics`."),
    key(
        "ingress.webhook_secrets",
        List,
        "[\"env:ECO_CODER_WEBHOOK_SECRET\"]",
        "Where the webhook secrets are: env:NAME, file:PATH, aws:NAME (or an ARN) of Secrets Manager. Several during a rotation, each with a name or on a line of its own. Files are read again every 2 seconds, AWS every 5 minutes and sooner after a wrong signature.",
    ),
    key(
        "ingress.max_body_bytes",
        Integer,
        "26214400",
        "Longest webhook body; 25 MB is GitHub's own limit and the most.",
    ),
    key("ingress.header_timeout_seconds", Integer, "10", "Until a request's headers must be there."),
    key("ingress.body_timeout_seconds", Integer, "20", "Until a request's body must be there."),
    key(
        "ingress.max_connections",
        Integer,
        "1024",
        "Open connections; further ones wait in the listen queue. None is kept for another request while more than half are open.",
    ),
    key("ingress.max_body_memory_bytes", Integer, "268435456", "Bodies held at once, over all connections."),
    key(
        "ingress.enqueue_timeout_seconds",
        Integer,
        "8",
        "Until the queue must have stored a job; then 503. GitHub waits 10.",
    ),
    key("ingress.shutdown_grace_seconds", Integer, "20", "For requests under way after SIGTERM."),
    key("policy.repositories", List, "[\"*/*\"]", "Globs over owner/name that are reviewed."),
    key(
        "policy.paused_repositories",
        List,
        "[]",
        "Globs over owner/name that are not reviewed for now: the kill switch per repository. Jobs wait in the queue.",
    ),
    key(
        "policy.paused",
        Flag,
        "false",
        "Nothing is reviewed for now: the kill switch for all. Jobs wait in the queue.",
    ),
    key("policy.review_drafts", Flag, "false", "Review drafts too."),
    key("policy.review_bots", Flag, "false", "Review pull requests that bots opened."),
    key("policy.skip_label", Text, "eco-coder-skip", "A pull request with this label is not reviewed."),
    key("aws.region", Text, "", "AWS region of the engines below. Unset: AWS_REGION, the profile's or the instance's."),
    key(
        "aws.endpoint_url",
        Text,
        "",
        "One address for all of AWS: an emulator, or a private endpoint. Unset: each service's own.",
    ),
    key(
        "queue.kind",
        Text,
        "sqlite",
        "Engine of the queue: sqlite, or sqs (a fleet; needs queue.url, queue.dead_letter_url and a store that is shared, too).",
    ),
    key("queue.path", Text, "DATA_DIR/queue.db", "File of the SQLite queue."),
    key("queue.url", Text, "", "URL of the SQS queue, a standard one."),
    key("queue.dead_letter_url", Text, "", "URL of its dead-letter queue, a standard one."),
    key(
        "queue.dead_letter_days",
        Integer,
        "14",
        "How long messages that were given up are kept for `queue redrive`; then they are deleted. 1 to 365.",
    ),
    key(
        "store.kind",
        Text,
        "sqlite",
        "Engine of the store: sqlite, or dynamodb (a fleet; needs store.table and store.session_key).",
    ),
    key("store.path", Text, "DATA_DIR/store.db", "File of the SQLite store."),
    key("store.table", Text, "", "Name or ARN of the DynamoDB table; docs/fleet.md has its keys."),
    key(
        "store.session_key",
        Text,
        "DATA_DIR/session.key",
        "Where the 32-byte key (64 hex digits) is that encrypts model replies and kept reports, as env:NAME, file:PATH or aws:NAME. The default file is made at first start, mode 0600.",
    ),
    key(
        "worker.jobs",
        Integer,
        "8",
        "Reviews at once, 1 to 10,000. Most of a review is waiting: threads, source text and requests have bounds of their own.",
    ),
    key(
        "worker.source_bytes",
        Integer,
        "268435456",
        "Source text held at once, over all reviews; a file counts twice, for what it is compared with or copied to. At least twice analysis.max_file_bytes.",
    ),
    key("worker.cpu_threads", Integer, "0", "Threads for analysis; 0: one per hardware thread."),
    key(
        "worker.operator_listen",
        Text,
        "127.0.0.1:9091",
        "Address of the worker's `/healthz`, `/readyz` and `/metrics`.",
    ),
    key(
        "worker.visibility_seconds",
        Integer,
        "90",
        "The queue's visibility of a message under work; renewed at a third of it.",
    ),
    key(
        "worker.lease_seconds",
        Integer,
        "120",
        "The pull-request row's lease; renewed at a third of it. Longer than github.request_timeout_seconds.",
    ),
    key("worker.hide_seconds", Integer, "60", "The least time that a hint of a busy pull request stays hidden."),
    key("worker.cooldown_seconds", Integer, "10", "Between two reviews of one pull request."),
    key("worker.max_attempts", Integer, "3", "Failed attempts per head before the job is dead-lettered."),
    key(
        "worker.retry_seconds",
        Integer,
        "5",
        "First wait after a failure; doubles, with full jitter, up to retry_cap_seconds.",
    ),
    key("worker.retry_cap_seconds", Integer, "300", "Longest wait after a failure."),
    key(
        "worker.outage_seconds",
        Integer,
        "60",
        "Longest wait before a GitHub that can't be reached, or refuses the token, is asked again. Waiting is free of charge.",
    ),
    key(
        "worker.silence_minutes",
        Integer,
        "720",
        "How long a pull request that GitHub gives no answer about, while it answers others, is asked for again free of charge, up to 15 minutes apart. After that it counts as failing.",
    ),
    key(
        "worker.review_seconds",
        Integer,
        "600",
        "How long one review may take, all tools and turns of the model; then the report is made from what is there. What waits in the queue doesn't count. Raise it for a model that answers slowly.",
    ),
    key(
        "worker.shutdown_grace_seconds",
        Integer,
        "30",
        "For reviews under way after SIGTERM; what isn't done by then is handed back without a charge.",
    ),
    key(
        "worker.agentcore_listen",
        Text,
        "0.0.0.0:8080",
        "Where `worker --agentcore` takes AgentCore Runtime's invocations. The default is Runtime's contract.",
    ),
    also(
        key(
            "worker.ecs_agent_uri",
            Text,
            "",
            "The ECS agent, asked for scale-in protection while reviews run. ECS sets it by itself.",
        ),
        "ECS_AGENT_URI",
    ),
    key(
        "github.api_url",
        Text,
        "https://api.github.com",
        "GitHub's REST API; GitHub Enterprise Server: https://HOST/api/v3.",
    ),
    also(
        key(
            "github.token_source",
            Text,
            "env:ECO_CODER_GITHUB_TOKEN",
            "Where the token is: env:NAME, file:PATH, aws:NAME (or an ARN) of Secrets Manager, with #KEY for a member of JSON. Read again when GitHub refuses it.",
        ),
        "GITHUB_TOKEN_SECRET_ARN",
    ),
    key(
        "github.app_id",
        Text,
        "",
        "To sign in as a GitHub App in place of a token: the App's id or its client id, as a text. With github.app_key_source.",
    ),
    key(
        "github.app_key_source",
        Text,
        "",
        "Where the App's private key (the .pem file from GitHub) is: env:NAME, file:PATH, aws:NAME. Read again when GitHub refuses what it signed.",
    ),
    key(
        "github.write_interval_ms",
        Integer,
        "1000",
        "Between two writes of a worker; GitHub asks for at least 1 s. 0 only for tests.",
    ),
    key(
        "github.writes_per_minute",
        Integer,
        "80",
        "Comments, changes of them and statuses that all workers together make in a minute as one installation (or token). GitHub bears 80; further ones wait in the queue. 0: not counted, for a GitHub Enterprise Server without limits.",
    ),
    key("github.writes_per_hour", Integer, "500", "The same in an hour; GitHub bears 500. 0: not counted."),
    key(
        "github.reads_at_once",
        Integer,
        "64",
        "Reads of a worker at once as one installation. GitHub bears 100 requests at once: with many busy workers on one installation, 100 divided by them. 1 to 100.",
    ),
    key("github.request_timeout_seconds", Integer, "30", "For one request to GitHub."),
    key(
        "reconcile.every_seconds",
        Integer,
        "900",
        "How often one of the workers looks for what was missed: failed deliveries (an App), open pull requests whose head is not reviewed, comments that are gone. The first time after the start. 0: never. At most 86400.",
    ),
    key(
        "reconcile.calls",
        Integer,
        "300",
        "Requests to GitHub in one such run; the next goes on where it stopped. 10 to 10000.",
    ),
    key(
        "reconcile.reserve_percent",
        Integer,
        "20",
        "Share of an installation's hourly limit that is left to reviews: below it the run leaves the installation alone. 0 to 99.",
    ),
    key(
        "model.kind",
        Text,
        "none",
        "Language model: none, bedrock, or openai (any server with OpenAI's chat completions: Ollama, vLLM, llama.cpp, OpenAI).",
    ),
    key(
        "model.id",
        Text,
        "",
        "The model: at Bedrock a model's or inference profile's id (unset: us.anthropic.claude-sonnet-5-5), else its name at that server.",
    ),
    key("model.url", Text, "", "Address of the OpenAI-compatible server, as in http://127.0.0.1:11434/v1."),
    key(
        "model.api_key",
        Text,
        "",
        "Where that server's bearer token is, if it wants one: env:NAME, file:PATH, aws:NAME. Read again when it is refused.",
    ),
    key("model.temperature", Number, "", "Sent to that server only if it is set: some models refuse any. 0 to 2."),
    key(
        "model.price_input",
        Number,
        "",
        "US dollars for a million tokens that model reads, for the report's cost. With price_output.",
    ),
    key("model.price_output", Number, "", "US dollars for a million tokens that model writes."),
    key("model.guardrail_id", Text, "", "A Bedrock guardrail that looks at what is said. With guardrail_version."),
    key("model.guardrail_version", Text, "", "Its version."),
    key(
        "model.timeout_seconds",
        Integer,
        "300",
        "For one turn of the model; then the report is finished without it, and says so. 1 to 1200.",
    ),
    key("model.max_turns", Integer, "8", "Model turns in one review."),
    key(
        "model.review_tokens",
        Integer,
        "120000",
        "Tokens read and written in one review; what a call may need at most is counted before it. 1000 to 10000000.",
    ),
    key(
        "model.diff_tokens",
        Integer,
        "14000",
        "How much of the diff the model is shown at first, in tokens of three bytes, the most relevant files first; it can read the rest file by file. 0 to 500000.",
    ),
    key(
        "model.daily_tokens",
        Integer,
        "",
        "Tokens in a day (UTC), over all workers; above it reports are the tools', and say so. Unset: no bound.",
    ),
    key(
        "model.daily_dollars",
        Number,
        "",
        "US dollars for the model in a day (UTC), over all workers; needs a price. Unset: no bound.",
    ),
    key(
        "model.throttle_minutes",
        Integer,
        "30",
        "How long a review waits in the queue for a throttled model; then it is finished without it, and says so. 0 to 1440.",
    ),
    key(
        "analysis.kind",
        Text,
        "embedded",
        "Who analyses: embedded, or codeguru (the embedded analyser and CodeGuru Reviewer; needs analysis.codeguru_associations).",
    ),
    key(
        "analysis.max_files",
        Integer,
        "300",
        "Files of one pull request that are analysed; the report names the rest.",
    ),
    key("analysis.max_file_bytes", Integer, "2097152", "Largest file that is analysed."),
    key("analysis.fetch_concurrency", Integer, "8", "Files fetched at once in one review."),
    key("analysis.exclude", List, "[]", "Globs over paths that are not analysed."),
    key("analysis.disabled_rules", List, "[]", "Rule ids that are off."),
    key(
        "analysis.sarif_dir",
        Text,
        "DATA_DIR/sarif",
        "Where linters' results are looked for: DIR/OWNER/REPO/SHA/*.sarif. Their findings on changed lines are reported beside ours.",
    ),
    key("analysis.timeout_seconds", Integer, "300", "For analyze_code; then the report is partial."),
    key(
        "analysis.cpu_seconds",
        Integer,
        "60",
        "CPU time of one review's analysis; the report names the files that were left then.",
    ),
    key(
        "analysis.codeguru_associations",
        List,
        "[]",
        "Repositories that an account has associated with CodeGuru Reviewer, each as OWNER/REPO=ARN of its association.",
    ),
    key(
        "analysis.codeguru_min_changed_lines",
        Integer,
        "100",
        "CodeGuru is asked about pull requests that change more lines than this.",
    ),
    key(
        "analysis.codeguru_timeout_seconds",
        Integer,
        "300",
        "How long CodeGuru's review of a commit is waited for; then the report has what there is, and says so. 1 to 3600.",
    ),
    key(
        "analysis.codeguru_poll_seconds",
        Integer,
        "20",
        "Between two questions about one review; more after each throttle. The review is put down meanwhile. 1 to 600.",
    ),
    key(
        "analysis.codeguru_daily_limit",
        Integer,
        "1000",
        "Reviews that ask CodeGuru in a day (UTC), over all workers; above it the report is the embedded analyser's, and says so.",
    ),
    key(
        "analysis.codeguru_upload_source",
        Flag,
        "false",
        "For associations of the kind S3Bucket: put the source of a pull request's head into their bucket, in your own account, while CodeGuru reviews it.",
    ),
    key(
        "benchmarks.dir",
        Text,
        "DATA_DIR/benchmarks",
        "Where benchmark results are looked for, of base and head: DIR/OWNER/REPO/SHA/ and what lies below it.",
    ),
    key(
        "ci.artifact",
        Text,
        "",
        "Name of the artifact in which GitHub Actions leaves profiles, benchmark results and linters' SARIF files of a commit; they are brought to the directories above. The token needs Actions: read. Unset: none is looked for.",
    ),
    key(
        "profiles.kind",
        Text,
        "files",
        "Who has profiles: files (of the pull request's head), or codeguru (of the deployed service; needs profiles.codeguru_group).",
    ),
    key(
        "profiles.dir",
        Text,
        "DATA_DIR/profiles",
        "Where profiles are looked for: DIR/OWNER/REPO/SHA/*.{pprof,pb,pb.gz,folded,collapsed,txt,perf,cpuprofile,speedscope.json}, and *.json that begins as a profile does; the newest is taken.",
    ),
    key(
        "profiles.folded_sample_ms",
        Number,
        "",
        "CPU milliseconds that one sample of a folded-stacks file stands for. Unset: such files give shares, no times.",
    ),
    key(
        "profiles.codeguru_group",
        Text,
        "",
        "Profiling group of CodeGuru Profiler: the deployed service that reports describe beside the pull request. Only with profiles.kind = \"codeguru\".",
    ),
    key(
        "profiles.period",
        Text,
        "P1D",
        "How much of the service's time is looked at, ISO 8601: PT5M to P7D. Only with profiles.kind = \"codeguru\".",
    ),
    key("profiles.timeout_seconds", Integer, "120", "For profile_code_performance."),
    key(
        "profiles.flame_graphs_dir",
        Text,
        "",
        "Where flame graphs of profiles are kept for 14 days, 1,000 at most: DIR/OWNER/REPO/SHA.svg, of base against head if both have a profile. The worker's operator port serves them as /flame-graphs/OWNER/REPO/SHA.svg. Unset: none is drawn.",
    ),
    key(
        "profiles.flame_graphs_url",
        Text,
        "",
        "Address at which readers find them, which the comment names: URL/OWNER/REPO/SHA.svg. Unset: the comment names none.",
    ),
    also(
        key(
            "carbon.region",
            Text,
            "",
            "AWS region of the code under review, for its grid's carbon intensity. Unset: the world average.",
        ),
        "AWS_REGION",
    ),
    key("carbon.intensity", Number, "", "Grams of CO2e per kWh; instead of the region's."),
    also(
        key(
            "carbon.intensity_parameter_path",
            Text,
            "",
            "Path in Parameter Store below which each region has its carbon intensity, such as /eco-coder/carbon-intensity; needs carbon.region. Read once a day.",
        ),
        "CARBON_DATA_PARAMETER_PATH",
    ),
    key("carbon.method", Text, "codecarbon-process", "codecarbon-process, codecarbon-constant or ccf."),
    key("carbon.ram_model", Text, "v2", "v2 (0.375 W per GiB in use) or v3 (5 W per DIMM, 10 W at least)."),
    key(
        "carbon.tdp_watts",
        Number,
        "",
        "The processor's thermal design power; together with carbon.threads. Unset: codecarbon's defaults.",
    ),
    key("carbon.threads", Integer, "", "The processor's hardware threads; together with carbon.tdp_watts."),
    key(
        "carbon.instance_type",
        Text,
        "",
        "EC2 instance type that the code runs on, such as m5.large, instead of carbon.tdp_watts and carbon.threads: its processors' power, vCPUs and server are known.",
    ),
    key(
        "carbon.country",
        Text,
        "",
        "Country of the code under review, an ISO code of three letters such as FRA or its English name: for its grid's carbon intensity where carbon.region is unset or unknown.",
    ),
    key(
        "carbon.pue",
        Number,
        "",
        "Power usage effectiveness of the data centre, at least 1. Unset: the method's own, 1 or (ccf) 1.135.",
    ),
    key(
        "carbon.executions_per_month",
        Integer,
        "",
        "How often what is measured runs in a month: reports then say the kilograms of a year.",
    ),
    key(
        "carbon.embodied",
        Flag,
        "false",
        "Count the making of the server in the Software Carbon Intensity; needs carbon.instance_type, or carbon.embodied_server_kg with carbon.tdp_watts and carbon.threads.",
    ),
    key(
        "carbon.embodied_server_kg",
        Number,
        "",
        "Emissions of making the whole server, kgCO2e. Unset: the instance type's. Only with carbon.embodied.",
    ),
    key(
        "carbon.embodied_years",
        Number,
        "",
        "How long the server serves, years of 365 days. Unset: 4. Only with carbon.embodied.",
    ),
    key(
        "report.clean_comment",
        Flag,
        "true",
        "Comment on a pull request with nothing to mend. Off: silence, unless a comment already stands.",
    ),
    key(
        "report.status",
        Text,
        "auto",
        "What says beside a commit how far its review is: auto (a check run as an App, else a commit status), commit (a commit status) or off. It has the deployment's name.",
    ),
    key(
        "report.suggestions",
        Integer,
        "5",
        "Mends that are offered on lines of the diff, to be committed with a click; each goes with its finding. 0 to 20; 0: none.",
    ),
    key(
        "report.profile_hint",
        Flag,
        "true",
        "If nothing was measured, say in one folded line of the comment how to provide a profile.",
    ),
    key(
        "hours.zone",
        Text,
        "",
        "Time zone of working hours, a name of the IANA database as in Europe/Vienna. Unset: reviews are made at any hour. Outside of the hours jobs wait in the queue, free of charge; a re-run and a redrive don't.",
    ),
    key("hours.days", List, "", "Days on which the hours begin: mon, tue, wed, thu, fri, sat, sun. Unset: all."),
    key("hours.from", Text, "", "When they begin, by the clock there, as in 08:00. Unset: 00:00."),
    key("hours.to", Text, "", "When they end, up to 24:00; earlier than hours.from: on the day after. Unset: 24:00."),
    also(
        key(
            "telemetry.level",
            Text,
            "info",
            "Least level of the logs: error, warn, info, debug or trace. Audit events and what tools tell of their calls are written at each.",
        ),
        "LOG_LEVEL",
    ),
    key(
        "telemetry.log_sampling",
        Number,
        "1",
        "Share of reviews whose informational lines are written, each as a whole: 0 to 1. Warnings, errors, audit events and what tools tell of their calls are written of all.",
    ),
    key(
        "telemetry.emf",
        Flag,
        "false",
        "Write the values of histograms to the log, in CloudWatch's embedded metric format.",
    ),
    key(
        "telemetry.otlp_endpoint",
        Text,
        "",
        "Base address of a collector that takes traces over OTLP with HTTP, such as http://127.0.0.1:4318. Unset: no traces.",
    ),
    key(
        "telemetry.trace_sampling",
        Number,
        "1",
        "Share of traces that are kept, 0 to 1. Decided where a trace begins, at the webhook; workers follow.",
    ),
];

/// Variables with our prefix that are secrets or flags of the command line, not settings.
const NOT_SETTINGS: &[&str] = &["ECO_CODER_GITHUB_TOKEN", "ECO_CODER_WEBHOOK_SECRET", "ECO_CODER_CONFIG"];

/// The environment variable that sets `path`.
pub(super) fn variable(path: &str) -> String {
    format!("ECO_CODER_{}", path.replace('.', "_").to_ascii_uppercase())
}

/// The setting at `path`.
pub(super) fn known(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.path == path)
}

/// The setting that `name` sets; an error if it has our prefix and sets none.
pub(super) fn by_variable(name: &str) -> Result<Option<&'static Key>, ConfigError> {
    if let Some(key) = KEYS.iter().find(|k| k.also == Some(name) || variable(k.path) == name) {
        return Ok(Some(key));
    }
    let ours =
        name.starts_with("ECO_CODER_") && !NOT_SETTINGS.contains(&name) && !name.starts_with("ECO_CODER_SECRET_");
    if !ours {
        return Ok(None);
    }
    let hint = nearest(name, KEYS.iter().map(|k| variable(k.path)));
    Err(ConfigError::Unknown { key: printable(name), hint })
}

/// The error for a path that nobody knows.
pub(super) fn unknown(path: &str) -> ConfigError {
    let hint = nearest(path, KEYS.iter().map(|k| k.path.to_owned()));
    ConfigError::Unknown { key: printable(path), hint }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    known.map(|k| (distance(name, &k), k)).min().filter(|(d, _)| *d <= 4).map(|(_, k)| k)
}

/// Levenshtein distance over bytes of short names.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<u8> = a.bytes().take(80).collect();
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, y) in b.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, x) in a.iter().enumerate() {
            let replaced = diagonal + usize::from(*x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[a.len()]
}

/// The table of all settings as Markdown: `docs/configuration.md` holds exactly this.
pub fn reference_table() -> String {
    use std::fmt::Write;
    let mut out = String::from("| setting | environment | default | what it does |\n|---|---|---|---|\n");
    for k in KEYS {
        let mut names = format!("`{}`", variable(k.path));
        if let Some(other) = k.also {
            let _ = write!(names, ", `{other}`");
        }
        let default = if k.default.is_empty() { "unset".to_owned() } else { format!("`{}`", k.default) };
        let _ = writeln!(out, "| `{}` | {names} | {default} | {} |", k.path, k.help);
    }
    out
}
