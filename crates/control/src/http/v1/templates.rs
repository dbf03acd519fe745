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
    v1::template::{CreateTemplate, Template, TemplateCategory, TemplateDetails},
};
use berth_store::{
    entity::{template as entity, template_category},
    package, server, server_disk, template,
};

use crate::{
    Context, Error,
    actions::templates,
    actor::{Ability, Actor},
    http::{
        extract::{self, Body},
        page::PageRequest,
    },
};

const TEMPLATE: &str = "template";
const GIB: i64 = 1 << 30;

/// Retrieve the templates that fit a package, by category.
#[utoipa::path(get, path = "/media/templates/fromServerPackageSpec/{serverPackageId}", tag = "Media",
    params(("serverPackageId" = i64, Path, description = "A package's id.")),
    responses((status = 200, description = "Categories with their templates.", body = Data<Vec<TemplateCategory>>), (status = 401, description = "The token is missing or wrong."),
        (status = 404, description = "There is no such package.")))]
pub async fn of_package(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<TemplateCategory>>>, Error> {
    actor.require(Ability::Read)?;
    let row =
        package::by_id(ctx.store.read(), extract::id(&id, "package")?).await?.ok_or(Error::NotFound("package"))?;
    available(&ctx, row.primary_storage_gib).await
}

/// Retrieve the templates that fit a server, by category.
#[utoipa::path(get, path = "/servers/{serverId}/templates", tag = "Servers",
    params(("serverId" = i64, Path, description = "A server's id.")),
    responses((status = 200, description = "Categories with their templates.", body = Data<Vec<TemplateCategory>>), (status = 401, description = "The token is missing or wrong."),
        (status = 404, description = "There is no such server.")))]
pub async fn of_server(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<TemplateCategory>>>, Error> {
    actor.require(Ability::Read)?;
    let id = extract::id(&id, "server")?;
    server::by_id(ctx.store.read(), id).await?.ok_or(Error::NotFound("server"))?;
    let disks = server_disk::of_server(ctx.store.read(), id).await?;
    available(&ctx, disks.iter().find(|disk| disk.is_primary).map_or(0, |disk| disk.capacity_gib)).await
}

async fn available(ctx: &Context, disk_gib: i64) -> Result<Json<Data<Vec<TemplateCategory>>>, Error> {
    let found = template::available(ctx.store.read(), disk_gib.saturating_mul(GIB)).await?;
    Ok(Json(Data { data: found.into_iter().map(|(of, rows)| category(of, rows)).collect() }))
}

/// List templates for those who keep them.
///
/// An addition of Berth's.
#[utoipa::path(get, path = "/media/templates", tag = "Media",
    params(("results" = Option<u64>, Query, description = "1 to 200, by default 20."),
        ("page" = Option<u64>, Query, description = "From 1.")),
    responses((status = 200, description = "A page of templates.", body = Page<TemplateDetails>), (status = 401, description = "The token is missing or wrong.")))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    page: PageRequest,
) -> Result<Json<Page<TemplateDetails>>, Error> {
    actor.require(Ability::Read)?;
    let (rows, total) = template::page(ctx.store.read(), page.offset(), page.results).await?;
    Ok(Json(page.wrap(rows.into_iter().map(details).collect(), total)))
}

/// Create a template, with an image by URL or to be uploaded.
///
/// An addition of Berth's. The same slug again answers the template that is there.
#[utoipa::path(post, path = "/media/templates", tag = "Media", request_body = CreateTemplate,
    responses((status = 201, description = "The template.", body = Data<TemplateDetails>), (status = 401, description = "The token is missing or wrong."),
        (status = 422, description = "Which fields are wrong.")))]
pub async fn create(
    State(ctx): State<Context>,
    actor: Actor,
    Body(input): Body<CreateTemplate>,
) -> Result<(StatusCode, Json<Data<TemplateDetails>>), Error> {
    let row = templates::create(&ctx, &actor, input).await?;
    Ok((StatusCode::CREATED, Json(Data { data: details(row) })))
}

/// Upload a template's image: a qcow2 file of at most 32 GiB as the body.
///
/// An addition of Berth's. Images with a backing file, a data file or snapshots are refused.
#[utoipa::path(put, path = "/media/templates/{templateId}/image", tag = "Media",
    params(("templateId" = i64, Path, description = "A template's id.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The template with its image.", body = Data<TemplateDetails>), (status = 401, description = "The token is missing or wrong."),
        (status = 404, description = "There is no such template."),
        (status = 422, description = "Why the image is refused.")))]
pub async fn upload(
    State(ctx): State<Context>,
    actor: Actor,
    Path(id): Path<String>,
    body: RawBody,
) -> Result<Json<Data<TemplateDetails>>, Error> {
    let row = templates::upload(&ctx, &actor, extract::id(&id, TEMPLATE)?, body).await?;
    Ok(Json(Data { data: details(row) }))
}

fn category(of: template_category::Model, rows: Vec<entity::Model>) -> TemplateCategory {
    let template_category::Model { id, name, description, icon, position: _, created_at: _ } = of;
    TemplateCategory { name, description, icon, templates: rows.into_iter().map(shown).collect(), id }
}

fn shown(row: entity::Model) -> Template {
    Template {
        id: row.id,
        name: row.name,
        version: row.version,
        variant: row.variant,
        arch: row.arch,
        description: row.description,
        icon: row.icon,
        eol: row.eol,
        eol_date: time::plain(row.eol_date.unwrap_or(row.created_at)),
        eol_warning: row.eol_warning,
        deploy_type: row.deploy_type,
        vnc: row.vnc,
        r#type: row.os_type,
    }
}

fn details(row: entity::Model) -> TemplateDetails {
    TemplateDetails {
        id: row.id,
        slug: row.slug,
        name: row.name,
        version: row.version,
        variant: row.variant,
        category_id: row.category_id,
        arch: row.arch,
        r#type: row.os_type,
        uefi: row.uefi,
        enabled: row.enabled,
        image_digest: row.image_digest,
        image_url: row.image_url,
        image_bytes: row.image_bytes,
        image_virtual_bytes: row.image_virtual_bytes,
        created: time::offset(row.created_at),
        updated: time::offset(row.updated_at),
    }
}
