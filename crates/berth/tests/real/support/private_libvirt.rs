//! A libvirt of a test's own, which it may kill: beside the host's, in a mount namespace with folders of its own.
//!
//! Guests run in the host's network, so that bridges, filters and logins are the real ones; only the state folders
//! and the socket are apart.

use std::path::{Path, PathBuf};

use super::host;
use super::process::{must, run};
use super::wait::until;

const ANSWER_LIMIT_S: u64 = 30;

/// What would be shared with the host's libvirt, each covered by an empty file system.
const COVERED: [&str; 4] = ["/run/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/etc/libvirt/qemu"];

pub struct PrivateLibvirt {
    pub uri: String,
    dir: PathBuf,
    /// Keeps the namespace, and the guests' consoles, while libvirtd is away.
    virtlogd: u32,
}

impl PrivateLibvirt {
    /// Starts it with its socket and logs in `dir`.
    pub async fn start(dir: &Path) -> Self {
        std::fs::create_dir_all(dir).expect("the test's folder");
        let dir = dir.to_owned();
        let config = format!(
            "unix_sock_dir = \"{0}\"\nunix_sock_rw_perms = \"0700\"\nauth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n\
             log_outputs = \"2:file:{0}/libvirtd.log\"\n",
            dir.display()
        );
        std::fs::write(dir.join("libvirtd.conf"), config).expect("its configuration");
        let covers: String =
            COVERED.iter().map(|d| format!("mkdir -p {d}; mount -t tmpfs -o mode=0755 tmpfs {d}; ")).collect();
        // QEMU runs as a user of its own, which must get through to its domain's folder.
        let script = format!("set -e; {covers} mkdir -m 0751 /var/lib/libvirt/qemu; exec virtlogd -d -p {{pid}}");
        let pid = dir.join("virtlogd.pid");
        let script = script.replace("{pid}", pid.to_str().expect("UTF-8"));
        must("unshare", &["--mount", "--propagation", "private", "sh", "-c", &script], 20).await;
        let virtlogd = read_pid(&pid).await;
        let uri = format!("qemu+unix:///system?socket={}/libvirt-sock", dir.display());
        let libvirt = Self { uri, dir, virtlogd };
        libvirt.start_daemon().await;
        libvirt
    }

    /// libvirtd again, over the guests that it finds running.
    pub async fn start_daemon(&self) {
        let namespace = format!("--mount=/proc/{}/ns/mnt", self.virtlogd);
        let (config, pid) = (self.dir.join("libvirtd.conf"), self.pid_file());
        let (config, pid) = (config.to_str().expect("UTF-8"), pid.to_str().expect("UTF-8"));
        must("nsenter", &[&namespace, "libvirtd", "-d", "--config", config, "--pid-file", pid], 20).await;
        until("the private libvirtd answers", ANSWER_LIMIT_S, async || host::virsh(&self.uri, &["version"]).await)
            .await;
    }

    /// `kill -9`; its guests run on.
    pub async fn crash_daemon(&self) {
        let pid = read_pid(&self.pid_file()).await.to_string();
        must("kill", &["-9", &pid], 5).await;
        until("libvirtd is dead", ANSWER_LIMIT_S, async || (!Path::new("/proc").join(&pid).exists()).then_some(()))
            .await;
    }

    /// Ends both daemons; its guests must be gone by then.
    pub async fn stop(self) {
        let pid = read_pid(&self.pid_file()).await;
        for pid in [pid, self.virtlogd] {
            run("kill", &[&pid.to_string()], 5).await;
            let gone = async || (!Path::new("/proc").join(pid.to_string()).exists()).then_some(());
            until("a daemon of the private libvirt ends", ANSWER_LIMIT_S, gone).await;
        }
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.join("libvirtd.pid")
    }
}

async fn read_pid(file: &Path) -> u32 {
    until("a daemon's process id", ANSWER_LIMIT_S, async || std::fs::read_to_string(file).ok()?.trim().parse().ok())
        .await
}
