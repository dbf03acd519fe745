//! A guest whose QEMU died, by a fault of its own or for want of the node's memory, comes back by itself.
//!
//! Not one that shut itself down, was switched off, or dies again and again: then somebody has to look.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    agent::Agent,
    drift,
    ledger::Entry,
    libvirt::{OFF_BY_CRASH, OFF_BY_FAILED_START, State},
    vm::{self, VmError},
};

/// So many times within [`WITHIN`] a guest is started again.
const LIMIT: usize = 3;
const WITHIN: Duration = Duration::from_secs(600);

const STARTED_AGAIN: &str = "The guest's QEMU died. The guest was started again.";
const GAVE_UP: &str = "The guest's QEMU died a fourth time within ten minutes. The guest stays off until it is booted.";

/// What is remembered of a guest's deaths, as long as the agent runs.
#[derive(Clone, Debug, Default)]
pub struct Deaths {
    /// When it was started again.
    revived: Vec<Instant>,
    /// It stays off, until somebody starts it.
    gave_up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    StartAgain,
    GiveUp,
    /// That has been told.
    StayOff,
}

impl Deaths {
    fn one_more(&mut self, now: Instant) -> Turn {
        if self.gave_up {
            return Turn::StayOff;
        }
        self.revived.retain(|at| now.duration_since(*at) < WITHIN);
        if self.revived.len() < LIMIT {
            return Turn::StartAgain;
        }
        self.gave_up = true;
        Turn::GiveUp
    }

    fn came_back(&mut self, now: Instant) {
        self.revived.push(now);
    }

    /// The guest is started: where it had been given up, by somebody who has looked, and it may die anew.
    pub fn forgive(&mut self) {
        if std::mem::take(&mut self.gave_up) {
            self.revived.clear();
        }
    }
}

/// Whether the guest is meant to run, did so since the node's boot, and went off with its QEMU, or could not be started
/// again since. What ran before the boot is brought back by [`crate::reconcile`].
pub fn has_died(entry: &Entry, boot_id: &str, state: State) -> bool {
    let died = matches!(state, State::Off { reason } if [OFF_BY_CRASH, OFF_BY_FAILED_START].contains(&reason));
    died && entry.should_run && entry.tombstone.is_none() && entry.boot_id == boot_id
}

/// Whether a guest in this state is about to be started again.
pub fn comes_back(agent: &Agent, server_uuid: &str, state: State) -> bool {
    agent.ledger.get(server_uuid).is_some_and(|entry| has_died(&entry, &agent.boot_id, state))
        && !agent.status(server_uuid).deaths.gave_up
}

/// What is done with a guest that [`has_died`]. The caller holds the server's lock. A start that fails is tried again
/// as all that fails.
pub async fn revive(agent: &Arc<Agent>, server_uuid: &str) -> Result<(), VmError> {
    let mut turn = Turn::StayOff;
    agent.set_status(server_uuid, |status| turn = status.deaths.one_more(Instant::now()));
    match turn {
        Turn::StartAgain => {
            vm::start(agent, server_uuid).await?;
            agent.set_status(server_uuid, |status| status.deaths.came_back(Instant::now()));
            drift::tell(agent, server_uuid, STARTED_AGAIN);
        }
        Turn::GiveUp => drift::tell(agent, server_uuid, GAVE_UP),
        Turn::StayOff => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::OFF_BY_SHUTDOWN;

    #[test]
    fn a_guest_that_dies_again_and_again_stays_off_until_somebody_starts_it() {
        let mut deaths = Deaths::default();
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for seconds in [0, 200, 400] {
            assert_eq!(deaths.one_more(at(seconds)), Turn::StartAgain, "after {seconds} s");
            assert_eq!(deaths.one_more(at(seconds)), Turn::StartAgain, "a start that failed is none");
            deaths.came_back(at(seconds));
        }
        assert_eq!(deaths.one_more(at(599)), Turn::GiveUp, "a fourth time within ten minutes");
        assert_eq!(deaths.one_more(at(599)), Turn::StayOff, "it was told once");
        deaths.forgive();
        assert_eq!(deaths.one_more(at(599)), Turn::StartAgain, "it was booted");
    }

    #[test]
    fn a_guest_that_dies_now_and_then_comes_back_each_time() {
        let mut deaths = Deaths::default();
        let start = Instant::now();
        for hour in 0..24 {
            let now = start + Duration::from_secs(3600 * hour);
            assert_eq!(deaths.one_more(now), Turn::StartAgain);
            deaths.came_back(now);
        }
        assert_eq!(deaths.revived.len(), 1, "what is long over is forgotten");
    }

    #[test]
    fn only_a_guest_that_is_meant_to_run_and_went_off_with_its_qemu_has_died() {
        let died = State::Off { reason: OFF_BY_CRASH };
        let mut entry = Entry::new("5de5a89b-b707-41bf-a051-7af1a4e67795");
        entry.boot_id = "boot-7".to_owned();
        assert!(!has_died(&entry, "boot-7", died), "it was switched off");
        entry.should_run = true;
        assert!(has_died(&entry, "boot-7", died));
        assert!(has_died(&entry, "boot-7", State::Off { reason: OFF_BY_FAILED_START }));
        assert!(!has_died(&entry, "boot-8", died), "the node went down");
        assert!(!has_died(&entry, "boot-7", State::Off { reason: OFF_BY_SHUTDOWN }), "it shut itself down");
        assert!(!has_died(&entry, "boot-7", State::Running));
        entry.tombstone = Some((1, 1));
        assert!(!has_died(&entry, "boot-7", died), "it is being removed");
    }
}
