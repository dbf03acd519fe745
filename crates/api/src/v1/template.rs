//! OS templates as the Global API writes them, and as Berth takes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    pub arch: i32,
    pub r#type: String,
    pub uefi: bool,
    pub enabled: bool,
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
    #[serde(default = "x86_64")]
    pub arch: i32,
    /// `linux` (the default), `windows` or `unix`.
    #[serde(default = "linux")]
    pub r#type: String,
    #[serde(default)]
    pub uefi: bool,
    /// With `imageDigest`: where nodes fetch the image. Without: the image is uploaded afterwards.
    #[serde(default)]
    pub image_url: Option<String>,
    #[serde(default)]
    pub image_digest: Option<String>,
    /// Size of the disk that the image claims, where it is known.
    #[serde(default)]
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
