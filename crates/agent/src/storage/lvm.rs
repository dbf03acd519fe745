//! Commands of LVM for thin volumes (lvmthin(7)).

use serde::Deserialize;

use super::probe::Room;
use crate::cmd::Cmd;

/// A thin pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thin {
    pub group: String,
    pub pool: String,
}

impl Thin {
    /// Of `group/pool`.
    pub fn parse(location: &str) -> Option<Self> {
        let (group, pool) = location.split_once('/')?;
        Some(Self { group: group.to_owned(), pool: pool.to_owned() })
    }

    pub fn device(&self, name: &str) -> String {
        format!("/dev/{}/{name}", self.group)
    }

    /// What the device mapper calls the device through which all of the pool is read and written (lvm(8), "VALID
    /// NAMES"; its layer is `tpool`).
    pub fn mapped_name(&self) -> String {
        let escaped = |name: &str| name.replace('-', "--");
        format!("{}-{}-tpool", escaped(&self.group), escaped(&self.pool))
    }

    fn volume(&self, name: &str) -> String {
        format!("{}/{name}", self.group)
    }

    /// Answers nothing where there is no such volume.
    pub fn look(&self, name: &str) -> Cmd {
        let cmd = Cmd::new("lvs").args(["--noheadings", "--nosuffix", "--units", "b", "-o", "lv_size", "-S"]);
        cmd.arg(format!("lv_name=\"{name}\"")).arg(&self.group)
    }

    /// Its size is the guest's; of the pool it takes what is written. No signature of a file system is looked for: the
    /// pool gives zeroes.
    pub fn create(&self, name: &str, bytes: u64) -> Cmd {
        let cmd = Cmd::new("lvcreate").args(["--yes", "--quiet", "-W", "n", "-V"]).arg(format!("{bytes}b"));
        cmd.arg("-T").arg(self.volume(&self.pool)).args(["-n", name])
    }

    /// After a boot of the node a volume may be asleep.
    pub fn wake(&self, name: &str) -> Cmd {
        Cmd::new("lvchange").args(["--yes", "-a", "y", "-K"]).arg(self.volume(name))
    }

    pub fn grow(&self, name: &str, bytes: u64) -> Cmd {
        Cmd::new("lvextend").args(["--quiet", "-L"]).arg(format!("{bytes}b")).arg(self.volume(name))
    }

    pub fn rename(&self, from: &str, to: &str) -> Cmd {
        Cmd::new("lvrename").arg("--quiet").args([&self.group, from, to])
    }

    pub fn remove(&self, name: &str) -> Cmd {
        Cmd::new("lvremove").args(["--yes", "--quiet"]).arg(self.volume(name))
    }

    pub fn probe(&self) -> Cmd {
        let cmd = Cmd::new("lvs").args(["--reportformat", "json", "--units", "b", "--nosuffix", "-o"]);
        cmd.arg("lv_layout,lv_size,data_percent,metadata_percent,zero").arg(self.volume(&self.pool))
    }
}

#[derive(Deserialize)]
struct Answer {
    report: Vec<Report>,
}

#[derive(Deserialize)]
struct Report {
    lv: Vec<Pool>,
}

#[derive(Deserialize)]
struct Pool {
    lv_layout: String,
    lv_size: String,
    data_percent: String,
    metadata_percent: String,
    zero: String,
}

/// From [`Thin::probe`]'s answer. What a pool has used is the more of its data and its metadata: either of them full
/// stops every guest.
pub fn room(json: &str) -> Result<Room, String> {
    let answer: Answer = serde_json::from_str(json).map_err(|error| format!("lvs answered strangely: {error}"))?;
    let pool = answer.report.into_iter().flat_map(|report| report.lv).next().ok_or("lvs names no such pool")?;
    if !pool.lv_layout.split(',').any(|part| part == "pool") || !pool.lv_layout.contains("thin") {
        return Err("it is not a thin pool".to_owned());
    }
    if pool.zero.is_empty() {
        return Err(
            "the pool does not zero new blocks (lvchange -Z y), and guests could read each other's old data".into()
        );
    }
    let total_bytes: u64 = pool.lv_size.trim().parse().map_err(|_| "lvs tells no size".to_owned())?;
    let percent = |text: &str| text.trim().parse::<f64>().unwrap_or(0.0).clamp(0.0, 100.0);
    let used = percent(&pool.data_percent).max(percent(&pool.metadata_percent));
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of the pool, as lvs tells it with two decimal places"
    )]
    let free_bytes = (total_bytes as f64 * (100.0 - used) / 100.0) as u64;
    Ok(Room { total_bytes, free_bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(layout: &str, zero: &str) -> String {
        format!(
            r#"{{"report":[{{"lv":[{{"lv_layout":"{layout}","lv_size":"1000000","data_percent":"12.50",
            "metadata_percent":"25.00","zero":"{zero}"}}]}}]}}"#
        )
    }

    #[test]
    fn a_pool_is_known_to_the_device_mapper_with_its_hyphens_doubled() {
        assert_eq!(Thin::parse("vg0/thin").unwrap().mapped_name(), "vg0-thin-tpool");
        assert_eq!(Thin::parse("vg-a/fast-pool").unwrap().mapped_name(), "vg--a-fast--pool-tpool");
    }

    #[test]
    fn a_pool_is_as_full_as_its_fuller_part() {
        assert_eq!(room(&answer("thin,pool", "zero")), Ok(Room { total_bytes: 1_000_000, free_bytes: 750_000 }));
        assert!(room(&answer("thin,pool", "")).unwrap_err().contains("old data"));
        assert!(room(&answer("linear", "zero")).unwrap_err().contains("not a thin pool"));
        assert!(room(r#"{"report":[{"lv":[]}]}"#).is_err() && room("x").is_err());
    }
}
