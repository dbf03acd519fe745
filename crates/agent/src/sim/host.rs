//! The host in memory: what real nodes keep in their ledger and in libvirt.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use berth_proto::{self as proto, ServerSpec, do_request::Op};

use super::guest::SimGuest;
use crate::ledger::{Entry, OpRecord, OpState, Refusal};

#[derive(Default)]
pub struct SimHost {
    pub servers: HashMap<String, SimServer>,
    /// Digests of the images in the cache.
    pub images: BTreeSet<String>,
    /// Those of them that are discs.
    pub isos: BTreeSet<String>,
    pub events: VecDeque<proto::Event>,
    /// Domains that are nobody's.
    pub unknown_domains: Vec<String>,
    /// Of each server whose filters were written anew, by which generation the last time.
    pub filtered: BTreeMap<String, u64>,
    /// How often each self-test was asked for.
    pub selftests: HashMap<String, u32>,
    /// Storages that its owner lists; disks elsewhere are not taken.
    pub storages: Vec<proto::StorageRoot>,
    /// Bridges that the control server has it make.
    pub networks: SimNetworks,
    /// Whether guests have figures and a picture.
    pub lively: bool,
    /// Whether its libvirt is down: its streams are open, and no figures come.
    pub silent: bool,
    /// Whether it lacks what guests' TPMs take.
    pub without_tpms: bool,
    /// Empty, as of an agent that does not know of time zones.
    pub timezone: String,
    /// By which its libvirt confines guests; empty, as of an agent that does not tell it.
    pub security_driver: String,
    /// What its kernel does for firewalls; empty, as of an agent that does not tell it.
    pub firewall: String,
    /// What the node says of itself.
    pub stats: proto::NodeStats,
}

/// What a node remembers of changes of its network.
#[derive(Default)]
pub struct SimNetworks {
    pub in_force: Vec<proto::BridgeSettings>,
    /// What held before the change that is pending.
    before: Option<Vec<proto::BridgeSettings>>,
    newest: (u64, u64),
    states: HashMap<String, proto::networks_reply::State>,
}

impl SimNetworks {
    pub fn set(&mut self, request: proto::SetNetworksRequest) -> proto::networks_reply::State {
        let proto::SetNetworksRequest { change_id, cluster_epoch, generation, bridges } = request;
        if let Some(state) = self.states.get(&change_id) {
            return *state;
        }
        if (cluster_epoch, generation) < self.newest {
            return proto::networks_reply::State::Superseded;
        }
        self.newest = (cluster_epoch, generation);
        let held = std::mem::replace(&mut self.in_force, bridges);
        self.before.get_or_insert(held);
        self.end_pending(proto::networks_reply::State::Superseded);
        self.states.insert(change_id, proto::networks_reply::State::Pending);
        proto::networks_reply::State::Pending
    }

    pub fn confirm(&mut self, change_id: &str) -> proto::networks_reply::State {
        let state = self.states.get_mut(change_id);
        match state {
            Some(state @ proto::networks_reply::State::Pending) => {
                *state = proto::networks_reply::State::Confirmed;
                self.before = None;
                proto::networks_reply::State::Confirmed
            }
            Some(state) => *state,
            None => proto::networks_reply::State::Undone,
        }
    }

    /// The time in which a change is to be confirmed passes.
    pub fn time_passes(&mut self) {
        if let Some(before) = self.before.take() {
            self.in_force = before;
        }
        self.end_pending(proto::networks_reply::State::Undone);
    }

    fn end_pending(&mut self, end: proto::networks_reply::State) {
        let pending = self.states.values_mut().filter(|state| **state == proto::networks_reply::State::Pending);
        pending.for_each(|state| *state = end);
    }
}

pub struct SimServer {
    pub entry: Entry,
    /// What the host has been made to match.
    pub applied: Option<ServerSpec>,
    pub running: bool,
    /// The guest that runs.
    pub guest: Option<SimGuest>,
    /// Volumes that exist, and where: kind and location, nothing in the node's own folder.
    pub volumes: BTreeMap<String, String>,
    /// What the guest's administrator has.
    pub password_hash: String,
    /// How often a guest was really started and stopped.
    pub starts: u32,
    pub stops: u32,
}

impl SimHost {
    /// Its figures, with its storages.
    pub fn node_stats(&self) -> proto::NodeStats {
        let mut stats = self.stats.clone();
        stats.storage.extend(self.storages.iter().cloned());
        stats
    }

    /// The server of that UUID, made where it is missing.
    pub fn server(&mut self, uuid: &str) -> &mut SimServer {
        self.servers.entry(uuid.to_owned()).or_insert_with(|| SimServer {
            entry: Entry::new(uuid),
            applied: None,
            running: false,
            guest: None,
            volumes: BTreeMap::new(),
            password_hash: String::new(),
            starts: 0,
            stops: 0,
        })
    }
}

impl SimServer {
    pub fn apply(
        &mut self,
        token: u64,
        spec: &ServerSpec,
        (images, storages): (&BTreeSet<String>, &[proto::StorageRoot]),
        lying: bool,
    ) -> Result<(), Refusal> {
        self.entry.check_fence(token)?;
        self.entry.take_spec(spec)?;
        let missing = |disk: &proto::DiskSpec| {
            !disk.image_digest.is_empty()
                && !self.volumes.contains_key(&disk.volume_uuid)
                && !images.contains(&disk.image_digest)
        };
        let no_disc = !spec.iso_digest.is_empty() && !images.contains(&spec.iso_digest);
        let elsewhere = |disk: &proto::DiskSpec| {
            let is_there = |of: &proto::StorageRef| {
                storages
                    .iter()
                    .any(|root| (&root.kind, &root.path) == (&of.kind, &of.location) && root.trouble.is_empty())
            };
            disk.storage.as_ref().is_some_and(|storage| !is_there(storage))
        };
        if no_disc || spec.disks.iter().any(missing) || spec.disks.iter().any(elsewhere) {
            // As on a real node: taken, and not carried out until the template and the storage are there.
            return Ok(());
        }
        if !lying {
            for disk in &spec.disks {
                let place =
                    || disk.storage.as_ref().map(|of| format!("{} {}", of.kind, of.location)).unwrap_or_default();
                self.volumes.entry(disk.volume_uuid.clone()).or_insert_with(place);
            }
            self.applied = Some(spec.clone());
            if let Some(guest) = &mut self.guest {
                guest.take(spec);
            }
        }
        self.entry.applied_generation = spec.generation;
        Ok(())
    }

    /// Takes a specification and does not get to carrying it out.
    pub fn take(&mut self, token: u64, spec: &ServerSpec) -> Result<(), Refusal> {
        self.entry.check_fence(token)?;
        self.entry.take_spec(spec)?;
        Ok(())
    }

    pub fn evict(&mut self, token: u64, epoch: u64, generation: u64) -> Result<(), Refusal> {
        self.entry.check_fence(token)?;
        self.entry.bury(epoch, generation)?;
        self.stop();
        self.volumes.clear();
        self.applied = None;
        self.entry.evicted = true;
        Ok(())
    }

    /// Runs an operation the first time that it is heard of.
    pub fn op(&mut self, token: u64, request: &proto::DoRequest, fail: Option<&str>) -> Result<OpRecord, Refusal> {
        if let Some(known) = self.entry.op(&request.op_id) {
            return Ok(known.clone());
        }
        self.entry.check_fence(token)?;
        if self.entry.tombstone.is_some() {
            return Err(Refusal::Buried("it is being removed".to_owned()));
        }
        let (state, detail) = match fail {
            Some(why) => (OpState::Failed, why.to_owned()),
            None => match self.carry_out(request.op.as_ref()) {
                Ok(detail) => (OpState::Done, detail.to_owned()),
                Err(why) => (OpState::Failed, why.to_owned()),
            },
        };
        let record = OpRecord {
            op_id: request.op_id.clone(),
            request: String::new(),
            state,
            detail,
            result: BTreeMap::from([
                ("guest_agent".to_owned(), self.running.to_string()),
                ("held".to_owned(), self.held().to_string()),
            ]),
            guest_before: None,
        };
        self.entry.begin_op(record.clone());
        Ok(record)
    }

    /// What the guest lacks of the newest specification until its next start.
    pub fn waits_for_start(&self) -> Vec<String> {
        let guest = self.guest.as_ref().zip(self.applied.as_ref());
        guest.map(|(guest, spec)| guest.waits_for(spec)).unwrap_or_default()
    }

    /// Disks that the guest has and its newest specification does not.
    fn held(&self) -> usize {
        let wanted = |uuid: &String| self.applied.iter().flat_map(|spec| &spec.disks).any(|d| d.volume_uuid == *uuid);
        self.guest.iter().flat_map(|guest| &guest.has.disks).filter(|disk| !wanted(&disk.volume_uuid)).count()
    }

    fn carry_out(&mut self, op: Option<&Op>) -> Result<&'static str, &'static str> {
        match op {
            Some(Op::Boot(_)) => {
                if self.applied.is_none() {
                    return Err("The server is not on this node.");
                }
                self.start();
                Ok("The guest is up.")
            }
            Some(Op::Shutdown(_)) => {
                self.stop();
                Ok("The guest was told to shut down.")
            }
            Some(Op::PowerOff(_)) => {
                self.stop();
                Ok("The guest is off.")
            }
            Some(Op::Restart(_)) => {
                self.stop();
                self.start();
                Ok("The guest was restarted.")
            }
            Some(Op::SetPassword(set)) => {
                if !self.running {
                    return Err("The server is off, and only a running guest can take a new password.");
                }
                let text = if set.password.is_empty() { &set.password_hash } else { &set.password };
                text.clone_into(&mut self.password_hash);
                Ok("The guest has the new password.")
            }
            Some(Op::PruneVolumes(_)) => {
                let disks = self.applied.iter().flat_map(|spec| &spec.disks);
                let held = self.guest.iter().flat_map(|guest| &guest.has.disks);
                let kept: BTreeSet<&String> = disks.chain(held).map(|disk| &disk.volume_uuid).collect();
                self.volumes.retain(|uuid, _| kept.contains(uuid));
                Ok("Earlier disks were removed.")
            }
            None => Err("This agent does not know the operation."),
        }
    }

    fn start(&mut self) {
        self.starts += u32::from(!self.running);
        if !self.running {
            self.guest = self.applied.as_ref().map(SimGuest::start);
        }
        self.running = true;
        self.entry.should_run = true;
    }

    fn stop(&mut self) {
        self.stops += u32::from(self.running);
        self.running = false;
        self.guest = None;
        self.entry.should_run = false;
    }
}
