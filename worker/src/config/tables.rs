//! The worker's tables of the settings file, with their defaults. What they mean, and what fits together, is checked in
//! [`config`](super).

use std::path::PathBuf;

use serde::Deserialize;

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),* }
            }
        }
    };
}

table! {
    /// The `[store]` table.
    StoreTable {
        /// Engine.
        kind: String = "sqlite".to_owned(),
        /// File.
        path: Option<PathBuf> = None,
        /// DynamoDB table.
        table: Option<String> = None,
        /// `env:NAME` or `file:PATH`.
        session_key: Option<String> = None,
    }
}

table! {
    /// The `[worker]` table.
    WorkerTable {
        /// Reviews at once.
        jobs: usize = 8,
        /// Source text held at once, bytes.
        source_bytes: usize = 256 << 20,
        /// Threads for analysis.
        cpu_threads: usize = 0,
        /// Operators' address.
        operator_listen: String = "127.0.0.1:9091".to_owned(),
        /// Seconds.
        visibility_seconds: u64 = 90,
        /// Seconds.
        lease_seconds: u64 = 120,
        /// Seconds.
        hide_seconds: u64 = 60,
        /// Seconds.
        cooldown_seconds: u64 = 10,
        /// Per head.
        max_attempts: u32 = 3,
        /// Seconds.
        retry_seconds: u64 = 5,
        /// Seconds.
        retry_cap_seconds: u64 = 300,
        /// Seconds.
        outage_seconds: u64 = 60,
        /// Minutes.
        silence_minutes: u64 = 720,
        /// Seconds.
        review_seconds: u64 = 600,
        /// Seconds.
        shutdown_grace_seconds: u64 = 30,
        /// Where AgentCore Runtime invokes.
        agentcore_listen: String = "0.0.0.0:8080".to_owned(),
        /// The ECS agent of this task.
        ecs_agent_uri: Option<String> = None,
    }
}

table! {
    /// The `[github]` table.
    GitHubTable {
        /// REST API.
        api_url: String = "https://api.github.com".to_owned(),
        /// `env:NAME` or `file:PATH`.
        token_source: Option<String> = None,
        /// An App's id or client id.
        app_id: Option<String> = None,
        /// `env:NAME` or `file:PATH` of its private key.
        app_key_source: Option<String> = None,
        /// Between two writes.
        write_interval_ms: u64 = 1000,
        /// Of all workers, as one installation.
        writes_per_minute: u64 = 80,
        /// Of all workers, as one installation.
        writes_per_hour: u64 = 500,
        /// As one installation.
        reads_at_once: usize = 64,
        /// For one request.
        request_timeout_seconds: u64 = 30,
    }
}

table! {
    /// The `[reconcile]` table.
    ReconcileTable {
        /// Between two runs.
        every_seconds: u64 = 900,
        /// Requests of one run.
        calls: u32 = 300,
        /// Of an installation's hourly limit, left to reviews.
        reserve_percent: u64 = 20,
    }
}

table! {
    /// The `[model]` table.
    ModelTable {
        /// Engine.
        kind: String = "none".to_owned(),
        /// The model's id or name.
        id: Option<String> = None,
        /// Of an OpenAI-compatible server.
        url: Option<String> = None,
        /// `env:NAME` or `file:PATH`, for that server.
        api_key: Option<String> = None,
        /// Sent only if it is set; for that server.
        temperature: Option<f64> = None,
        /// US dollars for a million tokens read; for that server.
        price_input: Option<f64> = None,
        /// US dollars for a million tokens written; for that server.
        price_output: Option<f64> = None,
        /// Of Bedrock.
        guardrail_id: Option<String> = None,
        /// Of Bedrock.
        guardrail_version: Option<String> = None,
        /// For one turn.
        timeout_seconds: u64 = 300,
        /// In one review.
        max_turns: u32 = 8,
        /// In one review, read and written.
        review_tokens: u64 = 120_000,
        /// Of the diff, in the first question.
        diff_tokens: u64 = 14_000,
        /// In a day, over all workers.
        daily_tokens: Option<u64> = None,
        /// In a day, over all workers.
        daily_dollars: Option<f64> = None,
        /// How long a throttled model is waited for.
        throttle_minutes: u64 = 30,
    }
}

table! {
    /// The `[analysis]` table.
    AnalysisTable {
        /// Engine.
        kind: String = "embedded".to_owned(),
        /// Of one pull request.
        max_files: usize = 300,
        /// Bytes.
        max_file_bytes: usize = 2 << 20,
        /// In one review.
        fetch_concurrency: usize = 8,
        /// Globs over paths.
        exclude: Vec<String> = Vec::new(),
        /// Ids.
        disabled_rules: Vec<String> = Vec::new(),
        /// Where linters' results are.
        sarif_dir: Option<PathBuf> = None,
        /// For `analyze_code`.
        timeout_seconds: u64 = 300,
        /// CPU time of one review.
        cpu_seconds: u64 = 60,
        /// `owner/name=arn` of CodeGuru Reviewer.
        codeguru_associations: Vec<String> = Vec::new(),
        /// CodeGuru is asked above it.
        codeguru_min_changed_lines: u64 = 100,
        /// From the first question to the last.
        codeguru_timeout_seconds: u64 = 300,
        /// Between two questions.
        codeguru_poll_seconds: u64 = 20,
        /// Of all workers.
        codeguru_daily_limit: u32 = 1000,
        /// To associations with S3.
        codeguru_upload_source: bool = false,
    }
}

table! {
    /// The `[profiles]` table.
    ProfilesTable {
        /// Engine.
        kind: String = "files".to_owned(),
        /// Directory.
        dir: Option<PathBuf> = None,
        /// CPU milliseconds of one folded sample.
        folded_sample_ms: Option<f64> = None,
        /// CodeGuru's profiling group.
        codeguru_group: Option<String> = None,
        /// ISO 8601.
        period: Option<String> = None,
        /// For `profile_code_performance`.
        timeout_seconds: u64 = 120,
        /// Where flame graphs are kept.
        flame_graphs_dir: Option<PathBuf> = None,
        /// Where readers find them.
        flame_graphs_url: Option<String> = None,
    }
}

table! {
    /// The `[benchmarks]` table.
    BenchmarksTable {
        /// Directory.
        dir: Option<PathBuf> = None,
    }
}

table! {
    /// The `[ci]` table.
    CiTable {
        /// Name of the artifact that workflows of GitHub Actions leave.
        artifact: Option<String> = None,
    }
}

table! {
    /// The `[carbon]` table.
    CarbonTable {
        /// AWS region.
        region: Option<String> = None,
        /// g/kWh.
        intensity: Option<f64> = None,
        /// In Parameter Store.
        intensity_parameter_path: Option<String> = None,
        /// Method.
        method: String = "codecarbon-process".to_owned(),
        /// RAM model.
        ram_model: String = "v2".to_owned(),
        /// Watts.
        tdp_watts: Option<f64> = None,
        /// Hardware threads.
        threads: Option<u32> = None,
        /// EC2 instance type.
        instance_type: Option<String> = None,
        /// Code or name.
        country: Option<String> = None,
        /// Power usage effectiveness.
        pue: Option<f64> = None,
        /// For the year's footprint.
        executions_per_month: Option<u64> = None,
        /// Count the server's making.
        embodied: bool = false,
        /// kgCO2e.
        embodied_server_kg: Option<f64> = None,
        /// Years.
        embodied_years: Option<f64> = None,
    }
}

table! {
    /// The `[report]` table.
    ReportTable {
        /// Comment on a clean pull request, too.
        clean_comment: bool = true,
        /// How it is said beside a commit how far its review is.
        status: String = "auto".to_owned(),
        /// Mends offered on lines.
        suggestions: usize = 5,
        /// Say how to provide a profile if nothing was measured.
        profile_hint: bool = true,
    }
}

table! {
    /// The `[hours]` table.
    HoursTable {
        /// Name in the IANA database.
        zone: Option<String> = None,
        /// `mon` to `sun`.
        days: Option<Vec<String>> = None,
        /// `HH:MM`.
        from: Option<String> = None,
        /// `HH:MM`.
        to: Option<String> = None,
    }
}
