//! Groups, nodes, their networks, and the tokens with which nodes come in.

use berth_store::{
    Store, enrolment_token,
    entity::hypervisor_network::Model as Network,
    hypervisor::{self, NewHypervisor, NodeCertificate},
    hypervisor_group::{self, NewGroup},
    hypervisor_metric::{self, Figures},
    hypervisor_network::{self, NewNetwork},
    storage_metric, storage_point,
};
use serde_json::json;

use crate::{NOW, SECOND, uuid, write_in};

pub struct Nodes {
    pub group: i64,
    pub first: i64,
    pub second: i64,
    /// The default network of the first node.
    pub network: i64,
}

pub async fn tell(store: &Store) -> Nodes {
    let group = groups(store).await;
    let (first, second) = hypervisors(store, group).await;
    let network = networks(store, first, second).await;
    enrolment(store, group, first).await;
    Nodes { group, first, second, network }
}

async fn groups(store: &Store) -> i64 {
    let db = store.read();
    let new = move |name: &str| NewGroup {
        name: name.to_owned(),
        label: Some("Amsterdam".to_owned()),
        description: None,
        distribution_type: 5,
        enabled: true,
        is_default: true,
        now: NOW,
    };
    let ams = write_in!(store, |tx| hypervisor_group::insert(tx, new("ams")).await).unwrap();
    let fra = write_in!(store, |tx| hypervisor_group::insert(tx, new("fra")).await).unwrap();
    let twice = write_in!(store, |tx| hypervisor_group::insert(tx, new("ams")).await).unwrap_err();
    assert!(twice.violates("hypervisor_groups", &["name"]), "{twice}");
    assert_eq!(hypervisor_group::by_id(db, fra.id).await.unwrap().as_ref(), Some(&fra));
    assert_eq!(hypervisor_group::by_ids(db, &[fra.id, 999]).await.unwrap(), std::slice::from_ref(&fra));
    assert_eq!(hypervisor_group::by_ids(db, &[]).await.unwrap(), []);
    assert_eq!(hypervisor_group::page(db, 1, 5).await.unwrap(), (vec![fra.clone()], 2));
    let default = |row: Option<berth_store::entity::hypervisor_group::Model>| row.unwrap().is_default;
    assert!(!default(hypervisor_group::by_id(db, ams.id).await.unwrap()), "one group at most is the default");
    let change = berth_store::entity::hypervisor_group::Model { name: "Amsterdam".to_owned(), ..ams };
    let changed = write_in!(store, [change] | tx | hypervisor_group::update(tx, change, NOW + 1).await).unwrap();
    assert_eq!((changed.name.as_str(), changed.is_default, changed.updated_at), ("Amsterdam", true, NOW + 1));
    assert!(!default(hypervisor_group::by_id(db, fra.id).await.unwrap()));
    let gone = fra.id;
    write_in!(store, |tx| enrolment_token::insert(tx, "unused", "hv9", gone, NOW, NOW).await).unwrap();
    assert_eq!(write_in!(store, |tx| hypervisor_group::remove(tx, gone).await).unwrap(), 1, "one token");
    assert_eq!(hypervisor_group::by_id(db, gone).await.unwrap(), None);
    changed.id
}

async fn hypervisors(store: &Store, group_id: i64) -> (i64, i64) {
    let db = store.read();
    let new = move |n: u128| NewHypervisor {
        uuid: uuid(n),
        group_id,
        name: format!("hv{n}"),
        ip: format!("198.51.100.{n}"),
        hostname: None,
        port: 8892,
        max_cpu: 64,
        max_memory_mib: 1 << 20,
        max_storage_gib: 1000,
        data_dir: "/var/lib/berth/agent".to_owned(),
        facts: json!({ "arch": "x86_64" }),
        certificate: None,
        now: NOW,
    };
    let first = write_in!(store, |tx| hypervisor::insert(tx, new(1)).await).unwrap();
    let second = write_in!(store, |tx| hypervisor::insert(tx, new(2)).await).unwrap();
    assert_eq!((first.commissioned, first.event_sequence), (hypervisor::COMMISSIONED, 0));
    assert_eq!(hypervisor::by_uuid(db, uuid(2)).await.unwrap().as_ref(), Some(&second));
    assert_eq!(hypervisor::by_uuid(db, uuid(9)).await.unwrap(), None);
    assert_eq!(hypervisor::page(db, Some(group_id), 1, 1).await.unwrap(), (vec![second.clone()], 2));
    assert_eq!(hypervisor::page(db, Some(999), 0, 1).await.unwrap(), (vec![], 0));
    assert_eq!(hypervisor::page(db, None, 0, 10).await.unwrap().1, 2);
    assert_eq!(hypervisor::commissioned(db).await.unwrap(), [first.clone(), second.clone()]);

    let id = first.id;
    write_in!(store, |tx| {
        let locked = hypervisor::lock(tx, id).await?.unwrap();
        assert_eq!(locked.capacity_version, 1);
        assert_eq!(hypervisor::lock(tx, 999).await?, None);
        hypervisor::set_facts(tx, id, json!({ "arch": "x86_64", "cpus": 8 }), "Europe/London", NOW + 1).await?;
        assert!(hypervisor::advance_events(tx, id, "boot-0", 99).await?);
        assert!(hypervisor::advance_events(tx, id, "boot-1", 42).await?, "another incarnation counts anew");
        assert!(!hypervisor::advance_events(tx, id, "boot-1", 42).await?, "it was applied before");
        let (serial, key_sha256) = ("0a".to_owned(), "0b".to_owned());
        let certificate = NodeCertificate { serial, expires_at: NOW + SECOND, key_sha256 };
        hypervisor::set_certificate(tx, id, certificate, NOW + 2).await
    })
    .unwrap();
    let row = hypervisor::by_id(db, id).await.unwrap().unwrap();
    assert_eq!((row.facts["cpus"].as_i64(), row.facts_at), (Some(8), Some(NOW + 1)));
    assert_eq!((row.event_incarnation.as_str(), row.event_sequence), ("boot-1", 42));
    assert_eq!((row.certificate_serial.as_deref(), row.certificate_expires_at), (Some("0a"), Some(NOW + SECOND)));
    assert_eq!(row.key_sha256.as_deref(), Some("0b"));
    assert_eq!((row.capacity_version, row.updated_at), (1, NOW + 2));
    assert_eq!(hypervisor::by_id(db, second.id).await.unwrap(), Some(second.clone()), "the other one is untouched");
    changed_and_removed(store, row.clone()).await;
    figures(store, id).await;
    (id, second.id)
}

async fn changed_and_removed(store: &Store, row: berth_store::entity::hypervisor::Model) {
    let (db, group) = (store.read(), row.group_id);
    let change = berth_store::entity::hypervisor::Model {
        max_servers: 9,
        cpu_overcommit_percent: 150,
        default_disk_type: "raw".to_owned(),
        default_disk_cache_type: "directsync".to_owned(),
        // What the node says of itself is not an administrator's.
        facts: json!({}),
        ..row.clone()
    };
    let changed = write_in!(store, [change] | tx | hypervisor::update(tx, change, NOW + 3).await).unwrap();
    assert_eq!((changed.max_servers, changed.cpu_overcommit_percent, changed.facts), (9, 150, row.facts));
    assert_eq!((changed.default_disk_type.as_str(), changed.updated_at), ("raw", NOW + 3));
    assert_eq!((row.default_disk_cache_type.as_str(), row.nf_type), (hypervisor::INHERIT, hypervisor::NF_TYPE));
    assert_eq!((changed.default_disk_cache_type.as_str(), changed.nf_type), ("directsync", hypervisor::NF_TYPE));
    assert_eq!(hypervisor::count_of_group(db, group).await.unwrap(), 2);
    let spare = move || NewHypervisor {
        uuid: uuid(3),
        group_id: group,
        name: "spare".to_owned(),
        ip: "198.51.100.3".to_owned(),
        hostname: None,
        port: 8892,
        max_cpu: 0,
        max_memory_mib: 0,
        max_storage_gib: 0,
        data_dir: String::new(),
        facts: json!({}),
        certificate: None,
        now: NOW,
    };
    let spare = write_in!(store, |tx| hypervisor::insert(tx, spare()).await).unwrap();
    let id = spare.id;
    write_in!(store, |tx| hypervisor_network::insert(tx, id, "br0", None, true, NOW).await).unwrap();
    write_in!(store, |tx| hypervisor_metric::insert(tx, id, NOW, Figures::default()).await).unwrap();
    let folder = storage_point::local(db, id).await.unwrap().unwrap().id;
    let full = vec![(folder, storage_metric::Figures::default())];
    write_in!(store, [full] | tx | storage_metric::insert(tx, id, NOW, full).await).unwrap();
    assert_eq!(hypervisor::servers(db, id).await.unwrap(), (0, 0));
    write_in!(store, |tx| hypervisor::remove(tx, id).await).unwrap();
    assert_eq!(hypervisor::by_id(db, id).await.unwrap(), None);
    assert_eq!(hypervisor_network::of_hypervisors(db, &[id]).await.unwrap(), []);
}

async fn figures(store: &Store, id: i64) {
    const MINUTE: i64 = 60 * SECOND;
    let db = store.read();
    let start = hypervisor_metric::bucket(NOW);
    assert!(start <= NOW && NOW - start < i64::from(hypervisor_metric::BUCKET_S) * SECOND);
    for n in 0..20 {
        let figures = Figures { cpu_centipercent: n * 100, storage_total_bytes: 1 << 50, ..Figures::default() };
        let at = start + n * MINUTE;
        assert!(write_in!(store, |tx| hypervisor_metric::insert(tx, id, at, figures).await).unwrap());
        assert!(!write_in!(store, |tx| hypervisor_metric::insert(tx, id, at, figures).await).unwrap(), "one writer");
    }
    let rows = async |from| hypervisor_metric::since(db, id, from).await.unwrap();
    assert_eq!((rows(0).await.len(), rows(start + 15 * MINUTE).await.len()), (20, 5));
    write_in!(store, |tx| hypervisor_metric::average(tx, start + 15 * MINUTE).await).unwrap();
    let left = rows(0).await;
    assert_eq!(left.len(), 6, "fifteen minutes are one row");
    assert_eq!((left[0].at, left[0].span_s), (start, hypervisor_metric::BUCKET_S));
    assert_eq!((left[0].cpu_centipercent, left[0].storage_total_bytes), (700, 1 << 50));
    assert_eq!((left[1].at, left[1].span_s), (start + 15 * MINUTE, hypervisor_metric::MINUTE_S));
    write_in!(store, |tx| hypervisor_metric::trim(tx, start + 1).await).unwrap();
    assert_eq!(rows(0).await.len(), 5);
}

async fn networks(store: &Store, first: i64, second: i64) -> i64 {
    let db = store.read();
    let spare = write_in!(store, |tx| hypervisor_network::insert(tx, first, "br1", Some(9000), false, NOW).await);
    let main = write_in!(store, |tx| hypervisor_network::insert(tx, first, "br0", None, true, NOW).await);
    let others = write_in!(store, |tx| hypervisor_network::insert(tx, second, "br0", None, true, NOW).await);
    let (spare, main, others) = (spare.unwrap(), main.unwrap(), others.unwrap());
    assert_eq!((spare.mtu, spare.is_default, main.is_default), (Some(9000), false, true));
    assert_eq!((spare.name.as_str(), spare.kind.as_str()), ("br1", hypervisor_network::SIMPLE_BRIDGE));
    let twice =
        write_in!(store, |tx| hypervisor_network::insert(tx, first, "br1", None, false, NOW).await).unwrap_err();
    assert!(twice.violates("hypervisor_networks", &["hypervisor_id", "bridge"]), "{twice}");
    assert_eq!(hypervisor_network::by_id(db, spare.id).await.unwrap().as_ref(), Some(&spare));
    assert_eq!(hypervisor_network::of_hypervisors(db, &[first]).await.unwrap(), [main.clone(), spare]);
    assert_eq!(hypervisor_network::of_hypervisors(db, &[second, 999]).await.unwrap(), [others]);
    own_network(store, first, main.id).await;
    main.id
}

async fn own_network(store: &Store, first: i64, main: i64) {
    let db = store.read();
    let new = move || NewNetwork {
        hypervisor_id: first,
        name: "Customers".to_owned(),
        kind: "lvNatv1".to_owned(),
        bridge: "br7".to_owned(),
        mtu: None,
        made: true,
        is_primary: false,
        ip_block_group_id: None,
        now: NOW,
    };
    let made = write_in!(store, |tx| hypervisor_network::create(tx, new()).await).unwrap();
    assert_eq!((made.name.as_str(), made.kind.as_str(), made.is_default), ("Customers", "lvNatv1", false));
    assert!(made.made);
    let id = made.id;
    let default = async |id| hypervisor_network::by_id(db, id).await.unwrap().unwrap().is_default;
    let change = move |is_default| Network {
        name: "Others".to_owned(),
        mtu: Some(1400),
        made: false,
        is_default,
        ..made.clone()
    };
    for is_default in [true, false] {
        let row = change(is_default);
        let changed = write_in!(store, [row] | tx | hypervisor_network::update(tx, row, NOW + 1).await).unwrap();
        assert_eq!((changed.name.as_str(), changed.mtu, changed.updated_at), ("Others", Some(1400), NOW + 1));
        assert!(!changed.made);
        assert_eq!((changed.is_default, default(main).await), (is_default, false), "one is it");
    }
    let back = hypervisor_network::by_id(db, main).await.unwrap().unwrap();
    let back = Network { is_default: true, ..back };
    write_in!(store, [back] | tx | hypervisor_network::update(tx, back, NOW).await).unwrap();
    assert_eq!(hypervisor_network::bound(db, id).await.unwrap(), (0, 0));
    let none = write_in!(store, |tx| hypervisor_network::renew_specifications(tx, id).await).unwrap();
    assert_eq!(none, [] as [i64; 0]);
    write_in!(store, |tx| hypervisor_network::remove(tx, id).await).unwrap();
    assert_eq!(hypervisor_network::by_id(db, id).await.unwrap(), None);
}

async fn enrolment(store: &Store, group: i64, first: i64) {
    let db = store.read();
    let until = NOW + SECOND;
    let token = write_in!(store, |tx| enrolment_token::insert(tx, "hash", "hv1", group, until, NOW).await).unwrap();
    assert_eq!(enrolment_token::by_hash(db, "hash").await.unwrap().as_ref(), Some(&token));
    assert_eq!(enrolment_token::by_hash(db, "other").await.unwrap(), None);
    let id = token.id;
    assert!(write_in!(store, |tx| enrolment_token::take(tx, id, first, NOW + 1).await).unwrap());
    assert!(!write_in!(store, |tx| enrolment_token::take(tx, id, first, NOW + 2).await).unwrap(), "once");
    let taken = enrolment_token::by_hash(db, "hash").await.unwrap().unwrap();
    assert_eq!((taken.used_at, taken.hypervisor_id), (Some(NOW + 1), Some(first)));
}
