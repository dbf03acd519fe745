//! A server that somebody has a right at: their own, or one that is shared with them.

use super::session::Person;
use crate::{
    Context, Error,
    actions::server_access::{self, Reached},
    actor::Actor,
    rights::Right,
};

/// With [`super::session::Own`] the only way to an actor at a server: whoever asks for one that they neither own nor
/// share is told that there is none.
pub struct At {
    pub actor: Actor,
    pub reached: Reached,
}

impl At {
    pub fn id(&self) -> i64 {
        self.reached.server.id
    }
}

impl Person {
    /// At the server with this UUID, to do what takes this right.
    pub async fn at(&self, ctx: &Context, uuid: &str, right: Right) -> Result<At, Error> {
        let reached = server_access::reach(ctx, self.user.id, uuid, right).await?;
        Ok(At { actor: server_access::narrowed(self.actor(), right), reached })
    }
}
