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
fn a_list_in_the_environment_may_be_written_as_in_the_file() {
    let listed = |text| {
        let settings = Settings::parse("", environment(&[("ECO_CODER_POLICY_REPOSITORIES", text)]))?;
        settings.table::<PolicyConfig>("policy").map(|policy| policy.repositories)
    };
    assert_eq!(listed(r#"["a/*", "b/c"]"#).unwrap(), ["a/*", "b/c"]);
    for wrong in ["[a/*]", "[1]", "['a/b'", "['a/b']\nx = 1", "[] #"] {
        let said = listed(wrong).map_err(|e| e.to_string());
        assert!(matches!(&said, Err(e) if e.contains("a list of texts")) || said == Ok(vec![]), "{wrong}: {said:?}");
    }
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
    assert_eq!(
        settings.table::<PolicyConfig>("policy").unwrap_err().to_string(),
        "setting policy.paused: it must be true or false"
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

#[test]
fn settings_show_what_is_set_and_no_value() {
    let secrets = environment(&[("ECO_CODER_GITHUB_TOKEN", "t0ken"), ("ECO_CODER_DATA_DIR", "t0ken")]);
    let settings = Settings::parse("dry_run = true\n[github]\ntoken_source = 't0ken'\n", secrets).unwrap();
    let shown = format!("{settings:?} {settings:#?}");
    assert!(!shown.contains("t0ken"), "{shown}");
    assert!(shown.contains("github.token_source") && shown.contains("dry_run"), "{shown}");
}

/// A secret in the wrong place, or in the wrong form, stays out of every error.
const CANARY: &str = "CANARY-ghp_5ecret";

/// All that there is to see of an error.
fn seen<T: fmt::Debug>(outcome: Result<T, ConfigError>) -> String {
    let error = outcome.expect_err("a wrong form");
    let seen = format!("{error} {error:?} {error:#?}");
    assert!(!seen.contains("CANARY") && !seen.contains("ghp_"), "{seen}");
    error.to_string()
}

#[test]
fn what_is_not_toml_is_located_and_not_repeated() {
    for (text, at) in [
        ("[ingress]\nwebhook_secrets = CANARY-ghp_5ecret\n", "line 2, column 19"),
        ("[ingress]\nwebhook_secrets = [\"CANARY-ghp_5ecret]\n", "line 2, column "),
        ("[ingress]\nwebhook_secrets = 'CANARY-ghp_5ecret\n", "line 2, column "),
        ("[ingress]\nwebhook_secrets = \"\"\"CANARY-ghp_5ecret\n", "line "),
        ("[ingress]\nlisten = 'CANARY-ghp_5ecret'\nlisten = 'CANARY-ghp_5ecret'\n", "line 3, column 1"),
        ("[ingress]\n[ingress]\nlisten = 'CANARY-ghp_5ecret'\n", "line 2, column 2"),
        ("ingress = 'CANARY-ghp_5ecret'\ningress.listen = 'CANARY-ghp_5ecret'\n", "line 2, column 1"),
        ("data_dir = 'a' CANARY-ghp_5ecret\n", "line 1, column 16"),
        ("data_dir = \"\\CANARY-ghp_5ecret\"\n", "line 1, column "),
        ("CANARY-ghp_5ecret\n", "line 1, column "),
        ("data_dir = 99999999999999999999999999999999\n", "line 1, column 12"),
        ("a = [", "line 1, column "),
    ] {
        let said = seen(Settings::parse(text, []));
        assert!(said.contains(at) && said.contains("not valid TOML"), "{text:?}: {said}");
        assert!(!said.contains("99999"), "{said}");
    }
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Typed {
    webhook_secrets: Vec<String>,
    max_connections: u8,
    listen: Option<std::net::IpAddr>,
    operator_listen: Choice,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    #[default]
    One,
    Two,
}

#[test]
fn a_value_of_the_wrong_form_is_not_repeated() {
    let typed = |text: &str| seen(Settings::parse(text, []).and_then(|settings| settings.table::<Typed>("ingress")));
    for (text, said) in [
        (
            format!("ingress.webhook_secrets = '{CANARY}'"),
            "setting ingress.webhook_secrets: it must be a list of texts",
        ),
        (
            format!("ingress.webhook_secrets = [['{CANARY}']]"),
            "setting ingress.webhook_secrets: it must be a list of texts",
        ),
        (
            format!("ingress.webhook_secrets = {{ '{CANARY}' = 1 }}"),
            "setting ingress.webhook_secrets: it must be a list of texts",
        ),
        (format!("ingress.max_connections = '{CANARY}'"), "setting ingress.max_connections: it must be a whole number"),
        (
            "ingress.max_connections = 300".to_owned(),
            "setting ingress.max_connections: its value isn't one that it can have; it must be u8",
        ),
        (format!("ingress.listen = '{CANARY}'"), "setting ingress.listen: its value isn't one that it can have"),
        (
            format!("ingress.operator_listen = '{CANARY}'"),
            "setting ingress.operator_listen: its value isn't one that it can have; it must be `one` or `two`",
        ),
        (
            format!("ingress.operator_listen = 'x, expected {CANARY}'"),
            "setting ingress.operator_listen: its value isn't one that it can have; it must be `one` or `two`",
        ),
        (format!("ingress = '{CANARY}'"), "setting ingress: it must be a table"),
        (format!("ingress = ['{CANARY}']"), "setting ingress: it must be a table"),
        (format!("[[ingress]]\nlisten = '{CANARY}'"), "setting ingress: it must be a table"),
    ] {
        assert_eq!(typed(&text), said, "{text}");
    }
    for text in [format!("data_dir = ['{CANARY}']"), format!("dry_run = '{CANARY}'")] {
        let settings = Settings::parse(&text, []).unwrap();
        let said = if text.starts_with("dry") { seen(settings.dry_run()) } else { seen(settings.data_dir()) };
        assert!(said.contains("it must be "), "{said}");
    }
    seen(Settings::parse("", environment(&[("ECO_CODER_WORKER_JOBS", CANARY), ("ECO_CODER_DRY_RUN", CANARY)])));
}

proptest::proptest! {
    #[test]
    fn no_broken_text_makes_an_error_that_repeats_it(before in "[\\[\\]'\"a-z=.{}\n \\\\]{0,20}", after in "[\\[\\]'\"=,{}\n \\\\]{0,20}") {
        if let Err(error @ ConfigError::Syntax { .. }) = Settings::parse(&format!("{before}{CANARY}{after}"), []) {
            let seen = format!("{error} {error:?}");
            proptest::prop_assert!(!seen.contains("CANARY"), "{}", seen);
        }
    }
}

#[test]
fn a_settings_file_has_a_mebibyte_at_most() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let load = |length: usize| {
        let start = "dry_run = true\n#";
        std::fs::write(file.path(), format!("{start}{}", "x".repeat(length - start.len()))).unwrap();
        Settings::load(Some(file.path()), [])
    };
    assert!(load(1 << 20).unwrap().dry_run().unwrap());
    let error = load((1 << 20) + 1).unwrap_err().to_string();
    assert!(error.contains("more than 1048576 bytes"), "{error}");
    std::fs::write(file.path(), "é".repeat((1 << 19) + 1)).unwrap();
    let error = Settings::load(Some(file.path()), []).unwrap_err().to_string();
    assert!(error.contains("more than 1048576 bytes"), "a character across the bound: {error}");
}
