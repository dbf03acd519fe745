//! Where the control server is, with which token, and which certificate it is known by: from flags, the environment,
//! the user's settings file, or the file that `berth up` leaves in its data directory.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::ClientError;

/// Where `berth up` keeps the control server's part unless `BERTH_DATA` names another place.
const DEFAULT_DATA_DIR: &str = "/var/lib/berth";
const FILE_NAME: &str = "cli.toml";

/// How to reach one control server. All of the file's keys are optional; flags and environment win over it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// `https://host:port`, without `/api/v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// SHA-256 of the server certificate's DER in hex; then no other certificate is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// PEM file of the authorities to trust in place of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// Flags that every client subcommand takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ProfileArgs {
    /// Address of the control server, e.g. https://berth.example.com:8443
    #[arg(long, env = "BERTH_URL", global = true)]
    pub url: Option<String>,
    /// API token
    #[arg(long, env = "BERTH_TOKEN", hide_env_values = true, global = true)]
    pub token: Option<String>,
    /// SHA-256 fingerprint of the server's certificate, where it is self-signed
    #[arg(long, env = "BERTH_FINGERPRINT", global = true)]
    pub fingerprint: Option<String>,
    /// PEM file of the authority that signed the server's certificate
    #[arg(long, env = "BERTH_CA_FILE", global = true)]
    pub ca_file: Option<PathBuf>,
    /// Print JSON for programs in place of tables
    #[arg(long, global = true)]
    pub json: bool,
}

impl Profile {
    /// Flags and environment over the first settings file that exists.
    pub fn resolve(args: &ProfileArgs) -> Result<Self, ClientError> {
        let file = match settings_files().iter().find(|f| f.exists()) {
            Some(path) => Self::read(path)?,
            None => Self::default(),
        };
        Ok(file.overridden(args))
    }

    /// A flag that names another server drops the file's trust and token: they belong to the file's server.
    fn overridden(self, args: &ProfileArgs) -> Self {
        let same_server = args.url.is_none() || args.url == self.url;
        let file = if same_server { self } else { Self::default() };
        Self {
            url: args.url.clone().or(file.url),
            token: args.token.clone().or(file.token),
            fingerprint: args.fingerprint.clone().or(file.fingerprint),
            ca_file: args.ca_file.clone().or(file.ca_file),
        }
    }

    pub fn read(path: &Path) -> Result<Self, ClientError> {
        let unusable = |reason: String| ClientError::Settings(format!("{}: {reason}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| unusable(e.to_string()))?;
        toml::from_str(&text).map_err(|e| unusable(e.to_string()))
    }

    /// Writes the file readable by its owner only, for it holds the token.
    pub fn write(&self, path: &Path) -> Result<(), ClientError> {
        let unusable = |reason: String| ClientError::Settings(format!("{}: {reason}", path.display()));
        let text = toml::to_string(self).map_err(|e| unusable(e.to_string()))?;
        let fresh = path.with_extension("toml.new");
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| std::fs::rename(&fresh, path));
        written.map_err(|e| unusable(e.to_string()))
    }
}

/// In the order in which they are looked for.
fn settings_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    if let Some(home) = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from) {
        files.push(home.join("berth").join(FILE_NAME));
    } else if let Some(home) = std::env::var_os("HOME").map(PathBuf::from) {
        files.push(home.join(".config/berth").join(FILE_NAME));
    }
    files.push(up_file());
    files
}

/// The file that `berth up` writes for the command line on the same machine.
pub fn up_file() -> PathBuf {
    std::env::var_os("BERTH_DATA").map_or_else(|| PathBuf::from(DEFAULT_DATA_DIR), PathBuf::from).join(FILE_NAME)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file() -> Profile {
        Profile {
            url: Some("https://a:8443".into()),
            token: Some("secret".into()),
            fingerprint: Some("00".repeat(32)),
            ca_file: None,
        }
    }

    #[test]
    fn a_written_profile_reads_back_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cli.toml");
        file().write(&path).unwrap();
        assert_eq!(Profile::read(&path).unwrap(), file());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn flags_win_and_another_servers_address_never_gets_the_files_token() {
        let token = ProfileArgs { token: Some("other".into()), ..Default::default() };
        assert_eq!(file().overridden(&token).token.as_deref(), Some("other"));
        let elsewhere = ProfileArgs { url: Some("https://b".into()), ..Default::default() };
        let seen = file().overridden(&elsewhere);
        assert_eq!((seen.url.as_deref(), seen.token, seen.fingerprint), (Some("https://b"), None, None));
    }
}
