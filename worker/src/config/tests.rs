use super::*;

fn load(text: &str) -> Result<WorkerConfig, String> {
    let environment = [("ECO_CODER_GITHUB_TOKEN".to_owned(), "t".to_owned())];
    let settings = Settings::parse(text, environment).map_err(|e| e.to_string())?;
    WorkerConfig::from_settings(&settings).map_err(|e| e.to_string())
}

fn refusal(text: &str) -> String {
    load(text).unwrap_err()
}

#[test]
fn the_default_needs_only_a_token() {
    let config = load("data_dir = 'd'").unwrap();
    assert_eq!(config.queue.to_string(), "d/queue.db");
    assert_eq!(config.worker.jobs, 8);
    assert_eq!(load("[worker]\njobs = 10000").unwrap().worker.jobs, 10_000);
    let none = Settings::parse("", []).unwrap();
    let missing = WorkerConfig::from_settings(&none).unwrap_err().to_string();
    assert!(missing.contains("ECO_CODER_GITHUB_TOKEN is not set"), "{missing}");
}

#[test]
fn half_set_unknown_and_contradictory_settings_refuse() {
    assert!(refusal("[reconcile]\ncalls = 9").contains("from 10 to 10000"));
    assert!(refusal("[reconcile]\nreserve_percent = 100").contains("from 0 to 99"));
    assert!(refusal("[github]\nreads_at_once = 101").contains("from 1 to 100"));
    assert!(refusal("[carbon]\ntdp_watts = 100.0").contains("belong together"));
    let sqs = "[queue]\nkind = 'sqs'\nurl = 'https://h/1/q'\ndead_letter_url = 'https://h/1/d'\n";
    assert!(refusal(sqs).contains("must share a store"));
    assert!(refusal(&format!("{sqs}[store]\nkind = 'dynamodb'")).contains("store.table"));
    let shared = format!("{sqs}[store]\nkind = 'dynamodb'\ntable = 't'\n");
    assert!(refusal(&shared).contains("store.session_key"));
    assert!(refusal(&format!("{shared}path = 'p'")).contains("store.path"));
    assert!(refusal("[store]\ntable = 't'").contains("store.table"));
    assert!(refusal("[store]\nkind = 'redis'").contains("store.kind"));
    assert!(refusal("[model]\nkind = 'sonnet'").contains("model.kind"));
    assert!(refusal("[profiles]\nkind = 's3'").contains("\"files\" or \"codeguru\""));
    assert!(refusal("[profiles]\nkind = 'codeguru'").contains("codeguru_group: profiles.kind is \"codeguru\""));
    assert!(refusal("[profiles]\ncodeguru_group = 'g'").contains("set that, or remove this"));
    assert!(refusal("[profiles]\nperiod = 'P1D'").contains("set that, or remove this"));
    let codeguru = "[profiles]\nkind = 'codeguru'\ncodeguru_group = 'shop-api'\n";
    assert!(refusal(&format!("{codeguru}dir = 'd'")).contains("profiles.dir"));
    assert!(refusal(&format!("{codeguru}folded_sample_ms = 10.0")).contains("profiles.folded_sample_ms"));
    for never in ["", "P8D", "PT4M59S", "P1M", "a day", "-P1D"] {
        let problem = refusal(&format!("{codeguru}period = '{never}'"));
        assert!(problem.contains("profiles.period: it must be an ISO 8601 duration from PT5M to P7D"), "{problem}");
    }
    for never in ["", "a group", "a/b", "ümlaut"] {
        let problem = refusal(&format!("[profiles]\nkind = 'codeguru'\ncodeguru_group = '{never}'"));
        assert!(problem.contains("profiles.codeguru_group: it must be 1 to 255 letters"), "{problem}");
    }
    assert!(refusal("[worker]\nlease_seconds = 70").contains("longer than a write"));
    assert!(refusal("[worker]\njobs = 0").contains("from 1 to 10000"));
    assert!(refusal("[worker]\njobs = 10001").contains("from 1 to 10000"));
    assert!(refusal("[analysis]\ncpu_seconds = 0").contains("from 1 to 3600"));
    assert!(refusal("[analysis]\nmax_file_bytes = 1000000\n[worker]\nsource_bytes = 1999999").contains("its copy"));
    assert!(refusal("[analysis]\ndisabled_rules = ['EC-XX-1']").contains("there is no rule EC-XX-1"));
    assert!(refusal("[worker]\nshutdown_grace_seconds = 3601").contains("from 0 to 3600"));
    for never in ["nan", "inf", "-1", "0", "60000.5"] {
        let text = format!("[profiles]\nfolded_sample_ms = {never}");
        assert!(refusal(&text).contains("profiles.folded_sample_ms: it must be more than 0"), "{never}");
    }
    assert!(refusal("[analysis]\nexclude = ['a[']").contains("not a glob"));
    assert!(refusal("[carbon]\nmethod = 'guess'").contains("codecarbon-process"));
    assert!(refusal("deployment = 'a b'").contains("letters"));
    assert!(refusal("[report]\nstatus = 'check'").contains("report.status: it must be \"auto\""));
    assert!(refusal("[hours]\nfrom = '08:00'").contains("hours.from: hours.zone isn't set"));
    assert!(refusal("[hours]\nzone = 'Vienna'").contains("hours.zone: there is no such time zone"));
    assert!(refusal("[github]\ntoken_source = 'ghp_x'").contains("never written into the settings"));
    let misplaced = refusal("[analysis]\ndisabled_rules = ['ghp_x']");
    assert!(misplaced.contains("rule ids look like EC-PY-072") && !misplaced.contains("ghp_x"), "{misplaced}");
    assert!(refusal("[github]\ntoken_source = 'aws:eco-coder/github-token'").contains("does not ask"));
}

#[test]
fn carbon_settings_that_contradict_each_other_refuse_with_what_to_mend() {
    for (settings, words) in [
        ("instance_type = 'm5.large'\ntdp_watts = 100.0\nthreads = 8", "carbon.instance_type: it says what the CPU is"),
        ("instance_type = 'm5.large'\nthreads = 8", "remove it, or carbon.tdp_watts and carbon.threads"),
        (
            "instance_type = 'm6i.large'",
            "carbon.instance_type: the table doesn't have this instance type; it has sizes of",
        ),
        ("threads = 8", "tdp_watts and threads belong together"),
        ("country = 'Atlantis'", "carbon.country: the table doesn't have this country; give its ISO 3166-1 code"),
        ("country = 'FRA'\nintensity = 50.0", "carbon.country: carbon.intensity is set, too"),
        ("country = 'FRA'\nregion = 'eu-west-1'", "the region eu-west-1 is in Ireland, not in France"),
        ("country = 'FRA'\nregion = 'eu-west-1'", "ECO_CODER_CARBON_REGION goes before that"),
        ("pue = 0.99", "the PUE must be a number of at least 1"),
        ("pue = nan", "the PUE must be a number of at least 1"),
        ("executions_per_month = 0", "executions per month must be at least 1"),
        ("executions_per_month = -1", "carbon.executions_per_month"),
        ("embodied = true", "give an instance type, or the server's kilograms with the TDP"),
        ("embodied = true\nembodied_server_kg = 1000.0", "give an instance type"),
        ("embodied_server_kg = 1000.0", "carbon.embodied_server_kg: carbon.embodied is false"),
        ("embodied_years = 4.0", "carbon.embodied_years: carbon.embodied is false"),
        ("instance_type = 'm5.large'\nembodied = true\nembodied_years = 0.0", "lifetime must be more than 0"),
    ] {
        let problem = refusal(&format!("[carbon]\n{settings}"));
        assert!(problem.contains(words), "{settings}: {problem}");
    }
}

#[test]
fn carbon_settings_reach_the_calculation_and_make_another_result() {
    let plain = load("").unwrap().carbon;
    let mut seen = vec![format!("{plain:?}")];
    for settings in [
        "instance_type = 'm5.large'",
        "instance_type = 'm5.xlarge'",
        "instance_type = 'm5.large'\nembodied = true",
        "instance_type = 'm5.large'\nembodied = true\nembodied_years = 5.0",
        "tdp_watts = 210.0\nthreads = 48\nembodied = true\nembodied_server_kg = 1200.0",
        "country = 'FRA'",
        "country = 'Germany'",
        "country = 'FRA'\nregion = 'eu-west-3'",
        "country = 'FRA'\nregion = 'on-premises'",
        "pue = 1.2",
        "executions_per_month = 1000000",
    ] {
        let input = load(&format!("[carbon]\n{settings}")).unwrap().carbon;
        let digest = Grid::fixed(input).digest();
        assert!(!seen.contains(&digest), "{settings}");
        seen.push(digest);
    }
    let large = load("[carbon]\ninstance_type = 'm5.large'").unwrap().carbon;
    assert_eq!(large.hardware.instance().unwrap().to_string(), "m5.large");
}

#[test]
fn each_setting_is_taken_at_its_bounds_and_refused_one_past_them() {
    for (key, least, most) in [
        ("worker.jobs", 1, 10_000_u64),
        ("worker.cpu_threads", 0, 1024),
        ("worker.visibility_seconds", 3, 12 * 3600),
        ("worker.lease_seconds", 77, 12 * 3600),
        ("worker.hide_seconds", 1, 12 * 3600),
        ("worker.cooldown_seconds", 0, 3600),
        ("worker.max_attempts", 1, 100),
        ("worker.retry_cap_seconds", 5, 3600),
        ("worker.outage_seconds", 1, 3600),
        ("worker.silence_minutes", 0, 7 * 24 * 60),
        ("worker.review_seconds", 10, 3600),
        ("github.write_interval_ms", 0, 5000),
        ("analysis.max_files", 1, 3000),
        ("analysis.max_file_bytes", 1, 32 << 20),
        ("analysis.fetch_concurrency", 1, 64),
        ("analysis.timeout_seconds", 1, 3600),
        ("analysis.cpu_seconds", 1, 3600),
        ("worker.shutdown_grace_seconds", 0, 3600),
        ("queue.dead_letter_days", 1, 365),
        ("profiles.timeout_seconds", 1, 3600),
        ("model.max_turns", 1, 50),
    ] {
        let (table, name) = key.split_once('.').unwrap();
        let with = |value: u64| load(&format!("[{table}]\n{name} = {value}"));
        for taken in [least, most] {
            assert!(with(taken).is_ok(), "{key} = {taken}: {}", with(taken).unwrap_err());
        }
        for refused in [least.checked_sub(1), Some(most + 1)].into_iter().flatten() {
            assert!(with(refused).is_err(), "{key} = {refused}");
        }
    }
    let source = |bytes: u64| load(&format!("[worker]\nsource_bytes = {bytes}\n[analysis]\nmax_file_bytes = 1024"));
    assert!(source(1 << 20).is_ok() && source(1 << 40).is_ok());
    assert!(source((1 << 20) - 1).is_err() && source((1 << 40) + 1).is_err());
    let slow =
        |seconds: u64| load(&format!("[github]\nrequest_timeout_seconds = {seconds}\n[worker]\nlease_seconds = 700"));
    assert!(slow(1).is_ok() && slow(600).is_ok() && slow(0).is_err() && slow(601).is_err());
    let group =
        |length: usize| load(&format!("[profiles]\nkind = 'codeguru'\ncodeguru_group = '{}'", "g".repeat(length)));
    assert!(group(1).is_ok() && group(255).is_ok() && group(0).is_err() && group(256).is_err());
    let period = |text: &str| load(&format!("[profiles]\nkind = 'codeguru'\ncodeguru_group = 'g'\nperiod = '{text}'"));
    assert!(
        period("PT5M").is_ok() && period("P7D").is_ok() && period("PT299S").is_err() && period("PT604801S").is_err()
    );
    let named = |length: usize| load(&format!("deployment = '{}'", "d".repeat(length)));
    assert!(named(1).is_ok() && named(64).is_ok() && named(0).is_err() && named(65).is_err());
}

#[test]
fn flame_graphs_have_an_address_only_where_they_are_kept_and_a_plain_one() {
    let with = |url: &str| load(&format!("[profiles]\nflame_graphs_dir = 'g'\nflame_graphs_url = '{url}'"));
    assert!(load("").unwrap().flame_graphs().is_none() && load("").unwrap().report.profile_hint);
    assert!(load("[profiles]\nflame_graphs_dir = 'g'").unwrap().flame_graphs().is_some());
    let longest = format!("https://{}", "h".repeat(192));
    for url in ["https://eco.example/graphs", "http://127.0.0.1:9091/flame-graphs", longest.as_str()] {
        assert!(with(url).is_ok(), "{url}");
    }
    let over = format!("{longest}h");
    for url in ["", "https://", "ftp://h/x", "eco.example", "https://h/?a=b", "https://h/a)b", over.as_str()] {
        let problem = with(url).unwrap_err();
        assert!(problem.contains("profiles.flame_graphs_url: it must be an address"), "{url}: {problem}");
    }
    assert!(refusal("[profiles]\nflame_graphs_url = 'https://h/x'").contains("without profiles.flame_graphs_dir"));
    let codeguru = "[profiles]\nkind = 'codeguru'\ncodeguru_group = 'g'\nflame_graphs_dir = 'g'";
    assert!(refusal(codeguru).contains("profiles.flame_graphs_dir"));
}
