//! Network interfaces of servers.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
};

use crate::{
    Db, Micros, StoreError, Tx,
    entity::{
        firewall_rule, ip_whitelist, ipv4_address, ipv6_subnet,
        server_interface::{ActiveModel, Column, Entity, Model},
        traffic_counter,
    },
};

#[derive(Clone, Debug)]
pub struct NewInterface {
    pub server_id: i64,
    pub network_id: i64,
    /// 1 is the primary interface.
    pub position: i32,
    /// Ten decimal digits.
    pub tag: i64,
    pub mac: String,
    pub in_average_kbs: i64,
    pub out_average_kbs: i64,
    pub network_profile: i32,
    pub firewall_enabled: bool,
    pub settings: Settings,
    pub now: Micros,
}

/// What an interface has besides its speeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub driver: Option<i32>,
    pub ip_filter: bool,
    pub process_queues: Option<i32>,
    pub mtu: Option<i32>,
    pub port_isolated: bool,
    pub link_up: bool,
    pub in_burst_kb: i64,
    pub out_burst_kb: i64,
    pub packets_s: i64,
    /// Whether its addresses are told by DHCP.
    pub dhcp_v4: bool,
    pub dhcp_v6: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            driver: None,
            ip_filter: true,
            process_queues: None,
            mtu: None,
            port_isolated: false,
            link_up: true,
            in_burst_kb: 0,
            out_burst_kb: 0,
            packets_s: 0,
            dhcp_v4: false,
            dhcp_v6: false,
        }
    }
}

impl Settings {
    pub fn of(row: &Model) -> Self {
        Self {
            driver: row.driver,
            ip_filter: row.ip_filter,
            process_queues: row.process_queues,
            mtu: row.mtu,
            port_isolated: row.port_isolated,
            link_up: row.link_up,
            in_burst_kb: row.in_burst_kb,
            out_burst_kb: row.out_burst_kb,
            packets_s: row.packets_s,
            dhcp_v4: row.dhcp_v4,
            dhcp_v6: row.dhcp_v6,
        }
    }

    fn write(self, row: &mut ActiveModel) {
        row.driver = Set(self.driver);
        row.ip_filter = Set(self.ip_filter);
        row.process_queues = Set(self.process_queues);
        row.mtu = Set(self.mtu);
        row.port_isolated = Set(self.port_isolated);
        row.link_up = Set(self.link_up);
        row.in_burst_kb = Set(self.in_burst_kb);
        row.out_burst_kb = Set(self.out_burst_kb);
        row.packets_s = Set(self.packets_s);
        row.dhcp_v4 = Set(self.dhcp_v4);
        row.dhcp_v6 = Set(self.dhcp_v6);
    }
}

/// Fails with [`StoreError::Unique`] where the tag or the MAC is taken: draw again.
pub async fn insert(tx: &Tx, new: NewInterface) -> Result<Model, StoreError> {
    let mut row = ActiveModel {
        id: NotSet,
        server_id: Set(new.server_id),
        network_id: Set(new.network_id),
        position: Set(new.position),
        is_primary: Set(new.position == 1),
        enabled: Set(true),
        tag: Set(new.tag),
        mac: Set(new.mac),
        name: Set(format!("eth{}", new.position - 1)),
        in_average_kbs: Set(new.in_average_kbs),
        out_average_kbs: Set(new.out_average_kbs),
        network_profile: Set(new.network_profile),
        firewall_enabled: Set(new.firewall_enabled),
        quarantined: Set(false),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        throttle_kbs: Set(0),
        ..Default::default()
    };
    new.settings.write(&mut row);
    Ok(row.insert(tx).await?)
}

/// The most of either speed, in kB/s; 0 takes the throttle away.
pub async fn set_throttle(tx: &Tx, id: i64, throttle_kbs: i64, now: Micros) -> Result<(), StoreError> {
    let row = ActiveModel { throttle_kbs: Set(throttle_kbs), updated_at: Set(now), ..Default::default() };
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

/// Takes an interface away with all that is its own; its addresses and subnets are free again. What passed it stays
/// counted.
pub async fn remove(tx: &Tx, id: i64, now: Micros) -> Result<(), StoreError> {
    let four = ipv4_address::Entity::update_many().set(crate::ipv4_address::freed(now));
    four.filter(ipv4_address::Column::InterfaceId.eq(id)).exec(tx).await?;
    let six = ipv6_subnet::Entity::update_many().set(crate::ipv6_subnet::freed(now));
    six.filter(ipv6_subnet::Column::InterfaceId.eq(id)).exec(tx).await?;
    crate::address_history::all_released(tx, &[id], now).await?;
    crate::port_forward::forget(tx, &[id]).await?;
    crate::extra_mac::forget_unused(tx, &[id]).await?;
    crate::interface_vlan::forget(tx, &[id]).await?;
    firewall_rule::Entity::delete_many().filter(firewall_rule::Column::InterfaceId.eq(id)).exec(tx).await?;
    ip_whitelist::Entity::delete_many().filter(ip_whitelist::Column::InterfaceId.eq(id)).exec(tx).await?;
    traffic_counter::Entity::delete_by_id(id).exec(tx).await?;
    Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

pub async fn of_server(db: &impl Db, server_id: i64) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::ServerId.eq(server_id)).order_by_asc(Column::Position).all(db).await?)
}

/// What of an interface can be changed; its whole new state.
#[derive(Clone, Copy, Debug)]
pub struct InterfaceChange {
    pub settings: Settings,
    pub in_average_kbs: i64,
    pub out_average_kbs: i64,
    pub network_profile: i32,
    pub network_id: i64,
    pub now: Micros,
}

pub async fn update(tx: &Tx, id: i64, change: InterfaceChange) -> Result<(), StoreError> {
    let mut row = ActiveModel {
        in_average_kbs: Set(change.in_average_kbs),
        out_average_kbs: Set(change.out_average_kbs),
        network_profile: Set(change.network_profile),
        network_id: Set(change.network_id),
        updated_at: Set(change.now),
        ..Default::default()
    };
    change.settings.write(&mut row);
    Entity::update_many().set(row).filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}
