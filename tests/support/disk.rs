//! Disks that get full, for the product's process alone, without root: a small tmpfs of its own in a mount namespace,
//! where the system permits that, and a limit on the size of files, which it always does.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Process;

/// Where the data of a process lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// So many kilobytes of tmpfs that nobody else sees: writes beyond it end as on any full disk (ENOSPC).
    Small(u32),
    /// The usual disk, with a limit on files that can be changed while the process runs: writes beyond it are refused, too
    /// (EFBIG).
    Limited,
}

impl Disk {
    /// Those that can be had here. Says so if the real thing is not among them.
    pub fn all() -> Vec<Self> {
        let namespace =
            Command::new("unshare").args(["-rm", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"]).output();
        match namespace {
            Ok(output) if output.status.success() => vec![Self::Small(4096), Self::Limited],
            refused => {
                eprintln!(
                    "this system permits no mount namespace ({refused:?}): a full disk is shown by a limit on the size of \
                     files alone, not by a tmpfs that is full"
                );
                vec![Self::Limited]
            }
        }
    }

    /// `eco-coder NAME`, with its data directory on this disk.
    pub fn command(self, name: &str, config: &Path, data: &Path) -> Command {
        let program = env!("CARGO_BIN_EXE_eco-coder");
        let mut command = match self {
            Self::Small(kilobytes) => {
                let mount = format!("mount -t tmpfs -o size={kilobytes}k none \"$1\" && shift && exec \"$@\"");
                let mut command = Command::new("unshare");
                command.args(["-rm", "sh", "-c", &mount, "sh"]).arg(data);
                command
            }
            Self::Limited => {
                // Else the first write beyond it would end the process.
                let mut command = Command::new("sh");
                command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
                command
            }
        };
        command.arg(program).arg(name).arg("--config").arg(config);
        command
    }

    /// Leaves no room.
    pub fn fill(self, process: &Process, data: &Path) {
        match self {
            Self::Small(kilobytes) => {
                let mut ballast = File::create(self.seen(process, data).join("ballast")).unwrap();
                let mut chunk = 64 << 10;
                let mut written = 0;
                while chunk > 0 {
                    match ballast.write(&vec![0; chunk]) {
                        Ok(n) => written += n,
                        Err(_) => chunk /= 2,
                    }
                }
                assert!(written <= kilobytes as usize * 1024, "{written}");
            }
            Self::Limited => limit(process, "4096:"),
        }
    }

    /// Gives the room back.
    pub fn free(self, process: &Process, data: &Path) {
        match self {
            Self::Small(_) => fs::remove_file(self.seen(process, data).join("ballast")).unwrap(),
            Self::Limited => limit(process, "unlimited:"),
        }
    }

    /// The data directory as the process has it.
    pub fn seen(self, process: &Process, data: &Path) -> PathBuf {
        match self {
            Self::Small(_) => {
                Path::new("/proc").join(process.id().to_string()).join("root").join(data.strip_prefix("/").unwrap())
            }
            Self::Limited => data.to_owned(),
        }
    }
}

fn limit(process: &Process, size: &str) {
    let set = Command::new("prlimit").arg(format!("--pid={}", process.id())).arg(format!("--fsize={size}")).output();
    let set = set.unwrap_or_else(|e| panic!("this test needs prlimit (Debian: util-linux): {e}"));
    assert!(set.status.success(), "{set:?}");
}
