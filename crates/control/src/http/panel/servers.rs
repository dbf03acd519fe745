//! One's servers, and those that are shared with one. Every handler below the list names the right that it takes.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    panel::server::{
        BuildOrder, Built, Choice, Console, ConsoleAccess, ConsoleOrder, Family, NewPassword, Power, PowerOrder,
        Queued, Rename, ServerCard, ServerPage,
    },
    v1::server_input::{BuildServer, ResetPassword, SwitchVnc},
};
use berth_store::{
    entity::{template, template_category},
    job,
};

use super::{
    convert::{self, Access},
    session::Person,
};
use crate::{
    Context, Error,
    actions::{
        server_access, server_build, server_console, server_name, server_password, server_power, server_read,
        template_choice,
    },
    http::extract::Body,
    jobs::power::PowerAction,
    rights::Right,
};

/// Jobs that a server's page shows.
const JOBS: u64 = 10;

/// List one's servers, all of them, then those that are shared with one.
#[utoipa::path(get, path = "/servers", tag = "Servers", operation_id = "list_servers",
    responses((status = 200, description = "The servers.", body = Data<Vec<ServerCard>>)))]
pub async fn list(State(ctx): State<Context>, person: Person) -> Result<Json<Data<Vec<ServerCard>>>, Error> {
    let all = server_access::all(&ctx, person.user.id).await?;
    let card = |seen: server_access::Seen| {
        let power = ctx.live.power(&seen.details.server, &seen.details.hypervisor, ctx.now());
        convert::card(seen.details, Access { rights: seen.rights, shared_by: seen.shared_by }, power)
    };
    Ok(Json(Data { data: all.into_iter().map(card).collect() }))
}

/// Retrieve a server.
#[utoipa::path(get, path = "/servers/{uuid}", tag = "Servers", operation_id = "get_server",
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "The server.", body = Data<ServerPage>),
        (status = 404, description = "There is no such server that you own or share.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    person: Person,
    Path(uuid): Path<String>,
) -> Result<Json<Data<ServerPage>>, Error> {
    let at = person.at(&ctx, &uuid, Right::View).await?;
    let details = server_read::one(&ctx, &at.actor, at.id()).await?;
    let filter = job::Filter { server_id: Some(at.id()), ..job::Filter::default() };
    let (jobs, _) = job::page(ctx.store.read(), &filter, 0, JOBS).await?;
    let live = ctx.live.server(at.reached.server.uuid, ctx.now());
    let power = ctx.live.power(&details.server, &details.hypervisor, ctx.now());
    let access = Access { rights: at.reached.rights, shared_by: at.reached.shared_by };
    Ok(Json(Data { data: convert::page(details, access, jobs, (power, live)) }))
}

/// Boot, shut down, restart or power off.
#[utoipa::path(post, path = "/servers/{uuid}/power", tag = "Servers", operation_id = "power", request_body = PowerOrder,
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "It is queued.", body = Data<Queued>),
        (status = 403, description = "The server is shared with you without the right to that."),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "Other work owns it, or it is suspended.")))]
pub async fn power(
    State(ctx): State<Context>,
    person: Person,
    Path(uuid): Path<String>,
    Body(order): Body<PowerOrder>,
) -> Result<Json<Data<Queued>>, Error> {
    let at = person.at(&ctx, &uuid, Right::Power).await?;
    let action = match order.action {
        Power::Boot => PowerAction::Boot,
        Power::Shutdown => PowerAction::Shutdown,
        Power::Restart => PowerAction::Restart,
        Power::Poweroff => PowerAction::Poweroff,
    };
    let queue_id = server_power::power(&ctx, &at.actor, at.id(), action).await?;
    Ok(Json(Data { data: Queued { queue_id } }))
}

/// Give the guest's administrator a new password.
#[utoipa::path(post, path = "/servers/{uuid}/password", tag = "Servers", operation_id = "reset_server_password",
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "The change is queued.", body = Data<NewPassword>),
        (status = 403, description = "The server is shared with you without the right to that, or a fresh proof is needed (`needs`)."),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "Other work owns it, or it is suspended.")))]
pub async fn reset_password(
    State(ctx): State<Context>,
    person: Person,
    Path(uuid): Path<String>,
) -> Result<Json<Data<NewPassword>>, Error> {
    let at = person.at(&ctx, &uuid, Right::Password).await?;
    let reset = server_password::reset(&ctx, &at.actor, at.id(), ResetPassword::default()).await?;
    Ok(Json(Data { data: NewPassword { password: reset.password, queue_id: reset.queue_id } }))
}

/// Call a server something else.
#[utoipa::path(put, path = "/servers/{uuid}/name", tag = "Servers", operation_id = "rename_server", request_body = Rename,
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 204, description = "It has that name."),
        (status = 403, description = "The server is shared with you without the right to that."),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "What a name may be.")))]
pub async fn rename(
    State(ctx): State<Context>,
    person: Person,
    Path(uuid): Path<String>,
    Body(input): Body<Rename>,
) -> Result<StatusCode, Error> {
    let at = person.at(&ctx, &uuid, Right::Settings).await?;
    server_name::rename(&ctx, &at.actor, at.id(), Some(input.name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List what a server may be built from, by family.
#[utoipa::path(get, path = "/servers/{uuid}/templates", tag = "Servers", operation_id = "server_templates",
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "Families with their templates.", body = Data<Vec<Family>>),
        (status = 403, description = "The server is shared with you without the right to that."),
        (status = 404, description = "There is no such server that you own or share.")))]
pub async fn templates(
    State(ctx): State<Context>,
    person: Person,
    Path(uuid): Path<String>,
) -> Result<Json<Data<Vec<Family>>>, Error> {
    let at = person.at(&ctx, &uuid, Right::Rebuild).await?;
    let found = template_choice::of_server(&ctx, &at.reached.server).await?;
    Ok(Json(Data { data: found.into_iter().map(family).collect() }))
}

pub(super) fn family((of, rows): (template_category::Model, Vec<template::Model>)) -> Family {
    let choice = |row: template::Model| Choice {
        id: row.id,
        name: row.name,
        version: row.version,
        variant: row.variant,
        icon: row.icon,
    };
    Family { name: of.name, icon: of.icon, templates: rows.into_iter().map(choice).collect() }
}

/// Build a server from a template. What is on its disk is lost.
#[utoipa::path(post, path = "/servers/{uuid}/build", tag = "Servers", operation_id = "build_server",
    request_body = BuildOrder,
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "The build is queued.", body = Data<Built>),
        (status = 403, description = "The server is shared with you without the right to that, or a fresh proof is needed (`needs`)."),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "Every mistake in the request."),
        (status = 423, description = "Other work owns it, or it is suspended or protected.")))]
pub async fn build(
    State(ctx): State<Context>,
    person: Person,
    Path(uuid): Path<String>,
    Body(order): Body<BuildOrder>,
) -> Result<Json<Data<Built>>, Error> {
    let at = person.at(&ctx, &uuid, Right::Rebuild).await?;
    let BuildOrder { template_id, hostname, ssh_keys } = order;
    let input = BuildServer {
        operating_system_id: Some(template_id),
        hostname: Some(hostname),
        ssh_keys,
        vnc: Some(at.reached.server.vnc_enabled),
        ..BuildServer::default()
    };
    let built = server_build::build(&ctx, &at.actor, at.id(), input).await?;
    Ok(Json(Data { data: Built { password: built.password } }))
}

/// Open a server's screen or serial console.
#[utoipa::path(post, path = "/servers/{uuid}/console", tag = "Servers", operation_id = "open_console",
    request_body = ConsoleOrder,
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "Opens one socket within 60 seconds.", body = Data<ConsoleAccess>),
        (status = 403, description = "The server is shared with you without the right to that."),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "It is suspended.")))]
pub async fn open_console(
    State(ctx): State<Context>,
    person: Person,
    Path(uuid): Path<String>,
    Body(order): Body<ConsoleOrder>,
) -> Result<Json<Data<ConsoleAccess>>, Error> {
    let at = person.at(&ctx, &uuid, Right::Console).await?;
    let access = match order.kind {
        // A screen that is off is switched on: the socket that follows would be refused.
        Console::Vnc => {
            let on = SwitchVnc { vnc: Some(true), ..Default::default() };
            server_console::switch_vnc(&ctx, &at.actor, at.id(), on).await?
        }
        Console::Serial => server_console::serial(&ctx, &at.actor, at.id()).await?,
    };
    let door = match order.kind {
        Console::Vnc => "/vnc/",
        Console::Serial => "/vnc/serial",
    };
    let path = format!("{door}?token={}", access.token);
    Ok(Json(Data { data: ConsoleAccess { path, password: access.password } }))
}
