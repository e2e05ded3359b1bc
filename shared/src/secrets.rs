//! Where secrets come from: files, the environment, AWS Secrets Manager. A secret is named in the settings, never written
//! there. Values are `SecretString`: they show up in no log, error or `Debug`.

mod secrets_manager;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::SecretString;

use crate::aws::AwsSettings;

/// The largest secret, bytes; as in AWS Secrets Manager. A larger file is another file than was meant.
const MAX_SECRET: u64 = 65_536;

/// Names a secret: `env:NAME`, `file:PATH`, `aws:NAME`, `aws:NAME#KEY` or an ARN of Secrets Manager, also with `#KEY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; its value ends at the last line break.
    File(PathBuf),
    /// A secret of AWS Secrets Manager.
    Aws {
        /// Its name or ARN.
        name: String,
        /// The member to take, if the secret is a JSON object.
        key: Option<String>,
    },
}

/// Why a secret can't be had. Messages name the reference, never a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// None of the forms.
    #[error("a secret is named as env:NAME, file:PATH or aws:NAME, and never written into the settings itself")]
    BadReference,
    /// Secrets Manager was not asked for it.
    #[error("the secret {0} is in AWS Secrets Manager, which this command does not ask")]
    NotFetched(SecretRef),
    /// Secrets Manager didn't give it.
    #[error("the secret {reference} can't be had: {cause}")]
    Aws {
        /// Which.
        reference: SecretRef,
        /// What was asked, what came back, what to do.
        cause: String,
    },
    /// The variable isn't set.
    #[error("the environment variable {0} is not set; set it to the secret, or name another source")]
    MissingEnv(String),
    /// The file can't be read.
    #[error("the secret file {path} can't be read: {cause}; make it readable for this user only (chmod 600)")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: String,
    },
    /// More than a secret can have.
    #[error(
        "the secret file {path} has more than {MAX_SECRET} bytes; name the file that holds the secret and nothing else"
    )]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// A key file that other users of the machine can get at.
    #[error("the key file {path} is open to other users (mode {mode:03o}); make it this user's only: chmod 600 {path}")]
    Loose {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// An empty secret would let everybody in.
    #[error("the secret {0} is empty; an empty secret would protect nothing, so nothing starts with it")]
    Empty(SecretRef),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Aws { name, key: None } => write!(f, "aws:{name}"),
            Self::Aws { name, key: Some(key) } => write!(f, "aws:{name}#{key}"),
        }
    }
}

impl FromStr for SecretRef {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let aws = |text: &str| {
            let (name, key) = text.split_once('#').map_or((text, None), |(name, key)| (name, Some(key.to_owned())));
            let whole = !name.is_empty() && name.len() <= 2048 && key.as_deref() != Some("");
            if whole { Ok(Self::Aws { name: name.to_owned(), key }) } else { Err(SecretError::BadReference) }
        };
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("aws", name)) => aws(name),
            Some(("arn", rest)) if rest.contains(":secretsmanager:") => aws(text),
            _ => Err(SecretError::BadReference),
        }
    }
}

impl SecretRef {
    /// Can another value be there tomorrow, without a restart?
    pub fn can_change(&self) -> bool {
        !matches!(self, Self::Env(_))
    }

    /// Reads the value now, from wherever it is; the value before it, too, if Secrets Manager still has one: during a
    /// rotation both are in use.
    pub async fn fetch(
        &self,
        environment: &BTreeMap<String, String>,
        aws: &AwsSettings,
    ) -> Result<Vec<SecretString>, SecretError> {
        match self {
            Self::Aws { name, key } => secrets_manager::fetch(self, name, key.as_deref(), aws).await,
            Self::Env(_) | Self::File(_) => self.read(environment).map(|secret| vec![secret]),
        }
    }

    /// Reads the value now, if that needs no network. `environment` is the process's, as it was read at start.
    pub fn read(&self, environment: &BTreeMap<String, String>) -> Result<SecretString, SecretError> {
        let value = match self {
            Self::Env(name) => environment.get(name).cloned().ok_or_else(|| SecretError::MissingEnv(name.clone()))?,
            Self::File(path) => {
                let failed = |e: std::io::Error| SecretError::File { path: path.clone(), cause: e.to_string() };
                let file = std::fs::File::open(path).map_err(failed)?;
                let mut text = Vec::new();
                file.take(MAX_SECRET + 1).read_to_end(&mut text).map_err(failed)?;
                if text.len() as u64 > MAX_SECRET {
                    return Err(SecretError::TooLong { path: path.clone() });
                }
                String::from_utf8(text).map_err(|_| failed(std::io::Error::other("it is not UTF-8 text")))?
            }
            Self::Aws { .. } => return Err(SecretError::NotFetched(self.clone())),
        };
        let value = value.trim_end_matches(['\r', '\n']);
        if value.trim().is_empty() { Err(SecretError::Empty(self.clone())) } else { Ok(SecretString::from(value)) }
    }
}

/// Reads a 32-byte key kept as hex in `path`, making one (mode 0600) if there is none yet. Two processes that start at
/// once end with the same key: the file is created whole, by link, and never overwritten. A file that is open to other
/// users is refused, not mended: who has read it already can't be known here.
pub fn key_file(path: &std::path::Path, env: &dyn crate::env::Env) -> Result<[u8; 32], SecretError> {
    use std::io::Write;
    let failed = |e: std::io::Error| SecretError::File { path: path.to_owned(), cause: e.to_string() };
    if !path.exists() {
        let mut key = [0; 32];
        env.fill_random(&mut key);
        let new = path.with_extension(format!("{}.new", env.random_id()));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new).map_err(failed)?;
        file.write_all(hex::encode(key).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        match std::fs::hard_link(&new, path) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(e)),
            _ => std::fs::remove_file(&new).map_err(failed)?,
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecretError::Loose { path: path.to_owned(), mode });
        }
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let mut key = [0; 32];
    hex::decode_to_slice(text.trim(), &mut key).map_err(|_| {
        failed(std::io::Error::other(
            "it does not hold 64 hex digits; restore it from a backup, or remove it and lose what it encrypted",
        ))
    })?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::env::{ManualEnv, SystemEnv, Timestamp};

    #[test]
    fn a_secret_written_into_the_settings_is_refused_and_not_repeated() {
        let e = "ghp_abcdef0123456789".parse::<SecretRef>().unwrap_err();
        assert!(matches!(e, SecretError::BadReference));
        assert!(!e.to_string().contains("ghp_"));
    }

    #[test]
    fn a_secret_of_aws_is_named_by_name_or_arn_and_never_read_without_asking() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:eco-coder/github-token-AbCdEf";
        for (text, name, key) in [
            ("aws:eco-coder/github-token", "eco-coder/github-token", None),
            ("aws:eco-coder/app#key", "eco-coder/app", Some("key")),
            (arn, arn, None),
            (&format!("{arn}#token"), arn, Some("token")),
        ] {
            let parsed: SecretRef = text.parse().unwrap();
            assert_eq!(parsed, SecretRef::Aws { name: name.to_owned(), key: key.map(str::to_owned) }, "{text}");
            assert!(matches!(parsed.read(&BTreeMap::new()), Err(SecretError::NotFetched(_))));
            assert!(parsed.can_change());
        }
        for wrong in ["aws:", "aws:#key", "aws:name#", "arn:aws:s3:::bucket"] {
            assert!(wrong.parse::<SecretRef>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_empty_secret_is_refused() {
        let environment = BTreeMap::from([("A".to_owned(), "\n".to_owned())]);
        let e = SecretRef::Env("A".into()).read(&environment).unwrap_err();
        assert!(matches!(e, SecretError::Empty(_)), "{e}");
        assert!(matches!(SecretRef::Env("B".into()).read(&environment), Err(SecretError::MissingEnv(_))));
    }

    #[test]
    fn a_file_secret_ends_at_its_line_break() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "It's a Secret to Everybody\r\n").unwrap();
        let secret = SecretRef::File(path).read(&BTreeMap::new()).unwrap();
        assert_eq!(secret.expose_secret(), "It's a Secret to Everybody");
    }

    #[test]
    fn a_file_secret_has_64_kib_at_most() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let read = |length: usize| {
            std::fs::write(&path, "s".repeat(length)).unwrap();
            SecretRef::File(path.clone()).read(&BTreeMap::new())
        };
        assert_eq!(read(65_536).unwrap().expose_secret().len(), 65_536);
        let error = read(65_537).unwrap_err();
        assert!(matches!(error, SecretError::TooLong { .. }), "{error}");
        #[cfg(unix)]
        assert!(matches!(SecretRef::File("/dev/zero".into()).read(&BTreeMap::new()), Err(SecretError::TooLong { .. })));
    }

    #[test]
    fn a_key_file_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("session.key");
        let first = key_file(&path, &SystemEnv).unwrap();
        let second = key_file(&path, &ManualEnv::new(Timestamp(0), 7)).unwrap();
        assert_eq!(first, second);
        std::fs::write(&path, "short").unwrap();
        assert!(key_file(&path, &SystemEnv).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_can_get_at_is_refused_with_what_to_do() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("session.key");
        let key = key_file(&path, &SystemEnv).unwrap();
        let chmod = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        for mode in [0o644, 0o640, 0o620, 0o601] {
            chmod(mode);
            let error = key_file(&path, &SystemEnv).unwrap_err();
            assert!(matches!(error, SecretError::Loose { mode: found, .. } if found == mode), "{mode:o}: {error}");
            assert!(error.to_string().ends_with(&format!("chmod 600 {}", path.display())), "{error}");
        }
        for mode in [0o600, 0o400] {
            chmod(mode);
            assert_eq!(key_file(&path, &SystemEnv).unwrap(), key);
        }
    }
}
