//! Where `berth up` keeps what it makes, and what it remembers of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use berth_agent::{names, pid_lock};
use clap::Args;
use rustix::process::Pid;

use crate::recipe;

const ROOT: &str = "/var/lib/berth";

/// Flags of every subcommand that is about this machine's Berth.
#[derive(Clone, Debug, Args)]
pub struct PlacesArgs {
    /// Folder of the control server's data
    #[arg(long, env = "BERTH_DATA", default_value = ROOT)]
    data: PathBuf,
    /// Prefix of every name on this machine; another one runs a second Berth beside the first
    #[arg(long, env = "BERTH_INSTANCE", default_value = "berth")]
    instance: String,
}

/// The folders and files of one Berth on this machine.
#[derive(Clone, Debug)]
pub struct Places {
    pub instance: String,
    pub data: PathBuf,
    /// Everything of the control server's, owned by its account.
    pub control_dir: PathBuf,
    pub control_config: PathBuf,
    /// Under /var/lib always: QEMU's user can't enter a home folder.
    pub agent_dir: PathBuf,
    pub agent_config: PathBuf,
    pub recipe_cache: PathBuf,
    /// Address, token and fingerprint for the command line.
    pub profile: PathBuf,
    pub ssh_key: PathBuf,
    pub known_hosts: PathBuf,
    memory: PathBuf,
    lock: PathBuf,
}

impl Places {
    pub fn new(args: &PlacesArgs) -> anyhow::Result<Self> {
        let PlacesArgs { data, instance } = args;
        ensure!(names::instance_is_valid(instance), "the instance must be 1 to 5 of a-z and 0-9, a letter first");
        ensure!(data.is_absolute(), "the data folder must be an absolute path: {}", data.display());
        // The second Berth of a machine must not share folders with the first.
        let own = |name: &str| if instance == "berth" { name.to_owned() } else { format!("{name}-{instance}") };
        let agent_dir = Path::new(ROOT).join(own("agent"));
        Ok(Self {
            control_dir: data.join(own("control")),
            control_config: data.join(own("control") + ".toml"),
            agent_config: agent_dir.join("agent.toml"),
            recipe_cache: PathBuf::from(recipe::DEFAULT_CACHE),
            profile: data.join(own("cli") + ".toml"),
            ssh_key: data.join("ssh").join(own("first-server")),
            known_hosts: data.join("ssh").join(own("known_hosts")),
            memory: data.join(own("up") + ".json"),
            lock: PathBuf::from(format!("/run/{instance}-up.pid")),
            instance: instance.clone(),
            data: data.clone(),
            agent_dir,
        })
    }

    /// What the control server's part consists of.
    pub fn of_control(&self) -> Vec<&Path> {
        let all =
            [&self.control_dir, &self.control_config, &self.profile, &self.memory, &self.ssh_key, &self.known_hosts];
        all.into_iter().map(PathBuf::as_path).collect()
    }

    /// Held as long as `berth up` runs. `Err` holds the process that has it.
    pub fn lock(&self) -> anyhow::Result<Result<File, Pid>> {
        pid_lock::take(&self.lock)
    }

    pub fn forget_lock(&self) {
        // What is gone is gone.
        std::fs::remove_file(&self.lock).ok();
    }
}

/// Ids of what the first start made. Something that was made once is never made again, also when somebody renamed
/// or deleted it since.
#[derive(Debug)]
pub struct Memory {
    file: PathBuf,
    ids: BTreeMap<String, i64>,
}

impl Memory {
    pub fn open(places: &Places) -> anyhow::Result<Self> {
        let file = places.memory.clone();
        let ids = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| file.display().to_string())?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| file.display().to_string()),
        };
        Ok(Self { file, ids })
    }

    pub fn get(&self, what: &str) -> Option<i64> {
        self.ids.get(what).copied()
    }

    pub fn set(&mut self, what: &str, id: i64) -> anyhow::Result<()> {
        self.ids.insert(what.to_owned(), id);
        let fresh = self.file.with_extension("json.new");
        std::fs::write(&fresh, serde_json::to_vec_pretty(&self.ids)?)?;
        std::fs::rename(&fresh, &self.file).with_context(|| self.file.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(data: &Path) -> Places {
        Places::new(&PlacesArgs { data: data.to_owned(), instance: "t1".to_owned() }).unwrap()
    }

    #[test]
    fn a_second_berth_shares_no_folder_with_the_first() {
        let first = Places::new(&PlacesArgs { data: ROOT.into(), instance: "berth".into() }).unwrap();
        let second = places(Path::new(ROOT));
        assert_eq!(first.control_dir, Path::new("/var/lib/berth/control"));
        assert_eq!(first.profile, crate::client::up_file());
        for (one, other) in first.of_control().into_iter().zip(second.of_control()) {
            assert_ne!(one, other);
        }
        assert_ne!(first.agent_dir, second.agent_dir);
    }

    #[test]
    fn another_data_folder_takes_all_but_what_qemu_must_reach() {
        let elsewhere = PlacesArgs { data: "/srv/berth".into(), instance: "berth".into() };
        let places = Places::new(&elsewhere).unwrap();
        assert_eq!(places.control_config, Path::new("/srv/berth/control.toml"));
        assert_eq!(places.profile, Path::new("/srv/berth/cli.toml"));
        for path in places.of_control() {
            assert!(path.starts_with("/srv/berth"), "{}", path.display());
        }
        assert_eq!(places.agent_config, Path::new("/var/lib/berth/agent/agent.toml"));
        assert!(places.recipe_cache.starts_with(ROOT));
        let relative = PlacesArgs { data: "berth".into(), instance: "berth".into() };
        assert!(Places::new(&relative).unwrap_err().to_string().contains("absolute"));
    }

    #[test]
    fn what_was_made_once_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let places = places(dir.path());
        Memory::open(&places).unwrap().set("package", 7).unwrap();
        assert_eq!(Memory::open(&places).unwrap().get("package"), Some(7));
    }
}
