//! A bare Debian 12 beside the host: files, mounts and processes of its own, and the host's network.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::process::{Outcome, must, run};
use super::wait::until;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/bare-debian");
/// Packages are downloaded.
const MAKE_LIMIT_S: u64 = 600;
const START_LIMIT_S: u64 = 20;
/// What becomes the first process: everything in it ends with it, and it takes what becomes of those whose parents are
/// gone, or libvirt waits for them. libvirt's guests have their cgroups on the machine.
const FIRST: &str = r#"set -e
mount --make-rprivate /
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
mount -t sysfs sysfs "$0/sys"
mount --rbind /sys/fs/cgroup "$0/sys/fs/cgroup"
mount --rbind /dev "$0/dev"
mount -t tmpfs -o mode=755 tmpfs "$0/run"
cd "$0"
pivot_root . mnt
exec chroot . /bin/sh -c 'umount -l /mnt && touch /run/up; sleep infinity & wait'"#;

pub struct BareDebian {
    root: PathBuf,
    first: Child,
}

impl BareDebian {
    /// Made in a folder, with some packages more, and started.
    pub async fn start(root: &Path, packages: &str) -> Self {
        let path = root.to_str().expect("UTF-8");
        must(SCRIPT, &[path, packages], MAKE_LIMIT_S).await;
        let first = Command::new("unshare")
            .args(["--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "sh", "-c", FIRST, path])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("unshare starts");
        let debian = Self { root: root.to_owned(), first };
        until("the bare Debian is up", START_LIMIT_S, async || {
            debian.run("test -e /run/up", START_LIMIT_S).await.ok.then_some(())
        })
        .await;
        debian
    }

    /// A file of it, as the host sees it; not below its `/run`, `/proc`, `/sys` and `/dev`.
    pub fn file(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// What root types there.
    pub async fn run(&self, command: &str, limit_s: u64) -> Outcome {
        let outer = self.first.id().expect("it runs").to_string();
        let children = std::fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).unwrap_or_default();
        let Some(first) = children.split_whitespace().next() else {
            return Outcome { ok: false, stdout: String::new(), stderr: "it is not up".to_owned() };
        };
        let clean = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let target = ["--target", first, "--mount", "--pid", "--uts", "--ipc", "--root", "--wd"];
        let mut args = target.to_vec();
        args.extend(["env", "-i", "HOME=/root", clean, "sh", "-c", command]);
        run("nsenter", &args, limit_s).await
    }

    /// Ends everything that runs in it, and takes its files away.
    pub async fn remove(mut self) {
        self.first.kill().await.expect("it can be ended");
        std::fs::remove_dir_all(&self.root).expect("nothing is mounted there");
    }
}
