//! What nodes tell by themselves: applied and remembered in one transaction, so that each event counts once.

use berth_proto as proto;
use berth_store::{
    Micros, Tx,
    audit::{self, NewEntry},
    entity::hypervisor,
    hypervisor as nodes_store, server_outcome, storage_point,
    traffic::{self, Reading},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Context, Error,
    actions::{server_disks, server_traffic},
};

/// Interfaces of one event that are counted.
const READINGS_LIMIT: usize = 1_000;

/// What a node may say in one sentence.
const DRIFT_LIMIT_CHARS: usize = 1000;

/// Applies one event and moves the node's position past it.
pub async fn apply(ctx: &Context, hypervisor_id: i64, event: proto::Event) -> Result<(), Error> {
    let now = ctx.now();
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (ctx, event) = (ctx.clone(), event.clone());
            Box::pin(async move {
                let sequence = i64::try_from(event.sequence).unwrap_or(i64::MAX);
                // Two control servers both follow the node, and each of them hears of each event.
                if !nodes_store::advance_events(tx, hypervisor_id, &event.incarnation, sequence).await? {
                    return Ok(());
                }
                if let (Some(proto::event::What::Drift(drift)), true) = (&event.what, event.server_uuid.is_empty()) {
                    return note_drift(tx, event.at_us, ("hypervisor", hypervisor_id), drift).await;
                }
                if let Some(proto::event::What::Traffic(told)) = &event.what {
                    return count_traffic(tx, hypervisor_id, told, server_traffic::when(event.at_us, now)).await;
                }
                // An event of a server that is gone, or of another cluster's, moves the position only.
                let Ok(uuid) = Uuid::parse_str(&event.server_uuid) else { return Ok(()) };
                let Some(id) = server_outcome::id_of(tx, uuid).await? else { return Ok(()) };
                match &event.what {
                    Some(proto::event::What::PowerChanged(change)) => {
                        let power = power_name(change.power());
                        server_outcome::power(tx, id, power, event.at_us).await?;
                        if power == "off" {
                            server_disks::follow_when_off(&ctx, tx, id, now).await?;
                        }
                    }
                    Some(proto::event::What::GuestUp(_)) => server_outcome::guest_up(tx, id).await?,
                    Some(proto::event::What::Drift(drift)) => {
                        note_drift(tx, event.at_us, ("server", id), drift).await?;
                    }
                    Some(proto::event::What::Traffic(_)) | None => {}
                }
                Ok(())
            })
        })
        .await
}

/// Somebody changed something on the node: it stands in the audit log, with what the node did about it.
async fn note_drift(tx: &Tx, at: Micros, subject: (&str, i64), drift: &proto::Drift) -> Result<(), Error> {
    let what: String = drift.what.chars().filter(|c| !c.is_control()).take(DRIFT_LIMIT_CHARS).collect();
    let after = Some(json!({ "what": what }));
    Ok(audit::record(tx, NewEntry { after, ..NewEntry::system(at, "note_drift", subject.0, subject.1) }).await?)
}

/// Adds what is new of a node's totals; a tag that is no number is nobody's.
async fn count_traffic(
    tx: &Tx,
    hypervisor_id: i64,
    told: &proto::TrafficCounted,
    when: traffic::When,
) -> Result<(), Error> {
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let reading = |of: &proto::InterfaceTraffic| {
        Some(Reading { tag: of.tag.parse().ok()?, rx_bytes: bytes(of.in_bytes), tx_bytes: bytes(of.out_bytes) })
    };
    let readings: Vec<Reading> = told.interfaces.iter().filter_map(reading).take(READINGS_LIMIT).collect();
    traffic::count(tx, hypervisor_id, &told.epoch, &readings, when).await?;
    Ok(())
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

/// What a node said that it has, as far as it is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Had {
    pub cpu_cores: i64,
    pub memory_mib: i64,
    /// Of the first of its storage roots, where disks are.
    pub storage_gib: i64,
}

impl Had {
    pub fn of(facts: &Value) -> Self {
        let number = |value: Option<&Value>| value.and_then(Value::as_i64).unwrap_or(0);
        let root = facts.get("storage").and_then(Value::as_array).and_then(|roots| roots.first());
        Self {
            cpu_cores: number(facts.get("cpuCores")),
            memory_mib: number(facts.get("memoryMib")),
            storage_gib: number(root.and_then(|root| root.get("totalBytes"))) >> 30,
        }
    }
}

/// A limit that was all that the node had follows it when that changes; one that somebody set stays.
fn follow(limit: i64, had: i64, has: i64) -> i64 {
    if limit != 0 && limit == had && has > 0 { has } else { limit }
}

pub async fn store_facts(ctx: &Context, row: &hypervisor::Model, hello: &proto::HelloReply) -> Result<(), Error> {
    let (id, now, facts) = (row.id, ctx.now(), facts_json(hello));
    let timezone = timezone(hello);
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (facts, timezone) = (facts.clone(), timezone.clone());
            Box::pin(async move {
                let Some(mut row) = nodes_store::by_id(tx, id).await? else { return Ok(()) };
                let limits = (row.max_cpu, row.max_memory_mib, row.max_storage_gib);
                let (had, has) = (Had::of(&row.facts), Had::of(&facts));
                row.max_cpu = follow(row.max_cpu, had.cpu_cores, has.cpu_cores);
                row.max_memory_mib = follow(row.max_memory_mib, had.memory_mib, has.memory_mib);
                row.max_storage_gib = follow(row.max_storage_gib, had.storage_gib, has.storage_gib);
                if limits != (row.max_cpu, row.max_memory_mib, row.max_storage_gib) {
                    nodes_store::update(tx, row, now).await?;
                }
                storage_point::ensure_local(tx, id, now).await?;
                Ok(nodes_store::set_facts(tx, id, facts, &timezone, now).await?)
            })
        })
        .await
}

/// UTC where the node says none, or one that nobody knows.
fn timezone(hello: &proto::HelloReply) -> String {
    let told = hello.facts.as_ref().map(|facts| facts.timezone.as_str()).unwrap_or_default();
    if told.parse::<chrono_tz::Tz>().is_ok() { told.to_owned() } else { "UTC".to_owned() }
}

/// The node's facts as the hypervisor's row keeps them.
pub fn facts_json(hello: &proto::HelloReply) -> Value {
    let Some(facts) = &hello.facts else { return json!({}) };
    let storage = facts.storage.iter().map(|root| {
        json!({ "path": root.path, "totalBytes": root.total_bytes, "freeBytes": root.free_bytes, "default": root.is_default, "kind": root.kind })
    });
    let networks = facts.networks.iter().map(|of| {
        let proto::NodeNetwork { bridge, mtu, exists, nat, routed, vlans, openvswitch, trouble } = of;
        json!({ "bridge": bridge, "mtu": mtu, "exists": exists, "nat": nat, "routed": routed, "vlans": vlans,
                "openvswitch": openvswitch, "trouble": trouble })
    });
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
        "filesystems": facts.filesystems,
        "bridgePrefix": facts.bridge_prefix,
        "timezone": facts.timezone,
        "securityDriver": facts.security_driver,
        "firewall": facts.firewall,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_follows_what_the_node_has_until_somebody_sets_it() {
        assert_eq!(follow(100, 100, 200), 200, "a larger disk");
        assert_eq!(follow(100, 100, 50), 50, "a smaller one");
        assert_eq!(follow(80, 100, 200), 80, "set by hand");
        assert_eq!((follow(0, 100, 200), follow(0, 0, 200)), (0, 0), "unlimited");
        assert_eq!(follow(100, 100, 0), 100, "not told this time");
    }

    #[test]
    fn what_a_node_does_not_say_is_nothing() {
        let facts = json!({ "cpuCores": 8, "storage": [{ "totalBytes": 3_i64 << 30 }, { "totalBytes": 1_i64 << 40 }] });
        assert_eq!(Had::of(&facts), Had { cpu_cores: 8, memory_mib: 0, storage_gib: 3 });
        assert_eq!(Had::of(&json!({ "storage": "x" })), Had { cpu_cores: 0, memory_mib: 0, storage_gib: 0 });
    }
}
