//! Where a node joins. It has no token of the Global API, only its one-time token.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::Body;
use crate::{
    Context, Error,
    actions::enrolment::{self, Joining},
};

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

pub async fn enrol(State(ctx): State<Context>, Body(request): Body<EnrolRequest>) -> Result<Json<Value>, Error> {
    let EnrolRequest { token, csr_pem, hostname, address, port, facts } = request;
    let joined = enrolment::join(&ctx, Joining { token, csr_pem, hostname, address, port, facts }).await?;
    Ok(Json(json!({
        "certificate_pem": joined.certificate_pem,
        "ca_pem": ctx.pki.authority_pem,
        "node_uuid": joined.node_uuid,
        "cluster_uuid": ctx.cluster.uuid,
    })))
}
