//! Rows of a server become what the panel shows.

use berth_api::{
    panel::server::{LiveFigures, PendingChange, ServerCard, ServerJob, ServerPage, ServerSystem},
    panel::share,
    time,
};
use berth_store::{
    entity::{ip_block, ipv6_subnet, job, pending_action, template},
    server_details::ServerDetails,
};

use crate::{
    ipam, jobs,
    live::{self, LiveServer},
    rights::{Right, Rights},
};

/// What whoever asks may do with it, and who shares it.
pub struct Access {
    pub rights: Rights,
    pub shared_by: Option<String>,
}

pub fn rights(rights: &Rights) -> Vec<share::Right> {
    rights.iter().map(share::Right::from).collect()
}

pub fn card(details: ServerDetails, access: Access, power: String) -> ServerCard {
    let row = details.server;
    let addresses = || details.interfaces.iter();
    ServerCard {
        uuid: row.uuid.to_string(),
        name: row.name,
        hostname: row.hostname,
        state: row.state,
        power,
        suspended: row.suspended,
        working: details.working,
        os: details.template.map(system),
        cpu_cores: row.cpu_cores,
        memory_mb: row.memory_mib,
        disk_gb: details.disks.iter().find(|disk| disk.is_primary).map_or(0, |disk| disk.capacity_gib),
        ipv4: addresses()
            .flat_map(|one| &one.ipv4)
            .map(|(address, _)| ipam::ipv4(address.address).to_string())
            .collect(),
        ipv6: addresses().flat_map(|one| &one.ipv6).filter_map(ipv6).collect(),
        rights: rights(&access.rights),
        shared_by: access.shared_by,
    }
}

/// `power` and what the node tells, where that is fresh.
pub fn page(
    mut details: ServerDetails,
    access: Access,
    jobs: Vec<job::Model>,
    (power, live): (String, Option<LiveServer>),
) -> ServerPage {
    let row = &details.server;
    let (created, built) = (time::offset(row.created_at), row.built_at.map(time::offset));
    let (protected, vnc) = (row.protected, row.vnc_enabled && !row.suspended);
    let pending = std::mem::take(&mut details.pending).into_iter().map(waits).collect();
    let may_look = access.rights.has(Right::Console);
    let is_own = access.shared_by.is_none();
    let screen = live.as_ref().and_then(|live| live.screen.as_ref()).filter(|_| may_look).map(ToString::to_string);
    ServerPage {
        created,
        built,
        protected,
        self_service: is_own && row.self_service != 0,
        vnc,
        screen,
        live: live.as_ref().map(|live| figures(live, row.cpu_cores)),
        card: card(details, access, power),
        pending,
        jobs: jobs.into_iter().map(work).collect(),
    }
}

/// The guest's address in its subnet.
fn ipv6((subnet, block): &(ipv6_subnet::Model, ip_block::Model)) -> Option<String> {
    let address = ipam::guest_ipv6(&subnet.subnet, subnet.prefix_len, &block.gateway)?;
    Some(format!("{address}/{}", subnet.prefix_len))
}

fn system(row: template::Model) -> ServerSystem {
    let name = [Some(row.name), Some(row.version), row.variant].into_iter().flatten().filter(|word| !word.is_empty());
    ServerSystem { name: name.collect::<Vec<_>>().join(" "), icon: row.icon }
}

fn waits(row: pending_action::Model) -> PendingChange {
    PendingChange { action: row.action, requires: serde_json::from_value(row.requires).unwrap_or_default() }
}

fn work(row: job::Model) -> ServerJob {
    let plan = jobs::Kind::from_name(&row.kind).map(jobs::Kind::plan).unwrap_or_default();
    ServerJob {
        message: jobs::told(&row),
        steps: plan.into_iter().map(str::to_owned).collect(),
        id: row.id,
        action: row.action,
        state: row.state,
        step: row.step,
        progress: row.progress,
        created: time::offset(row.created_at),
        finished: row.finished_at.map(time::offset),
    }
}

fn figures(live: &LiveServer, cores: i64) -> LiveFigures {
    let live::Figures {
        cpu_percent,
        memory_used_mib,
        memory_mib,
        disk_used_bytes,
        disk_bytes,
        in_bytes,
        out_bytes,
        sampled_at,
    } = live.figures(cores);
    LiveFigures {
        cpu_percent,
        memory_used_mb: memory_used_mib,
        memory_mb: memory_mib,
        disk_used_bytes,
        disk_bytes,
        in_bytes,
        out_bytes,
        sampled: time::offset(sampled_at),
    }
}
