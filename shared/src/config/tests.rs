use super::*;
use crate::policy::PolicyConfig;

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn error(text: &str, pairs: &[(&str, &str)]) -> String {
    Settings::parse(text, environment(pairs)).unwrap_err().to_string()
}

#[test]
fn the_environment_lies_over_the_file() {
    let settings = Settings::parse(
        "data_dir = 'here'\n[policy]\nskip_label = 'no'\npaused = true\n",
        environment(&[
            ("ECO_CODER_POLICY_PAUSED", "false"),
            ("ECO_CODER_POLICY_REPOSITORIES", "a/*, b/c"),
            ("ECO_CODER_DATA_DIR", "there"),
            ("PATH", "/bin"),
        ]),
    )
    .unwrap();
    let policy: PolicyConfig = settings.table("policy").unwrap();
    assert_eq!(policy.repositories, ["a/*", "b/c"]);
    assert!(!policy.paused);
    assert_eq!(policy.skip_label, "no");
    assert_eq!(settings.data_dir().unwrap(), PathBuf::from("there"));
}

#[test]
fn unknown_settings_refuse_with_a_hint() {
    assert_eq!(
        error("[policy]\nrepositries = []", &[]),
        "unknown setting policy.repositries; did you mean policy.repositories?"
    );
    assert_eq!(error("[plicy]\nx = 1", &[]), "unknown setting plicy");
    assert!(error("", &[("ECO_CODER_POLICY_PAUSE", "true")]).contains("did you mean ECO_CODER_POLICY_PAUSED?"));
    assert!(error("dryrun = true", &[]).contains("did you mean dry_run?"));
}

#[test]
fn wrong_values_name_their_setting() {
    assert_eq!(
        error("", &[("ECO_CODER_WORKER_JOBS", "many")]),
        "setting ECO_CODER_WORKER_JOBS: it must be a whole number"
    );
    assert!(error("", &[("ECO_CODER_DATA_DIR", "")]).contains("it is empty"));
    let settings = Settings::parse("[policy]\npaused = 'yes'", []).unwrap();
    assert!(
        settings.table::<PolicyConfig>("policy").unwrap_err().to_string().starts_with("setting policy: invalid type")
    );
    assert!(error("a = [", &[]).contains("not valid TOML"));
}

#[test]
fn the_specification_s_own_variables_are_known() {
    let settings = Settings::parse("", environment(&[("AWS_REGION", "eu-west-1"), ("LOG_LEVEL", "debug")])).unwrap();
    let carbon: Table = settings.table("carbon").unwrap();
    assert_eq!(carbon["region"].as_str(), Some("eu-west-1"));
    let telemetry: Table = settings.table("telemetry").unwrap();
    assert_eq!(telemetry["level"].as_str(), Some("debug"));
}

#[test]
fn secrets_are_not_settings() {
    let settings = Settings::parse("", environment(&[("ECO_CODER_GITHUB_TOKEN", "t0ken")])).unwrap();
    let token = settings.secret("github.token_source", "env:ECO_CODER_GITHUB_TOKEN").unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&token), "t0ken");
    let missing = settings.secret("github.token_source", "env:OTHER").unwrap_err().to_string();
    assert_eq!(
        missing,
        "setting github.token_source: the environment variable OTHER is not set; set it to the secret, or name another source"
    );
}
