//! Interfaces of a running guest: further ones are plugged in, those that are left out are taken out, the link goes down
//! and up, and one goes on at another bridge. Model, MTU and queues of one that it has wait for its next start.
//!
//! What is left out passes nothing from then on, whether or not the guest gives it up.

use std::{sync::Arc, time::Duration};

use berth_proto::{InterfaceSpec, ServerSpec};
use tokio::time::Instant;

use crate::{
    agent::Agent,
    domain_xml::{self, Running, RunningInterface},
    filters_apply,
    host::HostFacts,
    live::taken,
    names, openvswitch,
    vm::VmError,
};

/// How long a guest may take to give an interface up before it is looked at again later.
const GIVE_UP_LIMIT: Duration = Duration::from_secs(5);
const GIVE_UP_POLL: Duration = Duration::from_millis(200);

/// Whether the guest has exactly the interfaces of its specification after this.
pub async fn ensure(agent: &Arc<Agent>, spec: &ServerSpec, running: &Running) -> Result<bool, VmError> {
    let (name, instance) = (agent.domain(&spec.server_uuid), &agent.config.instance);
    let mut has_all = true;
    let left: Vec<&RunningInterface> = left_out(instance, spec, &running.interfaces).collect();
    if !left.is_empty() {
        let taps: Vec<String> = left.iter().map(|has| has.tap.clone()).collect();
        filters_apply::remove_filters(&agent.netns, instance, &taps).await?;
    }
    for has in &left {
        has_all &= taken(spec, agent.libvirt.detach(&name, domain_xml::left_interface_xml(has)).await)?;
    }
    for interface in &spec.interfaces {
        let wanted = wanted(&agent.host, interface);
        let xml = || domain_xml::interface_xml(spec, interface, &agent.host);
        has_all &= match running.interfaces.iter().find(|has| has.tap == wanted.tap) {
            None => taken(spec, agent.libvirt.attach(&name, xml()).await)?,
            Some(has) if is_same(has, &wanted) => true,
            Some(has) if is_same(&replugged(has, &wanted), &wanted) => {
                taken(spec, agent.libvirt.update(&name, xml()).await)?
            }
            Some(_) => false,
        };
    }
    Ok(has_all && (left.is_empty() || gives_up(agent, &name, spec).await?))
}

/// The guest answers in its own time, or, while it boots, not at all.
async fn gives_up(agent: &Agent, name: &str, spec: &ServerSpec) -> Result<bool, VmError> {
    let end = Instant::now() + GIVE_UP_LIMIT;
    loop {
        let Some(xml) = agent.libvirt.definitions(name).await?.running else { return Ok(true) };
        if left_out(&agent.config.instance, spec, &Running::read(&xml).interfaces).next().is_none() {
            return Ok(true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        tokio::time::sleep(GIVE_UP_POLL).await;
    }
}

fn left_out<'a>(
    instance: &str,
    spec: &ServerSpec,
    running: &'a [RunningInterface],
) -> impl Iterator<Item = &'a RunningInterface> {
    let taps: Vec<String> = spec.interfaces.iter().map(|interface| names::tap(instance, &interface.tag)).collect();
    running.iter().filter(move |has| !taps.contains(&has.tap))
}

fn wanted(host: &HostFacts, interface: &InterfaceSpec) -> RunningInterface {
    RunningInterface {
        mac: interface.mac.to_ascii_lowercase(),
        bridge: openvswitch::plug(&host.instance, &host.switches, interface),
        tap: names::tap(&host.instance, &interface.tag),
        model: domain_xml::interface_model(interface).to_owned(),
        mtu: interface.mtu,
        queues: domain_xml::interface_queues(interface),
        link_down: interface.link_down,
    }
}

/// What libvirt changes of an interface while its guest runs: the plug is another, and whether it is in.
fn replugged(has: &RunningInterface, wanted: &RunningInterface) -> RunningInterface {
    RunningInterface { link_down: wanted.link_down, bridge: wanted.bridge.clone(), ..has.clone() }
}

/// A description without queues is of one pair.
fn is_same(has: &RunningInterface, wanted: &RunningInterface) -> bool {
    RunningInterface { queues: has.queues.max(1), ..has.clone() } == *wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(tag: &str) -> InterfaceSpec {
        InterfaceSpec { tag: tag.into(), mac: "52:54:00:00:00:AB".into(), bridge: "br0".into(), ..Default::default() }
    }

    #[test]
    fn what_a_guest_has_is_compared_as_libvirt_says_it() {
        let has = RunningInterface {
            mac: "52:54:00:00:00:ab".into(),
            bridge: "br0".into(),
            tap: "berth0000000001".into(),
            model: "virtio".into(),
            ..Default::default()
        };
        let one = interface("0000000001");
        let host = HostFacts { instance: "berth".into(), ..crate::sim::host_facts() };
        assert!(is_same(&has, &wanted(&host, &one)));
        for other in [
            InterfaceSpec { link_down: true, ..one.clone() },
            InterfaceSpec { mtu: 1400, ..one.clone() },
            InterfaceSpec { queues: 2, ..one.clone() },
            InterfaceSpec { model: "e1000".into(), ..one.clone() },
        ] {
            assert!(!is_same(&has, &wanted(&host, &other)), "{other:?}");
        }
        for (other, live) in [
            (InterfaceSpec { link_down: true, bridge: "br1".into(), ..one.clone() }, true),
            (InterfaceSpec { mtu: 1400, bridge: "br1".into(), ..one.clone() }, false),
        ] {
            let wanted = wanted(&host, &other);
            assert_eq!(is_same(&replugged(&has, &wanted), &wanted), live, "{other:?}");
        }
        let slow = InterfaceSpec { model: "e1000".into(), queues: 4, ..one.clone() };
        assert_eq!(wanted(&host, &slow).queues, 1, "only virtio has more");
        let spec = ServerSpec { interfaces: vec![interface("0000000002")], ..Default::default() };
        let running = [has.clone()];
        assert_eq!(left_out("berth", &spec, &running).collect::<Vec<_>>(), [&has]);
        let spec = ServerSpec { interfaces: vec![one], ..Default::default() };
        assert_eq!(left_out("berth", &spec, &running).count(), 0);
    }
}
