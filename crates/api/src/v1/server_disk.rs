//! Operations on the disks of a server that exists.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use utoipa::ToSchema;

use super::{server::PendingAction, server_storage::ServerDisk};
use crate::lenient;

/// One more disk for a server.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CreateDisk {
    /// GB (binary), 1 to 65536.
    #[serde(deserialize_with = "lenient::option_i64")]
    #[schema(required = true)]
    pub size_gb: Option<i64>,
    /// A storage point of the server's hypervisor, 0 for its own folder; by default as placement chooses.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub storage_point_id: Option<i64>,
    /// What the whole disk is made with: `none` (the default), `ext4`, `xfs`, `btrfs` or `ntfs`, as far as the server's
    /// hypervisor has the programs.
    pub filesystem: Option<String>,
    /// `qcow2` or `raw`; by default as the package, the storage point or the hypervisor says.
    pub format: Option<String>,
    /// `virtio` (the default), `scsi` or `sata`.
    pub bus: Option<String>,
    /// `none`, `writethrough`, `writeback`, `directsync` or `unsafe`; null is the hypervisor's.
    pub cache: Option<String>,
    /// `threads` or `native`, which needs the cache `none` or `directsync`; null is QEMU's choice.
    pub io: Option<String>,
    /// What is not named is the package's.
    #[serde(deserialize_with = "qos")]
    pub qos: Option<DiskQos>,
    /// Now, where the server runs; otherwise at its next start.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub apply: Option<bool>,
}

/// A change of a disk; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpdateDisk {
    /// GB (binary), up to 65536. Disks only grow.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub size_gb: Option<i64>,
    /// `virtio`, `scsi` or `sata`; null is virtio. From the next start of the server on.
    #[serde(deserialize_with = "lenient::nullable_text")]
    pub bus: Option<Option<String>>,
    /// `none`, `writethrough`, `writeback`, `directsync` or `unsafe`; null is the hypervisor's. From the next start on.
    #[serde(deserialize_with = "lenient::nullable_text")]
    pub cache: Option<Option<String>>,
    /// `threads` or `native`, which needs the cache `none` or `directsync`; null is QEMU's choice. From the next start on.
    #[serde(deserialize_with = "lenient::nullable_text")]
    pub io: Option<Option<String>>,
    /// Limits that are not named stay.
    #[serde(deserialize_with = "qos")]
    pub qos: Option<DiskQos>,
    /// Now, as far as a running server takes it; otherwise at its next start.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub apply: Option<bool>,
}

/// Limits of a disk, each up to 10^12; 0 is none.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DiskQos {
    /// Operations a second.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub read_iops: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub write_iops: Option<i64>,
    /// Bytes a second.
    #[serde(deserialize_with = "lenient::option_i64")]
    pub read_bytes: Option<i64>,
    #[serde(deserialize_with = "lenient::option_i64")]
    pub write_bytes: Option<i64>,
}

/// Says that the removal is meant, and when.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RemoveDisk {
    /// Must be true: what is on the disk is gone.
    #[serde(deserialize_with = "lenient::bool")]
    #[schema(required = true)]
    pub confirm: bool,
    /// Now, if a running server gives it up; otherwise at its next power change.
    #[serde(deserialize_with = "lenient::option_bool")]
    pub apply: Option<bool>,
}

/// An object; a list is none, whatever is in it.
fn qos<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DiskQos>, D::Error> {
    deserializer.deserialize_option(Limits)
}

struct Limits;

impl<'de> Visitor<'de> for Limits {
    type Value = Option<DiskQos>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object of limits")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        DiskQos::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// A disk with what a change of it names, and what of it waits.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiskDetails {
    #[serde(flatten)]
    pub disk: ServerDisk,
    pub size_gb: i64,
    /// 0 is the hypervisor's own folder.
    pub storage_point_id: i64,
    /// `qcow2` or `raw`.
    pub format: String,
    /// `threads` or `native`; null is QEMU's choice.
    pub io: Option<String>,
    pub qos: ShownQos,
    /// What waits for the next power change.
    pub pending: Vec<PendingAction>,
}

/// Limits a second; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownQos {
    pub read_iops: i64,
    pub write_iops: i64,
    pub read_bytes: i64,
    pub write_bytes: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_an_object_and_what_is_null_is_told_from_what_is_left_out() {
        let read = |json: &str| serde_json::from_str::<UpdateDisk>(json);
        let change = read(r#"{"qos": {"readIops": "5", "writeBytes": 0}, "cache": null}"#).unwrap();
        let qos = DiskQos { read_iops: Some(5), write_bytes: Some(0), ..DiskQos::default() };
        assert_eq!((change.qos, change.cache, change.bus), (Some(qos), Some(None), None));
        for wrong in
            ["[]", "[5]", "\"x\"", "7", "true", r#"{"iops": 5}"#, r#"{"readIops": {}}"#, r#"{"readIops": 1.5}"#]
        {
            assert!(read(&format!("{{\"qos\": {wrong}}}")).is_err(), "{wrong}");
        }
        assert!(read(r#"{"filesystem": "xfs"}"#).is_err(), "a disk keeps what it was made with");
    }
}
