//! Servers: every operation of the Global API on them. Each handler parses, calls an action and converts.

pub mod addresses;
pub mod backups;
pub mod build;
pub mod console;
mod convert;
pub mod create;
pub mod custom_xml;
pub mod delete;
pub mod disks;
pub mod firewall;
pub mod forwards;
pub mod hardware;
pub mod interfaces;
pub mod list;
pub mod macs;
pub mod media;
pub mod modify;
pub mod owner;
pub mod package;
pub mod power;
pub mod retrieve;
pub mod suspend;
pub mod traffic;
mod trial;
pub mod vlans;

use axum::{extract::FromRequestParts, http::request::Parts};
use berth_api::v1::{server::Server, server_remote::RemoteState};
use berth_store::server_details::ServerDetails;

use crate::{Context, Error, actor::Actor, http::page::base_url};

pub use convert::Door;

const SERVER: &str = "server";

impl FromRequestParts<Context> for Door {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, ctx: &Context) -> Result<Self, Error> {
        Ok(Door::of_url(&base_url(ctx, parts)))
    }
}

/// The whole object; with the root password where the actor has the right to it.
pub(super) fn whole(
    ctx: &Context,
    actor: &Actor,
    door: Door,
    details: ServerDetails,
    with_remote_state: bool,
) -> Result<Server, Error> {
    let live = ctx.live.server(details.server.uuid, ctx.now());
    let remote_state = if with_remote_state {
        let power = ctx.live.power(&details.server, &details.hypervisor, ctx.now());
        convert::figures(power, live.as_ref())
    } else {
        RemoteState::NOT_ASKED
    };
    let decrypted_password = crate::actions::server_read::password(ctx, actor, &details)?;
    let extras = convert::Extras { door, decrypted_password, remote_state, live, now: ctx.now() };
    Ok(convert::server(details, extras))
}
