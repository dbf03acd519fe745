//! A server that changes hands. What it is and does stays; tokens of consoles that its owner of before has do not, and
//! whom that owner shared it with.

use berth_store::{console_token, self_service::run_out, server_change::Changes, server_share, user as users};
use serde_json::json;

use super::{server_change::Changing, server_console::ConsoleKind};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
};

pub async fn change(ctx: &Context, actor: &Actor, server_id: i64, owner_id: i64) -> Result<(), Error> {
    actor.require(Ability::Write)?;
    let changing = Changing::new(ctx, actor);
    let changed = ctx.store.write_tx::<_, Error>(|tx| {
        let changing = changing.clone();
        Box::pin(async move {
            let row = changing.lock(tx, server_id).await?;
            let owner = users::by_id(tx, owner_id).await?.ok_or(Error::NotFound("user"))?;
            if owner.id == row.owner_id {
                return Err(Error::invalid("The new owner is the same as the existing owner."));
            }
            if owner.suspended {
                return Err(Error::invalid("The user is suspended."));
            }
            for kind in ConsoleKind::ALL {
                console_token::remove(tx, row.id, kind.name()).await?;
            }
            // A resource pack stays with the customer who has it: the server leaves it, and is not metered from then on.
            let self_service = Some(0).filter(|_| row.self_service == 2);
            run_out::decided(tx, row.id, true, changing.now).await?;
            let changes = Changes { owner_id: Some(owner.id), self_service, ..Changes::default() };
            let after = changing.write(tx, &row, changes, false).await?;
            let ended = server_share::of_server_gone(tx, row.id).await?;
            let before = json!({ "owner": row.owner_id, "shares": ended });
            let after = json!({ "owner": after.owner_id, "shares": 0 });
            changing.record(tx, "change_owner", &row, before, after).await
        })
    });
    changed.await
}
