//! OS templates as the Global API writes them, and as Berth takes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::lenient;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TemplateCategory {
    pub name: String,
    pub description: String,
    pub icon: String,
    pub templates: Vec<Template>,
    pub id: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Template {
    pub id: i64,
    pub name: String,
    pub version: String,
    pub variant: Option<String>,
    /// 1 x86_64, 2 aarch64.
    pub arch: i32,
    pub description: String,
    pub icon: String,
    pub eol: bool,
    pub eol_date: String,
    pub eol_warning: bool,
    pub deploy_type: i32,
    pub vnc: bool,
    /// `linux`, `windows` or `unix`.
    pub r#type: String,
}

/// A template for those who keep them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateDetails {
    pub id: i64,
    /// Name of the recipe or of the catalogue's entry, unique.
    pub slug: String,
    pub name: String,
    pub version: String,
    pub variant: Option<String>,
    pub category_id: i64,
    pub description: String,
    pub icon: String,
    /// 1 x86_64, 2 aarch64: it is built on nodes of that kind only.
    pub arch: i32,
    pub r#type: String,
    pub uefi: bool,
    pub enabled: bool,
    /// From the day of `eolDate` on it is true by itself.
    pub eol: bool,
    pub eol_date: Option<String>,
    pub eol_warning: bool,
    /// Packages whose servers it is offered to; all of them where there is none.
    pub package_ids: Vec<i64>,
    /// `sha256:<hex>` or `sha512:<hex>`; empty until there is an image.
    pub image_digest: String,
    /// Where nodes fetch the image; null where the control server hands it over.
    pub image_url: Option<String>,
    pub image_bytes: i64,
    pub image_virtual_bytes: i64,
    pub created: String,
    pub updated: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTemplate {
    /// 1 to 64 of `a-z0-9.-`, unique; the same slug again answers the template that is there.
    pub slug: String,
    pub name: String,
    pub version: String,
    #[serde(default)]
    pub variant: Option<String>,
    #[serde(default)]
    pub description: String,
    /// Made where it is missing; by default the template's name.
    #[serde(default)]
    pub category: Option<String>,
    #[serde(default = "default_icon")]
    pub icon: String,
    /// 1 x86_64 (the default), 2 aarch64.
    #[serde(default = "x86_64", deserialize_with = "lenient::i32")]
    pub arch: i32,
    /// `linux` (the default), `windows` or `unix`.
    #[serde(default = "linux")]
    pub r#type: String,
    #[serde(default, deserialize_with = "lenient::bool")]
    pub uefi: bool,
    /// With `imageDigest`: where nodes fetch the image. Without: the image is uploaded afterwards.
    #[serde(default)]
    pub image_url: Option<String>,
    #[serde(default)]
    pub image_digest: Option<String>,
    /// Size of the disk that the image claims, where it is known.
    #[serde(default, deserialize_with = "lenient::i64")]
    pub image_virtual_bytes: i64,
}

fn default_icon() -> String {
    "linux_logo.png".to_owned()
}

fn x86_64() -> i32 {
    1
}

fn linux() -> String {
    "linux".to_owned()
}

/// What is to change of a template; what is left out stays. Servers that were built keep what they have.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateTemplate {
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub version: Option<String>,
    /// Null takes it away.
    #[serde(deserialize_with = "lenient::nullable_text")]
    #[schema(value_type = Option<String>)]
    pub variant: Option<Option<String>>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub description: Option<String>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub category_id: Option<i64>,
    /// Name of an icon.
    #[serde(deserialize_with = "lenient::option_text")]
    pub icon: Option<String>,
    /// 1 x86_64, 2 aarch64.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub arch: Option<i64>,
    /// `linux`, `windows` or `unix`.
    #[serde(deserialize_with = "lenient::option_text")]
    pub r#type: Option<String>,
    /// Whether new builds start by UEFI.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub uefi: Option<bool>,
    /// Whether it is offered.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub enabled: Option<bool>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub eol: Option<bool>,
    /// `YYYY-MM-DD`; null takes it away.
    #[serde(deserialize_with = "lenient::nullable_text")]
    #[schema(value_type = Option<String>)]
    pub eol_date: Option<Option<String>>,
    #[serde(deserialize_with = "lenient::option_bool")]
    pub eol_warning: Option<bool>,
    /// Replaces those that there are; an empty list offers it to all packages.
    #[serde(deserialize_with = "lenient::option_list_i64")]
    pub package_ids: Option<Vec<i64>>,
    /// With `imageDigest`: where nodes fetch the image of new builds.
    #[serde(deserialize_with = "lenient::option_text")]
    pub image_url: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub image_digest: Option<String>,
    /// Size of the disk that the image claims.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub image_virtual_bytes: Option<i64>,
}

/// How templates are shown together, for those who keep them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateCategoryDetails {
    pub id: i64,
    pub name: String,
    pub description: String,
    pub icon: String,
    /// Low ones are shown first.
    pub position: i32,
    pub created: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTemplateCategory {
    /// 1 to 100 characters, unique.
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default = "default_icon")]
    pub icon: String,
    /// -1000 to 1000; by default 0.
    #[serde(default, deserialize_with = "lenient::i64")]
    pub position: i64,
}

/// What is to change of a category; what is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateTemplateCategory {
    #[serde(deserialize_with = "lenient::option_text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::option_text")]
    pub description: Option<String>,
    /// Name of an icon.
    #[serde(deserialize_with = "lenient::option_text")]
    pub icon: Option<String>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub position: Option<i64>,
}
