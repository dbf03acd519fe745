//! A server that somebody has a right at: their own, or one that is shared with them.

use super::session::Person;
use crate::{
    Context, Error,
    actions::server_access::{self, At},
    rights::Right,
};

impl Person {
    /// At the server with this UUID, to do what takes this right. With [`super::session::Own`] the only way to an actor
    /// at a server: whoever asks for one that they neither own nor share is told that there is none.
    pub async fn at(&self, ctx: &Context, uuid: &str, right: Right) -> Result<At, Error> {
        server_access::at(ctx, self.actor(), self.user.id, uuid, right).await
    }
}
