//! Storages that the node's owner lists in `agent.toml`, besides the agent's own folder. What is not listed is not
//! touched, whatever the control server says.

use berth_proto::StorageKind;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// `directory`, `mountpoint`, `nfs`, `lvm-thin`, `zfs` or `ceph-rbd`.
    pub kind: String,
    /// Of the first three.
    pub path: Option<String>,
    /// Of the others: `group/pool`, a data set, or a pool.
    pub pool: Option<String>,
    /// The Ceph user of guests and of this agent, without `client.`; its keyring is in `/etc/ceph`.
    pub ceph_user: Option<String>,
    /// libvirt's secret with that user's key; without one Ceph asks for none.
    pub ceph_secret_uuid: Option<String>,
    /// `host:port`; without any those of `/etc/ceph/ceph.conf`.
    pub ceph_monitors: Vec<String>,
}

impl StorageConfig {
    pub fn kind(&self) -> Option<StorageKind> {
        self.kind.parse().ok()
    }

    /// As the control server names it.
    pub fn location(&self) -> &str {
        self.path.as_deref().or(self.pool.as_deref()).unwrap_or_default()
    }

    pub fn check(&self) -> anyhow::Result<()> {
        let kind: StorageKind = self.kind.parse()?;
        let (given, field) = if kind.keeps_files() { (&self.path, "path") } else { (&self.pool, "pool") };
        let is_sound = given.as_ref().is_some_and(|location| kind.accepts(location));
        anyhow::ensure!(is_sound, "a storage of the kind {kind} has a {field}: {}", kind.form());
        anyhow::ensure!(
            self.path.is_none() || self.pool.is_none(),
            "a storage has a path or a pool, and {} has both",
            self.location()
        );
        let word = |text: &String| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        anyhow::ensure!(
            self.ceph_user.as_ref().is_none_or(word),
            "ceph_user is a name of letters, digits, '.', '_', '-'"
        );
        let is_uuid = |text: &String| uuid::Uuid::try_parse(text).is_ok();
        anyhow::ensure!(self.ceph_secret_uuid.as_ref().is_none_or(is_uuid), "ceph_secret_uuid is not a UUID");
        anyhow::ensure!(
            self.ceph_secret_uuid.is_none() || self.ceph_user.is_some(),
            "a ceph_secret_uuid is some ceph_user's"
        );
        for monitor in &self.ceph_monitors {
            let sound =
                monitor_of(monitor).is_some_and(|(host, _)| !host.is_empty() && !host.contains(['"', '\'', '<']));
            anyhow::ensure!(sound, "{monitor} is not a monitor: host:port");
        }
        Ok(())
    }
}

/// Host and port of `host:port` or `[host]:port`.
pub fn monitor_of(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some((host, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_owner_writes_is_checked_at_the_start() {
        let read = |text: &str| toml::from_str::<StorageConfig>(text).unwrap().check().map_err(|why| why.to_string());
        for good in [
            "kind = 'directory'\npath = '/srv/disks'",
            "kind = 'lvm-thin'\npool = 'vg0/thin'",
            "kind = 'ceph-rbd'\npool = 'rbd'\nceph_user = 'berth'\n\
             ceph_secret_uuid = '5de5a89b-b707-41bf-a051-7af1a4e67795'\nceph_monitors = ['10.0.0.1:6789', '[fd00::1]:3300']",
        ] {
            assert_eq!(read(good), Ok(()), "{good}");
        }
        for (bad, word) in [
            ("kind = 'tape'", "one of directory"),
            ("kind = 'nfs'", "has a path"),
            ("kind = 'nfs'\npath = '../x'", "has a path"),
            ("kind = 'zfs'\npool = '-r'", "has a pool"),
            ("kind = 'zfs'\npool = 'tank'\npath = '/x'", "both"),
            ("kind = 'ceph-rbd'\npool = 'rbd'\nceph_user = '--id'", "ceph_user"),
            ("kind = 'ceph-rbd'\npool = 'rbd'\nceph_secret_uuid = 'x'", "UUID"),
            ("kind = 'ceph-rbd'\npool = 'rbd'\nceph_monitors = ['x']", "host:port"),
        ] {
            assert!(read(bad).unwrap_err().contains(word), "{bad}");
        }
        assert_eq!(monitor_of("[fd00::1]:3300"), Some(("fd00::1", 3300)));
    }
}
