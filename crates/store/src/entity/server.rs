//! Virtual servers.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "servers")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub uuid: Uuid,
    pub owner_id: i64,
    pub hypervisor_id: i64,
    pub package_id: i64,
    pub template_id: Option<i64>,
    pub name: String,
    pub hostname: Option<String>,
    /// `allocated`, `queued`, `building`, `complete` or `failed`.
    pub state: String,
    pub commission_status: i32,
    pub rebuild: bool,
    pub suspended: bool,
    pub protected: bool,
    pub build_failed: bool,
    pub self_service: i32,
    pub timezone: String,
    pub memory_mib: i64,
    pub cpu_cores: i64,
    pub traffic_gb: i64,
    pub storage_profile: i32,
    pub network_profile: i32,
    pub cpu_type: String,
    pub cpu_shares: i64,
    pub cpu_throttle: i32,
    /// Of its processors' time that it is left after sustained use of them; 0 is no bound.
    pub cpu_fair_percent: i32,
    pub uefi: bool,
    pub boot_order: Json,
    /// Sealed; empty until the first build.
    pub password_enc: String,
    /// Crypt(3), for the seed; empty until the first build.
    pub password_hash: String,
    pub swap_mib: i64,
    pub user_data: String,
    pub vnc_enabled: bool,
    /// Of the newest build; names its volumes and its cloud-init instance.
    pub build_uuid: Option<Uuid>,
    /// Of the specification.
    pub generation: i64,
    /// The newest one that its node said to have carried out; 0 is none.
    pub applied_generation: i64,
    /// On the node; unique there.
    pub run_as_uid: i64,
    pub firewall_rulesets: Json,
    pub hypervisor_asset_groups: Json,
    pub backup_plan_id: Option<i64>,
    pub backup_access: String,
    pub delete_at: Option<i64>,
    pub deleting: bool,
    pub built_at: Option<i64>,
    pub last_on_at: Option<i64>,
    /// Last known: `running`, `off`, `paused`, `crashed` or `unknown`.
    pub power: String,
    pub power_at: Option<i64>,
    pub guest_agent: bool,
    /// Boots again when it is no longer suspended.
    pub ran_when_suspended: bool,
    /// In the drive, or to come.
    pub iso_id: Option<i64>,
    /// The node that has the disc; until it is the server's, the drive is empty.
    pub iso_hypervisor_id: Option<i64>,
    /// An administrator's own pieces of its definition, by section.
    pub custom_xml: Json,
    /// `inherit`, `q35`, `pc`, or one of a version.
    pub machine_type: String,
    /// 0 none, 1 TPM 1.2, 2 TPM 2.0.
    pub tpm_type: i32,
    /// `sha256:<hex>` or `sha512:<hex>` of what the newest build's disk is made from; empty until the first.
    pub image_digest: String,
    /// Of the template of the newest build: `linux`, `windows` or `unix`; empty until the first.
    pub os_type: String,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
