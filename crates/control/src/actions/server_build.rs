//! Building a server from a template: everything that the build's specification needs is written here, at once, for a
//! server that is there, or in the transaction that creates it.

use std::sync::Arc;

use berth_api::v1::server_input::BuildServer;
use berth_store::{
    Db, Micros, Tx, audit, console_token,
    entity::{ip_block, server, template},
    ipv6_subnet, placement as candidates,
    self_service::profile,
    server as servers, server_details,
    server_details::ServerDetails,
    server_disk, server_ssh_key, template as templates,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    entry,
    queue::{self, Work},
    server_build_order::BuildOrder,
    server_create::{blocks, give_ipv6},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    crypt,
    jobs::{Kind, build::BuildPayload},
    placement,
    self_service::follow,
};

/// The server as it is now, and its root password.
pub struct Built {
    pub details: ServerDetails,
    pub password: String,
}

/// Queues the build. Any build before it is given up with its disk.
pub async fn build(ctx: &Context, actor: &Actor, server_id: i64, input: BuildServer) -> Result<Built, Error> {
    actor.require(Ability::Operate)?;
    let db = ctx.store.read();
    let Some(details) = server_details::by_id(db, server_id).await? else { return Err(Error::NotFound("server")) };
    let order = BuildOrder::check(input).map_err(Error::Invalid)?;
    let found = Found::of(db, actor, &details, &order).await?;
    let new = NewBuild::with_password(ctx, order).await?;
    let work = Arc::new(BuildWork::new((ctx, actor), &new, found, details, ctx.now()));
    let queued = ctx.store.write_tx::<_, Error>(|tx| {
        let work = Arc::clone(&work);
        Box::pin(async move { work.run(tx).await })
    });
    queued.await?;
    ctx.nudge.notify_one();
    let details = server_details::by_id(db, server_id).await?.ok_or(Error::NotFound("server"))?;
    Ok(Built { details, password: new.password })
}

/// The build of a server that is created in the same transaction. What takes time is done before that begins.
pub struct NewBuild {
    order: BuildOrder,
    /// Told once.
    pub password: String,
    password_hash: String,
}

impl NewBuild {
    pub async fn new(ctx: &Context, actor: &Actor, input: BuildServer) -> Result<Self, Error> {
        actor.require(Ability::Operate)?;
        Self::with_password(ctx, BuildOrder::check(input).map_err(Error::Invalid)?).await
    }

    async fn with_password(ctx: &Context, order: BuildOrder) -> Result<Self, Error> {
        let password = crypt::new_password(ctx.rng.as_ref());
        let password_hash = crypt::hash(ctx.rng.as_ref(), &password).await?;
        Ok(Self { order, password, password_hash })
    }

    /// Queues it by the same rules as any other build. Wake the runner after the transaction.
    pub(super) async fn order(
        &self,
        tx: &Tx,
        (ctx, actor): (&Context, &Actor),
        details: &ServerDetails,
        now: Micros,
    ) -> Result<(), Error> {
        let found = Found::of(tx, actor, details, &self.order).await?;
        BuildWork::new((ctx, actor), self, found, details.clone(), now).run(tx).await
    }
}

/// A build that failed, as it was ordered and with a new disk; answers the queue item's id.
pub async fn again(ctx: &Context, tx: &Tx, row: &server::Model, payload: BuildPayload) -> Result<i64, Error> {
    let now = ctx.now();
    let template =
        templates::by_id(tx, payload.template_id).await?.filter(|template| !template.image_digest.is_empty());
    let template = template.ok_or_else(|| {
        Error::invalid("The template is gone or has no image any more; build the server with another one.")
    })?;
    let same = servers::BuildOrder {
        template_id: template.id,
        image_digest: template.image_digest,
        os_type: template.os_type,
        name: None,
        hostname: row.hostname.clone(),
        rebuild: row.built_at.is_some(),
        uefi: row.uefi,
        password_enc: row.password_enc.clone(),
        password_hash: row.password_hash.clone(),
        swap_mib: row.swap_mib,
        user_data: row.user_data.clone(),
        vnc_enabled: None,
        build_uuid: ctx.rng.uuid(),
        timezone: row.timezone.clone(),
        now,
    };
    servers::order_build(tx, row.id, same).await?;
    for disk in server_disk::of_server(tx, row.id).await?.into_iter().filter(|disk| disk.is_primary) {
        server_disk::renew_volume(tx, disk.id, ctx.rng.uuid(), now).await?;
    }
    let work = Work { kind: Kind::Build, action: "build_server", server: row, exclusive: true, payload };
    queue::enqueue(ctx, tx, work, now).await
}

/// A guest is given its owner's time zone. UTC is what images have.
fn timezone(of_owner: &str) -> String {
    if of_owner == "UTC" { servers::DEFAULT_TIMEZONE.to_owned() } else { of_owner.to_owned() }
}

/// The template, if it can be built on this server.
fn fitting(details: &ServerDetails, template: Option<template::Model>) -> Result<template::Model, Error> {
    let invalid = || Error::invalid("Invalid or disabled operating system template");
    let template = template.filter(|template| template.enabled).ok_or_else(invalid)?;
    if template.image_digest.is_empty() {
        return Err(Error::invalid("The operating system template has no image yet."));
    }
    if placement::arch(&details.hypervisor).is_some_and(|arch| arch != template.arch) {
        return Err(Error::invalid(
            "The operating system template is for other processors than the server's node has.",
        ));
    }
    let disk = details.disks.iter().find(|disk| disk.is_primary).map_or(0, |disk| disk.capacity_gib);
    let needs = template.image_virtual_bytes.div_euclid(1 << 30)
        + i64::from(template.image_virtual_bytes.rem_euclid(1 << 30) > 0);
    if needs > disk {
        return Err(Error::invalid(format!(
            "The operating system template needs a disk of {needs} GB; the server has {disk} GB."
        )));
    }
    Ok(template)
}

/// Keys are the user's and enabled; each that is not gets a sentence.
pub(super) async fn require_keys(db: &impl Db, user_id: i64, keys: &[i64]) -> Result<(), Error> {
    let usable = server_ssh_key::usable(db, user_id, keys).await?;
    let errors = keys.iter().filter(|key| !usable.contains(key)).map(|key| format!("Invalid SSH key: {key}"));
    let errors = errors.collect::<Vec<_>>();
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// Where a subnet comes from if the server is to have one and has none.
async fn ipv6_blocks(db: &impl Db, details: &ServerDetails, order: &BuildOrder) -> Result<Vec<ip_block::Model>, Error> {
    let has_one = details.interfaces.iter().any(|interface| !interface.ipv6.is_empty());
    if order.ipv6 != Some(true) || has_one {
        return Ok(Vec::new());
    }
    let candidates = candidates::candidates(db, details.group.id).await?;
    let nodes = candidates.map(|candidates| candidates.nodes).unwrap_or_default();
    let node = nodes.iter().find(|node| node.hypervisor.id == details.hypervisor.id);
    let blocks = node.map(|node| blocks(node, details.server.network_profile, 6).cloned().collect::<Vec<_>>());
    match blocks.filter(|blocks| !blocks.is_empty()) {
        Some(blocks) => Ok(blocks),
        None => Err(Error::invalid("No IPv6 block serves the server's network.")),
    }
}

/// What an order names, where the server may be built of it.
struct Found {
    template: template::Model,
    ipv6_blocks: Vec<ip_block::Model>,
}

impl Found {
    async fn of(db: &impl Db, actor: &Actor, details: &ServerDetails, order: &BuildOrder) -> Result<Self, Error> {
        let template = fitting(details, templates::by_id(db, order.template_id).await?)?;
        let kept = templates::packages(db, &[template.id]).await?;
        if !templates::is_kept_for(&kept, template.id, details.server.package_id) {
            return Err(Error::invalid("The operating system template is not offered to the server's package."));
        }
        let offered = profile::offered(db, details.server.id).await?;
        if !offered.is_empty() && !offered.contains(&template.id) {
            return Err(Error::invalid("The operating system template is not offered by the server's group profile."));
        }
        // Who builds somebody else's server, which is shared with them, puts their own keys into it.
        require_keys(db, actor.person().unwrap_or(details.owner.id), &order.ssh_keys).await?;
        Ok(Self { template, ipv6_blocks: ipv6_blocks(db, details, order).await? })
    }
}

struct BuildWork {
    ctx: Context,
    actor: Actor,
    order: BuildOrder,
    found: Found,
    password_enc: String,
    password_hash: String,
    build_uuid: Uuid,
    volume_uuid: Uuid,
    /// As it was before; what the rules need is read again.
    details: ServerDetails,
    now: Micros,
}

impl BuildWork {
    fn new(
        (ctx, actor): (&Context, &Actor),
        new: &NewBuild,
        found: Found,
        details: ServerDetails,
        now: Micros,
    ) -> Self {
        Self {
            ctx: ctx.clone(),
            actor: actor.clone(),
            order: new.order.clone(),
            found,
            password_enc: ctx.seal("servers", "password_enc", details.server.uuid, &new.password),
            password_hash: new.password_hash.clone(),
            build_uuid: ctx.rng.uuid(),
            volume_uuid: ctx.rng.uuid(),
            details,
            now,
        }
    }

    async fn run(&self, tx: &Tx) -> Result<(), Error> {
        let row = servers::lock(tx, self.details.server.id).await?.ok_or(Error::NotFound("server"))?;
        queue::require_free(tx, &row).await?;
        if row.protected {
            return Err(Error::Locked { msg: "The server is protected.".to_owned(), queue_id: None });
        }
        let rebuild = row.built_at.is_some();
        servers::order_build(tx, row.id, self.row_changes(&row, rebuild)).await?;
        server_ssh_key::replace(tx, row.id, &self.order.ssh_keys).await?;
        self.renew_disks(tx).await?;
        self.change_ipv6(tx).await?;
        console_token::remove(tx, row.id, "vnc").await?;
        let payload = BuildPayload { template_id: self.found.template.id, rebuild, email: self.order.email };
        let work = Work { kind: Kind::Build, action: "build_server", server: &row, exclusive: true, payload };
        let queue_id = queue::enqueue(&self.ctx, tx, work, self.now).await?;
        // A metered server is called so on statements, even where it is gone before the meter looks at it.
        follow::follow(tx, row.id, self.now).await?;
        let after = json!({
            "template": self.found.template.id,
            "hostname": self.order.hostname,
            "sshKeys": self.order.ssh_keys,
            "rebuild": rebuild,
            "queue": queue_id,
        });
        let subject = ("server", row.id);
        let written = entry(&self.actor, self.now, "build_server", subject, Some(self.before(&row)), Some(after));
        Ok(audit::record(tx, written).await?)
    }

    /// What the audit log says of what is replaced; nothing was built where the template is null.
    fn before(&self, row: &server::Model) -> serde_json::Value {
        json!({
            "template": row.template_id,
            "hostname": row.hostname,
            "sshKeys": self.details.ssh_keys.iter().map(|key| key.id).collect::<Vec<_>>(),
            "builtAt": row.built_at.map(berth_api::time::offset),
        })
    }

    fn row_changes(&self, row: &server::Model, rebuild: bool) -> servers::BuildOrder {
        let template = &self.found.template;
        servers::BuildOrder {
            template_id: template.id,
            image_digest: template.image_digest.clone(),
            os_type: template.os_type.clone(),
            name: self.order.name.clone(),
            hostname: self.order.hostname.clone().or_else(|| row.hostname.clone()),
            rebuild,
            uefi: template.uefi,
            password_enc: self.password_enc.clone(),
            password_hash: self.password_hash.clone(),
            swap_mib: self.order.swap_mib,
            user_data: self.order.user_data.clone(),
            vnc_enabled: self.order.vnc,
            build_uuid: self.build_uuid,
            timezone: timezone(&self.details.owner.timezone),
            now: self.now,
        }
    }

    /// The primary disk gets a new volume. Others keep theirs, and those that were only planned are made with this build.
    async fn renew_disks(&self, tx: &Tx) -> Result<(), Error> {
        for disk in server_disk::of_server(tx, self.details.server.id).await?.iter().filter(|disk| disk.is_primary) {
            server_disk::renew_volume(tx, disk.id, self.volume_uuid, self.now).await?;
        }
        Ok(())
    }

    /// `ipv6: true` gives a subnet to a server that has none. Addresses that a server has are never taken from it by
    /// a build: `false` asks for none and leaves what is there.
    async fn change_ipv6(&self, tx: &Tx) -> Result<(), Error> {
        let Some(primary) = self.details.interfaces.iter().find(|details| details.interface.is_primary) else {
            return Ok(());
        };
        let interface_id = primary.interface.id;
        if self.found.ipv6_blocks.is_empty() || !ipv6_subnet::of_interface(tx, interface_id).await?.is_empty() {
            return Ok(());
        }
        for block in &self.found.ipv6_blocks {
            if give_ipv6(tx, block, interface_id, 1, (self.ctx.rested_since(self.now), self.now)).await?.is_some() {
                return Ok(());
            }
        }
        Err(Error::invalid("The IPv6 blocks of the server's network have no free subnet."))
    }
}
