//! Changes of a server that exists. The wish is written at once and answered; where its node has to follow, one job
//! carries everything that was written by then. Nobody is told to come back later because other work is queued.

use berth_store::{
    Micros, Tx, audit,
    entity::server,
    server as servers,
    server_change::{self, Changes},
};
use serde_json::Value;

use super::{entry, queue};
use crate::{Context, Error, actor::Actor, self_service::follow};

/// Who changes what, and when.
#[derive(Clone)]
pub struct Changing {
    pub ctx: Context,
    pub actor: Actor,
    pub now: Micros,
}

impl Changing {
    pub fn new(ctx: &Context, actor: &Actor) -> Self {
        Self { ctx: ctx.clone(), actor: actor.clone(), now: ctx.now() }
    }

    /// Locks the server, so that two changes of it run one after the other.
    pub async fn lock(&self, tx: &Tx, server_id: i64) -> Result<server::Model, Error> {
        servers::lock(tx, server_id).await?.ok_or(Error::NotFound("server"))
    }

    /// Changes the row; `for_node` as a new specification.
    pub async fn write(
        &self,
        tx: &Tx,
        row: &server::Model,
        changes: Changes,
        for_node: bool,
    ) -> Result<server::Model, Error> {
        let changed = server_change::change(tx, row.id, changes, for_node, self.now).await?;
        changed.ok_or(Error::NotFound("server"))
    }

    /// Changes what the node has to follow, which it does by one job: the one that waits for its turn already, or a new
    /// one.
    pub async fn write_for_node(&self, tx: &Tx, row: &server::Model, changes: Changes) -> Result<server::Model, Error> {
        let changed = self.write(tx, row, changes, true).await?;
        queue::enqueue_apply(&self.ctx, tx, &changed, self.now).await?;
        Ok(changed)
    }

    /// The end of each change: what a metered server has now counts from here.
    pub async fn record(
        &self,
        tx: &Tx,
        action: &str,
        row: &server::Model,
        before: Value,
        after: Value,
    ) -> Result<(), Error> {
        follow::follow(tx, row.id, self.now).await?;
        let written = entry(&self.actor, self.now, action, ("server", row.id), Some(before), Some(after));
        Ok(audit::record(tx, written).await?)
    }
}
