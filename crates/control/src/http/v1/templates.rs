//! OS templates.

use axum::{
    Json,
    body::Body as RawBody,
    extract::{Path, State},
    http::StatusCode,
};
use berth_api::{
    data::Data,
    page::Page,
    time,
    v1::{
        confirm::Confirm,
        template::{CreateTemplate, Template, TemplateCategory, TemplateDetails, UpdateTemplate},
    },
};
use berth_store::{
    Micros,
    entity::{template as entity, template_category},
    package, server, template,
};

use crate::{
    Context, Error,
    actions::{
        template_changes,
        template_choice::{self, Choice},
        templates,
    },
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

const TEMPLATE: &str = "template";

/// Retrieve the templates that fit a package, by category.
#[utoipa::path(get, path = "/media/templates/fromServerPackageSpec/{serverPackageId}", tag = "Media",
    params(("serverPackageId" = i64, Path, description = "A package's id.")),
    responses((status = 200, description = "Categories with their templates.", body = Data<Vec<TemplateCategory>>),
        (status = 404, description = "There is no such package.")))]
pub async fn of_package(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<TemplateCategory>>>, Error> {
    actor.require(Ability::Read)?;
    let row =
        package::by_id(ctx.store.read(), extract::id(&id, "package")?).await?.ok_or(Error::NotFound("package"))?;
    Ok(Json(Data { data: shown_by_category(&ctx, template_choice::of_package(&ctx, &row).await?) }))
}

/// Retrieve the templates that fit a server, by category.
#[utoipa::path(get, path = "/servers/{serverId}/templates", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "Categories with their templates.", body = Data<Vec<TemplateCategory>>),
        (status = 404, description = "There is no such server.")))]
pub async fn of_server(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<TemplateCategory>>>, Error> {
    actor.require(Ability::Read)?;
    let row = server::by_id(ctx.store.read(), extract::id(&id, "server")?).await?.ok_or(Error::NotFound("server"))?;
    Ok(Json(Data { data: shown_by_category(&ctx, template_choice::of_server(&ctx, &row).await?) }))
}

fn shown_by_category(ctx: &Context, choice: Choice) -> Vec<TemplateCategory> {
    let now = ctx.now();
    choice.into_iter().map(|(of, rows)| category(of, rows, now)).collect()
}

/// List templates for those who keep them.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/media/templates", tag = "Media",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of templates.", body = Page<TemplateDetails>)))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<TemplateDetails>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = template::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(details(&ctx, rows).await?, total)))
}

/// Retrieve a template, for those who keep it.
#[utoipa::path(get, path = "/media/templates/{templateId}", tag = "Media",
    params(("templateId" = i64, Path, description = "A template's id.")),
    responses((status = 200, description = "The template.", body = Data<TemplateDetails>),
        (status = 404, description = "There is no such template.")))]
pub async fn retrieve(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<TemplateDetails>>, Error> {
    actor.require(Ability::Read)?;
    let id = extract::id(&id, TEMPLATE)?;
    let row = template::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound(TEMPLATE))?;
    one(&ctx, row).await
}

/// Change a template: what is named, nothing else. Servers that were built keep what they have.
///
/// An addition of Berth's.
#[utoipa::path(put, path = "/media/templates/{templateId}", tag = "Media",
    params(("templateId" = i64, Path, description = "A template's id.")),
    request_body = UpdateTemplate,
    responses((status = 200, description = "The template as it is now.", body = Data<TemplateDetails>),
        (status = 404, description = "There is no such template."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn update(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(input): Body<UpdateTemplate>,
) -> Result<Json<Data<TemplateDetails>>, Error> {
    let changed = template_changes::update(&ctx, &actor, extract::id(&id, TEMPLATE)?, input).await?;
    one(&ctx, changed.template).await
}

/// Remove a template that no server is built from.
///
/// An addition of Berth's.
#[utoipa::path(delete, path = "/media/templates/{templateId}", tag = "Media",
    params(("templateId" = i64, Path, description = "A template's id.")),
    request_body = Confirm,
    responses((status = 204, description = "It is removed."),
        (status = 404, description = "There is no such template."),
        (status = 422, description = "What is in the way.")))]
pub async fn remove(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    Body(confirm): Body<Confirm>,
) -> Result<StatusCode, Error> {
    template_changes::remove(&ctx, &actor, extract::id(&id, TEMPLATE)?, confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Create a template, with an image by URL or to be uploaded.
///
/// An addition of Berth's. The same slug again answers the template that is there.
#[utoipa::path(post, path = "/media/templates", tag = "Media", request_body = CreateTemplate,
    responses((status = 201, description = "The template.", body = Data<TemplateDetails>),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateTemplate>,
) -> Result<(StatusCode, Json<Data<TemplateDetails>>), Error> {
    let row = templates::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, one(&ctx, row).await?))
}

/// Upload a template's image: a qcow2 file of at most 32 GiB as the body.
///
/// An addition of Berth's. Images with a backing file, a data file or snapshots are refused.
#[utoipa::path(put, path = "/media/templates/{templateId}/image", tag = "Media",
    params(("templateId" = i64, Path, description = "A template's id.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The template with its image.", body = Data<TemplateDetails>),
        (status = 404, description = "There is no such template."),
        (status = 422, description = "Why the image is refused.")))]
pub async fn upload(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    body: RawBody,
) -> Result<Json<Data<TemplateDetails>>, Error> {
    let row = templates::upload(&ctx, &actor, extract::id(&id, TEMPLATE)?, body).await?;
    one(&ctx, row).await
}

fn category(of: template_category::Model, rows: Vec<entity::Model>, now: Micros) -> TemplateCategory {
    let template_category::Model { id, name, description, icon, position: _, created_at: _ } = of;
    TemplateCategory { name, description, icon, templates: rows.into_iter().map(|row| shown(row, now)).collect(), id }
}

/// An end of life that was set, or whose day has come.
fn has_ended(row: &entity::Model, now: Micros) -> bool {
    row.eol || row.eol_date.is_some_and(|day| day <= now)
}

fn shown(row: entity::Model, now: Micros) -> Template {
    Template {
        id: row.id,
        eol: has_ended(&row, now),
        name: row.name,
        version: row.version,
        variant: row.variant,
        arch: row.arch,
        description: row.description,
        icon: row.icon,
        // Never null in the Global API, whose examples show the day of creation where `eol` is false.
        eol_date: time::plain(row.eol_date.unwrap_or(row.created_at)),
        eol_warning: row.eol_warning,
        deploy_type: row.deploy_type,
        vnc: row.vnc,
        r#type: row.os_type,
    }
}

async fn one(ctx: &Context, row: entity::Model) -> Result<Json<Data<TemplateDetails>>, Error> {
    let data = details(ctx, vec![row]).await?.pop().ok_or(Error::NotFound(TEMPLATE))?;
    Ok(Json(Data { data }))
}

async fn details(ctx: &Context, rows: Vec<entity::Model>) -> Result<Vec<TemplateDetails>, Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let kept = template::packages(ctx.store.read(), &ids).await?;
    let now = ctx.now();
    let whole = |row: entity::Model| TemplateDetails {
        package_ids: kept.iter().filter(|(id, _)| *id == row.id).map(|(_, package)| *package).collect(),
        id: row.id,
        eol: has_ended(&row, now),
        slug: row.slug,
        name: row.name,
        version: row.version,
        variant: row.variant,
        category_id: row.category_id,
        description: row.description,
        icon: row.icon,
        arch: row.arch,
        r#type: row.os_type,
        uefi: row.uefi,
        enabled: row.enabled,
        eol_date: row.eol_date.map(|day| time::plain(day).chars().take(10).collect()),
        eol_warning: row.eol_warning,
        image_digest: row.image_digest,
        image_url: row.image_url,
        image_bytes: row.image_bytes,
        image_virtual_bytes: row.image_virtual_bytes,
        created: time::offset(row.created_at),
        updated: time::offset(row.updated_at),
    };
    Ok(rows.into_iter().map(whole).collect())
}
