//! Self service: what one may create, and servers that one created by one's own right.

use axum::{Json, extract::State, http::StatusCode};
use berth_api::{
    data::Data,
    panel::{
        server::Family,
        shop::{
            Amount, Location, NewServer, NewServerOrder, NewSize, NewSizes, Offer, OfferKind, OwnCurrency, OwnPack,
            PackUse, Resize, Shop, Size,
        },
    },
    tokens::Tokens,
};
use berth_store::entity::hypervisor_group;

use super::{
    servers::family,
    session::{Own, Person},
};
use crate::{
    Context, Error,
    actions::self_service::{
        offers::{self, Offers},
        own_servers,
        purchase::{HOURLY, PACK},
        usage::Money,
    },
    http::extract::{Body, Query},
};

/// List what one may create: where, of which size, at what price, and what is left of one's limits.
#[utoipa::path(get, path = "/shop", tag = "Self service", operation_id = "get_shop",
    responses((status = 200, description = "All of it; nothing where one has no self service.", body = Data<Shop>)))]
pub async fn shop(State(ctx): State<Context>, person: Person) -> Result<Json<Data<Shop>>, Error> {
    let found = offers::of(&ctx, &person.actor(), &person.user).await?;
    Ok(Json(Data { data: shown(found, person.user.self_service_hourly_credit) }))
}

/// List what a server of a size may be built from, by family.
#[utoipa::path(get, path = "/shop/templates", tag = "Self service", operation_id = "shop_templates",
    params(("locationId" = i64, Query, description = "A location's id."),
        ("sizeId" = i64, Query, description = "A size's id."),
        ("pack" = Option<bool>, Query, description = "Whether it is to be in a resource pack.")),
    responses((status = 200, description = "Families with their templates.", body = Data<Vec<Family>>),
        (status = 422, description = "Which values are wrong.")))]
pub async fn templates(
    State(ctx): State<Context>,
    person: Person,
    query: Query,
) -> Result<Json<Data<Vec<Family>>>, Error> {
    let place = (query.number("locationId")?.unwrap_or(0), query.number("sizeId")?.unwrap_or(0));
    let self_service = if query.flag("pack")? { PACK } else { HOURLY };
    let found = offers::templates(&ctx, &person.actor(), &person.user, place, self_service).await?;
    Ok(Json(Data { data: found.into_iter().map(family).collect() }))
}

/// Create a server and build it.
#[utoipa::path(post, path = "/shop/servers", tag = "Self service", operation_id = "create_server",
    request_body = NewServerOrder,
    responses((status = 201, description = "Its build is queued.", body = Data<NewServer>),
        (status = 422, description = "Every mistake in the request, or why it can't be: credit, a limit, no room.")))]
pub async fn create(
    State(ctx): State<Context>,
    person: Person,
    Body(order): Body<NewServerOrder>,
) -> Result<(StatusCode, Json<Data<NewServer>>), Error> {
    let NewServerOrder { name, hostname, location_id, size_id, pack_id, template_id, ssh_keys } = order;
    let (group_id, package_id) = (location_id, size_id);
    let new = own_servers::NewServer { name, hostname, group_id, package_id, pack_id, template_id, ssh_keys };
    let own_servers::Ordered { uuid, password } = own_servers::create(&ctx, &person.actor(), &person.user, new).await?;
    let data = NewServer { uuid: uuid.to_string(), password };
    Ok((StatusCode::CREATED, Json(Data { data })))
}

/// List the sizes that a server of one's own may get.
#[utoipa::path(get, path = "/servers/{uuid}/size", tag = "Self service", operation_id = "server_sizes",
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 200, description = "The sizes; none where one did not create it.", body = Data<NewSizes>),
        (status = 404, description = "There is no such server of yours.")))]
pub async fn sizes(State(ctx): State<Context>, person: Person, own: Own) -> Result<Json<Data<NewSizes>>, Error> {
    let found = offers::sizes_of_server(&ctx, &own.actor, &person.user, &own.server).await?;
    let offers::Resizes { money, sizes: found, disk_gib } = found;
    let new = |one: offers::Size| NewSize {
        current: one.package.id == own.server.package_id,
        too_small: one.package.primary_storage_gib < disk_gib,
        size: size(&money, one),
    };
    let sizes = found.into_iter().map(new).collect();
    Ok(Json(Data { data: NewSizes { currency: currency(&money), sizes } }))
}

/// Give a server of one's own another size.
///
/// Disks only grow. What the running system can't take waits for its next start.
#[utoipa::path(put, path = "/servers/{uuid}/size", tag = "Self service", operation_id = "resize_server",
    request_body = Resize,
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 204, description = "It has that size."),
        (status = 403, description = "It was not created by self service."),
        (status = 404, description = "There is no such server of yours."),
        (status = 422, description = "Why it can't be: the profile, credit, a limit, no room."),
        (status = 423, description = "It is suspended.")))]
pub async fn resize(
    State(ctx): State<Context>,
    person: Person,
    own: Own,
    Body(input): Body<Resize>,
) -> Result<StatusCode, Error> {
    own_servers::resize(&ctx, &own.actor, &person.user, &own.server, input.size_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete a server of one's own, with everything on it.
#[utoipa::path(delete, path = "/servers/{uuid}", tag = "Self service", operation_id = "delete_server",
    params(("uuid" = String, Path, description = "A server's UUID.")),
    responses((status = 204, description = "It is on its way out."),
        (status = 403, description = "It was not created by self service, or a fresh proof is needed (`needs`)."),
        (status = 404, description = "There is no such server of yours."),
        (status = 423, description = "It is protected, or suspended for another reason than credit.")))]
pub async fn delete(State(ctx): State<Context>, own: Own) -> Result<StatusCode, Error> {
    own_servers::delete(&ctx, &own.actor, &own.server).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(found: Offers, prepaid: bool) -> Shop {
    let Offers { money, credit_micro, offers, packs, hourly_pack } = found;
    let of = |one: offers::Offer| {
        let most = one.profile.max_servers;
        let held = i64::try_from(one.servers).unwrap_or(i64::MAX);
        Offer {
            id: one.profile.id,
            name: one.profile.name,
            kind: if one.self_service == PACK { OfferKind::Pack } else { OfferKind::Hourly },
            servers_left: (most > 0).then(|| (most - held).max(0)),
            locations: one.groups.into_iter().map(location).collect(),
            sizes: one.sizes.into_iter().map(|one| size(&money, one)).collect(),
        }
    };
    Shop {
        currency: currency(&money),
        credit: amount(&money, credit_micro),
        prepaid,
        offers: offers.into_iter().map(of).collect(),
        packs: packs.into_iter().map(pack).collect(),
        hourly_pack: hourly_pack.map(pack),
    }
}

pub(super) fn currency(money: &Money) -> Option<OwnCurrency> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let of = |row: &berth_store::entity::currency::Model| OwnCurrency {
        code: row.code.clone(),
        prefix: text(&row.prefix),
        suffix: text(&row.suffix),
    };
    money.currency().map(of)
}

pub(super) fn amount(money: &Money, micro: i64) -> Amount {
    Amount { tokens: Tokens(micro), value: money.currency().map(|_| money.amount(micro)) }
}

fn location(row: hypervisor_group::Model) -> Location {
    let hypervisor_group::Model { id, name, label, description, icon, .. } = row;
    Location { id, name: label.filter(|label| !label.is_empty()).unwrap_or(name), description, icon }
}

fn size(money: &Money, one: offers::Size) -> Size {
    let fine = |micro| Amount { tokens: Tokens(micro), value: money.currency().map(|_| money.fine(micro)) };
    let row = one.package;
    Size {
        id: row.id,
        name: row.name,
        description: row.description,
        cpu_cores: row.cpu_cores,
        memory_mb: row.memory_mib,
        disk_gb: row.primary_storage_gib,
        traffic_gb: row.traffic_gb,
        hour: one.price.map(|price| fine(price.hour_micro)),
        month: one.price.map(|price| amount(money, price.month_micro)),
    }
}

pub(super) fn pack(one: offers::Pack) -> OwnPack {
    let offers::Pack { id, name, enabled, limits, used } = one;
    let share = |used, total, most| PackUse { used, total, most };
    OwnPack {
        id,
        name,
        enabled,
        servers: share(used.servers, limits.total_servers, 0),
        memory_mb: share(used.memory_mib, limits.total_memory_mib, limits.max_memory_mib),
        disk_gb: share(used.storage_gib, limits.total_storage_gib, limits.max_storage_gib),
        cpu_cores: share(used.cpu, limits.total_cpu, limits.max_cpu),
        traffic_gb: share(used.traffic_gb, limits.total_traffic_gb, limits.max_traffic_gb),
    }
}
