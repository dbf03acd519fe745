//! Small pictures of what guests show, taken slowly and aside, and kept in memory for those who ask.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{agent::Agent, libvirt::State, thumbnail::thumbnail};

/// From one picture of a guest to its next, and between two guests.
const EACH_GUEST: Duration = Duration::from_secs(30);
const BETWEEN_GUESTS: Duration = Duration::from_millis(100);

/// The newest picture of each running guest.
#[derive(Default)]
pub struct Screens {
    taken: Mutex<HashMap<String, Screen>>,
}

#[derive(Clone)]
pub struct Screen {
    /// PNG.
    pub png: Arc<[u8]>,
    /// Another one when the picture changed.
    pub number: u64,
}

impl Screens {
    pub fn of(&self, server_uuid: &str) -> Option<Screen> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).get(server_uuid).cloned()
    }

    /// None: the guest is off, or shows nothing.
    fn set(&self, server_uuid: &str, png: Option<Vec<u8>>) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let before = taken.get(server_uuid);
        match png {
            None => {
                taken.remove(server_uuid);
            }
            Some(png) if before.is_some_and(|before| *before.png == *png) => {}
            Some(png) => {
                let number = before.map_or(1, |before| before.number + 1);
                taken.insert(server_uuid.to_owned(), Screen { png: png.into(), number });
            }
        }
    }

    fn keep(&self, servers: &[String]) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).retain(|uuid, _| servers.contains(uuid));
    }
}

/// Takes pictures, one after the other, until `shutdown`.
pub async fn run(agent: Arc<Agent>, shutdown: CancellationToken) {
    loop {
        let entries = agent.ledger.all().into_iter().filter(|entry| entry.tombstone.is_none());
        let servers: Vec<String> = entries.map(|entry| entry.server_uuid).collect();
        agent.screens.keep(&servers);
        for uuid in servers {
            agent.screens.set(&uuid, picture(&agent, &uuid).await);
            if pause(BETWEEN_GUESTS, &shutdown).await {
                return;
            }
        }
        if pause(EACH_GUEST, &shutdown).await {
            return;
        }
    }
}

async fn picture(agent: &Agent, server_uuid: &str) -> Option<Vec<u8>> {
    let name = agent.domain(server_uuid);
    if !matches!(agent.libvirt.state(&name).await, Ok(State::Running | State::Paused)) {
        return None;
    }
    let shot = agent.libvirt.screenshot(&name).await;
    let shot = shot.inspect_err(|error| tracing::debug!(server = server_uuid, %error, "no picture of the screen"));
    let shot = shot.ok()??;
    tokio::task::spawn_blocking(move || thumbnail(&shot)).await.ok()?
}

/// True where it is time to end.
async fn pause(time: Duration, shutdown: &CancellationToken) -> bool {
    tokio::time::timeout(time, shutdown.cancelled()).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_new_number_only_when_it_changed_and_goes_with_its_guest() {
        let screens = Screens::default();
        let number = || screens.of("a").map(|screen| screen.number);
        for (png, wanted) in
            [(Some(vec![1]), Some(1)), (Some(vec![1]), Some(1)), (Some(vec![2]), Some(2)), (None, None)]
        {
            screens.set("a", png);
            assert_eq!(number(), wanted);
        }
        screens.set("a", Some(vec![1]));
        screens.keep(&["b".to_owned()]);
        assert_eq!(number(), None);
    }
}
