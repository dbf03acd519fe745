//! Commands of Ceph for images of RADOS block devices (rbd(8)). QEMU reaches them itself, without a device on the node.

use serde::Deserialize;

use super::probe::Room;
use crate::cmd::Cmd;

/// A pool, and as whom it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    pub name: String,
    pub user: Option<String>,
    /// libvirt's secret with the user's key.
    pub secret_uuid: Option<String>,
    /// `host:port`.
    pub monitors: Vec<String>,
}

impl Pool {
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.name)
    }

    /// As QEMU's own programs take it.
    pub fn target(&self, name: &str) -> String {
        let user = self.user.as_ref().map(|user| format!(":id={user}")).unwrap_or_default();
        format!("rbd:{}{user}", self.image(name))
    }

    fn program(&self, program: &str) -> Cmd {
        let cmd = Cmd::new(program);
        let cmd = match &self.user {
            Some(user) => cmd.args(["--id", user]),
            None => cmd,
        };
        if self.monitors.is_empty() { cmd } else { cmd.arg("-m").arg(self.monitors.join(",")) }
    }

    pub fn look(&self, name: &str) -> Cmd {
        self.program("rbd").args(["info", "--format", "json"]).arg(self.image(name))
    }

    pub fn create(&self, name: &str, bytes: u64) -> Cmd {
        self.program("rbd").args(["create", "--size"]).arg(mib(bytes)).arg(self.image(name))
    }

    pub fn grow(&self, name: &str, bytes: u64) -> Cmd {
        self.program("rbd").args(["resize", "--no-progress", "--size"]).arg(mib(bytes)).arg(self.image(name))
    }

    pub fn rename(&self, from: &str, to: &str) -> Cmd {
        self.program("rbd").arg("rename").arg(self.image(from)).arg(self.image(to))
    }

    pub fn remove(&self, name: &str) -> Cmd {
        self.program("rbd").args(["rm", "--no-progress"]).arg(self.image(name))
    }

    pub fn probe(&self) -> Cmd {
        self.program("ceph").args(["df", "--format", "json"])
    }
}

fn mib(bytes: u64) -> String {
    format!("{}M", bytes >> 20)
}

/// From [`Pool::look`]'s answer.
pub fn size(json: &str) -> Result<u64, String> {
    #[derive(Deserialize)]
    struct Info {
        size: u64,
    }
    serde_json::from_str::<Info>(json).map(|info| info.size).map_err(|error| format!("rbd answered strangely: {error}"))
}

/// Of the pool in [`Pool::probe`]'s answer.
pub fn room(json: &str, pool: &str) -> Result<Room, String> {
    #[derive(Deserialize)]
    struct Answer {
        pools: Vec<OnePool>,
    }
    #[derive(Deserialize)]
    struct OnePool {
        name: String,
        stats: Stats,
    }
    #[derive(Deserialize)]
    struct Stats {
        stored: u64,
        max_avail: u64,
    }
    let answer: Answer = serde_json::from_str(json).map_err(|error| format!("ceph answered strangely: {error}"))?;
    let found = answer.pools.into_iter().find(|found| found.name == pool).ok_or("the cluster has no such pool")?;
    let Stats { stored, max_avail } = found.stats;
    Ok(Room { total_bytes: stored.saturating_add(max_avail), free_bytes: max_avail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_found_among_others_and_sizes_are_read() {
        let df = r#"{"stats":{},"pools":[{"name":".mgr","stats":{"stored":1,"max_avail":2}},
            {"name":"rbd","stats":{"stored":100,"objects":7,"max_avail":900}}]}"#;
        assert_eq!(room(df, "rbd"), Ok(Room { total_bytes: 1000, free_bytes: 900 }));
        assert!(room(df, "ssd").unwrap_err().contains("no such pool") && room("", "rbd").is_err());
        assert_eq!(size(r#"{"name":"x","size":1073741824,"objects":256}"#), Ok(1 << 30));
        assert!(size("{}").is_err());
    }
}
