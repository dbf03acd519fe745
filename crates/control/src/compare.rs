//! Compares each node with the database: what the node has and the database does not, and the other way round.
//!
//! The same look tells which specifications nodes have carried out by themselves, after the work that gave them up.
//!
//! A difference is kept and shown, and never mended by guess: only somebody who knows what happened can say which side is
//! right. Work that is under way looks like a difference for a while, so what is busy is passed over, and the database
//! is read before the node and after it: only what was so both times counts.

use std::collections::HashMap;

use berth_proto::{self as proto, Power};
use berth_store::{
    drift::{self, Found, Placed},
    entity::hypervisor as entity,
    hypervisor, server_outcome,
};
use futures::{StreamExt, stream};
use uuid::Uuid;

use crate::{Context, Error, nodes::Node};

/// A domain with this installation's prefix that the node's agent does not know.
pub const UNKNOWN_DOMAIN: &str = "unknown_domain";
/// A server that the node has and no row is of.
pub const UNKNOWN_SERVER: &str = "unknown_server";
/// A server that the node has and that is placed on another one.
pub const SERVER_ELSEWHERE: &str = "server_elsewhere";
/// A built server of this node that the node does not have.
pub const MISSING_SERVER: &str = "missing_server";
pub const KINDS: [&str; 4] = [UNKNOWN_DOMAIN, UNKNOWN_SERVER, SERVER_ELSEWHERE, MISSING_SERVER];

/// Nodes that are asked at the same time.
const AT_ONCE: usize = 8;
/// Differences that are kept of a node.
const KEPT: usize = 1_000;

/// What one look at a node came to.
#[derive(Clone)]
struct Compared {
    found: Vec<Found>,
    /// Servers whose newest specification is carried out and was not known to be: id, and its generation.
    carried_out: Vec<(i64, i64)>,
}

/// All nodes that are commissioned.
pub async fn all(ctx: &Context) -> Result<(), Error> {
    let nodes = hypervisor::commissioned(ctx.store.read()).await?;
    let compared = nodes.into_iter().map(|row| {
        let ctx = ctx.clone();
        async move { one(&ctx, row).await }
    });
    let outcomes: Vec<Result<(), Error>> = stream::iter(compared).buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().collect()
}

/// One node. That it is away is no error of the comparison's: it is kept with its sentence.
pub async fn one(ctx: &Context, row: entity::Model) -> Result<(), Error> {
    let id = row.id;
    let compared = differences(ctx, row).await;
    let now = ctx.now();
    let kept = ctx.store.write_tx::<_, Error>(|tx| {
        let compared = compared.as_ref().cloned().map_err(ToString::to_string);
        Box::pin(async move {
            match compared {
                Ok(Compared { found, carried_out }) => {
                    for (server, generation) in carried_out {
                        server_outcome::applied(tx, server, generation).await?;
                    }
                    Ok(drift::record(tx, id, &found, now).await?)
                }
                Err(why) => Ok(drift::failed(tx, id, &why, now).await?),
            }
        })
    });
    kept.await
}

async fn differences(ctx: &Context, row: entity::Model) -> Result<Compared, Error> {
    let (db, id) = (ctx.store.read(), row.id);
    let away = |error: crate::nodes::NodeError| Error::Unavailable(error.to_string());
    let node = Node::new(&ctx.nodes, row).map_err(away)?;
    let before = drift::placed_on(db, id).await?;
    let unconfirmed = server_outcome::unconfirmed_on(db, id).await?;
    let seen = node.observe_all().await.map_err(away)?;
    let after = drift::placed_on(db, id).await?;
    let strange: Vec<Uuid> = there(&seen).filter(|uuid| after.iter().all(|placed| placed.uuid != *uuid)).collect();
    let elsewhere = drift::whereabouts(db, &strange).await?;
    let mut found = of(&before, &seen, &after, &elsewhere);
    if found.len() > KEPT {
        tracing::warn!(hypervisor = id, differences = found.len(), "more differences than are kept");
        found.truncate(KEPT);
    }
    Ok(Compared { found, carried_out: carried_out(&unconfirmed, &seen, ctx.cluster.epoch) })
}

/// Pure: which of these specifications (a server's id, its UUID, a generation) the node said to have carried out. A
/// generation of before the database was restored is of another specification.
fn carried_out(unconfirmed: &[(i64, Uuid, i64)], seen: &proto::ObserveReply, epoch: u64) -> Vec<(i64, i64)> {
    let told: HashMap<&str, u64> = seen
        .servers
        .iter()
        .filter(|server| !server.buried && server.cluster_epoch == epoch)
        .map(|server| (server.server_uuid.as_str(), server.applied_generation))
        .collect();
    let is_told = |(_, uuid, generation): &&(i64, Uuid, i64)| {
        told.get(uuid.to_string().as_str()).is_some_and(|applied| *applied >= generation.unsigned_abs())
    };
    unconfirmed.iter().filter(is_told).map(|(id, _, generation)| (*id, *generation)).collect()
}

/// Servers that the node has, and is not removing.
fn there(seen: &proto::ObserveReply) -> impl Iterator<Item = Uuid> + '_ {
    let own = seen.servers.iter().filter(|server| !server.buried);
    own.filter_map(|server| Uuid::parse_str(&server.server_uuid).ok())
}

/// Pure: what the database said before and after, what the node said, and where servers are that are not this node's.
fn of(before: &[Placed], seen: &proto::ObserveReply, after: &[Placed], elsewhere: &[(Uuid, i64, i64)]) -> Vec<Found> {
    let mut found: Vec<Found> = seen
        .unknown_domains
        .iter()
        .map(|name| Found { kind: UNKNOWN_DOMAIN, subject: name.clone(), server_id: None })
        .collect();
    let was_here: HashMap<Uuid, &Placed> = before.iter().map(|placed| (placed.uuid, placed)).collect();
    let is_here: HashMap<Uuid, &Placed> = after.iter().map(|placed| (placed.uuid, placed)).collect();
    for uuid in there(seen).filter(|uuid| !was_here.contains_key(uuid) && !is_here.contains_key(uuid)) {
        let known = elsewhere.iter().find(|(of, _, _)| *of == uuid);
        let kind = if known.is_some() { SERVER_ELSEWHERE } else { UNKNOWN_SERVER };
        found.push(Found { kind, subject: uuid.to_string(), server_id: known.map(|(_, id, _)| *id) });
    }
    let on_node: HashMap<Uuid, &proto::ObservedServer> =
        seen.servers.iter().filter_map(|server| Some((Uuid::parse_str(&server.server_uuid).ok()?, server))).collect();
    for placed in after {
        let settled = |placed: &Placed| placed.built && !placed.busy;
        let was = was_here.get(&placed.uuid).is_some_and(|before| settled(before));
        let gone = |server: &&proto::ObservedServer| server.buried || server.power() == Power::Absent;
        let is_missing = on_node.get(&placed.uuid).is_none_or(gone);
        if was && settled(placed) && is_missing {
            found.push(Found { kind: MISSING_SERVER, subject: placed.uuid.to_string(), server_id: Some(placed.id) });
        }
    }
    found
}

/// What a difference means and what can be done, for people.
pub fn advice(kind: &str) -> &'static str {
    match kind {
        UNKNOWN_DOMAIN => {
            "A domain bears this installation's prefix and is none of its servers. Nobody touches it: rename it if it is \
             yours, or undefine it on the node."
        }
        UNKNOWN_SERVER => {
            "The node has a server that the database does not know, as after a restore from an older backup. It runs on, \
             and its addresses count as free: reserve them, and restore a newer backup or remove it on the node."
        }
        SERVER_ELSEWHERE => {
            "The node has a server that is placed on another one. See which of the two is the newer, and remove the other \
             on its node."
        }
        MISSING_SERVER => {
            "The server was built here, and the node does not have it any more. Nothing is made anew by itself, for its \
             disks may be gone: look for them on the node, then build it again or delete it."
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(n: u128) -> Placed {
        let id = i64::try_from(n).unwrap();
        Placed { id, uuid: Uuid::from_u128(n), hypervisor_id: 1, built: true, busy: false }
    }

    fn seen(n: u128) -> proto::ObservedServer {
        proto::ObservedServer {
            server_uuid: Uuid::from_u128(n).to_string(),
            power: Power::Running.into(),
            ..Default::default()
        }
    }

    fn node(servers: Vec<proto::ObservedServer>) -> proto::ObserveReply {
        proto::ObserveReply { servers, unknown_domains: Vec::new() }
    }

    fn kinds(found: &[Found]) -> Vec<(&str, Option<i64>)> {
        found.iter().map(|found| (found.kind, found.server_id)).collect()
    }

    #[test]
    fn t26_each_kind_of_difference_is_found() {
        let (here, reply) = ([placed(1), placed(2)], node(vec![seen(1), seen(8), seen(9)]));
        let found = of(&here, &reply, &here, &[(Uuid::from_u128(8), 8, 2)]);
        assert_eq!(kinds(&found), [(SERVER_ELSEWHERE, Some(8)), (UNKNOWN_SERVER, None), (MISSING_SERVER, Some(2))]);
        let reply = proto::ObserveReply { unknown_domains: vec!["berth-x".to_owned()], ..node(vec![seen(1), seen(2)]) };
        assert_eq!(kinds(&of(&here, &reply, &here, &[])), [(UNKNOWN_DOMAIN, None)]);
        let absent = proto::ObservedServer { power: Power::Absent.into(), ..seen(2) };
        assert_eq!(kinds(&of(&here, &node(vec![seen(1), absent]), &here, &[])), [(MISSING_SERVER, Some(2))]);
    }

    #[test]
    fn t26_what_is_under_way_is_no_difference() {
        let (here, whole) = ([placed(1)], node(vec![seen(1)]));
        assert_eq!(of(&here, &whole, &here, &[]), []);
        assert_eq!(of(&here, &whole, &[], &[]), [], "it was deleted meanwhile");
        assert_eq!(of(&[], &whole, &here, &[]), [], "it was created meanwhile");
        let buried = proto::ObservedServer { buried: true, ..seen(1) };
        assert_eq!(of(&[], &node(vec![buried]), &[], &[]), [], "the node removes it");
        for placed in [Placed { busy: true, ..placed(1) }, Placed { built: false, ..placed(1) }] {
            let (busy, settled) = ([placed], [super::tests::placed(1)]);
            assert_eq!(of(&busy, &node(vec![]), &busy, &[]), []);
            assert_eq!(of(&settled, &node(vec![]), &busy, &[]), []);
            assert_eq!(of(&busy, &node(vec![]), &settled, &[]), []);
        }
    }

    #[test]
    fn what_a_node_carried_out_later_is_known_and_of_another_epoch_is_not() {
        let told = |n, cluster_epoch, applied_generation, buried| proto::ObservedServer {
            cluster_epoch,
            applied_generation,
            buried,
            ..seen(n)
        };
        let reply = node(vec![told(1, 2, 7, false), told(2, 2, 6, false), told(3, 1, 9, false), told(4, 2, 7, true)]);
        let unconfirmed: Vec<_> = (1_u32..6).map(|n| (i64::from(n), Uuid::from_u128(n.into()), 7)).collect();
        assert_eq!(carried_out(&unconfirmed, &reply, 2), [(1, 7)]);
        assert_eq!(carried_out(&[], &reply, 2), []);
    }

    #[test]
    fn every_kind_says_what_can_be_done() {
        assert!(KINDS.iter().all(|kind| advice(kind).ends_with('.')));
    }
}
