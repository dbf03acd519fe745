//! An administrator's own XML in a server's definition. The node judges it before it is kept: the door asks it between
//! [`propose`] and [`keep`], since actions never talk to nodes.

use berth_api::v1::server_custom_xml::SetCustomXml;
use berth_store::{audit, server as servers, server_details, server_hardware};
use serde_json::json;

use super::{entry, queue, trial::Trial};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    custom_xml::{Piece, Pieces},
};

/// Of each section's text.
pub const MOST_BYTES: usize = 16 << 10;

/// What is to be kept, and what the node has to judge before.
pub struct Proposal {
    server_id: i64,
    before: Pieces,
    pieces: Pieces,
    pub trial: Trial,
}

pub async fn propose(ctx: &Context, actor: &Actor, server_id: i64, input: SetCustomXml) -> Result<Proposal, Error> {
    actor.require(Ability::Own)?;
    let found = server_details::by_id(ctx.store.read(), server_id).await?;
    let details = found.ok_or(Error::NotFound("server"))?;
    let before = Pieces::of(&details.server.custom_xml);
    let pieces = changed(&before, input);
    check(&pieces)?;
    let mut trial = Trial::new(&details);
    if pieces != before {
        // With what is switched on, and with what could be: text that is kept can be switched on later.
        for custom_xml in [pieces.spec(), pieces.all()].into_iter().flatten() {
            trial.add(ctx, &details, |spec| spec.custom_xml = Some(custom_xml))?;
        }
    }
    Ok(Proposal { server_id, before, pieces, trial })
}

/// What is left out stays.
fn changed(before: &Pieces, input: SetCustomXml) -> Pieces {
    let SetCustomXml {
        domain,
        os,
        devices,
        features,
        clock,
        cpu_tune,
        domain_enabled,
        os_enabled,
        devices_enabled,
        features_enabled,
        clock_enabled,
        cpu_tune_enabled,
    } = input;
    let piece = |before: &Piece, xml: Option<String>, enabled: Option<bool>| Piece {
        xml: xml.map_or_else(|| before.xml.clone(), |xml| xml.trim().to_owned()),
        enabled: enabled.unwrap_or(before.enabled),
    };
    Pieces {
        domain: piece(&before.domain, domain, domain_enabled),
        os: piece(&before.os, os, os_enabled),
        devices: piece(&before.devices, devices, devices_enabled),
        features: piece(&before.features, features, features_enabled),
        clock: piece(&before.clock, clock, clock_enabled),
        cpu_tune: piece(&before.cpu_tune, cpu_tune, cpu_tune_enabled),
    }
}

/// What needs no parser; the rest is for the node's.
fn check(pieces: &Pieces) -> Result<(), Error> {
    let mut errors = Vec::new();
    for (name, piece) in pieces.named() {
        if piece.xml.len() > MOST_BYTES {
            errors.push(format!("The {name} must be at most {MOST_BYTES} bytes of XML."));
        } else if piece.xml.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            errors.push(format!("The {name} must be XML, without control characters."));
        } else if piece.xml.contains("<!DOCTYPE") || piece.xml.contains("<!ENTITY") {
            errors.push(format!("The {name} must be XML without a document type or entities."));
        }
    }
    super::rules::done(errors)
}

/// Keeps what the node would take. It takes effect when the server starts next.
pub async fn keep(ctx: &Context, actor: &Actor, proposal: Proposal) -> Result<(), Error> {
    actor.require(Ability::Own)?;
    let Proposal { server_id, before, pieces, trial: _ } = proposal;
    let column = serde_json::to_value(&pieces).map_err(anyhow::Error::from)?;
    let now = ctx.now();
    let kept = ctx.store.write_tx::<_, Error>(|tx| {
        let (ctx, actor, before, pieces, column) =
            (ctx.clone(), actor.clone(), before.clone(), pieces.clone(), column.clone());
        Box::pin(async move {
            let row = servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))?;
            if Pieces::of(&row.custom_xml) != before {
                let msg = "The server's custom XML was changed by somebody else meanwhile; read it again.".to_owned();
                return Err(Error::Conflict(msg));
            }
            if pieces != before {
                server_hardware::set_custom_xml(tx, server_id, column, now).await?;
                queue::enqueue_apply(&ctx, tx, &row, now).await?;
            }
            let shown = |pieces: &Pieces| {
                let of = pieces.named().map(|(name, piece)| (name.to_owned(), json!(piece)));
                serde_json::Value::Object(of.into_iter().collect())
            };
            let (before, after) = (Some(shown(&before)), Some(shown(&pieces)));
            let written = entry(&actor, now, "set_custom_xml", ("server", server_id), before, after);
            Ok(audit::record(tx, written).await?)
        })
    });
    kept.await?;
    ctx.nudge.notify_one();
    Ok(())
}
