//! Groups of IP blocks, which serve networks of nodes together: a block that comes into a group serves all of them.

use berth_api::v1::{
    confirm::Confirm,
    ip_block_group::{CreateIpBlockGroup, UpdateIpBlockGroup},
};
use berth_store::{
    Db, Tx, audit,
    entity::{hypervisor_network, ip_block as block_entity, ip_block_group as entity},
    ip_block, ip_block_group as groups,
};
use serde_json::{Value, json};

use super::{differences, entry, rules};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

pub const GROUP: &str = "ip block group";
const SUBJECT: &str = "ip_block_group";
/// Blocks of one group.
const MOST_BLOCKS: usize = 100;

/// A group with what it joins.
#[derive(Clone, Debug)]
pub struct Group {
    pub row: entity::Model,
    pub blocks: Vec<block_entity::Model>,
    pub networks: Vec<hypervisor_network::Model>,
}

/// A page of groups, and how many there are.
pub async fn list(ctx: &Context, actor: &Actor, offset: u64, limit: u64) -> Result<(Vec<Group>, u64), Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let (rows, total) = groups::page(db, offset, limit).await?;
    Ok((whole(db, rows).await?, total))
}

pub async fn one(ctx: &Context, actor: &Actor, id: i64) -> Result<Group, Error> {
    actor.require(Ability::Read)?;
    found(ctx.store.read(), id).await
}

pub async fn create(ctx: &Context, actor: &Actor, input: CreateIpBlockGroup) -> Result<Group, Error> {
    actor.require(Ability::Admin)?;
    let CreateIpBlockGroup { name, blocks } = input;
    check(Some(&name), Some(&blocks))?;
    let now = ctx.now();
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, name, blocks) = (actor.clone(), name.trim().to_owned(), blocks.clone());
        Box::pin(async move {
            require_blocks(tx, &blocks).await?;
            let row = groups::insert(tx, &name, now).await?;
            groups::set_blocks(tx, row.id, &blocks).await?;
            let made = found(tx, row.id).await?;
            let subject = (SUBJECT, row.id);
            audit::record(tx, entry(&actor, now, "create_ip_block_group", subject, None, Some(shown(&made)))).await?;
            Ok(made)
        })
    });
    made.await.map_err(taken)
}

pub async fn update(ctx: &Context, actor: &Actor, id: i64, input: UpdateIpBlockGroup) -> Result<Group, Error> {
    actor.require(Ability::Admin)?;
    let now = ctx.now();
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let (actor, UpdateIpBlockGroup { name, blocks }) = (actor.clone(), input.clone());
        Box::pin(async move {
            let before = found(tx, id).await?;
            check(name.as_deref(), blocks.as_deref())?;
            if let Some(blocks) = &blocks {
                require_blocks(tx, blocks).await?;
                groups::set_blocks(tx, id, blocks).await?;
            }
            let name = name.map_or_else(|| before.row.name.clone(), |name| name.trim().to_owned());
            groups::rename(tx, id, &name, now).await?;
            let after = found(tx, id).await?;
            if let Some((was, is)) = differences(shown(&before), shown(&after)) {
                let subject = (SUBJECT, id);
                audit::record(tx, entry(&actor, now, "update_ip_block_group", subject, Some(was), Some(is))).await?;
            }
            Ok(after)
        })
    });
    changed.await.map_err(taken)
}

/// Refused while networks have it. The blocks stay.
pub async fn remove(ctx: &Context, actor: &Actor, id: i64, confirm: Confirm) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    groups::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound(GROUP))?;
    rules::confirmed(confirm)?;
    let now = ctx.now();
    let removed = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let group = found(tx, id).await?;
            if !group.networks.is_empty() {
                return Err(Error::invalid(format!(
                    "{} networks of hypervisors have the IP block group {}; give them another, or none, first.",
                    group.networks.len(),
                    group.row.name
                )));
            }
            groups::remove(tx, id).await?;
            let before = Some(shown(&group));
            Ok(audit::record(tx, entry(&actor, now, "remove_ip_block_group", (SUBJECT, id), before, None)).await?)
        })
    });
    removed.await
}

async fn found(db: &impl Db, id: i64) -> Result<Group, Error> {
    let row = groups::by_id(db, id).await?.ok_or(Error::NotFound(GROUP))?;
    whole(db, vec![row]).await?.pop().ok_or(Error::NotFound(GROUP))
}

async fn whole(db: &impl Db, rows: Vec<entity::Model>) -> Result<Vec<Group>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let blocks = groups::blocks(db, &ids).await?;
    let networks = groups::networks(db, &ids).await?;
    let group = |row: entity::Model| {
        let own = blocks.iter().filter(|(group, _)| *group == row.id).map(|(_, block)| block.clone()).collect();
        let has = networks.iter().filter(|network| network.ip_block_group_id == Some(row.id)).cloned().collect();
        Group { row, blocks: own, networks: has }
    };
    Ok(rows.into_iter().map(group).collect())
}

/// What can be said without looking; every mistake at once.
fn check(name: Option<&str>, blocks: Option<&[i64]>) -> Result<(), Error> {
    let mut errors = Vec::new();
    if let Some(name) = name {
        rules::text(&mut errors, "name", name, 3, 100);
    }
    if let Some(blocks) = blocks {
        let mut different = blocks.to_vec();
        different.sort_unstable();
        different.dedup();
        if blocks.len() > MOST_BLOCKS || different.len() < blocks.len() {
            errors.push(format!("The blocks must be at most {MOST_BLOCKS} ids, each named once."));
        }
    }
    rules::done(errors)
}

async fn require_blocks(tx: &Tx, ids: &[i64]) -> Result<(), Error> {
    for id in ids {
        if ip_block::by_id(tx, *id).await?.is_none() {
            return Err(Error::invalid(format!("The blocks must be ids of IP blocks: {id} is none.")));
        }
    }
    Ok(())
}

fn shown(group: &Group) -> Value {
    let blocks: Vec<i64> = group.blocks.iter().map(|block| block.id).collect();
    json!({ "name": group.row.name, "blocks": blocks })
}

fn taken(error: Error) -> Error {
    match error {
        Error::Store(store) if store.violates("ip_block_groups", &["name"]) => {
            Error::Conflict("An IP block group of that name exists already.".to_owned())
        }
        other => other,
    }
}
