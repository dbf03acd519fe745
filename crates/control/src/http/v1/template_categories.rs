//! How templates are shown together.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::{
        confirm::Confirm,
        template::{CreateTemplateCategory, TemplateCategoryDetails, UpdateTemplateCategory},
    },
};
use berth_store::{entity::template_category as entity, template_category};

use crate::{
    Context, Error,
    actions::template_categories,
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

const CATEGORY: &str = "template category";

/// List categories of templates, in the order in which they are shown.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/media/templates/categories", tag = "Template categories",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of categories.", body = Page<TemplateCategoryDetails>)))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<TemplateCategoryDetails>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = template_category::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(shown).collect(), total)))
}

/// Create a category of templates.
///
/// An addition of Berth's.
#[utoipa::path(post, path = "/media/templates/categories", tag = "Template categories",
    request_body = CreateTemplateCategory,
    responses((status = 201, description = "The category.", body = Data<TemplateCategoryDetails>),
        (status = 409, description = "The name is another category's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateTemplateCategory>,
) -> Result<(StatusCode, Json<Data<TemplateCategoryDetails>>), Error> {
    let row = template_categories::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: shown(row) })))
}

/// Change a category of templates: what is named, nothing else.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/media/templates/categories/{categoryId}", tag = "Template categories",
    params(("categoryId" = i64, Path, description = "A category's id.")),
    request_body = UpdateTemplateCategory,
    responses((status = 200, description = "The category as it is now.", body = Data<TemplateCategoryDetails>),
        (status = 404, description = "There is no such category."),
        (status = 409, description = "The name is another category's."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateTemplateCategory>,
) -> Result<Json<Data<TemplateCategoryDetails>>, Error> {
    let row = template_categories::update(&ctx, &actor, extract::id(&id, CATEGORY)?, input).await?;
    Ok(Json(Data { data: shown(row) }))
}

/// Remove a category that has no templates.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/media/templates/categories/{categoryId}", tag = "Template categories",
    params(("categoryId" = i64, Path, description = "A category's id.")),
    request_body = Confirm,
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such category."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    template_categories::remove(&ctx, &actor, extract::id(&id, CATEGORY)?, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: entity::Model) -> TemplateCategoryDetails {
    let entity::Model { id, name, description, icon, position, created_at } = row;
    TemplateCategoryDetails { id, name, description, icon, position, created: time::offset(created_at) }
}
