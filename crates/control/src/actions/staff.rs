//! Staff: who has which role, and who may change whom. There is always an owner.

use berth_api::v1::user::SetRole;
use berth_store::{Micros, Tx, api_token, audit, entity::user as entity, user};
use serde_json::json;

use super::entry;
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    permissions::{ROLES, Role},
};

/// What is said where a role is taken away.
const CUSTOMER: &str = "customer";

/// Gives a user a role among staff, or takes it. What the user's tokens may do follows at once.
pub async fn set_role(ctx: &Context, actor: &Actor, user_id: i64, input: &SetRole) -> Result<entity::Model, Error> {
    actor.require(Ability::Admin)?;
    let (role, now) = (wanted(&input.role)?, ctx.now());
    let given = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            let before = user::by_id(tx, user_id).await?.ok_or(Error::NotFound("user"))?;
            let old = Role::of(&before);
            if [old, role].into_iter().flatten().any(Role::is_strong) {
                actor.require(Ability::Own)?;
            }
            if role != Some(Role::Owner) {
                keep_an_owner(tx, &before).await?;
            }
            give(tx, &actor, before, role, now).await
        })
    });
    given.await
}

/// Writes a role that somebody may give, and that it was given.
pub(super) async fn give(
    tx: &Tx,
    actor: &Actor,
    before: entity::Model,
    role: Option<Role>,
    now: Micros,
) -> Result<entity::Model, Error> {
    // Tokens of before may be known to whoever made them for a user who had less to give.
    let ended = if role > Role::of(&before) { api_token::revoke_all(tx, before.id, now).await? } else { 0 };
    let after = user::set_role(tx, before.clone(), role.map(Role::name), now).await?;
    let (before, shown) = (json!({ "role": before.role }), json!({ "role": after.role, "tokensEnded": ended }));
    let written = entry(actor, now, "set_user_role", ("user", after.id), Some(before), Some(shown));
    audit::record(tx, written).await?;
    Ok(after)
}

/// `None` is a customer.
fn wanted(name: &str) -> Result<Option<Role>, Error> {
    let role = Role::named(name);
    if role.is_some() || name == CUSTOMER {
        return Ok(role);
    }
    let known: Vec<&str> = ROLES.into_iter().map(|(_, name, _)| name).collect();
    Err(Error::invalid(format!("The role must be {} or {CUSTOMER}.", known.join(", "))))
}

/// Owners and administrators are changed by owners, and by themselves.
pub(super) fn guard(actor: &Actor, target: &entity::Model) -> Result<(), Error> {
    let is_strong = Role::of(target).is_some_and(Role::is_strong);
    if is_strong && actor.user_id != Some(target.id) { actor.require(Ability::Own) } else { Ok(()) }
}

/// For what would take an owner away.
pub(super) async fn keep_an_owner(tx: &Tx, user: &entity::Model) -> Result<(), Error> {
    if is_last_owner(tx, user).await? {
        return Err(Error::invalid("The user is the last owner; make another user one first."));
    }
    Ok(())
}

pub(super) async fn is_last_owner(tx: &Tx, user: &entity::Model) -> Result<bool, Error> {
    let is_one = Role::of(user) == Some(Role::Owner) && !user.suspended;
    Ok(is_one && user::owners(tx).await? <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_exactly() {
        assert!(matches!(wanted("read-only"), Ok(Some(Role::ReadOnly))));
        assert!(matches!(wanted("customer"), Ok(None)));
        for wrong in ["", "Owner", " owner", "root", "readonly"] {
            let Err(Error::Invalid(sentences)) = wanted(wrong) else { panic!("{wrong:?} was taken") };
            assert_eq!(sentences, ["The role must be owner, admin, support, read-only or customer."]);
        }
    }
}
