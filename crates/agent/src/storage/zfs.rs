//! Commands of ZFS for volumes (zfs(8)).

use super::probe::Room;
use crate::cmd::Cmd;

/// Of a volume; the size that guests' file systems and databases write in, or a multiple of it.
const BLOCK: &str = "16k";

/// A data set below which volumes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSet(pub String);

impl DataSet {
    pub fn device(&self, name: &str) -> String {
        format!("/dev/zvol/{}/{name}", self.0)
    }

    fn volume(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }

    pub fn look(&self, name: &str) -> Cmd {
        Cmd::new("zfs").args(["list", "-H", "-p", "-o", "volsize"]).arg(self.volume(name))
    }

    /// Sparse: it reserves nothing.
    pub fn create(&self, name: &str, bytes: u64) -> Cmd {
        let cmd = Cmd::new("zfs").args(["create", "-s", "-b", BLOCK, "-V"]).arg(bytes.to_string());
        cmd.arg(self.volume(name))
    }

    pub fn grow(&self, name: &str, bytes: u64) -> Cmd {
        Cmd::new("zfs").arg("set").arg(format!("volsize={bytes}")).arg(self.volume(name))
    }

    pub fn rename(&self, from: &str, to: &str) -> Cmd {
        Cmd::new("zfs").arg("rename").arg(self.volume(from)).arg(self.volume(to))
    }

    pub fn remove(&self, name: &str) -> Cmd {
        Cmd::new("zfs").arg("destroy").arg(self.volume(name))
    }

    pub fn probe(&self) -> Cmd {
        Cmd::new("zfs").args(["list", "-H", "-p", "-o", "used,available"]).arg(&self.0)
    }
}

/// From [`DataSet::probe`]'s answer.
pub fn room(text: &str) -> Result<Room, String> {
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(used)), Some(Ok(free_bytes))) => Ok(Room { total_bytes: used.saturating_add(free_bytes), free_bytes }),
        _ => Err("zfs tells no size of it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_and_what_is_left_make_the_size() {
        assert_eq!(room("100\t900\n"), Ok(Room { total_bytes: 1000, free_bytes: 900 }));
        assert!(room("-\t900").is_err() && room("").is_err());
    }
}
