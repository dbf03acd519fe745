//! `berth server ssh`: the system's ssh, with the server's address looked up.

use std::os::unix::process::CommandExt;

use clap::Args;
use serde_json::Value;

use crate::client::Client;
use crate::output::at;

#[derive(Debug, Args)]
pub struct SshArgs {
    /// Id, UUID or name
    server: String,
    /// Log in as
    #[arg(long, default_value = "root")]
    user: String,
    /// Over IPv6
    #[arg(short = '6', long)]
    ipv6: bool,
    /// More arguments for ssh, and the command
    #[arg(last = true)]
    rest: Vec<String>,
}

pub async fn ssh(client: &Client, args: SshArgs) -> anyhow::Result<()> {
    let server = super::fetch(client, &args.server).await?;
    let address = address(&server, args.ipv6)
        .ok_or_else(|| anyhow::anyhow!("The server has no {} address.", if args.ipv6 { "IPv6" } else { "IPv4" }))?;
    // `-l` before the address: neither a user nor an address can then be taken for an option.
    let mut command = std::process::Command::new("ssh");
    command.arg("-l").arg(&args.user).args(options(&args.rest)).arg("--").arg(&address).args(words(&args.rest));
    Err(anyhow::Error::new(command.exec()).context("ssh could not be started"))
}

/// IPv4 unless IPv6 is asked for or the only one.
fn address(server: &Value, ipv6: bool) -> Option<String> {
    let v4 = at(server, "network.interfaces.0.ipv4.0.address").as_str();
    let subnet = at(server, "network.interfaces.0.ipv6.0");
    let v6 = at(subnet, "addresses.0").as_str().or_else(|| at(subnet, "subnet").as_str());
    if ipv6 { v6 } else { v4.or(v6) }.map(str::to_owned)
}

/// Leading words that start with a dash, with the value of those options of ssh that take one.
fn options(rest: &[String]) -> &[String] {
    &rest[..split(rest)]
}

fn words(rest: &[String]) -> &[String] {
    &rest[split(rest)..]
}

fn split(rest: &[String]) -> usize {
    const WITH_VALUE: &str = "BbcDEeFIiJLlmOoPpQRSWw";
    let mut index = 0;
    while let Some(word) = rest.get(index) {
        let Some(letters) = word.strip_prefix('-') else { break };
        let takes_next = letters.len() == 1 && WITH_VALUE.contains(letters);
        index += if takes_next { 2 } else { 1 };
    }
    index.min(rest.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_go_before_the_address_and_the_command_after_it() {
        let rest: Vec<String> = ["-i", "key", "-v", "uptime", "-p"].map(str::to_owned).into();
        assert_eq!(options(&rest), ["-i", "key", "-v"]);
        assert_eq!(words(&rest), ["uptime", "-p"]);
        assert_eq!(split(&["-i".to_owned()]), 1);
    }

    #[test]
    fn the_address_is_ipv4_unless_ipv6_is_asked_for() {
        let server = json!({"network": {"interfaces": [{
            "ipv4": [{"address": "10.0.0.2"}],
            "ipv6": [{"addresses": ["fd00:1::1"], "subnet": "fd00:1::"}],
        }]}});
        assert_eq!(address(&server, false).as_deref(), Some("10.0.0.2"));
        assert_eq!(address(&server, true).as_deref(), Some("fd00:1::1"));
    }
}
