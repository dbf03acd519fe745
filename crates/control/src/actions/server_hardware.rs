//! A server's virtual hardware, as far as no package says it: boot order, machine, processor's type, TPM. It takes effect
//! when the server starts next.

use berth_api::v1::server_hardware::ChangeHardware;
use berth_store::{
    audit,
    entity::server,
    server as servers, server_details,
    server_hardware::{self, Hardware},
};
use serde_json::{Value, json};

use super::{entry, queue, trial::Trial};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    spec,
};

const BOOT_DEVICES: [&str; 3] = ["hd", "cdrom", "network"];
/// Of a processor's type and of a machine.
const NAME_BYTES: usize = 64;

/// What is to be kept, once the node has judged it.
pub struct Proposal {
    server_id: i64,
    hardware: Hardware,
    pub trial: Trial,
}

pub async fn propose(ctx: &Context, actor: &Actor, server_id: i64, input: ChangeHardware) -> Result<Proposal, Error> {
    actor.require(Ability::Write)?;
    let found = server_details::by_id(ctx.store.read(), server_id).await?;
    let details = found.ok_or(Error::NotFound("server"))?;
    let hardware = check(input)?;
    let mut trial = Trial::new(&details);
    let Hardware { boot_order: _, machine_type, cpu_type, tpm_type } = &hardware;
    if machine_type.is_some() || cpu_type.is_some() || tpm_type.is_some() {
        trial.add(ctx, &details, |spec| {
            if let Some(machine) = machine_type {
                spec.machine = spec::machine(machine);
            }
            if let Some(cpu) = cpu_type {
                spec.cpu_model.clone_from(cpu);
            }
            if let Some(tpm) = tpm_type {
                spec.tpm_version = spec::tpm_version(*tpm);
            }
        })?;
    }
    Ok(Proposal { server_id, hardware, trial })
}

fn check(input: ChangeHardware) -> Result<Hardware, Error> {
    let ChangeHardware { boot_order, machine_type, cpu_type, tpm_type } = input;
    let mut errors = Vec::new();
    if let Some(order) = &boot_order {
        let is_known = order.iter().all(|device| BOOT_DEVICES.contains(&device.as_str()));
        let is_once = (1..order.len()).all(|at| !order[..at].contains(&order[at]));
        if order.is_empty() || !is_known || !is_once {
            errors.push("The bootOrder must be of hd, cdrom and network, each at most once.".to_owned());
        }
    }
    let is_name = |name: &String| {
        !name.is_empty()
            && name.len() <= NAME_BYTES
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    if machine_type.as_ref().is_some_and(|name| !is_name(name)) {
        errors.push("The machineType must be inherit, q35 or pc, the last two also of a version.".to_owned());
    }
    if cpu_type.as_ref().is_some_and(|name| !is_name(name)) {
        errors.push("The cpuType must be inherit, host-model, host-passthrough or the name of a model.".to_owned());
    }
    if let Some(tpm) = tpm_type {
        super::rules::within(&mut errors, "tpmType", tpm, 0..=2);
    }
    super::rules::done(errors)?;
    Ok(Hardware {
        boot_order: boot_order.map(|order| json!(order)),
        machine_type,
        cpu_type,
        tpm_type: tpm_type.and_then(|tpm| i32::try_from(tpm).ok()),
    })
}

pub async fn keep(ctx: &Context, actor: &Actor, proposal: Proposal) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let Proposal { server_id, hardware, trial: _ } = proposal;
    let now = ctx.now();
    let kept = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, hardware) = (ctx.clone(), actor.clone(), hardware.clone());
        Box::pin(async move {
            let before = servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))?;
            let row =
                server_hardware::set_hardware(tx, server_id, hardware, now).await?.ok_or(Error::NotFound("server"))?;
            queue::enqueue_apply(&ctx, tx, &row, now).await?;
            let (before, after) = (Some(shown(&before)), Some(shown(&row)));
            let written = entry(&actor, now, "change_hardware", ("server", server_id), before, after);
            Ok(audit::record(tx, written).await?)
        })
    });
    kept.await?;
    ctx.nudge.notify_one();
    Ok(())
}

fn shown(row: &server::Model) -> Value {
    json!({
        "bootOrder": row.boot_order, "machineType": row.machine_type, "cpuType": row.cpu_type, "tpmType": row.tpm_type,
    })
}
