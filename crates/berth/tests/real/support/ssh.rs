//! Logging in to guests with the system's ssh, as a customer does.

use std::path::{Path, PathBuf};

use super::process::{Outcome, must, run};
use super::wait::until;

const LOGIN_LIMIT_S: u64 = 30;
/// An emulated guest on a busy machine.
const BOOT_LIMIT_S: u64 = 240;

const OPTIONS: [&str; 12] = [
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
    "-o",
    "ConnectTimeout=5",
    "-o",
    "IdentitiesOnly=yes",
    "-F",
    "/dev/null",
];

/// How to prove who one is.
#[derive(Clone, Debug)]
pub enum Login {
    Key(PathBuf),
    Password(String),
}

/// A guest by one of its addresses, as root.
#[derive(Clone, Debug)]
pub struct Guest {
    pub address: String,
    pub login: Login,
}

impl Guest {
    pub fn with_key(address: &str, key: &Path) -> Self {
        Self { address: address.to_owned(), login: Login::Key(key.to_owned()) }
    }

    pub fn with_password(address: &str, password: &str) -> Self {
        Self { address: address.to_owned(), login: Login::Password(password.to_owned()) }
    }

    /// One attempt to log in and run `command`.
    pub async fn attempt(&self, command: &str) -> Outcome {
        let target = format!("root@{}", self.address);
        match &self.login {
            Login::Key(key) => {
                let key = key.to_str().expect("UTF-8");
                let mut args = OPTIONS.to_vec();
                args.extend(["-o", "PreferredAuthentications=publickey", "-i", key, &target, command]);
                run("ssh", &args, LOGIN_LIMIT_S).await
            }
            Login::Password(password) => {
                let mut args = vec!["-p", password.as_str(), "ssh"];
                args.extend(OPTIONS);
                args.extend(["-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1"]);
                args.extend([target.as_str(), command]);
                run("sshpass", &args, LOGIN_LIMIT_S).await
            }
        }
    }

    /// Tries until a login succeeds, for guests that boot; what `command` printed.
    pub async fn eventually(&self, command: &str) -> String {
        until(&format!("SSH login to {}", self.address), BOOT_LIMIT_S, async || {
            let outcome = self.attempt(command).await;
            outcome.ok.then_some(outcome.stdout)
        })
        .await
        .trim()
        .to_owned()
    }

    /// Must succeed at once.
    pub async fn run(&self, command: &str) -> String {
        let outcome = self.attempt(command).await;
        assert!(outcome.ok, "{command:?} on {}: {}{}", self.address, outcome.stdout, outcome.stderr);
        outcome.stdout.trim().to_owned()
    }
}

/// A new key pair in `dir`: the private key's file and the public key's text.
pub async fn key_pair(dir: &Path) -> (PathBuf, String) {
    let private = dir.join("id_ed25519");
    must("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", private.to_str().expect("UTF-8")], 20)
        .await;
    let public = std::fs::read_to_string(private.with_extension("pub")).expect("ssh-keygen wrote it");
    (private, public.trim().to_owned())
}
