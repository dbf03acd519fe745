//! A node joins: a one-time token that somebody with the right made, against a certificate; and it comes back for a
//! new one before that ends, or after.

use berth_store::{
    audit, enrolment_token,
    entity::hypervisor,
    hypervisor as nodes_store, hypervisor_group,
    hypervisor_network::{self, NewNetwork, SIMPLE_BRIDGE},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    entry,
    hypervisor_networks::{NAT, OPEN_VSWITCH, ROUTED},
    hypervisor_selftest,
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    clock::{Clock, HOUR, SystemClock},
    enrol_command,
    events::Had,
    pki::requested_key,
};

/// How long a token may wait for its node.
const TOKEN_LIFE: i64 = 24 * HOUR;
/// Addresses and names are short; facts are what an agent tells of itself.
const FACTS_LIMIT_BYTES: usize = 64 << 10;
/// Networks with which a node comes in.
const NETWORKS_LIMIT: usize = 64;

/// Shown once.
pub struct NewToken {
    pub token: String,
    pub expires_at: i64,
    /// For a shell of root's on the new node.
    pub command: String,
}

/// A token for one node of a group. The part after the dot is the web certificate's fingerprint, by which the node
/// knows the control server.
pub async fn create_token(
    ctx: &Context,
    actor: &Actor,
    name: &str,
    group_id: i64,
    control_url: &str,
) -> Result<NewToken, Error> {
    actor.require(Ability::Admin)?;
    let pin = enrol_command::pin(&web_certificate(ctx)?)?;
    let secret = ctx.rng.letters_and_digits(40);
    let token = format!("{secret}.{}", web_fingerprint(ctx)?);
    let command = enrol_command::command(control_url, &token, &pin)?;
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        return Err(Error::invalid("The name must have 1 to 100 printable characters."));
    }
    if hypervisor_group::by_id(ctx.store.read(), group_id).await?.is_none() {
        return Err(Error::invalid(format!("The groupId {group_id} is not a hypervisor group.")));
    }
    let (hash, now) = (token_hash(&secret), ctx.now());
    let expires_at = now + TOKEN_LIFE;
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (hash, name, actor) = (hash.clone(), name.to_owned(), actor.clone());
            Box::pin(async move {
                let row = enrolment_token::insert(tx, &hash, &name, group_id, expires_at, now).await?;
                let after = json!({ "name": name, "groupId": group_id });
                audit::record(
                    tx,
                    entry(&actor, now, "create_enrolment_token", ("enrolment_token", row.id), None, Some(after)),
                )
                .await?;
                Ok(())
            })
        })
        .await?;
    Ok(NewToken { token, expires_at, command })
}

/// Hex of SHA-256 over the DER of the web server's own certificate.
pub fn web_fingerprint(ctx: &Context) -> Result<String, Error> {
    Ok(hex::encode(Sha256::digest(web_certificate(ctx)?)))
}

/// The web server's own certificate, DER.
fn web_certificate(ctx: &Context) -> Result<Vec<u8>, Error> {
    let (certificate, _) = crate::http::certificate_files(&ctx.config)?;
    let pem = std::fs::read(&certificate).map_err(anyhow::Error::from)?;
    let leaf = rustls_pemfile::certs(&mut pem.as_slice()).next();
    let leaf = leaf.ok_or_else(|| anyhow::anyhow!("{} holds no certificate", certificate.display()))?;
    Ok(leaf.map_err(anyhow::Error::from)?.to_vec())
}

fn token_hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// What a node says when it joins.
#[derive(Clone, Debug)]
pub struct Joining {
    pub token: String,
    pub csr_pem: String,
    pub hostname: String,
    pub address: String,
    pub port: i32,
    pub facts: Value,
}

pub struct Joined {
    pub certificate_pem: String,
    pub node_uuid: Uuid,
}

/// Registers the node and signs its key. The same token answers again only for the node that took it, as long as it
/// lives: an answer that was lost on the way costs nobody a new token.
pub async fn join(ctx: &Context, actor: &Actor, joining: Joining) -> Result<Joined, Error> {
    let secret = joining.token.split('.').next().unwrap_or_default();
    let token = enrolment_token::by_hash(ctx.store.read(), &token_hash(secret)).await?.ok_or(Error::Unauthenticated)?;
    if token.expires_at <= ctx.now() {
        return Err(Error::Unauthenticated);
    }
    check(&joining)?;
    if let Some(taken_by) = token.hypervisor_id {
        let row = nodes_store::by_id(ctx.store.read(), taken_by).await?.ok_or(Error::Unauthenticated)?;
        return sign_again(ctx, actor, row, &joining.csr_pem).await;
    }
    let (now, uuid) = (ctx.now(), ctx.rng.uuid());
    let signed = ctx.pki.sign_node(&joining.csr_pem, uuid, ctx.rng.as_ref(), SystemClock.now());
    let signed = signed.map_err(bad_request)?;
    let new = new_row(&joining, uuid, token.group_id, &token.name, signed.row, now);
    let networks = networks(&joining.facts, now);
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (ctx, actor, new, networks) = (ctx.clone(), actor.clone(), new.clone(), networks.clone());
            Box::pin(async move {
                let row = nodes_store::insert(tx, new).await?;
                for network in networks {
                    hypervisor_network::create(tx, NewNetwork { hypervisor_id: row.id, ..network }).await?;
                }
                if !enrolment_token::take(tx, token.id, row.id, now).await? {
                    return Err(Error::Unauthenticated);
                }
                let subject = ("hypervisor", row.id);
                let written = entry(&actor, now, "enrol_hypervisor", subject, None, Some(shown(&row)));
                audit::record(tx, written).await?;
                hypervisor_selftest::enqueue(&ctx, tx, row.id).await?;
                Ok(())
            })
        })
        .await
        .map_err(taken)?;
    ctx.nudge.notify_one();
    Ok(Joined { certificate_pem: signed.pem, node_uuid: uuid })
}

/// A new certificate for a node that shows that it has the key under which it joined, however long ago that
/// certificate ended. The key is the proof, so nothing else is asked.
pub async fn renew(ctx: &Context, actor: &Actor, node_uuid: Uuid, csr_pem: &str) -> Result<Joined, Error> {
    let row = nodes_store::by_uuid(ctx.store.read(), node_uuid).await?.ok_or(Error::Unauthenticated)?;
    sign_again(ctx, actor, row, csr_pem).await
}

async fn sign_again(ctx: &Context, actor: &Actor, row: hypervisor::Model, csr_pem: &str) -> Result<Joined, Error> {
    let key = requested_key(csr_pem).map_err(bad_request)?;
    if row.commissioned != nodes_store::COMMISSIONED || row.key_sha256.as_ref() != Some(&key) {
        return Err(Error::Unauthenticated);
    }
    let signed = ctx.pki.sign_node(csr_pem, row.uuid, ctx.rng.as_ref(), SystemClock.now()).map_err(bad_request)?;
    let (id, now, certificate) = (row.id, ctx.now(), signed.row);
    ctx.store
        .write_tx::<_, Error>(|tx| {
            let (actor, certificate) = (actor.clone(), certificate.clone());
            Box::pin(async move {
                let after = json!({ "serial": certificate.serial, "expiresAt": certificate.expires_at });
                let written = entry(&actor, now, "renew_certificate", ("hypervisor", id), None, Some(after));
                nodes_store::set_certificate(tx, id, certificate, now).await?;
                Ok(audit::record(tx, written).await?)
            })
        })
        .await?;
    Ok(Joined { certificate_pem: signed.pem, node_uuid: row.uuid })
}

fn bad_request(error: anyhow::Error) -> Error {
    Error::invalid(format!("The csr_pem can't be signed: {error:#}."))
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("hypervisors", &["key_sha256"]) => Error::Conflict(
            "This node has joined already, under its key. Remove that hypervisor, or the node's identity, first."
                .to_owned(),
        ),
        Error::Store(store) if store.violates("hypervisors", &["name"]) => {
            Error::Conflict("A hypervisor of that name is registered already.".to_owned())
        }
        other => other,
    }
}

fn check(joining: &Joining) -> Result<(), Error> {
    let mut errors = Vec::new();
    if joining.address.parse::<std::net::IpAddr>().is_err() {
        errors.push("The address must be an IP address at which the control server reaches the node.".to_owned());
    }
    if !(1..=65_535).contains(&joining.port) {
        errors.push("The port must be between 1 and 65535.".to_owned());
    }
    if joining.facts.to_string().len() > FACTS_LIMIT_BYTES {
        errors.push(format!("The facts are larger than {FACTS_LIMIT_BYTES} bytes."));
    }
    if joining.hostname.len() > 253 || joining.hostname.chars().any(char::is_control) {
        errors.push("The hostname must have at most 253 printable characters.".to_owned());
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// A node begins with what it has as its limits; its cores are over-committed ([`nodes_store::CPU_OVERCOMMIT_PERCENT`]).
fn new_row(
    joining: &Joining,
    uuid: Uuid,
    group_id: i64,
    name: &str,
    certificate: nodes_store::NodeCertificate,
    now: i64,
) -> nodes_store::NewHypervisor {
    let had = Had::of(&joining.facts);
    nodes_store::NewHypervisor {
        uuid,
        group_id,
        name: name.to_owned(),
        ip: joining.address.clone(),
        hostname: Some(joining.hostname.clone()).filter(|name| !name.is_empty()),
        port: joining.port,
        max_cpu: had.cpu_cores,
        max_memory_mib: had.memory_mib,
        max_storage_gib: had.storage_gib,
        data_dir: joining.facts.get("dataDir").and_then(Value::as_str).unwrap_or_default().to_owned(),
        facts: joining.facts.clone(),
        certificate: Some(certificate),
        now,
    }
}

/// Networks of a new node, as it says that it has them; the first one is its primary.
fn networks(facts: &Value, now: i64) -> Vec<NewNetwork> {
    let told = facts.get("networks").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut found: Vec<NewNetwork> = Vec::new();
    for network in told.iter().take(NETWORKS_LIMIT) {
        let Some(bridge) = network["bridge"].as_str() else { continue };
        if found.iter().any(|known| known.bridge == bridge) {
            continue;
        }
        let is = |what: &str| network[what] == true;
        let kind = match (is("nat"), is("routed"), is("openvswitch")) {
            (_, _, true) => OPEN_VSWITCH,
            (_, true, _) => ROUTED,
            (true, ..) => NAT,
            _ => SIMPLE_BRIDGE,
        };
        let mtu = network["mtu"].as_i64().filter(|mtu| *mtu > 0).and_then(|mtu| i32::try_from(mtu).ok());
        found.push(NewNetwork {
            hypervisor_id: 0,
            name: bridge.to_owned(),
            kind: kind.to_owned(),
            bridge: bridge.to_owned(),
            mtu,
            made: false,
            is_primary: found.is_empty(),
            ip_block_group_id: None,
            now,
        });
    }
    found
}

fn shown(row: &hypervisor::Model) -> Value {
    json!({ "name": row.name, "ip": row.ip, "port": row.port, "uuid": row.uuid })
}
