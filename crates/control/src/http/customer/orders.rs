//! What is ordered of a server: power, a build, a password, a name.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    customer::{
        order::{Build, NewPassword, Rename},
        task::{Ordered, OrderedPassword},
    },
    data::Data,
    v1::server_input::{BuildServer, ResetPassword},
};
use berth_store::{entity::server, ssh_key};

use super::{caller::Caller, refusal::Refusal, tasks};
use crate::{
    Context, Error,
    actions::{server_build, server_build_order::KEYS, server_name, server_password, server_power, template_choice},
    http::extract::Body,
    jobs::power::PowerAction,
    rights::Right,
};

/// Boot a server. Takes `servers:power`.
#[utoipa::path(post, path = "/server/{serverId}/power/boot", tag = "Servers",
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "It is queued.", body = Data<Ordered>),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "Other work owns it, or it is suspended.")))]
pub async fn boot(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
) -> Result<Json<Data<Ordered>>, Refusal> {
    power(&ctx, &caller, &uuid, PowerAction::Boot).await
}

/// Ask a server's guest to shut down. Takes `servers:power`.
#[utoipa::path(post, path = "/server/{serverId}/power/shutdown", tag = "Servers",
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "It is queued.", body = Data<Ordered>),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "Other work owns it, or it is suspended.")))]
pub async fn shutdown(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
) -> Result<Json<Data<Ordered>>, Refusal> {
    power(&ctx, &caller, &uuid, PowerAction::Shutdown).await
}

/// Restart a server. Takes `servers:power`.
#[utoipa::path(post, path = "/server/{serverId}/power/restart", tag = "Servers",
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "It is queued.", body = Data<Ordered>),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "Other work owns it, or it is suspended.")))]
pub async fn restart(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
) -> Result<Json<Data<Ordered>>, Refusal> {
    power(&ctx, &caller, &uuid, PowerAction::Restart).await
}

/// Power a server off at once, as pulling its plug does. Takes `servers:power`.
#[utoipa::path(post, path = "/server/{serverId}/power/poweroff", tag = "Servers",
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "It is queued.", body = Data<Ordered>),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "It was never built."),
        (status = 423, description = "Other work owns it, or it is suspended.")))]
pub async fn poweroff(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
) -> Result<Json<Data<Ordered>>, Refusal> {
    power(&ctx, &caller, &uuid, PowerAction::Poweroff).await
}

async fn power(
    ctx: &Context,
    caller: &Caller,
    uuid: &str,
    action: PowerAction,
) -> Result<Json<Data<Ordered>>, Refusal> {
    let at = caller.at(ctx, uuid, Right::Power).await?;
    let queue_id = server_power::power(ctx, &at.actor, at.id(), action).await?;
    Ok(Json(Data { data: Ordered { task: tasks::ordered(ctx, queue_id).await? } }))
}

/// Build a server from a template. What is on its disk is lost. Takes `servers:build`.
#[utoipa::path(post, path = "/server/{serverId}/build", tag = "Servers", request_body = Build,
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "It is queued.", body = Data<OrderedPassword>),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "Every mistake in the request."),
        (status = 423, description = "Other work owns it, or it is suspended or protected.")))]
pub async fn build(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
    Body(order): Body<Build>,
) -> Result<Json<Data<OrderedPassword>>, Refusal> {
    let at = caller.at(&ctx, &uuid, Right::Rebuild).await?;
    let input = named(&ctx, &caller, &at.reached.server, order).await?;
    let built = server_build::build(&ctx, &at.actor, at.id(), input).await?;
    let task = tasks::newest(&ctx, at.id(), "build_server").await?;
    Ok(Json(Data { data: OrderedPassword { task, password: built.password } }))
}

/// The order with what it names by UUIDs found: templates of the server, keys of the caller.
async fn named(ctx: &Context, caller: &Caller, row: &server::Model, order: Build) -> Result<BuildServer, Error> {
    let Build { operating_system_id, name, hostname, ssh_keys, vnc, ipv6, email, swap, user_data } = order;
    if ssh_keys.len() > KEYS {
        return Err(Error::invalid(format!("The sshKeys must be at most {KEYS}.")));
    }
    let families = template_choice::of_server(ctx, row).await?;
    let mut templates = families.iter().flat_map(|(_, templates)| templates);
    let template = templates.find(|template| template.uuid.to_string().eq_ignore_ascii_case(&operating_system_id));
    let own = ssh_key::of_user(ctx.store.read(), caller.user.id).await?;
    let (mut keys, mut errors) = (Vec::new(), Vec::new());
    for wanted in &ssh_keys {
        match own.iter().find(|key| key.enabled && key.uuid.to_string().eq_ignore_ascii_case(wanted)) {
            Some(key) => keys.push(key.id),
            None => errors.push(format!("The sshKeys name {wanted:?}, which is no key of yours.")),
        }
    }
    if template.is_none() {
        errors.push("The operatingSystemId must be the UUID of one of the server's templates.".to_owned());
    }
    let Some(template) = template.filter(|_| errors.is_empty()) else { return Err(Error::Invalid(errors)) };
    Ok(BuildServer {
        operating_system_id: Some(template.id),
        name,
        hostname,
        ssh_keys: keys,
        vnc,
        ipv6,
        email,
        swap,
        user_data,
    })
}

/// Give the guest's administrator a new password. Takes `servers:password`.
#[utoipa::path(post, path = "/server/{serverId}/resetPassword", tag = "Servers", request_body = NewPassword,
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "It is queued.", body = Data<OrderedPassword>),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "The user is not known, or the server was never built."),
        (status = 423, description = "Other work owns it, or it is suspended.")))]
pub async fn reset_password(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
    Body(input): Body<NewPassword>,
) -> Result<Json<Data<OrderedPassword>>, Refusal> {
    let at = caller.at(&ctx, &uuid, Right::Password).await?;
    let NewPassword { user, send_mail } = input;
    let reset = server_password::reset(&ctx, &at.actor, at.id(), ResetPassword { user, send_mail }).await?;
    let task = tasks::ordered(&ctx, reset.queue_id).await?;
    Ok(Json(Data { data: OrderedPassword { task, password: reset.password } }))
}

/// Call a server something else. Takes `servers:settings`.
#[utoipa::path(put, path = "/server/{serverId}/name", tag = "Servers", request_body = Rename,
    params(("serverId" = String, Path, description = "A server's UUID.")),
    responses((status = 204, description = "It has that name."),
        (status = 404, description = "There is no such server that you own or share."),
        (status = 422, description = "What a name may be.")))]
pub async fn rename(
    State(ctx): State<Context>,
    caller: Caller,
    Path(uuid): Path<String>,
    Body(input): Body<Rename>,
) -> Result<StatusCode, Refusal> {
    let at = caller.at(&ctx, &uuid, Right::Settings).await?;
    server_name::rename(&ctx, &at.actor, at.id(), Some(input.name)).await?;
    Ok(StatusCode::NO_CONTENT)
}
