//! Icons for those who keep them; everybody sees them at `/img/logo/`.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::{confirm::Confirm, icon::Icon},
};
use berth_store::{
    entity::icon as entity,
    icon::{self, Line},
};

use crate::{
    Context, Error,
    actions::icons,
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        img,
        page::PageRequest,
    },
};

const ICON: &str = "icon";

/// List icons.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/media/icons", tag = "Icons",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of icons.", body = Page<Icon>)))]
pub async fn list(State(ctx): State<Context>, actor: Actor, page: PageRequest) -> Result<Json<Page<Icon>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = icon::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(shown).collect(), total)))
}

/// Upload an icon: a PNG, JPEG, GIF or WebP picture of at most 256 KiB as the body.
///
/// An addition of Berth's. Its name is made of the picture; templates, categories and groups of hypervisors take it.
/// Everybody may see it at `/img/logo/<name>`.
#[utoipa::path(post, path = "/media/icons", tag = "Icons",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "The icon, also where the same picture was there before.", body = Data<Icon>),
        (status = 422, description = "Why the picture is refused.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    picture: Bytes,
) -> Result<(StatusCode, Json<Data<Icon>>), Error> {
    let entity::Model { id, name, media_type, picture: _, created_at } =
        icons::create(&ctx, &actor, picture.to_vec()).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(Line { id, name, media_type, created_at }) })))
}

/// Remove an icon that nothing shows.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/media/icons/{iconId}", tag = "Icons",
    params(("iconId" = i64, Path, description = "An icon's id.")),
    request_body = Confirm,
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such icon."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    icons::remove(&ctx, &actor, extract::id(&id, ICON)?, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: Line) -> Icon {
    let Line { id, name, media_type, created_at } = row;
    Icon { id, path: format!("{}{name}", img::LOGOS), name, media_type, created: time::offset(created_at) }
}
