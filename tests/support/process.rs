//! A process of the binary under test, and what it says: its logs are events to wait for. When it is over, all that it said is
//! searched for the secrets that it was given.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::canaries::Canaries;

/// The longest wait for anything in a test: only a failing test gets there.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A number that whoever runs the tests may give in the environment, to have more done than every time.
pub fn chosen(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text}")))
}

/// What an operator's port has to answer in, and a pipe to be read to its end once the process is gone.
const SOON: Duration = Duration::from_secs(1);

pub struct Process {
    child: Child,
    name: &'static str,
    lines: Arc<Mutex<Vec<String>>>,
    /// Its standard output, where nothing is to be.
    printed: Mutex<mpsc::Receiver<Vec<u8>>>,
    written: watch::Receiver<usize>,
    canaries: Canaries,
}

impl Process {
    /// Starts `eco-coder NAME --config CONFIG` with nothing of this process's environment but what is given.
    pub fn start(name: &'static str, config: &Path, environment: &[(String, String)]) -> Self {
        Self::start_with(name, &[], config, environment)
    }

    /// The same with `options`.
    pub fn start_with(name: &'static str, options: &[&str], config: &Path, environment: &[(String, String)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eco-coder"));
        command.arg(name).args(options).arg("--config").arg(config);
        Self::run(name, command, environment)
    }

    /// Starts a command that becomes `eco-coder NAME`.
    pub fn run(name: &'static str, mut command: Command, environment: &[(String, String)]) -> Self {
        command.env_clear().envs(environment.iter().cloned());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (tell, written) = watch::channel(0);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let into = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                into.lock().unwrap().push(line);
                tell.send_modify(|n| *n += 1);
            }
        });
        let mut stdout = child.stdout.take().unwrap();
        let (print, printed) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stdout.read_to_end(&mut bytes);
            let _ = print.send(bytes);
        });
        Self { child, name, lines, printed: Mutex::new(printed), written, canaries: Canaries::of(environment) }
    }

    /// Everything it wrote so far.
    pub fn output(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// What it has counted, as whoever reaches its operators' port sees it; nothing once it is gone.
    fn counted(&self) -> Vec<u8> {
        let address = |line: &String| {
            let line: Value = serde_json::from_str(line).ok()?;
            line["context"]["operator"].as_str()?.parse::<SocketAddr>().ok()
        };
        let Some(address) = self.lines.lock().unwrap().iter().find_map(address) else { return Vec::new() };
        let mut bytes = Vec::new();
        if let Ok(mut peer) = TcpStream::connect_timeout(&address, SOON) {
            let _ = peer.set_read_timeout(Some(SOON));
            let _ = peer.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            let _ = peer.read_to_end(&mut bytes);
        }
        bytes
    }

    /// Waits for a log line, one already written or one to come.
    pub async fn logged(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut written = self.written.clone();
        let look = async {
            let mut from = 0;
            loop {
                written.mark_unchanged();
                {
                    let lines = self.lines.lock().unwrap();
                    for line in &lines[from..] {
                        if let Ok(value) = serde_json::from_str::<Value>(line)
                            && is_it(&value)
                        {
                            return Some(value);
                        }
                    }
                    from = lines.len();
                }
                if written.changed().await.is_err() {
                    return None;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, look).await {
            Ok(Some(line)) => line,
            Ok(None) => panic!("{} ended without the line:\n{}", self.name, self.output()),
            Err(late) => panic!("{} did not log the line: {late}\n{}", self.name, self.output()),
        }
    }

    /// Waits for a line with this message.
    pub async fn says(&self, message: &str) -> Value {
        self.logged(|line| line["message"] == message).await
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory it ever had, in bytes.
    pub fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib * 1024
    }

    /// How many files, sockets among them, it has open. None once it is gone.
    pub fn open_files(&self) -> Option<usize> {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).ok().map(Iterator::count)
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// `STOP` and `CONT`, for one.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut written = self.written.clone();
        let closed = async { while written.changed().await.is_ok() {} };
        tokio::time::timeout(PATIENCE, closed).await.unwrap_or_else(|_| panic!("{} goes on", self.name));
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let is_failing = std::thread::panicking();
        let counted = if is_failing { Vec::new() } else { self.counted() };
        let _ = self.child.kill();
        let _ = self.child.wait();
        if is_failing {
            eprintln!("--- {} wrote:\n{}", self.name, self.output());
            return;
        }
        let printed = self.printed.lock().unwrap().recv_timeout(SOON).unwrap_or_default();
        self.canaries.refuse(&format!("the metrics of {}", self.name), &counted);
        self.canaries.refuse(&format!("what {} printed", self.name), &printed);
        self.canaries.refuse(&format!("the logs of {}", self.name), self.output().as_bytes());
    }
}
