//! A server that exists is changed: its row, a disk, its interface's speed.

use berth_store::{
    Store, backup_plan, server,
    server_change::{self, Changes, DiskLimits},
    server_details, server_disk, server_interface,
};

use crate::{NOW, people::People, write_in};

/// The plan that is left of those in `goods.rs`.
const NIGHTLY: i64 = 1;

pub async fn tell(store: &Store, people: &People, web: i64) {
    row(store, people, web).await;
    parts(store, web).await;
}

async fn row(store: &Store, people: &People, web: i64) {
    let before = server::by_id(store.read(), web).await.unwrap().unwrap();
    let all = Changes {
        name: Some("renamed".to_owned()),
        owner_id: Some(people.mary),
        package_id: Some(before.package_id),
        memory_mib: Some(2048),
        cpu_cores: Some(4),
        cpu_throttle: Some(50),
        traffic_gb: Some(7),
        protected: Some(true),
        self_service: Some(0),
        suspended: Some(true),
        ran_when_suspended: Some(true),
        backup_access: Some("full".to_owned()),
        backup_plan_id: Some(Some(NIGHTLY)),
    };
    let after = write_in!(store, [all] | tx | server_change::change(tx, web, all, true, NOW + 5).await);
    let after = after.unwrap().unwrap();
    let wanted = server::by_id(store.read(), web).await.unwrap().unwrap();
    assert_eq!((&after, after.generation, after.updated_at), (&wanted, before.generation + 1, NOW + 5));
    assert_eq!((after.name.as_str(), after.owner_id, after.traffic_gb), ("renamed", people.mary, 7));
    assert_eq!((after.memory_mib, after.cpu_cores, after.cpu_throttle), (2048, 4, 50));
    assert!(after.protected && after.suspended && after.ran_when_suspended);
    assert_eq!((after.backup_access.as_str(), after.backup_plan_id), ("full", Some(NIGHTLY)));
    let details = server_details::by_id(store.read(), web).await.unwrap().unwrap();
    assert_eq!(details.backup_plan.unwrap().name, "Nightly");
    assert_eq!(backup_plan::uses(store.read(), NIGHTLY).await.unwrap(), (1, 0));

    let back = Changes {
        name: Some(before.name.clone()),
        owner_id: Some(before.owner_id),
        package_id: None,
        memory_mib: Some(before.memory_mib),
        cpu_cores: Some(before.cpu_cores),
        cpu_throttle: Some(0),
        traffic_gb: Some(before.traffic_gb),
        protected: Some(false),
        self_service: Some(0),
        suspended: Some(false),
        ran_when_suspended: Some(false),
        backup_access: Some("inherit".to_owned()),
        backup_plan_id: Some(None),
    };
    let after = write_in!(store, [back] | tx | server_change::change(tx, web, back, false, NOW + 3).await);
    let same = berth_store::entity::server::Model { generation: before.generation + 1, updated_at: NOW + 3, ..before };
    assert_eq!(after.unwrap(), Some(same), "and what the node need not follow has no new generation");
    let nobody = write_in!(store, |tx| server_change::change(tx, 999, Changes::default(), true, NOW).await);
    assert_eq!(nobody.unwrap(), None);
}

async fn parts(store: &Store, web: i64) {
    let db = store.read();
    let disks = server_disk::of_server(db, web).await.unwrap();
    let (first, second) = (disks[0].id, disks[1].id);
    let limits = DiskLimits { read_bytes_s: Some(1), write_bytes_s: Some(2), read_iops: Some(3), write_iops: Some(4) };
    let before = (disks[0].capacity_gib, DiskLimits { write_bytes_s: Some(1 << 20), ..DiskLimits::default() });
    for (capacity_gib, limits) in [(15, limits), before] {
        write_in!(store, |tx| server_change::change_disk(tx, first, capacity_gib, limits, NOW + 6).await).unwrap();
        let disk = server_disk::of_server(db, web).await.unwrap().remove(0);
        assert_eq!((disk.capacity_gib, disk.updated_at), (capacity_gib, NOW + 6));
        assert_eq!((disk.read_bytes_s, disk.write_bytes_s), (limits.read_bytes_s, limits.write_bytes_s));
        assert_eq!((disk.read_iops, disk.write_iops), (limits.read_iops, limits.write_iops));
    }
    assert_eq!((disks[1].status, disks[1].enabled), (server_disk::STATUS_PLANNED, false));
    write_in!(store, |tx| server_change::disks_made(tx, &[second], NOW + 7).await).unwrap();
    let disk = server_disk::of_server(db, web).await.unwrap().remove(1);
    assert_eq!((disk.status, disk.enabled, disk.updated_at), (server_disk::STATUS_READY, true, NOW + 7));

    let interface = server_interface::of_server(db, web).await.unwrap().remove(0).id;
    write_in!(store, |tx| server_change::change_speed(tx, interface, (300, 400), 500, NOW + 8).await).unwrap();
    let row = server_interface::of_server(db, web).await.unwrap().remove(0);
    assert_eq!((row.in_average_kbs, row.out_average_kbs), (300, 400));
    assert_eq!((row.packets_s, row.updated_at), (500, NOW + 8));
}
