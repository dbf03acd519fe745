//! Gives a running guest what it can be given at once, and says what waits for its next start.
//!
//! | aspect | at once | waits for a start |
//! | --- | --- | --- |
//! | `memory` | up to what it was started with, by the balloon | more than that |
//! | `cpu` | more, up to the places of [`domain_xml::vcpu_places`]; the guest's agent switches them on | fewer, or beyond |
//! | `throttle` | quota and weight | where the host has no control group for them |
//! | `disk:<name>` | see [`crate::live_disks`]: more room, limits, one more disk, one less | another bus or cache mode; what the guest does not give up |
//! | `network` | addresses, filters and speed are not the domain's, see [`crate::filters`]; see [`crate::live_interfaces`] | another model, MTU, bridge or number of queues |
//! | `addresses` | filters and DHCP | what the guest reads of its seed: addresses, routes, resolvers |
//! | `definition` | the disc in the drive | everything else |
//!
//! It compares what libvirt says of the running guest with the specification and changes the difference, so that doing
//! it again changes nothing. The stored definition is the newest all the while: a start applies the rest, once.

use std::{sync::Arc, time::Duration};

use berth_proto::ServerSpec;
use tokio::time::Instant;

use crate::{
    agent::Agent,
    cloud_init,
    domain_xml::{self, Running},
    guest_agent,
    libvirt::HostError,
    live_disks, live_interfaces, media,
    vm::VmError,
};

/// How long the balloon may stand still before it is given up: a guest that still boots follows later, and is looked at
/// again then.
const BALLOON_STILL: Duration = Duration::from_secs(3);
/// How long it may take as a whole; other work on the server waits meanwhile.
const BALLOON_LIMIT: Duration = Duration::from_secs(20);
const BALLOON_POLL: Duration = Duration::from_millis(200);
/// What the balloon may be away from its aim.
const BALLOON_SLACK_KIB: u64 = 1024;

/// The aspects that the guest does not have after this, in the words of `ObservedServer.waits_for_start`.
pub async fn ensure_running(agent: &Arc<Agent>, spec: &ServerSpec, live_xml: &str) -> Result<Vec<String>, VmError> {
    let running = Running::read(live_xml);
    let mut waits = Vec::new();
    let mut note = |has: bool, aspect: &str| {
        if !has {
            waits.push(aspect.to_owned());
        }
    };
    note(memory(agent, spec, &running).await?, "memory");
    note(vcpus(agent, spec, &running).await?, "cpu");
    note(throttle(agent, spec, &running).await?, "throttle");
    for word in live_disks::ensure(agent, spec, &running).await? {
        note(false, &word);
    }
    note(live_interfaces::ensure(agent, spec, &running).await?, "network");
    // Nobody knows what a guest read that an agent of before started.
    let is_read = running.network.is_empty() || running.network == cloud_init::network_hash(spec);
    note(is_read, "addresses");
    note(taken(spec, media::ensure_disc(agent, spec, live_xml).await)?, "definition");
    note(running.frame == domain_xml::frame_hash(spec, &agent.host, &agent.paths), "definition");
    waits.dedup();
    Ok(waits)
}

/// Whether the guest has it now. What libvirt refuses waits for the next start; a host that is away is an error.
pub(crate) fn taken(spec: &ServerSpec, outcome: Result<(), HostError>) -> Result<bool, HostError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.is_refusal() => {
            tracing::info!(server = spec.server_uuid, %error, "a change waits for the guest's next start");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

async fn memory(agent: &Agent, spec: &ServerSpec, running: &Running) -> Result<bool, HostError> {
    let name = agent.domain(&spec.server_uuid);
    let wanted_kib = spec.memory_mib << 10;
    let aim_kib = wanted_kib.min(running.memory_limit_kib);
    let is_there = |now_kib: u64| now_kib.abs_diff(aim_kib) <= BALLOON_SLACK_KIB;
    if !is_there(agent.libvirt.memory_kib(&name).await?) {
        if !taken(spec, agent.libvirt.set_memory(&name, aim_kib).await)? {
            return Ok(false);
        }
        if !balloon_follows(agent, &name, is_there).await? {
            return Ok(false);
        }
    }
    Ok(aim_kib == wanted_kib)
}

async fn balloon_follows(agent: &Agent, name: &str, is_there: impl Fn(u64) -> bool) -> Result<bool, HostError> {
    let end = Instant::now() + BALLOON_LIMIT;
    let (mut last_kib, mut moved) = (0, Instant::now());
    loop {
        let now_kib = agent.libvirt.memory_kib(name).await?;
        if is_there(now_kib) {
            return Ok(true);
        }
        if now_kib != last_kib {
            (last_kib, moved) = (now_kib, Instant::now());
        }
        if moved.elapsed() >= BALLOON_STILL || Instant::now() >= end {
            return Ok(false);
        }
        tokio::time::sleep(BALLOON_POLL).await;
    }
}

async fn vcpus(agent: &Agent, spec: &ServerSpec, running: &Running) -> Result<bool, HostError> {
    let name = agent.domain(&spec.server_uuid);
    if spec.vcpus < running.vcpus || spec.vcpus > running.vcpu_places {
        return Ok(false);
    }
    if spec.vcpus > running.vcpus && !taken(spec, agent.libvirt.add_vcpus(&name, spec.vcpus).await)? {
        return Ok(false);
    }
    // Most systems leave processors that come later switched off.
    if spec.vcpus == running.vcpus_at_start || agent.status(&spec.server_uuid).vcpus_on == spec.vcpus {
        return Ok(true);
    }
    let on = guest_agent::switch_processors_on(&agent.libvirt, &name, spec.vcpus).await;
    if on {
        agent.set_status(&spec.server_uuid, |status| status.vcpus_on = spec.vcpus);
    }
    Ok(on)
}

async fn throttle(agent: &Agent, spec: &ServerSpec, running: &Running) -> Result<bool, HostError> {
    let or_default = |shares: u32| if shares == 0 { domain_xml::CPU_SHARES_DEFAULT } else { shares };
    let shares = or_default(spec.cpu_shares);
    let quota_us = domain_xml::cpu_quota_us(spec);
    if (or_default(running.cpu_shares.unwrap_or(0)), running.cpu_quota_us) == (shares, quota_us) {
        return Ok(true);
    }
    taken(spec, agent.libvirt.set_cpu_limits(&agent.domain(&spec.server_uuid), shares, quota_us).await)
}
