//! A server's interfaces as other actions need them: found by the word that a caller uses, changed under the server's
//! lock, and followed by the node.

use berth_store::{
    Micros, Tx, audit,
    entity::{server, server_interface as entity},
    server as servers, server_interface, server_outcome,
};
use serde_json::Value;

use super::{entry, queue};
use crate::{Context, Error, actor::Actor, self_service::follow};

pub const INTERFACE: &str = "interface";

/// Who changes what, and when.
#[derive(Clone)]
pub struct Change {
    pub ctx: Context,
    pub actor: Actor,
    pub server_id: i64,
    pub now: Micros,
}

/// A server that is locked, with its interfaces by position.
pub struct Locked {
    pub row: server::Model,
    pub interfaces: Vec<entity::Model>,
}

impl Change {
    pub fn new(ctx: &Context, actor: &Actor, server_id: i64) -> Self {
        Self { ctx: ctx.clone(), actor: actor.clone(), server_id, now: ctx.now() }
    }

    pub async fn lock(&self, tx: &Tx) -> Result<Locked, Error> {
        let row = servers::lock(tx, self.server_id).await?.ok_or(Error::NotFound("server"))?;
        let interfaces = server_interface::of_server(tx, row.id).await?;
        Ok(Locked { row, interfaces })
    }

    /// The rows say something new: the node follows by one job, the one that waits for its turn already or a new one.
    pub async fn follow(&self, tx: &Tx, row: &server::Model) -> Result<(), Error> {
        server_outcome::next_generation(tx, row.id).await?;
        queue::enqueue_apply(&self.ctx, tx, row, self.now).await
    }

    /// The end of each change: what a metered server has now counts from here.
    pub async fn record(
        &self,
        tx: &Tx,
        action: &str,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Result<(), Error> {
        follow::follow(tx, self.server_id, self.now).await?;
        let written = entry(&self.actor, self.now, action, ("server", self.server_id), before, after);
        Ok(audit::record(tx, written).await?)
    }
}

impl Locked {
    /// The interface that a body names; `primary` where it names none.
    pub fn named(&self, asked: Option<&str>) -> Result<&entity::Model, Error> {
        let asked = asked.map(str::trim).filter(|asked| !asked.is_empty()).unwrap_or("primary");
        let found = find(&self.interfaces, asked).ok_or_else(|| {
            Error::invalid("The interface must be primary, secondary or the tag of one that the server has.")
        })?;
        Ok(found)
    }

    /// The interface that a path names.
    pub fn at(&self, reference: &str) -> Result<&entity::Model, Error> {
        find(&self.interfaces, reference).ok_or(Error::NotFound(INTERFACE))
    }

    pub fn ids(&self) -> Vec<i64> {
        self.interfaces.iter().map(|interface| interface.id).collect()
    }
}

/// `primary`, `secondary` (the first that is not the primary one) or a ten-digit tag.
pub fn find<'a>(interfaces: &'a [entity::Model], reference: &str) -> Option<&'a entity::Model> {
    let fits = |interface: &&entity::Model| match reference.to_ascii_lowercase().as_str() {
        "primary" => interface.is_primary,
        "secondary" => !interface.is_primary,
        tag => tag.len() == 10 && tag.parse() == Ok(interface.tag),
    };
    interfaces.iter().find(fits)
}
