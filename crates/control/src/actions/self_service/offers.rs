//! What a customer may create by their own right: where, of which size, at what price, and how much of it is left.

use berth_store::{
    Db,
    entity::{hypervisor_group as group_entity, package as package_entity, self_service_profile, server, user},
    hypervisor_group as groups, package as packages,
    self_service::{
        account, ledger, meter,
        pack::{self, Limits, Used},
        profile, rate,
    },
    server_disk,
};

use super::{
    purchase::{HOURLY, PACK, kind_of},
    usage::Money,
};
use crate::{
    Context, Error,
    actions::template_choice::{self, Choice},
    actor::{Ability, Actor},
    self_service::rating::Rates,
};

/// All that one customer may create.
pub struct Offers {
    pub money: Money,
    pub credit_micro: i64,
    pub offers: Vec<Offer>,
    pub packs: Vec<Pack>,
    /// What bounds the customer's hourly servers together.
    pub hourly_pack: Option<Pack>,
}

/// What one profile allows.
pub struct Offer {
    pub profile: self_service_profile::Model,
    /// 1 by the hour, 2 of a resource pack.
    pub self_service: i32,
    pub servers: u64,
    pub groups: Vec<group_entity::Model>,
    pub sizes: Vec<Size>,
}

/// A package with what it costs.
pub struct Size {
    pub package: package_entity::Model,
    /// In micro-tokens; none within a resource pack, which is paid in the shop.
    pub price: Option<Price>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    pub month_micro: i64,
    pub hour_micro: i64,
}

/// A resource pack with what is used of it.
pub struct Pack {
    pub id: i64,
    pub name: String,
    pub enabled: bool,
    pub limits: Limits,
    pub used: Used,
}

pub async fn of(ctx: &Context, actor: &Actor, owner: &user::Model) -> Result<Offers, Error> {
    actor.require(Ability::Read)?;
    let (db, now) = (ctx.store.read(), ctx.now());
    let shelf = Shelf::of(ctx).await?;
    let mut offers = Vec::new();
    for self_service in [HOURLY, PACK] {
        for (row, allowed) in allowed(db, owner, self_service).await? {
            let servers = profile::servers(db, owner.id, row.id).await?;
            let mut groups = groups::by_ids(db, &allowed.groups).await?;
            groups.retain(|group| group.enabled);
            let sizes = shelf.sizes(&allowed.packages, self_service);
            offers.push(Offer { profile: row, self_service, servers, groups, sizes });
        }
    }
    Ok(Offers {
        money: Money::of(db, owner.id, None, (now, now)).await?,
        credit_micro: ledger::balance(db, owner.id).await?,
        offers,
        packs: packs(db, owner.id).await?,
        hourly_pack: hourly_pack(db, owner.id).await?,
    })
}

/// Enabled profiles by which the customer may create such servers now.
async fn allowed(
    db: &impl Db,
    owner: &user::Model,
    self_service: i32,
) -> Result<Vec<(self_service_profile::Model, profile::Allowed)>, Error> {
    if owner.self_service & self_service == 0 {
        return Ok(Vec::new());
    }
    let rows = profile::of_users(db, kind_of(self_service), &[owner.id]).await?;
    let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).filter(|row| row.enabled).collect();
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let allowed = profile::allowed(db, &ids).await?;
    Ok(rows.into_iter().zip(allowed).collect())
}

/// Packages that are sold, and what they cost now.
struct Shelf {
    packages: Vec<package_entity::Model>,
    rates: Rates,
    now: i64,
}

impl Shelf {
    async fn of(ctx: &Context) -> Result<Self, Error> {
        let (db, now) = (ctx.store.read(), ctx.now());
        let mut packages = packages::all(db).await?;
        packages.retain(|package| package.enabled);
        let mut subjects: Vec<String> = packages.iter().map(|package| rate::package(package.id)).collect();
        subjects.push(rate::MONTH_HOURS.to_owned());
        Ok(Self { packages, rates: Rates::new(rate::history(db, &subjects).await?), now })
    }

    /// The smallest first. By the hour only what has a price is sold.
    fn sizes(&self, ids: &[i64], self_service: i32) -> Vec<Size> {
        let mut sizes = Vec::new();
        for package in self.packages.iter().filter(|package| ids.contains(&package.id)) {
            let price = if self_service == PACK { None } else { self.price(package.id) };
            if price.is_some() || self_service == PACK {
                sizes.push(Size { package: package.clone(), price });
            }
        }
        let order = |size: &Size| {
            let package = &size.package;
            (size.price.map(|price| price.month_micro), package.memory_mib, package.cpu_cores, package.id)
        };
        sizes.sort_by_key(order);
        sizes
    }

    fn price(&self, package_id: i64) -> Option<Price> {
        let month_micro = self.rates.at(&rate::package(package_id), self.now)?;
        Some(Price { month_micro, hour_micro: month_micro / self.rates.month_hours(self.now).max(1) })
    }
}

pub async fn packs(db: &impl Db, user_id: i64) -> Result<Vec<Pack>, Error> {
    let mut found = Vec::new();
    for row in pack::of_user(db, user_id).await? {
        let (limits, used) = (Limits::of_user(&row), pack::used(db, row.id).await?);
        found.push(Pack { id: row.id, name: row.name, enabled: row.enabled, limits, used });
    }
    Ok(found)
}

pub async fn hourly_pack(db: &impl Db, user_id: i64) -> Result<Option<Pack>, Error> {
    let Some(id) = account::get(db, user_id).await?.hourly_pack_id else { return Ok(None) };
    let Some(row) = pack::by_id(db, pack::HOURLY, id).await?.filter(|row| row.enabled) else { return Ok(None) };
    let (limits, used) = (Limits::of(&row), pack::used_hourly(db, user_id).await?);
    Ok(Some(Pack { id: row.id, name: row.name, enabled: row.enabled, limits, used }))
}

/// What a server of such a package may be built from, by category; none where no profile allows it there.
pub async fn templates(
    ctx: &Context,
    actor: &Actor,
    owner: &user::Model,
    (group_id, package_id): (i64, i64),
    self_service: i32,
) -> Result<Choice, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let mut profiles = allowed(db, owner, self_service).await?;
    profiles.retain(|(_, allowed)| allowed.groups.contains(&group_id) && allowed.packages.contains(&package_id));
    let package = packages::by_id(db, package_id).await?.filter(|package| package.enabled);
    let (Some(package), false) = (package, profiles.is_empty()) else { return Ok(Vec::new()) };
    let mut found = template_choice::of_package(ctx, &package).await?;
    let is_offered =
        |id: i64| profiles.iter().any(|(_, allowed)| allowed.templates.is_empty() || allowed.templates.contains(&id));
    found.iter_mut().for_each(|(_, templates)| templates.retain(|template| is_offered(template.id)));
    found.retain(|(_, templates)| !templates.is_empty());
    Ok(found)
}

/// What a server of one's own may become.
pub struct Resizes {
    pub money: Money,
    /// By its profile.
    pub sizes: Vec<Size>,
    /// Of its primary disk, which does not shrink.
    pub disk_gib: i64,
}

pub async fn sizes_of_server(
    ctx: &Context,
    actor: &Actor,
    owner: &user::Model,
    row: &server::Model,
) -> Result<Resizes, Error> {
    actor.require(Ability::Read)?;
    let (db, now) = (ctx.store.read(), ctx.now());
    let money = Money::of(db, owner.id, None, (now, now)).await?;
    let disks = server_disk::of_server(db, row.id).await?;
    let disk_gib = disks.iter().find(|disk| disk.is_primary).map_or(0, |disk| disk.capacity_gib);
    let profile_id = meter::by_id(db, row.id).await?.and_then(|metered| metered.profile_id);
    if row.self_service == 0 {
        return Ok(Resizes { money, sizes: Vec::new(), disk_gib });
    }
    let profiles = allowed(db, owner, row.self_service).await?;
    let own = profiles.into_iter().find(|(profile, _)| Some(profile.id) == profile_id);
    let packages = own.map(|(_, allowed)| allowed.packages).unwrap_or_default();
    Ok(Resizes { money, sizes: Shelf::of(ctx).await?.sizes(&packages, row.self_service), disk_gib })
}
