//! The filters of all servers, written anew: where somebody changed them by hand, or nobody knows what is in force.

use berth_proto::{FilteredServer, RegenerateFiltersReply};

use crate::{
    agent::Agent,
    filters::InterfaceFilter,
    filters_apply::{self, FilterError},
    ledger::Entry,
    sentence,
    vm::{self, VmError},
};

/// A server with what is written of it.
struct Written {
    told: FilteredServer,
    filters: Vec<InterfaceFilter>,
}

/// Of the specifications that the node has now. Packets are judged by the old rules until the new ones are there.
pub async fn all(agent: &Agent) -> Result<RegenerateFiltersReply, VmError> {
    let instance = &agent.config.instance;
    let entries = agent.ledger.all().into_iter().filter(|entry| entry.tombstone.is_none() && !entry.evicted);
    let mut servers: Vec<Written> = entries.filter_map(|entry| written(instance, &entry)).collect();
    let filters: Vec<InterfaceFilter> = servers.iter().flat_map(|server| server.filters.iter().cloned()).collect();
    let missing = filters_apply::rewrite(&agent.netns, instance, &filters).await?;
    for Written { told, filters } in &mut servers {
        if agent.ledger.get(&told.server_uuid).is_none_or(|entry| !is_still(&entry, told)) {
            // What was written may be older than what came meanwhile: that is put right at once.
            agent.nudge(&told.server_uuid);
        } else if let Some(filter) = filters.iter().find(|filter| missing.iter().any(|tap| tap == filter.tap())) {
            told.error = sentence(&FilterError::NotInForce(filter.tap().to_owned()).to_string());
        }
    }
    let removed = vm::remove_stray_filters(agent).await?;
    Ok(RegenerateFiltersReply {
        servers: servers.into_iter().map(|server| server.told).collect(),
        removed: u32::try_from(removed).unwrap_or(u32::MAX),
    })
}

/// Nothing of a server whose ledger was lost: what it needs is not known until it is applied again.
fn written(instance: &str, entry: &Entry) -> Option<Written> {
    let spec = entry.spec()?;
    let filters = spec.interfaces.iter().map(|interface| InterfaceFilter::of(instance, interface));
    let (filters, error) = match filters.collect::<Result<Vec<_>, String>>() {
        Ok(filters) => (filters, String::new()),
        Err(why) => (Vec::new(), sentence(&why)),
    };
    let told = FilteredServer {
        server_uuid: entry.server_uuid.clone(),
        generation: entry.generation,
        interfaces: u32::try_from(filters.len()).unwrap_or(u32::MAX),
        error,
    };
    Some(Written { told, filters })
}

fn is_still(entry: &Entry, told: &FilteredServer) -> bool {
    entry.tombstone.is_none() && entry.generation == told.generation
}
