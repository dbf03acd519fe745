//! What packages cost by the hour.

use berth_api::{
    tokens::Tokens,
    v1::self_service_settings::{PackagePrice, SetPackagePrice},
};
use berth_store::{audit, package, self_service::rate};
use serde_json::json;

use super::settings::PRICE;
use crate::{
    Context, Error,
    actions::entry,
    actor::{Ability, Actor},
};

pub async fn of_package(ctx: &Context, actor: &Actor, package_id: i64) -> Result<PackagePrice, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    package::by_id(db, package_id).await?.ok_or(Error::NotFound("package"))?;
    let micro = rate::at(db, &rate::package(package_id), ctx.now()).await?;
    Ok(PackagePrice { tokens: micro.map(Tokens) })
}

/// Holds from the next hour; what was used before costs what it cost.
pub async fn set_of_package(
    ctx: &Context,
    actor: &Actor,
    package_id: i64,
    input: SetPackagePrice,
) -> Result<(), Error> {
    actor.require(Ability::Admin)?;
    let Tokens(micro) = input.tokens;
    package::by_id(ctx.store.read(), package_id).await?.ok_or(Error::NotFound("package"))?;
    if !PRICE.contains(&micro) {
        return Err(Error::invalid("The tokens must be between 0 and 1000000000."));
    }
    let now = ctx.now();
    let set = ctx.store.write_tx::<_, Error>(|tx| {
        let actor = actor.clone();
        Box::pin(async move {
            package::by_id(tx, package_id).await?.ok_or(Error::NotFound("package"))?;
            let before = rate::at(tx, &rate::package(package_id), now).await?;
            rate::set(tx, &rate::package(package_id), micro, now).await?;
            let (before, after) = (json!({ "microTokens": before }), json!({ "microTokens": micro }));
            let subject = ("package", package_id);
            audit::record(tx, entry(&actor, now, "set_package_price", subject, Some(before), Some(after))).await?;
            Ok(())
        })
    });
    set.await
}
