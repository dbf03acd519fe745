//! What is found out about nodes: self-tests, differences from the database, and when periodic work was last due.

use berth_store::{
    Store,
    drift::{self, Found},
    hypervisor_metric, periodic,
    selftest::{self, NewSelftest, StorageTest},
    storage_metric::{self, Figures, Io},
    storage_point::{self, NewPoint, Report},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use crate::{NOW, SECOND, nodes::Nodes, uuid, write_in};

pub async fn tell(store: &Store, nodes: &Nodes, server: i64) {
    selftests(store, nodes).await;
    storage(store, nodes, server).await;
    differences(store, nodes, server).await;
    due(store).await;
}

async fn selftests(store: &Store, nodes: &Nodes) {
    let (db, node) = (store.read(), nodes.first);
    let tested_on = async |group, kind| selftest::tested_on(db, group, kind).await.unwrap();
    let newest_of = async |node| selftest::tested(db, node, "directory").await.unwrap();
    assert_eq!(selftest::newest(db, &[node]).await.unwrap(), []);
    assert!(tested_on(nodes.group, "directory").await.is_empty());
    assert_eq!(newest_of(node).await, None, "nothing is known before the first");
    let new = |job_id: i64, passed: bool| NewSelftest {
        hypervisor_id: node,
        job_id,
        passed,
        checks: json!([{ "name": "storage" }]),
        storage: vec![tested("directory", "", passed), tested("zfs", "tank", passed)],
        now: NOW + job_id,
    };
    for (job, passed) in [(1, true), (2, false)] {
        let new = new(job, passed);
        write_in!(store, [new] | tx | selftest::record(tx, new).await).unwrap();
    }
    let newest = selftest::newest(db, &[node, nodes.second]).await.unwrap().remove(0);
    assert_eq!((newest.job_id, newest.passed, newest.finished_at), (2, false, NOW + 2));
    assert_eq!(tested_on(nodes.group, "directory").await, [(node, false)]);
    assert_eq!((tested_on(999, "directory").await, tested_on(nodes.group, "lvm").await), (vec![], vec![]));
    assert_eq!((newest_of(node).await, newest_of(nodes.second).await), (Some(false), None));
    for job in 2..40 {
        let new = new(job, true);
        write_in!(store, [new] | tx | selftest::record(tx, new).await).unwrap();
    }
    assert_eq!(tested_on(nodes.group, "directory").await, [(node, true)], "the newest counts");
    assert_eq!(newest_of(node).await, Some(true));
    assert_eq!(selftest::newest(db, &[node, nodes.second]).await.unwrap().remove(0).job_id, 39);
}

fn tested(kind: &str, location: &str, passed: bool) -> StorageTest {
    StorageTest { kind: kind.to_owned(), location: location.to_owned(), passed, detail: "As it is.".to_owned() }
}

async fn storage(store: &Store, nodes: &Nodes, server: i64) {
    let (db, node) = (store.read(), nodes.first);
    let local = storage_point::local(db, node).await.unwrap().unwrap();
    assert_eq!((local.is_local, local.kind.as_str(), local.test_passed), (true, "directory", Some(true)));
    write_in!(store, |tx| storage_point::ensure_local(tx, node, NOW).await).unwrap();
    let new = NewPoint {
        hypervisor_id: node,
        name: "fast".to_owned(),
        kind: "zfs".to_owned(),
        location: "tank".to_owned(),
        capacity_gib: 100,
        alert_percent: 90,
        enabled: true,
        disk_format: "raw".to_owned(),
        now: NOW,
    };
    let again = new.clone();
    let point = write_in!(store, [new] | tx | storage_point::insert(tx, new).await).unwrap();
    let twice = write_in!(store, [again] | tx | storage_point::insert(tx, again).await).unwrap_err();
    assert!(
        twice.violates("storage_points", &["hypervisor_id", "name"])
            || twice.violates("storage_points", &["hypervisor_id", "kind", "location"])
    );
    let id = point.id;
    let all = storage_point::of_hypervisors(db, &[node, nodes.second]).await.unwrap();
    assert_eq!(all.iter().map(|point| point.is_local).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(storage_point::of_group(db, nodes.group).await.unwrap(), all);
    assert_eq!(storage_point::of_group(db, 999).await.unwrap(), []);
    assert_eq!(storage_point::by_id(db, node, id).await.unwrap().as_ref(), Some(&point));
    assert_eq!(storage_point::by_id(db, nodes.second, id).await.unwrap(), None, "it is the other node's");
    let told = Report { total_bytes: 10, used_bytes: 9, trouble: "It is old.".to_owned() };
    write_in!(
        store,
        [told] | tx | {
            storage_point::report(tx, id, told, NOW + 1).await?;
            assert!(storage_point::set_alerted(tx, id, Some(NOW)).await?);
            assert!(!storage_point::set_alerted(tx, id, Some(NOW + 1)).await?, "that is known");
            storage_point::tested(tx, node, ("zfs", "tank"), (true, "Good."), NOW).await
        }
    )
    .unwrap();
    let row = storage_point::by_id(db, node, id).await.unwrap().unwrap();
    assert_eq!((row.used_bytes, row.trouble.as_str(), row.alerted_at), (Some(9), "It is old.", Some(NOW)));
    assert_eq!((row.test_passed, row.test_detail.as_str(), row.tested_at), (Some(true), "Good.", Some(NOW)));
    let change = berth_store::entity::storage_point::Model { capacity_gib: 7, total_bytes: None, ..row.clone() };
    let changed = write_in!(store, [change] | tx | storage_point::update(tx, change, NOW + 3).await).unwrap();
    assert_eq!((changed.capacity_gib, changed.total_bytes, changed.updated_at), (7, Some(10), NOW + 3));
    assert!(write_in!(store, |tx| storage_point::set_alerted(tx, id, None).await).unwrap());

    let before = berth_store::server::allocated(db, &[node]).await.unwrap().remove(0).1;
    move_disks(store, server, Some(id)).await;
    let after = berth_store::server::allocated(db, &[node]).await.unwrap().remove(0).1;
    let there = after.on_point(id);
    assert!(there > 0 && after.storage_gib + there == before.storage_gib && before.points.is_empty());
    let (disks, servers) = storage_point::disks(db, id).await.unwrap();
    assert!(disks > 0 && servers == 1);
    if let Some(details) = berth_store::server_details::by_id(db, server).await.unwrap() {
        let of: Vec<_> = details.points.iter().map(|point| (point.id, point.allocated_gib)).collect();
        assert_eq!((of, details.allocated), (vec![(id, there)], after));
    }
    move_disks(store, server, None).await;
    assert_eq!(storage_point::disks(db, id).await.unwrap(), (0, 0));
    storage_figures(store, node, id).await;
    write_in!(store, |tx| storage_point::remove(tx, id).await).unwrap();
    assert_eq!(storage_point::by_id(db, node, id).await.unwrap(), None);
    assert_eq!(storage_metric::since(db, node, 0).await.unwrap(), [], "its figures go with it");
}

/// Leaves some of the storage point and none of the node's own folder.
async fn storage_figures(store: &Store, node: i64, point: i64) {
    const MINUTE: i64 = 60 * SECOND;
    let db = store.read();
    let start = hypervisor_metric::bucket(NOW);
    let local = storage_point::local(db, node).await.unwrap().unwrap().id;
    for n in 0..20 {
        let io = Io { read_bytes_s: n * 10, write_bytes_s: 1 << 40, read_centi_iops: 150, write_centi_iops: n };
        let figures = Figures { total_bytes: 1 << 50, used_bytes: n, io: (n % 2 == 0).then_some(io) };
        let at = start + n * MINUTE;
        for _ in 0..2 {
            let both = vec![(local, figures), (point, Figures::default())];
            write_in!(store, [both] | tx | storage_metric::insert(tx, node, at, both).await).unwrap();
        }
    }
    write_in!(store, |tx| storage_metric::insert(tx, node, start, Vec::new()).await).unwrap();
    let rows = async |from| storage_metric::since(db, node, from).await.unwrap();
    assert_eq!((rows(0).await.len(), rows(start + 15 * MINUTE).await.len()), (40, 10), "one writer");
    write_in!(store, |tx| storage_metric::average(tx, start + 15 * MINUTE).await).unwrap();
    let left = rows(0).await;
    assert_eq!(left.len(), 12, "fifteen minutes are one row of each");
    let first = &left[0];
    assert_eq!((first.storage_point_id, first.at, first.span_s), (local, start, hypervisor_metric::BUCKET_S));
    assert_eq!((first.total_bytes, first.used_bytes), (1 << 50, 7));
    let passed = (first.read_bytes_s, first.write_bytes_s, first.read_centi_iops, first.write_centi_iops);
    assert_eq!(passed, (Some(70), Some(1 << 40), Some(150), Some(7)), "of the minutes that have counters");
    assert_eq!((left[6].storage_point_id, left[6].read_bytes_s), (point, None));
    write_in!(store, |tx| storage_metric::trim(tx, start + 1).await).unwrap();
    assert_eq!(rows(0).await.len(), 10);
    write_in!(store, |tx| storage_metric::forget(tx, local).await).unwrap();
    assert!(rows(0).await.iter().all(|row| row.storage_point_id == point));
}

async fn move_disks(store: &Store, server: i64, point: Option<i64>) {
    use berth_store::entity::server_disk as disk;
    let row = disk::ActiveModel { storage_point_id: Set(point), ..Default::default() };
    write_in!(
        store,
        [row] | tx | {
            disk::Entity::update_many().set(row).filter(disk::Column::ServerId.eq(server)).exec(tx).await?;
            Ok(())
        }
    )
    .unwrap();
}

async fn differences(store: &Store, nodes: &Nodes, server: i64) {
    let (db, node) = (store.read(), nodes.first);
    let row = berth_store::server::by_id(db, server).await.unwrap().unwrap();
    let placed = drift::placed_on(db, node).await.unwrap();
    let mine = placed.iter().find(|placed| placed.id == server).unwrap();
    assert_eq!((mine.uuid, mine.hypervisor_id, mine.built, mine.busy), (row.uuid, node, false, true));
    assert_eq!(drift::placed_on(db, 999).await.unwrap(), []);
    assert_eq!(drift::whereabouts(db, &[row.uuid, uuid(77)]).await.unwrap(), [(row.uuid, server, node)]);
    let found = |subject: &str, server_id| Found { kind: "unknown_domain", subject: subject.to_owned(), server_id };
    let record = async |all: Vec<Found>, at: i64| {
        write_in!(store, [all] | tx | drift::record(tx, node, &all, NOW + at).await).unwrap();
    };
    assert_eq!(drift::comparison(db, node).await.unwrap(), None);
    record(vec![found("a", None), found("b", None)], 1).await;
    record(vec![found("b", Some(server)), found("c", None)], 2).await;
    let (rows, total) = drift::page(db, node, 0, 1).await.unwrap();
    assert_eq!((total, rows[0].subject.as_str(), rows[0].server_id), (2, "b", Some(server)));
    assert_eq!((rows[0].first_seen_at, rows[0].last_seen_at), (NOW + 1, NOW + 2));
    assert_eq!(drift::counts(db).await.unwrap(), [("unknown_domain".to_owned(), 2)]);
    write_in!(store, |tx| drift::failed(tx, node, "It is away.", NOW + 3).await).unwrap();
    let last = drift::comparison(db, node).await.unwrap().unwrap();
    assert_eq!((last.compared_at, last.tried_at), (Some(NOW + 2), NOW + 3));
    assert_eq!(last.error.as_deref(), Some("It is away."));
    assert_eq!(drift::page(db, node, 0, 9).await.unwrap().1, 2, "what was found stays");
    record(Vec::new(), 4).await;
    assert_eq!(drift::page(db, node, 0, 9).await.unwrap().1, 0);
    assert_eq!(drift::comparison(db, node).await.unwrap().unwrap().error, None);
}

async fn due(store: &Store) {
    for at in [SECOND, 3 * SECOND] {
        assert!(write_in!(store, |tx| periodic::claim(tx, "watched", NOW + at, "a", NOW).await).unwrap());
    }
    let last = periodic::last_due(store.read()).await.unwrap();
    assert_eq!(last.iter().find(|(task, _)| task == "watched").unwrap().1, NOW + 3 * SECOND);
}
