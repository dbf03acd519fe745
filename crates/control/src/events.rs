//! What nodes tell by themselves: applied and remembered in one transaction, so that each event counts once.

use berth_proto as proto;
use berth_store::{entity::hypervisor, hypervisor as nodes_store, server_outcome};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Context, Error};

/// Applies one event and moves the node's position past it.
pub async fn apply(ctx: &Context, hypervisor_id: i64, event: proto::Event) -> Result<(), Error> {
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let event = event.clone();
            Box::pin(async move {
                let sequence = i64::try_from(event.sequence).unwrap_or(i64::MAX);
                nodes_store::set_event_position(tx, hypervisor_id, &event.incarnation, sequence).await?;
                // An event of a server that is gone, or of another cluster's, moves the position only.
                let Ok(uuid) = Uuid::parse_str(&event.server_uuid) else { return Ok(()) };
                let Some(id) = server_outcome::id_of(tx, uuid).await? else { return Ok(()) };
                match &event.what {
                    Some(proto::event::What::PowerChanged(change)) => {
                        server_outcome::power(tx, id, power_name(change.power()), event.at_us).await?;
                    }
                    Some(proto::event::What::GuestUp(_)) => server_outcome::guest_up(tx, id).await?,
                    None => {}
                }
                Ok(())
            })
        })
        .await
}

/// As the server's row has it.
pub fn power_name(power: proto::Power) -> &'static str {
    match power {
        proto::Power::Running | proto::Power::ShuttingDown => "running",
        proto::Power::Paused => "paused",
        proto::Power::Crashed => "crashed",
        proto::Power::Off | proto::Power::Absent => "off",
        proto::Power::Unspecified => "unknown",
    }
}

pub async fn store_facts(ctx: &Context, row: &hypervisor::Model, hello: &proto::HelloReply) -> Result<(), Error> {
    let (id, now, facts) = (row.id, ctx.now(), facts_json(hello));
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let facts = facts.clone();
            Box::pin(async move { Ok(nodes_store::set_facts(tx, id, facts, now).await?) })
        })
        .await
}

/// The node's facts as the hypervisor's row keeps them.
pub fn facts_json(hello: &proto::HelloReply) -> Value {
    let Some(facts) = &hello.facts else { return json!({}) };
    let storage = facts.storage.iter().map(|root| {
        json!({ "path": root.path, "totalBytes": root.total_bytes, "freeBytes": root.free_bytes, "default": root.is_default })
    });
    let networks = facts
        .networks
        .iter()
        .map(|network| json!({ "bridge": network.bridge, "mtu": network.mtu, "exists": network.exists }));
    json!({
        "agentVersion": hello.agent_version,
        "protocol": hello.protocol,
        "features": hello.features,
        "hostname": facts.hostname,
        "arch": facts.arch,
        "cpuCores": facts.cpu_cores,
        "memoryMib": facts.memory_mib,
        "accelerator": facts.accelerator,
        "acceleratorDetail": facts.accelerator_detail,
        "libvirtVersion": facts.libvirt_version,
        "qemuVersion": facts.qemu_version,
        "kernelVersion": facts.kernel_version,
        "cpuModel": facts.cpu_model,
        "storage": storage.collect::<Vec<_>>(),
        "networks": networks.collect::<Vec<_>>(),
        "instance": facts.instance,
        "dataDir": facts.data_dir,
    })
}
