//! What customers do with servers that they created by their own right: create and build them in one go, give them
//! another size, delete them.

use berth_api::v1::{self_service::OrderServer, server_input::BuildServer};
use berth_store::{
    entity::{server, user},
    self_service::run_out,
};
use uuid::Uuid;

use super::{
    offers,
    purchase::{self, HOURLY, PACK},
};
use crate::{
    Context, Error,
    actions::{
        server_build::{self, NewBuild},
        server_build_order::{BuildOrder, is_name},
        server_delete, server_package,
    },
    actor::{Ability, Actor},
};

/// What is created and built.
#[derive(Clone, Debug)]
pub struct NewServer {
    pub name: String,
    pub hostname: Option<String>,
    pub group_id: i64,
    pub package_id: i64,
    pub pack_id: Option<i64>,
    pub template_id: i64,
    pub ssh_keys: Vec<i64>,
}

/// What a customer is told of it.
pub struct Ordered {
    pub uuid: Uuid,
    /// Of its root account.
    pub password: String,
}

/// Creates a server and queues its build, both or neither. What the build would refuse is refused before a transaction
/// begins as far as it can be, and by the transaction whatever happened meanwhile.
pub async fn create(ctx: &Context, actor: &Actor, owner: &user::Model, new: NewServer) -> Result<Ordered, Error> {
    actor.require(Ability::Write)?;
    check(ctx, actor, owner, &new).await?;
    let NewServer { name, hostname, group_id, package_id, pack_id, template_id, ssh_keys } = new;
    let order = OrderServer {
        package_id: Some(package_id),
        hypervisor_id: Some(group_id),
        pack_id,
        operating_system_id: Some(template_id),
    };
    let build = BuildServer {
        operating_system_id: Some(template_id),
        name: Some(name),
        hostname,
        ssh_keys,
        vnc: Some(true),
        ..BuildServer::default()
    };
    let build = NewBuild::new(ctx, actor, build).await?;
    let password = build.password.clone();
    let created = purchase::create_for(ctx, actor, owner, order, Some(build)).await?;
    ctx.nudge.notify_one();
    Ok(Ordered { uuid: created.server.uuid, password })
}

async fn check(ctx: &Context, actor: &Actor, owner: &user::Model, new: &NewServer) -> Result<(), Error> {
    if !is_name(&new.name) {
        return Err(Error::invalid("The name must have 1 to 63 printable characters."));
    }
    let build = BuildServer {
        operating_system_id: Some(new.template_id),
        hostname: new.hostname.clone(),
        ssh_keys: new.ssh_keys.clone(),
        ..BuildServer::default()
    };
    BuildOrder::check(build).map_err(Error::Invalid)?;
    server_build::require_keys(ctx.store.read(), owner.id, &new.ssh_keys).await?;
    let self_service = if new.pack_id.is_some() { PACK } else { HOURLY };
    let place = (new.group_id, new.package_id);
    let found = offers::templates(ctx, actor, owner, place, self_service).await?;
    // Where nothing is offered at all, the order itself says why.
    let is_there = found.iter().any(|(_, templates)| templates.iter().any(|one| one.id == new.template_id));
    if !found.is_empty() && !is_there {
        return Err(Error::invalid("The templateId must be an operating system that is offered for this size."));
    }
    Ok(())
}

/// Another package of the server's group profile.
pub async fn resize(
    ctx: &Context,
    actor: &Actor,
    owner: &user::Model,
    row: &server::Model,
    package_id: i64,
) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    server_package::resize(ctx, actor, owner, row.id, package_id).await
}

/// At once. One that somebody suspended stays where it is; one that lacks credit may go.
pub async fn delete(ctx: &Context, actor: &Actor, row: &server::Model) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    if row.self_service == 0 {
        return Err(Error::Forbidden("only servers that were created by self service may be deleted here"));
    }
    if row.suspended {
        let states = run_out::states(ctx.store.read(), row.owner_id).await?;
        let lacks_credit = states.iter().any(|one| one.server_id == row.id && one.state == run_out::OURS);
        if !lacks_credit {
            return Err(Error::Locked { msg: "The server is suspended.".to_owned(), queue_id: None });
        }
    }
    server_delete::delete(ctx, actor, row.id, 0).await
}
