//! Bridges of the control server's made, changed and removed: look, compare, act.

use super::{Bridge, Parts};
use crate::net::{self, BridgeSpec, NetError};

/// Whether the change could be carried out: it takes no bridge that somebody else made, and none that is in use away.
pub(super) async fn check(parts: &Parts, before: &[Bridge], after: &[Bridge]) -> Result<(), NetError> {
    for bridge in after.iter().filter(|bridge| before.iter().all(|known| known.name != bridge.name)) {
        if net::bridge_mtu(&parts.netns, &bridge.name).await?.is_some() {
            return Err(NetError::Refused(format!("{} is there already, and was not made by Berth", bridge.name)));
        }
    }
    for gone in before.iter().filter(|bridge| after.iter().all(|wanted| wanted.name != bridge.name)) {
        if net::has_ports(&parts.netns, &gone.name).await? {
            return Err(NetError::Refused(format!("the bridge {} is in use and stays", gone.name)));
        }
    }
    Ok(())
}

/// Makes the bridges `wanted`, and removes those of `before` that are not among them.
pub(super) async fn ensure(parts: &Parts, before: &[Bridge], wanted: &[Bridge]) -> Result<(), NetError> {
    for bridge in wanted {
        let spec = BridgeSpec { name: bridge.name.clone(), addresses: Vec::new(), nat: false, mtu: bridge.mtu };
        net::ensure_bridge(&parts.netns, &parts.instance, &spec).await?;
        net::keep_out(&parts.netns, &bridge.name).await?;
    }
    for gone in before.iter().filter(|bridge| wanted.iter().all(|wanted| wanted.name != bridge.name)) {
        net::remove_bridge(&parts.netns, &parts.instance, &gone.name).await?;
    }
    Ok(())
}
