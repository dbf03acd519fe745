//! The disc in a server's drive.

use berth_api::v1::iso::MountIso;
use berth_store::{
    audit,
    entity::{iso as entity, server},
    iso::{self, NewIso},
    job, server as servers,
    server_details::{self, ServerDetails},
};
use serde_json::{Value, json};

use super::{
    entry,
    isos::{check_url, file_of},
    queue::{self, Work},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    jobs::{Kind, media::MediaPayload},
};

/// Of the library, for one server.
const AVAILABLE: u64 = 200;

/// The server, and what of the library it may have.
pub async fn read(ctx: &Context, actor: &Actor, server_id: i64) -> Result<(ServerDetails, Vec<entity::Model>), Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let details = server_details::by_id(db, server_id).await?.ok_or(Error::NotFound("server"))?;
    let mut available = iso::enabled(db, arch(&details), AVAILABLE).await?;
    available.retain(|row| is_for(row, details.server.owner_id));
    Ok((details, available))
}

/// The node's architecture by its code.
fn arch(details: &ServerDetails) -> i32 {
    if details.hypervisor.facts.get("arch").and_then(Value::as_str) == Some("aarch64") { 2 } else { 1 }
}

fn is_for(row: &entity::Model, owner_id: i64) -> bool {
    row.global || iso::users(row).contains(&owner_id)
}

/// What is to go into the drive.
#[derive(Clone)]
enum Wanted {
    Listed(i64),
    ByUrl(NewIso),
}

/// Puts a disc into the drive in place of what is there: at once where the guest runs. Answers the queue item's id.
pub async fn mount(ctx: &Context, actor: &Actor, server_id: i64, input: MountIso) -> Result<i64, Error> {
    actor.require(Ability::Write)?;
    let found = server_details::by_id(ctx.store.read(), server_id).await?;
    let details = found.ok_or(Error::NotFound("server"))?;
    let wanted = wanted(ctx, &details, input)?;
    let (arch, now) = (arch(&details), ctx.now());
    let queued = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, wanted) = (ctx.clone(), actor.clone(), wanted.clone());
        Box::pin(async move {
            let row = servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))?;
            require_on_node(&row)?;
            let iso = match wanted {
                Wanted::Listed(id) => mountable(iso::lock(tx, id).await?, row.owner_id, arch)?,
                Wanted::ByUrl(new) => iso::insert(tx, new).await?,
            };
            iso::mount(tx, server_id, Some(iso.id), now).await?;
            if let Some(before) = row.iso_id.filter(|before| *before != iso.id) {
                iso::forget_unused(tx, before).await?;
            }
            // What waits to be fetched is not wanted any more.
            job::cancel_queued(tx, server_id, Kind::Media.name(), "Another disc was mounted, or it was ejected.", now)
                .await?;
            let payload = MediaPayload { iso_id: iso.id };
            let work = Work { kind: Kind::Media, action: "mount_iso", server: &row, exclusive: false, payload };
            let queue_id = queue::enqueue(&ctx, tx, work, now).await?;
            let after = json!({ "iso": iso.id, "name": iso.name, "url": iso.url, "queue": queue_id });
            let before = json!({ "iso": row.iso_id });
            let written = entry(&actor, now, "mount_iso", ("server", server_id), Some(before), Some(after));
            audit::record(tx, written).await?;
            Ok(queue_id)
        })
    });
    let queue_id = queued.await?;
    ctx.nudge.notify_one();
    Ok(queue_id)
}

fn wanted(ctx: &Context, details: &ServerDetails, input: MountIso) -> Result<Wanted, Error> {
    match (input.iso_id, input.url.filter(|url| !url.is_empty())) {
        (Some(id), None) => Ok(Wanted::Listed(id)),
        (None, Some(url)) => {
            let mut errors = Vec::new();
            check_url(&mut errors, &url);
            super::rules::done(errors)?;
            let filename = file_of(&url);
            Ok(Wanted::ByUrl(NewIso {
                uuid: ctx.rng.uuid(),
                name: filename.clone(),
                description: None,
                arch: arch(details),
                url: Some(url),
                filename,
                enabled: true,
                global: false,
                users: vec![details.server.owner_id],
                in_library: false,
                digest: String::new(),
                now: ctx.now(),
            }))
        }
        _ => Err(Error::invalid("Give either the isoId or the url.")),
    }
}

/// Whether a disc can be put into its drive, of the library or by any URL.
pub fn takes_discs(row: &server::Model) -> bool {
    row.build_uuid.is_some()
}

fn require_on_node(row: &server::Model) -> Result<(), Error> {
    if takes_discs(row) { Ok(()) } else { Err(Error::invalid("The server is not built.")) }
}

fn mountable(row: Option<entity::Model>, owner_id: i64, arch: i32) -> Result<entity::Model, Error> {
    let row = row.filter(|row| row.in_library && row.enabled && is_for(row, owner_id));
    let row = row.ok_or_else(|| Error::invalid("Invalid or disabled ISO"))?;
    if row.arch != arch {
        return Err(Error::invalid("The ISO is for another architecture than the server's."));
    }
    if row.url.is_none() && row.digest.is_empty() {
        return Err(Error::invalid("The ISO has no file yet."));
    }
    Ok(row)
}

/// Takes the disc out, at once where the guest runs. Answers the queue item's id.
pub async fn eject(ctx: &Context, actor: &Actor, server_id: i64) -> Result<i64, Error> {
    actor.require(Ability::Write)?;
    let now = ctx.now();
    let queued = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor) = (ctx.clone(), actor.clone());
        Box::pin(async move {
            let row = servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))?;
            let before = row.iso_id.ok_or_else(|| Error::invalid("No ISO is mounted."))?;
            iso::mount(tx, server_id, None, now).await?;
            iso::forget_unused(tx, before).await?;
            job::cancel_queued(tx, server_id, Kind::Media.name(), "Another disc was mounted, or it was ejected.", now)
                .await?;
            let payload = MediaPayload { iso_id: 0 };
            let work = Work { kind: Kind::Media, action: "eject_iso", server: &row, exclusive: false, payload };
            let queue_id = queue::enqueue(&ctx, tx, work, now).await?;
            let (before, after) = (json!({ "iso": before }), json!({ "iso": null, "queue": queue_id }));
            let written = entry(&actor, now, "eject_iso", ("server", server_id), Some(before), Some(after));
            audit::record(tx, written).await?;
            Ok(queue_id)
        })
    });
    let queue_id = queued.await?;
    ctx.nudge.notify_one();
    Ok(queue_id)
}
