//! OS templates and how they are shown together.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::{
    Micros, StoreError, Tx,
    entity::{
        server,
        template::{ActiveModel, Column, Entity, Model},
        template_category, template_package,
    },
    joined,
};

#[derive(Clone, Debug)]
pub struct NewTemplate {
    pub uuid: Uuid,
    pub category_id: i64,
    pub slug: String,
    pub name: String,
    pub version: String,
    pub variant: Option<String>,
    pub arch: i32,
    pub description: String,
    pub icon: String,
    pub os_type: String,
    pub uefi: bool,
    pub image_digest: String,
    pub image_url: Option<String>,
    pub image_virtual_bytes: i64,
    pub now: Micros,
}

pub async fn insert(tx: &Tx, new: NewTemplate) -> Result<Model, StoreError> {
    let row = ActiveModel {
        uuid: Set(new.uuid),
        category_id: Set(new.category_id),
        slug: Set(new.slug),
        name: Set(new.name),
        version: Set(new.version),
        variant: Set(new.variant),
        arch: Set(new.arch),
        description: Set(new.description),
        icon: Set(new.icon),
        eol: Set(false),
        eol_date: Set(None),
        eol_warning: Set(false),
        // A disk made from an image, which is all that there is; no template switches a server's screen on by itself.
        deploy_type: Set(1),
        vnc: Set(false),
        os_type: Set(new.os_type),
        uefi: Set(new.uefi),
        enabled: Set(true),
        image_digest: Set(new.image_digest),
        image_url: Set(new.image_url),
        image_bytes: Set(0),
        image_virtual_bytes: Set(new.image_virtual_bytes),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

pub async fn by_id(db: &impl ConnectionTrait, id: i64) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

pub async fn by_slug(db: &impl ConnectionTrait, slug: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Slug.eq(slug)).one(db).await?)
}

/// In order of their ids, and how many there are.
pub async fn page(db: &impl ConnectionTrait, offset: u64, limit: u64) -> Result<(Vec<Model>, u64), StoreError> {
    let query = Entity::find();
    let total = query.clone().count(db).await?;
    Ok((query.order_by_asc(Column::Id).offset(offset).limit(limit).all(db).await?, total))
}

/// What a template must fit to be offered.
#[derive(Clone, Copy, Debug)]
pub struct Fitting {
    /// Of the disk that it is built on.
    pub disk_bytes: i64,
    pub package_id: i64,
    /// 1 x86_64, 2 aarch64; any where it is not known which node it will be.
    pub arch: Option<i32>,
}

/// Enabled ones with an image that fit, with their categories in their order.
pub async fn available(
    db: &impl ConnectionTrait,
    wanted: Fitting,
) -> Result<Vec<(template_category::Model, Vec<Model>)>, StoreError> {
    let mut query = Entity::find()
        .filter(Column::Enabled.eq(true))
        .filter(Column::ImageDigest.ne(""))
        .filter(Column::ImageVirtualBytes.lte(wanted.disk_bytes));
    if let Some(arch) = wanted.arch {
        query = query.filter(Column::Arch.eq(arch));
    }
    let mut fitting = query.order_by_asc(Column::Id).all(db).await?;
    let ids: Vec<i64> = fitting.iter().map(|template| template.id).collect();
    let kept = packages(db, &ids).await?;
    fitting.retain(|template| is_kept_for(&kept, template.id, wanted.package_id));
    let categories = template_category::Entity::find()
        .order_by_asc(template_category::Column::Position)
        .order_by_asc(template_category::Column::Id)
        .all(db)
        .await?;
    let of = |category: template_category::Model| {
        let templates: Vec<Model> =
            fitting.iter().filter(|template| template.category_id == category.id).cloned().collect();
        (category, templates)
    };
    Ok(categories.into_iter().map(of).filter(|(_, templates)| !templates.is_empty()).collect())
}

/// A template that is kept for no package is for all of them.
pub fn is_kept_for(kept: &[(i64, i64)], template_id: i64, package_id: i64) -> bool {
    let mut own = kept.iter().filter(|(template, _)| *template == template_id).peekable();
    own.peek().is_none() || own.any(|(_, package)| *package == package_id)
}

/// Pairs of template and package, for those of these templates that are kept for some packages only.
pub async fn packages(db: &impl ConnectionTrait, template_ids: &[i64]) -> Result<Vec<(i64, i64)>, StoreError> {
    use template_package::Column;
    let query = template_package::Entity::find().filter(Column::TemplateId.is_in(template_ids.iter().copied()));
    let rows = query.order_by_asc(Column::TemplateId).order_by_asc(Column::PackageId).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.template_id, row.package_id)).collect())
}

/// Keeps a template for these packages; without any it is for all.
pub async fn set_packages(tx: &Tx, template_id: i64, package_ids: &[i64]) -> Result<(), StoreError> {
    let own = template_package::Column::TemplateId.eq(template_id);
    template_package::Entity::delete_many().filter(own).exec(tx).await?;
    for package_id in package_ids {
        let row = template_package::ActiveModel {
            template_id: Set(template_id),
            package_id: Set(*package_id),
            ..Default::default()
        };
        template_package::Entity::insert(row).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Slugs of the templates that are kept for this package and no other.
pub async fn kept_for_only(db: &impl ConnectionTrait, package_id: i64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT t.slug AS slug FROM templates t JOIN template_packages p ON p.template_id = t.id \
               GROUP BY t.id, t.slug HAVING COUNT(*) = 1 AND MAX(p.package_id) = $1 ORDER BY t.id";
    let rows = joined::all(db, sql, vec![package_id.into()]).await?;
    Ok(rows.iter().map(|row| row.try_get("", "slug")).collect::<Result<_, _>>()?)
}

/// Writes every column but the id and the time of creation.
pub async fn update(tx: &Tx, row: Model, now: Micros) -> Result<Model, StoreError> {
    let change = ActiveModel { updated_at: Set(now), ..row.into_active_model().reset_all() };
    Ok(Entity::update(change).exec(tx).await?)
}

/// How many servers were last built from a template, those that are being deleted included.
pub async fn servers(db: &impl ConnectionTrait, id: i64) -> Result<u64, StoreError> {
    Ok(server::Entity::find().filter(server::Column::TemplateId.eq(id)).count(db).await?)
}

/// Removes a template that no server was built from.
pub async fn remove(tx: &Tx, id: i64) -> Result<(), StoreError> {
    set_packages(tx, id, &[]).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// The image that new builds take.
pub async fn set_image(
    tx: &Tx,
    id: i64,
    digest: &str,
    bytes: i64,
    virtual_bytes: i64,
    now: Micros,
) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: Set(id),
        image_digest: Set(digest.to_owned()),
        image_url: Set(None),
        image_bytes: Set(bytes),
        image_virtual_bytes: Set(virtual_bytes),
        updated_at: Set(now),
        ..Default::default()
    };
    Ok(Entity::update(row).exec(tx).await?)
}
