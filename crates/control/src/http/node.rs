//! Where a node joins and renews its certificate. It has no token of the Global API, only its one-time token, and
//! later its key.

use axum::{
    Json, Router,
    extract::{FromRequestParts, State},
    http::request::Parts,
    routing::post,
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{address, auth, extract::Body, observe};
use crate::{
    Context, Error,
    actions::enrolment::{self, Joined, Joining},
    actor::Actor,
};

pub fn router() -> Router<Context> {
    Router::new().route("/node/enrol", post(enrol)).route("/node/renew", post(renew))
}

/// Whoever knocks here. Each knock is counted, so that nobody tries tokens by the thousand.
pub struct Caller(Actor);

impl FromRequestParts<Context> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, ctx: &Context) -> Result<Self, Error> {
        let address = address::of_request(parts, &ctx.config.trusted_proxies);
        auth::limit_stranger(ctx, address)?;
        Ok(Caller(Actor::node(address, observe::request_id(&parts.headers))))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    token: String,
    csr_pem: String,
    #[serde(default)]
    hostname: String,
    address: String,
    port: i32,
    #[serde(default)]
    facts: Value,
}

async fn enrol(
    State(ctx): State<Context>,
    Caller(actor): Caller,
    Body(request): Body<EnrolRequest>,
) -> Result<Json<Value>, Error> {
    let EnrolRequest { token, csr_pem, hostname, address, port, facts } = request;
    let joined = enrolment::join(&ctx, &actor, Joining { token, csr_pem, hostname, address, port, facts }).await?;
    Ok(answer(&ctx, joined))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    node_uuid: Uuid,
    csr_pem: String,
}

async fn renew(
    State(ctx): State<Context>,
    Caller(actor): Caller,
    Body(request): Body<RenewRequest>,
) -> Result<Json<Value>, Error> {
    let joined = enrolment::renew(&ctx, &actor, request.node_uuid, &request.csr_pem).await?;
    Ok(answer(&ctx, joined))
}

fn answer(ctx: &Context, joined: Joined) -> Json<Value> {
    Json(json!({
        "certificate_pem": joined.certificate_pem,
        "ca_pem": ctx.pki.authority_pem,
        "node_uuid": joined.node_uuid,
        "cluster_uuid": ctx.cluster.uuid,
    }))
}
