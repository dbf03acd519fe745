//! What is found out about nodes: self-tests, differences from the database, and when periodic work was last due.

use berth_store::{
    Store,
    drift::{self, Found},
    periodic,
    selftest::{self, NewSelftest},
};
use serde_json::json;

use crate::{NOW, SECOND, nodes::Nodes, uuid, write_in};

pub async fn tell(store: &Store, nodes: &Nodes, server: i64) {
    selftests(store, nodes).await;
    differences(store, nodes, server).await;
    due(store).await;
}

async fn selftests(store: &Store, nodes: &Nodes) {
    let (db, node) = (store.read(), nodes.first);
    let failed = async |group, kind| selftest::failed_on(db, group, kind).await.unwrap();
    assert_eq!(selftest::newest(db, &[node]).await.unwrap(), []);
    assert!(failed(nodes.group, "directory").await.is_empty());
    let new = |job_id: i64, passed: bool| NewSelftest {
        hypervisor_id: node,
        job_id,
        passed,
        checks: json!([{ "name": "storage" }]),
        storage: vec![("directory".to_owned(), passed, "As it is.".to_owned())],
        now: NOW + job_id,
    };
    for (job, passed) in [(1, true), (2, false)] {
        let new = new(job, passed);
        write_in!(store, [new] | tx | selftest::record(tx, new).await).unwrap();
    }
    let newest = selftest::newest(db, &[node, nodes.second]).await.unwrap().remove(0);
    assert_eq!((newest.job_id, newest.passed, newest.finished_at), (2, false, NOW + 2));
    assert_eq!(failed(nodes.group, "directory").await, [node]);
    assert_eq!((failed(999, "directory").await, failed(nodes.group, "lvm").await), (vec![], vec![]));
    for job in 2..40 {
        let new = new(job, true);
        write_in!(store, [new] | tx | selftest::record(tx, new).await).unwrap();
    }
    assert!(failed(nodes.group, "directory").await.is_empty(), "the newest counts");
    assert_eq!(selftest::newest(db, &[node, nodes.second]).await.unwrap().remove(0).job_id, 39);
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
