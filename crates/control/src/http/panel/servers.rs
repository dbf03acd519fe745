//! One's servers. Every handler below the list gets its server from [`Own`].

use axum::{Json, extract::State, http::StatusCode};
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
    job, server_details,
};

use super::{
    convert,
    session::{Own, Person},
};
use crate::{
    Context, Error,
    actions::{server_build, server_console, server_name, server_password, server_power, server_read, template_choice},
    http::extract::Body,
    jobs::power::PowerAction,
};

/// Jobs that a server's page shows.
const JOBS: u64 = 10;

/// List one's servers, all of them.
#[utoipa::path(get, path = "/servers", tag = "Servers", operation_id = "list_servers",
    responses((status = 200, description = "The servers.", body = Data<Vec<ServerCard>>)))]
pub async fn list(State(ctx): State<Context>, person: Person) -> Result<Json<Data<Vec<ServerCard>>>, Error> {
    let all = server_details::of_owner(ctx.store.read(), person.user.id).await?;
    let card = |details: server_details::ServerDetails| {
        let live = ctx.live.server(details.server.uuid);
        convert::card(details, live.as_ref())
    };
    Ok(Json(Data { data: all.into_iter().map(card).collect() }))
}

/// Retrieve one of one's servers.
#[utoipa::path(get, path = "/servers/{uuid}", tag = "Servers", operation_id = "get_server",
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "The server.", body = Data<ServerPage>),
        (status = 404, description = "There is no such server of yours.")))]
pub async fn retrieve(State(ctx): State<Context>, own: Own) -> Result<Json<Data<ServerPage>>, Error> {
    let details = server_read::one(&ctx, &own.actor, own.server.id).await?;
    let filter = job::Filter { server_id: Some(own.server.id), ..job::Filter::default() };
    let (jobs, _) = job::page(ctx.store.read(), &filter, 0, JOBS).await?;
    let live = ctx.live.server(own.server.uuid);
    Ok(Json(Data { data: convert::page(details, jobs, live) }))
}

/// Boot, shut down, restart or power off.
#[utoipa::path(post, path = "/servers/{uuid}/power", tag = "Servers", operation_id = "power", request_body = PowerOrder,
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "It is queued.", body = Data<Queued>),
        (status = 404, description = "There is no such server of yours."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "Other work owns it, or it is suspended.")))]
pub async fn power(
    State(ctx): State<Context>,
    own: Own,
    Body(order): Body<PowerOrder>,
) -> Result<Json<Data<Queued>>, Error> {
    let action = match order.action {
        Power::Boot => PowerAction::Boot,
        Power::Shutdown => PowerAction::Shutdown,
        Power::Restart => PowerAction::Restart,
        Power::Poweroff => PowerAction::Poweroff,
    };
    let queue_id = server_power::power(&ctx, &own.actor, own.server.id, action).await?;
    Ok(Json(Data { data: Queued { queue_id } }))
}

/// Give the guest's administrator a new password.
#[utoipa::path(post, path = "/servers/{uuid}/password", tag = "Servers", operation_id = "reset_server_password",
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "The change is queued.", body = Data<NewPassword>),
        (status = 404, description = "There is no such server of yours."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "Other work owns it, or it is suspended.")))]
pub async fn reset_password(State(ctx): State<Context>, own: Own) -> Result<Json<Data<NewPassword>>, Error> {
    let reset = server_password::reset(&ctx, &own.actor, own.server.id, ResetPassword::default()).await?;
    Ok(Json(Data { data: NewPassword { password: reset.password, queue_id: reset.queue_id } }))
}

/// Call a server something else.
#[utoipa::path(put, path = "/servers/{uuid}/name", tag = "Servers", operation_id = "rename_server", request_body = Rename,
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 204, description = "It has that name."),
        (status = 404, description = "There is no such server of yours."),
        (status = 422, description = "What a name may be.")))]
pub async fn rename(State(ctx): State<Context>, own: Own, Body(input): Body<Rename>) -> Result<StatusCode, Error> {
    server_name::rename(&ctx, &own.actor, own.server.id, Some(input.name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List what a server may be built from, by family.
#[utoipa::path(get, path = "/servers/{uuid}/templates", tag = "Servers", operation_id = "server_templates",
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "Families with their templates.", body = Data<Vec<Family>>),
        (status = 404, description = "There is no such server of yours.")))]
pub async fn templates(State(ctx): State<Context>, own: Own) -> Result<Json<Data<Vec<Family>>>, Error> {
    let found = template_choice::of_server(&ctx, &own.server).await?;
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
        (status = 404, description = "There is no such server of yours."),
        (status = 422, description = "Every mistake in the request."),
        (status = 423, description = "Other work owns it, or it is suspended or protected.")))]
pub async fn build(
    State(ctx): State<Context>,
    own: Own,
    Body(order): Body<BuildOrder>,
) -> Result<Json<Data<Built>>, Error> {
    let BuildOrder { template_id, hostname, ssh_keys } = order;
    let input = BuildServer {
        operating_system_id: Some(template_id),
        hostname: Some(hostname),
        ssh_keys,
        vnc: Some(own.server.vnc_enabled),
        ..BuildServer::default()
    };
    let built = server_build::build(&ctx, &own.actor, own.server.id, input).await?;
    Ok(Json(Data { data: Built { password: built.password } }))
}

/// Open a server's screen or serial console.
#[utoipa::path(post, path = "/servers/{uuid}/console", tag = "Servers", operation_id = "open_console",
    request_body = ConsoleOrder,
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "Opens one socket within 60 seconds.", body = Data<ConsoleAccess>),
        (status = 404, description = "There is no such server of yours."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "It is suspended.")))]
pub async fn open_console(
    State(ctx): State<Context>,
    own: Own,
    Body(order): Body<ConsoleOrder>,
) -> Result<Json<Data<ConsoleAccess>>, Error> {
    let access = match order.kind {
        // A screen that is off is switched on: the socket that follows would be refused.
        Console::Vnc => {
            let on = SwitchVnc { vnc: Some(true), ..Default::default() };
            server_console::switch_vnc(&ctx, &own.actor, own.server.id, on).await?
        }
        Console::Serial => server_console::serial(&ctx, &own.actor, own.server.id).await?,
    };
    let door = match order.kind {
        Console::Vnc => "/vnc/",
        Console::Serial => "/vnc/serial",
    };
    let path = format!("{door}?token={}", access.token);
    Ok(Json(Data { data: ConsoleAccess { path, password: access.password } }))
}
