//! Rows of the small lists, of columns that fit all of them.

use sea_orm::QueryResult;

use super::{BuiltKey, PointUse};
use crate::{
    StoreError,
    entity::{firewall_rule, interface_vlan, ip_whitelist, pending_action, port_forward},
    server::Allocated,
};

pub(super) fn read_key(row: &QueryResult) -> Result<BuiltKey, StoreError> {
    Ok(BuiltKey {
        id: row.try_get("", "id")?,
        user_id: row.try_get("", "n1")?,
        key_type: row.try_get("", "t1")?,
        name: row.try_get("", "t2")?,
        public_key: row.try_get("", "t3")?,
        enabled: row.try_get("", "f1")?,
        created_at: row.try_get("", "n2")?,
    })
}

pub(super) fn read_pending(row: &QueryResult, server_id: i64) -> Result<pending_action::Model, StoreError> {
    let json = |column: &str| -> Result<serde_json::Value, StoreError> {
        let text: String = row.try_get("", column)?;
        serde_json::from_str(&text).map_err(|error| StoreError::Corrupt(format!("pending_actions: {error}")))
    };
    Ok(pending_action::Model {
        id: row.try_get("", "id")?,
        server_id,
        action: row.try_get("", "t1")?,
        requires: json("t2")?,
        collected: row.try_get("", "f1")?,
        complete: row.try_get("", "f2")?,
        failed: row.try_get("", "f3")?,
        payload: json("t3")?,
        waits_for: row.try_get("", "t4")?,
        generation: row.try_get("", "n3")?,
        created_at: row.try_get("", "n1")?,
        updated_at: row.try_get("", "n2")?,
    })
}

fn small(row: &QueryResult, column: &str) -> Result<i32, StoreError> {
    Ok(i32::try_from(row.try_get::<i64>("", column)?).unwrap_or_default())
}

pub(super) fn read_rule(row: &QueryResult) -> Result<firewall_rule::Model, StoreError> {
    let ports: String = row.try_get("", "t3")?;
    let (source_ports, destination_ports) = ports.split_once(' ').unwrap_or_default();
    Ok(firewall_rule::Model {
        id: row.try_get("", "id")?,
        ruleset_id: None,
        interface_id: Some(row.try_get("", "n1")?),
        priority: row.try_get("", "sorted")?,
        inbound: row.try_get("", "f1")?,
        accept: row.try_get("", "f2")?,
        family: small(row, "n3")?,
        protocol: small(row, "n4")?,
        source: row.try_get("", "t1")?,
        destination: row.try_get("", "t2")?,
        source_ports: source_ports.to_owned(),
        destination_ports: destination_ports.to_owned(),
        created_at: row.try_get("", "n2")?,
    })
}

pub(super) fn read_forward(row: &QueryResult) -> Result<port_forward::Model, StoreError> {
    let number = |column: &str| -> Result<i64, StoreError> {
        let text: String = row.try_get("", column)?;
        text.parse().map_err(|error| StoreError::Corrupt(format!("port_forwards: {error}")))
    };
    Ok(port_forward::Model {
        id: row.try_get("", "id")?,
        hypervisor_id: number("t3")?,
        interface_id: row.try_get("", "n1")?,
        protocol: row.try_get("", "t1")?,
        public_port: small(row, "n3")?,
        address: number("t2")?,
        port: small(row, "n4")?,
        created_at: row.try_get("", "n2")?,
    })
}

pub(super) fn read_vlan(row: &QueryResult) -> Result<interface_vlan::Model, StoreError> {
    Ok(interface_vlan::Model {
        id: row.try_get("", "id")?,
        interface_id: row.try_get("", "n1")?,
        vlan: row.try_get("", "sorted")?,
        native_mode: row.try_get("", "t1")?,
        trunk: row.try_get("", "f1")?,
        created_at: row.try_get("", "n2")?,
    })
}

pub(super) fn read_passed(row: &QueryResult) -> Result<ip_whitelist::Model, StoreError> {
    Ok(ip_whitelist::Model {
        id: row.try_get("", "id")?,
        interface_id: row.try_get("", "n1")?,
        family: small(row, "n3")?,
        address: row.try_get("", "t1")?,
        prefix_len: small(row, "n4")?,
        created_at: row.try_get("", "n2")?,
    })
}

pub(super) fn read_allocated(row: &QueryResult) -> Result<Allocated, StoreError> {
    Ok(Allocated {
        servers: row.try_get("", "n1")?,
        memory_mib: row.try_get("", "n2")?,
        cpu_cores: row.try_get("", "n3")?,
        storage_gib: row.try_get("", "n4")?,
        points: Vec::new(),
    })
}

pub(super) fn read_point(row: &QueryResult) -> Result<PointUse, StoreError> {
    Ok(PointUse {
        id: row.try_get("", "id")?,
        name: row.try_get("", "t1")?,
        kind: row.try_get("", "t2")?,
        location: row.try_get("", "t3")?,
        capacity_gib: row.try_get("", "n1")?,
        enabled: row.try_get("", "f1")?,
        allocated_gib: row.try_get("", "n2")?,
    })
}
