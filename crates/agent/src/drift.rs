//! What somebody else changed on this node: noticed, told, and put right by rule.
//!
//! | found | done |
//! | --- | --- |
//! | a definition that is not what the agent stored | defined again |
//! | no definition where there was one | defined again |
//! | a guest that was stopped | it stays off, and is told as off |
//! | a guest that was started | it runs, and is told as running |
//! | a guest whose QEMU died | it is started again, see [`crate::revive`] |
//! | a domain of this instance's prefix that is no known server | told, left alone |
//!
//! Domains without this instance's prefix are never looked at. Whether a definition was changed is seen by a hash of
//! what libvirt made of it when the agent wrote it: what somebody edits seldom touches Berth's metadata in it.

use std::collections::BTreeSet;

use berth_proto::{Drift, event::What};

use crate::{
    agent::Agent,
    domain_xml::text_hash,
    ledger::Defined,
    libvirt::{Definitions, HostError},
    names,
};

pub const STARTED: &str = "The guest was started on the node, not by Berth. It runs on.";
pub const STOPPED: &str = "The guest was stopped on the node, not by Berth. It stays off until it is booted.";
const CHANGED: &str = "The guest's definition was changed on the node, not by Berth. It was defined again as it should \
                       be; a guest that runs keeps what it was started with.";
const REMOVED: &str = "The guest's definition was removed on the node, not by Berth. It was defined again.";

/// Domains that are told in one turn; the rest is told in the next.
const STRANGERS_LIMIT: usize = 100;

/// Into the outbox, the log and what is observed of the server.
pub fn tell(agent: &Agent, server_uuid: &str, what: &str) {
    tracing::warn!(server = server_uuid, "{what}");
    agent.set_status(server_uuid, |status| what.clone_into(&mut status.drift));
    agent.outbox.push(agent.clock.now_us(), server_uuid, What::Drift(Drift { what: what.to_owned() }));
}

/// What happened to the stored definition behind the agent's back, if anything did.
pub fn of_definition(known: Option<&Defined>, found: &Definitions) -> Option<&'static str> {
    let known = known?;
    match &found.stored {
        None => Some(REMOVED),
        // A new libvirt says the same in other words.
        Some(stored) => (known.libvirt == found.libvirt && known.stored != text_hash(stored)).then_some(CHANGED),
    }
}

/// Whether the stored definition is the one that this XML makes.
pub fn is_as_written(known: Option<&Defined>, found: &Definitions, xml: &str) -> bool {
    known.is_some() && known == remembered(xml, found).as_ref()
}

/// What is remembered of a definition that was just made from this XML; none where libvirt lost it again.
pub fn remembered(xml: &str, found: &Definitions) -> Option<Defined> {
    let stored = text_hash(found.stored.as_ref()?);
    Some(Defined { written: text_hash(xml), stored, libvirt: found.libvirt })
}

/// Domains with this instance's prefix that no entry of the ledger is of.
pub async fn unknown_domains(agent: &Agent) -> Result<Vec<String>, HostError> {
    let instance = &agent.config.instance;
    let names = agent.libvirt.names(&format!("{instance}-")).await?;
    let known =
        |name: &String| names::server_of_domain(instance, name).is_some_and(|uuid| agent.ledger.get(uuid).is_some());
    let trials = names::trial_prefix(instance);
    Ok(names.into_iter().filter(|name| !known(name) && !name.starts_with(&trials)).collect())
}

/// Tells of each unknown domain once, as long as it is there. `told` is what was told before.
pub async fn tell_strangers(agent: &Agent, told: &mut BTreeSet<String>) {
    let found = match unknown_domains(agent).await {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(%error, "domains that belong to nobody are looked for later");
            return;
        }
    };
    told.retain(|name| found.contains(name));
    for name in found.into_iter().take(STRANGERS_LIMIT) {
        let what =
            format!("The domain {name} has the prefix of this node's guests and is no server of it. It is left alone.");
        if told.insert(name) {
            tracing::warn!("{what}");
            agent.outbox.push(agent.clock.now_us(), "", What::Drift(Drift { what }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(stored: Option<&str>, libvirt: u32) -> Definitions {
        Definitions { stored: stored.map(str::to_owned), running: None, libvirt }
    }

    #[test]
    fn t26_a_definition_that_was_changed_or_removed_is_seen_and_a_new_libvirt_is_not_blamed() {
        let known = remembered("<ours/>", &found(Some("<ours at='1'/>"), 9));
        let known = known.as_ref();
        assert_eq!(of_definition(known, &found(Some("<ours at='1'/>"), 9)), None);
        assert_eq!(of_definition(known, &found(Some("<ours at='2'/>"), 9)), Some(CHANGED));
        assert_eq!(of_definition(known, &found(Some("<ours at='2'/>"), 10)), None);
        assert_eq!(of_definition(known, &found(None, 9)), Some(REMOVED));
        assert_eq!(of_definition(None, &found(None, 9)), None, "what was never defined was not removed");
    }

    #[test]
    fn a_definition_is_written_again_when_the_wish_libvirt_or_somebody_else_changed_it() {
        let now = found(Some("<ours at='1'/>"), 9);
        let known = remembered("<ours/>", &now);
        assert!(is_as_written(known.as_ref(), &now, "<ours/>"));
        assert!(!is_as_written(known.as_ref(), &now, "<ours more='1'/>"));
        assert!(!is_as_written(known.as_ref(), &found(Some("<x/>"), 9), "<ours/>"));
        assert!(!is_as_written(known.as_ref(), &found(Some("<ours at='1'/>"), 10), "<ours/>"));
        assert!(!is_as_written(known.as_ref(), &found(None, 9), "<ours/>"));
        assert!(!is_as_written(None, &now, "<ours/>"));
    }
}
