//! Starting and stopping guests.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Outcome, said};
use crate::{
    agent::Agent,
    guest_agent,
    libvirt::State,
    revive,
    vm::{self, VmError},
};

const POLL: Duration = Duration::from_millis(300);
/// A guest is told to shut down again when it did not listen, for one that still boots hears nothing.
const TELL_AGAIN: Duration = Duration::from_secs(10);
/// How long a boot waits for a guest that was told to shut down, before it starts it anew.
const SHUTTING_DOWN_LIMIT: Duration = Duration::from_secs(120);

pub async fn boot(agent: &Arc<Agent>, uuid: &str, wait_guest_s: u32) -> Result<Outcome, VmError> {
    // A shutdown's operation ends when the guest has been told; a boot after it means the guest that comes then.
    let told = agent.status(uuid).shutting_down;
    if told && !wait_off(agent, uuid, SHUTTING_DOWN_LIMIT).await? {
        vm::power_off(agent, uuid).await?;
    }
    agent.set_status(uuid, |status| status.shutting_down = false);
    {
        let _lock = agent.lock(uuid).await;
        vm::start(agent, uuid).await?;
    }
    if wait_guest_s == 0 {
        return Ok(said("The guest was started."));
    }
    let heard = wait_guest(agent, uuid, Duration::from_secs(wait_guest_s.into())).await?;
    agent.nudge(uuid);
    let detail = if heard { "The guest is up." } else { "The guest was started; its agent did not answer in time." };
    Ok((detail.to_owned(), BTreeMap::from([("guest_agent".to_owned(), heard.to_string())])))
}

async fn wait_guest(agent: &Arc<Agent>, uuid: &str, limit: Duration) -> Result<bool, VmError> {
    let (name, end) = (agent.domain(uuid), Instant::now() + limit);
    while Instant::now() < end {
        if guest_agent::answers(&agent.libvirt, &name).await {
            agent.set_status(uuid, |status| status.guest_agent = true);
            return Ok(true);
        }
        vm::newest_spec(agent, uuid)?;
        let state = agent.libvirt.state(&name).await?;
        if !state.is_active() && !revive::comes_back(agent, uuid, state) {
            return Err(VmError::Refused(
                "the guest stopped before it was up; its console log on the node may say why".to_owned(),
            ));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(false)
}

pub async fn shutdown(agent: &Arc<Agent>, uuid: &str, wait_s: u32) -> Result<Outcome, VmError> {
    agent.ledger.change(uuid, |entry| {
        entry.should_run = false;
        Ok(())
    })?;
    if !agent.libvirt.state(&agent.domain(uuid)).await?.is_active() {
        return Ok(said("The guest is off."));
    }
    tell(agent, uuid).await?;
    agent.set_status(uuid, |status| status.shutting_down = true);
    if wait_s == 0 {
        return Ok(said("The guest was told to shut down."));
    }
    if wait_off(agent, uuid, Duration::from_secs(wait_s.into())).await? {
        return Ok(said("The guest shut down."));
    }
    Err(VmError::Refused(format!("the guest did not shut down within {wait_s} s; power it off if it does not listen")))
}

/// By its agent where it answers, else by the power button.
async fn tell(agent: &Arc<Agent>, uuid: &str) -> Result<(), VmError> {
    let _lock = agent.lock(uuid).await;
    agent.libvirt.shutdown(&agent.domain(uuid)).await?;
    Ok(())
}

async fn wait_off(agent: &Arc<Agent>, uuid: &str, limit: Duration) -> Result<bool, VmError> {
    let (name, end) = (agent.domain(uuid), Instant::now() + limit);
    let mut tell_again = Instant::now() + TELL_AGAIN;
    loop {
        if !agent.libvirt.state(&name).await?.is_active() {
            return Ok(true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
        if Instant::now() >= tell_again {
            tell(agent, uuid).await?;
            tell_again += TELL_AGAIN;
        }
        tokio::time::sleep(POLL).await;
    }
}

pub async fn power_off(agent: &Arc<Agent>, uuid: &str) -> Result<Outcome, VmError> {
    agent.ledger.change(uuid, |entry| {
        entry.should_run = false;
        Ok(())
    })?;
    let _lock = agent.lock(uuid).await;
    vm::power_off(agent, uuid).await?;
    agent.set_status(uuid, |status| status.shutting_down = false);
    Ok(said("The guest is off."))
}

/// A guest that runs and is not the one of before has been restarted already.
pub async fn restart(
    agent: &Arc<Agent>,
    uuid: &str,
    wait_s: u32,
    guest_before: Option<u32>,
) -> Result<Outcome, VmError> {
    let name = agent.domain(uuid);
    let now = agent.libvirt.running_id(&name).await?;
    if now.is_some() && now == guest_before {
        if agent.libvirt.state(&name).await? == State::Running {
            tell(agent, uuid).await?;
        }
        if !wait_off(agent, uuid, Duration::from_secs(wait_s.into())).await? {
            vm::power_off(agent, uuid).await?;
        }
    }
    if now.is_some() && now != guest_before {
        return Ok(said("The guest was restarted."));
    }
    let _lock = agent.lock(uuid).await;
    vm::start(agent, uuid).await?;
    Ok(said("The guest was restarted."))
}
