//! Who this node is: the certificate that enrolment brought, its key, and the cluster's authority.

use std::{
    fs, io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug)]
pub struct Identity {
    pub certificate_pem: String,
    pub key_pem: String,
    pub authority_pem: String,
    pub names: Names,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Names {
    pub node_uuid: String,
    pub cluster_uuid: String,
    /// Where the node joined, `https://host:port`, and comes for its next certificate.
    #[serde(default)]
    pub control_url: String,
}

impl Identity {
    /// `None` before enrolment.
    pub fn load(dir: &Path) -> anyhow::Result<Option<Self>> {
        if !dir.join("names.json").exists() {
            return Ok(None);
        }
        let read = |name: &str| {
            fs::read_to_string(dir.join(name)).with_context(|| format!("reading {}", dir.join(name).display()))
        };
        Ok(Some(Self {
            certificate_pem: read("node.crt")?,
            key_pem: read("node.key")?,
            authority_pem: read("cluster-ca.crt")?,
            names: serde_json::from_str(&read("names.json")?)?,
        }))
    }

    /// Writes all of it; the names last, so that half an identity counts as none.
    pub fn save(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        write(dir, "node.key", self.key_pem.as_bytes())?;
        write(dir, "node.crt", self.certificate_pem.as_bytes())?;
        write(dir, "cluster-ca.crt", self.authority_pem.as_bytes())?;
        write(dir, "names.json", &serde_json::to_vec(&self.names)?)
    }
}

pub fn write(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let part = dir.join(format!("{name}.part"));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    fs::rename(part, dir.join(name))
}
