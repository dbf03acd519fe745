//! The two configuration files of the first start. Once there, they are the operator's.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context as _;
use berth_agent::config::{AgentConfig, NetworkConfig};
use berth_agent::names;
use berth_control::random::{OsRng, Rng};

use super::network;
use super::places::Places;

const CONTROL_HEAD: &str = "# The control server's settings, made by `berth up` and yours from now on.\n";
const AGENT_HEAD: &str = "# What the agent of this machine may use, made by `berth up` and yours from now on.\n";

#[derive(serde::Serialize)]
struct ControlFile<'a> {
    listen: String,
    data_dir: &'a Path,
}

/// Every account may read it: a secret has its place in the data folder.
pub fn ensure_control_config(places: &Places, port: u16) -> anyhow::Result<()> {
    let file = ControlFile { listen: format!("[::]:{port}"), data_dir: &places.control_dir };
    write_once(&places.control_config, &(CONTROL_HEAD.to_owned() + &toml::to_string(&file)?), 0o644)
}

/// With a bridge of a private network, unless there is a configuration. Returns what is in the file now.
pub fn ensure_agent_config(places: &Places, port: u16) -> anyhow::Result<AgentConfig> {
    if !places.agent_config.exists() {
        let rng: &dyn Rng = &OsRng;
        let net = network::choose(rng.bytes())?;
        let config = AgentConfig {
            instance: places.instance.clone(),
            data_dir: places.agent_dir.clone(),
            // Nobody else needs to reach the agent of a machine that is its own control server.
            listen: ([127, 0, 0, 1], port).into(),
            networks: vec![NetworkConfig {
                bridge: names::default_bridge(&places.instance),
                ipv4_cidr: Some(net.ipv4.to_string()),
                ipv6_cidr: Some(net.ipv6.to_string()),
                nat: true,
                managed: true,
                ..NetworkConfig::default()
            }],
            ..AgentConfig::default()
        };
        write_once(&places.agent_config, &(AGENT_HEAD.to_owned() + &toml::to_string(&config)?), 0o600)?;
    }
    AgentConfig::load(&places.agent_config)
}

fn write_once(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let write = || {
        let fresh = path.with_extension("toml.new");
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    };
    write().with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.toml");
        write_once(&path, "first", 0o644).unwrap();
        write_once(&path, "second", 0o644).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first");
    }
}
