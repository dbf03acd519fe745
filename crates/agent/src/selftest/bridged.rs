//! Whether the node's own packet filter judges what its bridges pass from guest to guest. With `br_netfilter` loaded it
//! does, and Docker, which loads it, also drops whatever is forwarded and not its own: guests would be without network.
//!
//! Reference: the kernel's documentation, `networking/ip-sysctl.rst`, "/proc/sys/net/bridge"; Docker's "Packet filtering
//! and firewalls".

use crate::{cmd::CmdError, netns::Netns};

/// Of the kernel's settings the last word, and the program that shows what judges.
const FAMILIES: [(&str, &str); 2] = [("IPv4", "iptables"), ("IPv6", "ip6tables")];

/// A sentence either way: a node whose owner lets bridges pass by rules of his own is as good as any.
pub async fn judged(netns: &Netns) -> Result<String, String> {
    let mut dropped = Vec::new();
    for (family, program) in FAMILIES {
        if is_asked(netns, program).await && drops(netns, program).await? {
            dropped.push((family, program));
        }
    }
    Ok(said(&dropped))
}

/// False where `br_netfilter` is not loaded: there is no such setting then.
async fn is_asked(netns: &Netns, program: &str) -> bool {
    let key = format!("net.bridge.bridge-nf-call-{program}");
    netns.cmd("sysctl").args(["-n", &key]).run().await.is_ok_and(|output| output.text().trim() == "1")
}

async fn drops(netns: &Netns, program: &str) -> Result<bool, String> {
    match netns.cmd(program).args(["-S", "FORWARD"]).run().await {
        Ok(output) => Ok(is_drop(&output.text())),
        Err(CmdError::Start { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

fn is_drop(rules: &str) -> bool {
    rules.lines().any(|line| line.trim() == "-P FORWARD DROP")
}

fn said(dropped: &[(&str, &str)]) -> String {
    if dropped.is_empty() {
        return "the node's own packet filter lets pass what its bridges forward".to_owned();
    }
    let families: Vec<&str> = dropped.iter().map(|(family, _)| *family).collect();
    let keys: Vec<String> =
        dropped.iter().map(|(_, program)| format!("net.bridge.bridge-nf-call-{program}=0")).collect();
    format!(
        "warning: br_netfilter is loaded and the policy of the chain FORWARD is DROP for {}, as Docker sets it, so that \
         guests may be without network: set {} in /etc/sysctl.d, or accept the guests' bridges in that chain (with \
         Docker in DOCKER-USER)",
        families.join(" and "),
        keys.join(" and "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_policy_of_the_chain_counts() {
        assert!(is_drop("-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n"));
        assert!(!is_drop("-P FORWARD ACCEPT\n-A FORWARD -s 192.0.2.1/32 -j DROP\n"));
        assert!(!is_drop(""));
    }

    #[test]
    fn the_remedy_is_said_for_each_family() {
        assert!(!said(&[]).starts_with("warning"));
        let both = said(&FAMILIES);
        assert!(both.contains("for IPv4 and IPv6"), "{both}");
        assert!(both.contains("bridge-nf-call-iptables=0 and net.bridge.bridge-nf-call-ip6tables=0"), "{both}");
        assert!(!said(&FAMILIES[..1]).contains("ip6tables"));
    }
}
