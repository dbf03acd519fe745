//! Traffic that a node tells of, counted once, by day, hour and five minutes; and blocks.

use berth_store::{
    Store, cpu_fairness,
    entity::{cpu_fairness as cpu_state, package_fairness, package_traffic, traffic_state},
    server_interface,
    traffic::{self, Reading, Sum, When},
    traffic_limit,
};

use crate::{NOW, SECOND, goods::Goods, nodes::Nodes, write_in};

const DAY: i64 = 86_400 * SECOND;
const HOUR: i64 = 3_600 * SECOND;

pub async fn tell(store: &Store, nodes: &Nodes, goods: &Goods, server: i64) {
    let db = store.read();
    let tag = server_interface::of_server(db, server).await.unwrap()[0].tag;
    let count = async |node: i64, epoch: &'static str, rx_bytes, tx_bytes, day: i64| {
        let readings = [Reading { tag, rx_bytes, tx_bytes }, Reading { tag: 1, rx_bytes: 9, tx_bytes: 9 }];
        let (day_at, span_s) = (day * DAY, traffic::SPAN_S);
        let when = When { day_at, hour_at: day_at + HOUR, span_at: day_at + HOUR + span_s * SECOND, now: NOW };
        write_in!(store, |tx| traffic::count(tx, node, epoch, &readings, when).await).unwrap()
    };
    assert_eq!(count(nodes.first, "one", 100, 10, 1).await, [server]);
    assert_eq!(count(nodes.first, "one", 100, 10, 1).await, [] as [i64; 0], "told twice");
    assert_eq!(count(nodes.first, "one", 90, 9, 1).await, [] as [i64; 0], "told late");
    assert_eq!(count(nodes.second, "one", 900, 90, 1).await, [] as [i64; 0], "not its interface");
    count(nodes.first, "one", 150, 10, 1).await;
    count(nodes.first, "two", 7, 70, 2).await;
    let sum = |day: i64, rx_bytes, tx_bytes| Sum { starts_at: day, rx_bytes, tx_bytes };
    assert_eq!(traffic::days(db, server, 0).await.unwrap(), [sum(DAY, 150, 10), sum(2 * DAY, 7, 70)]);
    assert_eq!(traffic::days(db, server, 2 * DAY).await.unwrap(), [sum(2 * DAY, 7, 70)]);
    assert_eq!(traffic::hours(db, server, 0).await.unwrap()[0], sum(DAY + HOUR, 150, 10));
    assert_eq!(write_in!(store, |tx| traffic::forget_hours(tx, 2 * DAY).await).unwrap(), 1);
    assert_eq!(traffic::hours(db, server, 0).await.unwrap().len(), 1);
    rates(store, server).await;
    // Long before any that is asked for below.
    count(nodes.first, "two", 8, 70, 0).await;
    assert_eq!(traffic::days(db, server, 0).await.unwrap()[0], sum(0, 1, 0));
    assert_eq!(write_in!(store, |tx| traffic::forget_days(tx, DAY).await).unwrap(), 1);
    assert_eq!(traffic::days(db, server, 0).await.unwrap().len(), 2);

    limits(store, server, goods).await;
    fairness(store, server).await;
    let block = write_in!(store, |tx| traffic::add_block(tx, server, 2, 100, NOW).await).unwrap();
    assert_eq!(traffic::blocks(db, server).await.unwrap(), std::slice::from_ref(&block));
    let id = block.id;
    assert_eq!(write_in!(store, |tx| traffic::remove_block(tx, 999, id).await).unwrap(), None);
    assert_eq!(write_in!(store, |tx| traffic::remove_block(tx, server, id).await).unwrap(), Some(block));
    assert_eq!(traffic::blocks(db, server).await.unwrap(), []);
    write_in!(store, |tx| traffic::add_block(tx, server, 3, 5, NOW).await).unwrap();
}

/// The oldest five minutes go one after the other, until those that are kept.
async fn rates(store: &Store, server: i64) {
    let db = store.read();
    let span_at = |day: i64| day * DAY + HOUR + traffic::SPAN_S * SECOND;
    let of = |day: i64, rx_bytes, tx_bytes| Sum { starts_at: span_at(day), rx_bytes, tx_bytes };
    assert_eq!(traffic::rates(db, server, 0).await.unwrap(), [of(1, 150, 10), of(2, 7, 70)]);
    assert_eq!(traffic::rates(db, server, span_at(2)).await.unwrap(), [of(2, 7, 70)]);
    assert_eq!(traffic::rates(db, 999, 0).await.unwrap(), []);
    let forget = async |before| write_in!(store, |tx| traffic::forget_oldest_rates(tx, before).await).unwrap();
    assert_eq!(forget(span_at(1)).await, 0, "none is older");
    assert_eq!(forget(span_at(2)).await, 1);
    assert_eq!(forget(span_at(2)).await, 0);
    assert_eq!(traffic::rates(db, server, 0).await.unwrap(), [of(2, 7, 70)]);
}

async fn fairness(store: &Store, server: i64) {
    let db = store.read();
    let package_id = berth_store::server::by_id(db, server).await.unwrap().unwrap().package_id;
    assert_eq!(cpu_fairness::of_package(db, package_id).await.unwrap(), None);
    assert_eq!(cpu_fairness::to_look_at(db, 0, 10).await.unwrap(), []);
    for share_percent in [70, 80] {
        let policy = package_fairness::Model {
            package_id,
            share_percent,
            after_minutes: 10,
            throttle_percent: 50,
            throttle_minutes: 20,
            updated_at: NOW,
        };
        let set = policy.clone();
        write_in!(store, [set] | tx | cpu_fairness::set_of_package(tx, set).await).unwrap();
        assert_eq!(cpu_fairness::of_package(db, package_id).await.unwrap(), Some(policy));
    }
    let watched = cpu_fairness::to_look_at(db, 0, 10).await.unwrap();
    assert_eq!((watched.last().unwrap().server_id, watched.last().unwrap().share_percent), (server, 80));
    assert_eq!(cpu_fairness::to_look_at(db, server, 10).await.unwrap(), []);
    assert_eq!(cpu_fairness::states(db, &[server]).await.unwrap(), []);
    for used_percent in [90, 95] {
        let (over_since, throttled_until) = (Some(NOW), None);
        let state = cpu_state::Model { server_id: server, over_since, throttled_until, used_percent, updated_at: NOW };
        let set = state.clone();
        write_in!(store, [set] | tx | cpu_fairness::set_state(tx, set).await).unwrap();
        assert_eq!(cpu_fairness::states(db, &[server, 999]).await.unwrap(), [state]);
    }
    write_in!(store, |tx| cpu_fairness::set_percent(tx, server, 50, NOW + 1).await).unwrap();
    assert_eq!(berth_store::server::by_id(db, server).await.unwrap().unwrap().cpu_fair_percent, 50);
}

async fn limits(store: &Store, server: i64, goods: &Goods) {
    let (db, package_id) = (store.read(), goods.package);
    assert_eq!(traffic_limit::of_package(db, package_id).await.unwrap(), None);
    for throttle_kbs in [125, 250] {
        let policy =
            package_traffic::Model { package_id, policy: "throttle".to_owned(), throttle_kbs, updated_at: NOW };
        let set = policy.clone();
        write_in!(store, [set] | tx | traffic_limit::set_of_package(tx, set).await).unwrap();
        assert_eq!(traffic_limit::of_package(db, package_id).await.unwrap(), Some(policy));
    }
    assert_eq!(traffic_limit::to_look_at(db, 2 * DAY, 0, 10).await.unwrap(), [server], "it had traffic that day");
    assert_eq!(traffic_limit::to_look_at(db, 3 * DAY, 0, 10).await.unwrap(), [] as [i64; 0]);
    assert_eq!(traffic_limit::state(db, server).await.unwrap(), None);
    for throttled in [false, true] {
        let state = traffic_state::Model {
            server_id: server,
            month: 1,
            noticed: 80,
            throttled,
            suspended: throttled,
            updated_at: NOW,
        };
        let set = state.clone();
        write_in!(store, [set] | tx | traffic_limit::set_state(tx, set).await).unwrap();
        assert_eq!(traffic_limit::state(db, server).await.unwrap(), Some(state));
    }
    assert_eq!(traffic_limit::to_look_at(db, 3 * DAY, 0, 10).await.unwrap(), [server], "it is throttled");
    write_in!(store, |tx| traffic_limit::keep_suspended(tx, server).await).unwrap();
    let state = traffic_limit::state(db, server).await.unwrap().unwrap();
    assert_eq!((state.suspended, state.throttled, state.noticed), (false, true, 80));
    assert_eq!(traffic_limit::to_look_at(db, 0, server, 10).await.unwrap(), [] as [i64; 0], "after it there is none");
}
