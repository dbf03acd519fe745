//! What a first sale needs, made through the API like anybody would: a group, this machine as a hypervisor, blocks
//! of addresses, a package, a template. Each step makes its thing once, see [`Memory`].

use anyhow::Context as _;
use berth_agent::config::AgentConfig;
use berth_agent::node;
use ipnet::{Ipv4Net, Ipv6Net};
use serde_json::{Value, json};

use super::children;
use super::network::{FIRST_SERVER, LAST_SERVER};
use super::places::{Memory, Places};
use crate::client::Client;
use crate::cmd::template;
use crate::progress;
use crate::recipe::{self, Recipe};

/// In MiB and GiB. Enough for what the demonstration shows, small enough for any machine.
const PACKAGE_MEMORY_MIB: u32 = 512;
const PACKAGE_STORAGE_GIB: u32 = 5;
const TEMPLATE: &str = "micro";

pub struct Setup<'a> {
    pub client: &'a Client,
    pub places: &'a Places,
    pub memory: &'a mut Memory,
    pub config: &'a AgentConfig,
}

impl Setup<'_> {
    /// The id of a thing that is made once.
    async fn once(&mut self, what: &str, path: &str, body: Value) -> anyhow::Result<i64> {
        if let Some(id) = self.memory.get(what) {
            return Ok(id);
        }
        let made = self.client.post(path, &body).await.with_context(|| format!("making the {what}"))?;
        let id = id_of(&made).with_context(|| format!("the answer to POST {path} has no id"))?;
        self.memory.set(what, id)?;
        println!("Made the {what}.");
        Ok(id)
    }

    pub async fn ensure_group(&mut self) -> anyhow::Result<i64> {
        let body =
            json!({"name": "Default", "description": "Made at the first start", "default": true, "enabled": true});
        self.once("hypervisor group", "/compute/hypervisors/groups", body).await
    }

    /// The same way that any node takes: a one-time token, a key that never leaves the node, a certificate.
    pub async fn ensure_enrolled(&self, group: i64, url: &str) -> anyhow::Result<()> {
        if self.config.identity_dir().join("node.crt").exists() {
            return Ok(());
        }
        let body = json!({"groupId": group, "name": host_name()});
        let made = self.client.post("/compute/hypervisors/enrolmentTokens", &body).await.context("making a token")?;
        let token = field(&made, "token").and_then(Value::as_str).context("no enrolment token in the answer")?;
        println!("Enrolling this machine as a hypervisor (this tries whether KVM works).");
        children::enrol(&self.places.agent_config, url, token, &self.config.listen.ip().to_string()).await?;
        // The program's own words after the colon are for the log.
        let found = node::accelerator(self.config).await?.detail;
        println!("Found that {}.", found.split(':').next().unwrap_or_default());
        Ok(())
    }

    pub async fn hypervisor(&self) -> anyhow::Result<i64> {
        let rows = self.client.list("/compute/hypervisors", &[]).await?;
        let port = self.config.listen.port();
        let own = rows.iter().find(|row| row["port"].as_u64() == Some(u64::from(port))).or(rows.first());
        own.and_then(|row| row["id"].as_i64()).context("this machine is not among the hypervisors")
    }

    /// On the addresses of the managed bridge, which are the guests' gateways.
    pub async fn ensure_blocks(&mut self, hypervisor: i64) -> anyhow::Result<()> {
        let network = self.config.networks.first().cloned().unwrap_or_default();
        if let Some(cidr) = &network.ipv4_cidr {
            let net: Ipv4Net = cidr.parse().with_context(|| format!("{cidr} in the agent's configuration"))?;
            let at = |last: u8| {
                let [a, b, c, _] = net.network().octets();
                std::net::Ipv4Addr::new(a, b, c, last).to_string()
            };
            let resolvers = resolvers();
            let body = json!({
                "name": "Private IPv4", "family": 4, "gateway": net.addr(), "prefixLen": net.prefix_len(),
                "resolver1": resolvers.first(), "resolver2": resolvers.get(1),
                "first": at(FIRST_SERVER), "last": at(LAST_SERVER), "hypervisorIds": [hypervisor],
            });
            self.once("IPv4 block", "/connectivity/ipblocks", body).await?;
        }
        if let Some(cidr) = &network.ipv6_cidr {
            let net: Ipv6Net = cidr.parse().with_context(|| format!("{cidr} in the agent's configuration"))?;
            let body = json!({
                "name": "Private IPv6", "family": 6, "gateway": net.addr(), "prefixLen": net.prefix_len(),
                "sourcePrefix": net.trunc().to_string(), "subnetPrefixLen": 64, "hypervisorIds": [hypervisor],
            });
            self.once("IPv6 block", "/connectivity/ipblocks", body).await?;
        }
        Ok(())
    }

    pub async fn ensure_package(&mut self) -> anyhow::Result<i64> {
        let body = json!({
            "name": "Small", "memory": PACKAGE_MEMORY_MIB, "primaryStorage": PACKAGE_STORAGE_GIB, "cpuCores": 1,
            "traffic": 0,
        });
        self.once("package", "/packages", body).await
    }

    /// Built here of Debian's packages, uploaded like any other image.
    pub async fn ensure_template(&mut self) -> anyhow::Result<i64> {
        if let Some(id) = self.memory.get("template") {
            return Ok(id);
        }
        let recipe = Recipe::find(TEMPLATE, None)?;
        println!("Building the OS template {TEMPLATE} of Debian's packages.");
        let spinner = progress::spinner(false);
        let built =
            recipe::build(&recipe, &self.places.recipe_cache, |stage| spinner.set_message(stage.to_owned())).await?;
        spinner.finish_and_clear();
        let id = template::register(self.client, &recipe, &built).await?;
        self.memory.set("template", id)?;
        println!("Made the template.");
        Ok(id)
    }
}

/// A single thing comes in `data` or, from a few operations, bare.
pub fn field<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    answer["data"].get(name).or_else(|| answer.get(name))
}

pub fn id_of(answer: &Value) -> Option<i64> {
    field(answer, "id").and_then(Value::as_i64)
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "this machine".to_owned() } else { name.to_owned() }
}

/// The host's own, without those that only it can reach.
fn resolvers() -> Vec<String> {
    parse_resolvers(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default())
}

fn parse_resolvers(text: &str) -> Vec<String> {
    let servers = text.lines().filter_map(|line| line.strip_prefix("nameserver")).map(str::trim);
    let usable = |server: &&str| server.parse::<std::net::Ipv4Addr>().is_ok_and(|address| !address.is_loopback());
    let mut found: Vec<String> = servers.filter(usable).map(str::to_owned).take(2).collect();
    if found.is_empty() {
        // Public ones of Quad9: a guest without any resolver would be a riddle for its owner.
        found.push("9.9.9.9".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_get_resolvers_that_they_can_reach() {
        assert_eq!(parse_resolvers("search x\nnameserver 127.0.0.53\nnameserver 10.0.0.2\n"), ["10.0.0.2"]);
        assert_eq!(parse_resolvers("nameserver ::1\n"), ["9.9.9.9"]);
    }

    #[test]
    fn an_id_is_found_in_both_shapes() {
        assert_eq!(id_of(&json!({"data": {"id": 3}})), Some(3));
        assert_eq!(id_of(&json!({"id": 4})), Some(4));
        assert_eq!(id_of(&json!({"data": []})), None);
    }
}
