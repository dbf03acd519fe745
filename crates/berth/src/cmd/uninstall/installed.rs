//! What is beside the data folders on a node that was made by the pasted command (`packaging/install-node.sh`): the
//! agent's unit, the program and the log. What somebody put there by hand is left, but for a unit that runs this agent.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use berth_agent::cmd::Cmd;

use super::remove;

const UNIT: &str = "berth-agent.service";
const UNIT_FILE: &str = "etc/systemd/system/berth-agent.service";
/// The script makes it in the agent's folder when it puts the program there.
const MARK: &str = "installed";
const PROGRAM: &str = "usr/local/bin/berth";
const LOG: &str = "var/log/berth-agent.log";
/// A control server on this machine runs the same program.
const OTHER_UNIT_FILE: &str = "etc/systemd/system/berth-control.service";
/// Where systemd runs, as sd_booted(3) says.
const SYSTEMD: &str = "run/systemd/system";

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Installed {
    unit: Option<PathBuf>,
    files: Vec<PathBuf>,
    systemd: bool,
}

impl Installed {
    /// Below `root`, which is `/`; the unit only where it runs the agent of this configuration.
    pub fn find(root: &Path, agent_config: &Path) -> anyhow::Result<Self> {
        let unit = root.join(UNIT_FILE);
        let text = match std::fs::read_to_string(&unit) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read.with_context(|| unit.display().to_string())?,
        };
        let runs = format!("--config {}", agent_config.display());
        let is_ours = text.lines().any(|line| line.starts_with("ExecStart=") && line.ends_with(&runs));
        let mut files = Vec::new();
        if agent_config.with_file_name(MARK).exists() {
            files.push(root.join(LOG));
            if !root.join(OTHER_UNIT_FILE).exists() {
                files.push(root.join(PROGRAM));
            }
        }
        files.retain(|file| file.exists());
        Ok(Self { unit: is_ours.then_some(unit), files, systemd: root.join(SYSTEMD).exists() })
    }

    /// What will be removed.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.unit.iter().chain(&self.files).map(PathBuf::as_path)
    }

    /// Ends the agent and keeps it from being started again.
    pub async fn stop(&self) -> anyhow::Result<()> {
        if self.unit.is_some() && self.systemd {
            println!("Stopping {UNIT}.");
            Cmd::new("systemctl").args(["disable", "--now", "--quiet", UNIT]).run().await?;
        }
        Ok(())
    }

    /// The program that runs may be among it: it goes on until it ends.
    pub async fn remove(&self) -> anyhow::Result<()> {
        for path in self.paths() {
            remove(path).with_context(|| path.display().to_string())?;
        }
        if self.unit.is_some() && self.systemd {
            Cmd::new("systemctl").arg("daemon-reload").run().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = include_str!("../../../../../packaging/install-node.sh");
    const UNIT_TEXT: &str = include_str!("../../../../../packaging/systemd/berth-agent.service");
    const CONFIG: &str = "/var/lib/berth/agent/agent.toml";

    fn put(root: &Path, file: &str, text: &str) -> PathBuf {
        let file = root.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn the_files_are_those_of_the_script() {
        for (name, file) in [("berth", PROGRAM), ("unit", UNIT_FILE), ("log", LOG)] {
            assert!(SCRIPT.lines().any(|line| line == format!("{name}=/{file}")), "{name}");
        }
        assert!(SCRIPT.contains(&format!("\"$data/{MARK}\"")));
        assert!(SCRIPT.contains("data=/var/lib/berth/agent\n") && SCRIPT.contains("config=$data/agent.toml\n"));
        assert_eq!(Path::new(UNIT_FILE).file_name().unwrap(), UNIT);
    }

    #[tokio::test]
    async fn all_that_the_script_made_is_found_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let config = put(root, "agent/agent.toml", "");
        put(root, "agent/installed", "");
        let unit = put(root, UNIT_FILE, &UNIT_TEXT.replace(CONFIG, &config.display().to_string()));
        let (program, log) = (put(root, PROGRAM, ""), put(root, LOG, ""));
        let installed = Installed::find(root, &config).unwrap();
        let mut found: Vec<&Path> = installed.paths().collect();
        found.sort();
        assert_eq!(found, [&unit, &program, &log]);
        installed.stop().await.unwrap();
        installed.remove().await.unwrap();
        assert!(!unit.exists() && !program.exists() && !log.exists());
        assert_eq!(Installed::find(root, &config).unwrap().paths().count(), 0);
    }

    #[test]
    fn what_others_put_there_and_need_is_left() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let config = put(root, "agent/agent.toml", "");
        put(root, UNIT_FILE, UNIT_TEXT);
        put(root, PROGRAM, "");
        let paths = |of: &Installed| of.paths().map(Path::to_path_buf).collect::<Vec<_>>();
        let found = Installed::find(root, &config).unwrap();
        assert!(paths(&found).is_empty(), "another agent's unit, and a program that was put there by hand");
        assert_eq!(paths(&Installed::find(root, Path::new(CONFIG)).unwrap()), [root.join(UNIT_FILE)]);
        put(root, "agent/installed", "");
        assert_eq!(paths(&Installed::find(root, &config).unwrap()), [root.join(PROGRAM)]);
        put(root, OTHER_UNIT_FILE, "");
        assert!(paths(&Installed::find(root, &config).unwrap()).is_empty(), "a control server runs it");
    }
}
