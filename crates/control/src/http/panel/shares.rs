//! Servers that are shared: by their owners, and with their guests.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    panel::share::{ChangeShare, Invitation, Invite, Share, ShareState},
    time,
};
use berth_store::{Micros, entity::server_share as entity, server_share::Shared};

use super::{
    convert,
    session::{Own, Person},
};
use crate::{
    Context, Error,
    actions::server_shares,
    http::extract::{self, Body},
    rights::{Right, Rights},
};

const SHARE: &str = "share";
const INVITATION: &str = "invitation";

/// List who uses a server of one's own, and who is invited to.
#[utoipa::path(get, path = "/servers/{uuid}/shares", tag = "Sharing", operation_id = "list_shares",
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "At most 20.", body = Data<Vec<Share>>),
        (status = 404, description = "There is no such server of yours.")))]
pub async fn list(State(ctx): State<Context>, own: Own) -> Result<Json<Data<Vec<Share>>>, Error> {
    let (rows, now) = (server_shares::of_server(&ctx, &own.server).await?, ctx.now());
    Ok(Json(Data { data: rows.into_iter().map(|(row, name)| shown(row, name, now)).collect() }))
}

/// Invite whoever has an address to use a server.
///
/// Nothing is shared before they accept, and whether there is such an account is not told. An invitation holds for two
/// weeks.
#[utoipa::path(post, path = "/servers/{uuid}/shares", tag = "Sharing", operation_id = "invite", request_body = Invite,
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 201, description = "The invitation.", body = Data<Share>),
        (status = 403, description = "A fresh proof is needed (`needs`)."),
        (status = 404, description = "There is no such server of yours."),
        (status = 409, description = "The server is shared with this address already."),
        (status = 422, description = "The address is none or your own, or there are 20 already.")))]
pub async fn invite(
    State(ctx): State<Context>,
    person: Person,
    own: Own,
    Body(input): Body<Invite>,
) -> Result<(StatusCode, Json<Data<Share>>), Error> {
    let row = server_shares::invite(&ctx, &own.actor, &person.user, own.server.id, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(row, None, ctx.now()) })))
}

/// Change what somebody may do with a server.
#[utoipa::path(put, path = "/servers/{uuid}/shares/{id}", tag = "Sharing", operation_id = "change_share",
    request_body = ChangeShare,
    params(("uuid" = String, Path, description = "A server's UUID."), ("id" = i64, Path, description = "A share's id.")),
    responses((status = 204, description = "It counts from now on."),
        (status = 403, description = "A fresh proof is needed (`needs`)."),
        (status = 404, description = "There is no such server of yours, or no such share of it.")))]
pub async fn change(
    State(ctx): State<Context>,
    own: Own,
    Path((_server, id)): Path<(String, String)>,
    Body(input): Body<ChangeShare>,
) -> Result<StatusCode, Error> {
    let of = (own.server.id, extract::id(&id, SHARE)?);
    server_shares::change(&ctx, &own.actor, own.server.owner_id, of, input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Share a server with somebody no longer, or take an invitation back.
#[utoipa::path(delete, path = "/servers/{uuid}/shares/{id}", tag = "Sharing", operation_id = "end_share",
    params(("uuid" = String, Path, description = "A server's UUID."), ("id" = i64, Path, description = "A share's id.")),
    responses((status = 204, description = "It has ended."),
        (status = 404, description = "There is no such server of yours, or no such share of it.")))]
pub async fn end(
    State(ctx): State<Context>,
    own: Own,
    Path((_server, id)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let of = (own.server.id, extract::id(&id, SHARE)?);
    server_shares::end(&ctx, &own.actor, own.server.owner_id, of).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Have no more to do with a server that is shared with one.
#[utoipa::path(delete, path = "/servers/{uuid}/access", tag = "Sharing", operation_id = "leave_server",
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 204, description = "It is in your list no more."),
        (status = 404, description = "No such server is shared with you.")))]
pub async fn leave(State(ctx): State<Context>, person: Person, Path(uuid): Path<String>) -> Result<StatusCode, Error> {
    let at = person.at(&ctx, &uuid, Right::View).await?;
    server_shares::leave(&ctx, &at.actor, person.user.id, at.id()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List invitations to use somebody's server, the newest first.
#[utoipa::path(get, path = "/invitations", tag = "Sharing", operation_id = "list_invitations",
    responses((status = 200, description = "Those that hold, the newest 50.", body = Data<Vec<Invitation>>)))]
pub async fn invitations(State(ctx): State<Context>, person: Person) -> Result<Json<Data<Vec<Invitation>>>, Error> {
    let found = server_shares::invitations(&ctx, &person.user).await?;
    Ok(Json(Data { data: found.into_iter().map(invitation).collect() }))
}

/// Accept an invitation. The server is in one's list from now on.
#[utoipa::path(post, path = "/invitations/{id}", tag = "Sharing", operation_id = "accept_invitation",
    params(("id" = i64, Path, description = "An invitation's id.")),
    responses((status = 204, description = "The server is shared with you."),
        (status = 404, description = "There is no such invitation to you."),
        (status = 409, description = "The server is shared with you already."),
        (status = 422, description = "200 servers are shared with you already.")))]
pub async fn accept(State(ctx): State<Context>, person: Person, Path(id): Path<String>) -> Result<StatusCode, Error> {
    server_shares::accept(&ctx, &person.actor(), &person.user, extract::id(&id, INVITATION)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Decline an invitation.
#[utoipa::path(delete, path = "/invitations/{id}", tag = "Sharing", operation_id = "decline_invitation",
    params(("id" = i64, Path, description = "An invitation's id.")),
    responses((status = 204, description = "It is gone."),
        (status = 404, description = "There is no such invitation to you.")))]
pub async fn decline(State(ctx): State<Context>, person: Person, Path(id): Path<String>) -> Result<StatusCode, Error> {
    server_shares::decline(&ctx, &person.actor(), &person.user, extract::id(&id, INVITATION)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model, name: Option<String>, now: Micros) -> Share {
    let entity::Model {
        id,
        server_id: _,
        email,
        email_key: _,
        guest_id: _,
        rights,
        expires_at,
        accepted_at,
        created_at,
        updated_at: _,
    } = row;
    let state = match accepted_at {
        Some(_) => ShareState::Accepted,
        None if expires_at > now => ShareState::Invited,
        None => ShareState::Expired,
    };
    let rights = convert::rights(&Rights::read(&rights));
    Share { id, email, name, state, rights, created: time::offset(created_at) }
}

fn invitation(of: Shared) -> Invitation {
    Invitation {
        id: of.share.id,
        server: of.server_name,
        owner: of.owner_name,
        owner_email: of.owner_email,
        rights: convert::rights(&Rights::read(&of.share.rights)),
        expires: time::offset(of.share.expires_at),
    }
}
