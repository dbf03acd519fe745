//! Specifications that a node has to judge before what they are made of is kept. Actions never talk to nodes: the door
//! asks the node between the action's two halves.

use berth_proto as proto;
use berth_store::{entity::hypervisor, server_details::ServerDetails};

use crate::{Context, Error, spec};

pub struct Trial {
    pub hypervisor: hypervisor::Model,
    pub specs: Vec<proto::ServerSpec>,
}

impl Trial {
    pub fn new(details: &ServerDetails) -> Self {
        Self { hypervisor: details.hypervisor.clone(), specs: Vec::new() }
    }

    /// The server as it is, with what `change` says.
    pub fn add(
        &mut self,
        ctx: &Context,
        details: &ServerDetails,
        change: impl FnOnce(&mut proto::ServerSpec),
    ) -> Result<(), Error> {
        let made = spec::trial_spec(ctx, details);
        let mut spec = made.map_err(|error| Error::Unavailable(error.to_string()))?;
        change(&mut spec);
        if !self.specs.contains(&spec) {
            self.specs.push(spec);
        }
        Ok(())
    }
}
