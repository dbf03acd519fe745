//! What is sold: packages, templates, blocks of addresses, and what placement is decided from.

use berth_store::{
    Store,
    backup_plan::{self, NewPlan},
    icon,
    ip_block::{self, Counts, NewBlock},
    ipv4_address,
    package::{self, NewPackage},
    placement,
    template::{self, Fitting, NewTemplate},
    template_category::{self, NewCategory},
};

use crate::{NOW, nodes::Nodes, uuid, write_in};

pub struct Goods {
    pub package: i64,
    pub template: i64,
    /// 192.0.2.1 to 192.0.2.4
    pub block4: i64,
    /// 2001:db8::/48 in /64
    pub block6: i64,
}

pub async fn tell(store: &Store, nodes: &Nodes) -> Goods {
    let package = packages(store).await;
    plans(store, package).await;
    let category = categories(store).await;
    icons(store).await;
    let template = templates(store, category, package).await;
    let (block4, block6) = blocks(store, nodes).await;
    placements(store, nodes, package, &[block4, block6]).await;
    Goods { package, template, block4, block6 }
}

async fn packages(store: &Store) -> i64 {
    let db = store.read();
    let new = move |name: &str| NewPackage {
        name: name.to_owned(),
        description: None,
        enabled: true,
        memory_mib: 512,
        primary_storage_gib: 5,
        traffic_gb: 1000,
        cpu_cores: 1,
        network_in_kbs: 0,
        network_out_kbs: 0,
        packets_s: 20_000,
        disk_type: "inherit".to_owned(),
        storage_profile: 0,
        network_profile: 0,
        read_bytes_s: Some(1 << 20),
        write_bytes_s: None,
        read_iops: None,
        write_iops: None,
        backup_plan_id: 0,
    };
    let small = write_in!(store, |tx| package::insert(tx, new("Small"), NOW).await).unwrap();
    let large = write_in!(store, |tx| package::insert(tx, new("Large"), NOW).await).unwrap();
    assert_eq!((small.read_bytes_s, small.backup_plan_id, small.packets_s), (Some(1 << 20), 0, 20_000));
    assert_eq!(package::by_id(db, small.id).await.unwrap().as_ref(), Some(&small));
    let change = berth_store::entity::package::Model { enabled: false, packets_s: 0, ..large };
    let off = write_in!(store, [change] | tx | package::update(tx, change, NOW + 1).await).unwrap();
    assert_eq!((off.enabled, off.created_at, off.updated_at, off.name.as_str()), (false, NOW, NOW + 1, "Large"));
    assert_eq!(off.packets_s, 0);
    assert_eq!(package::all(db).await.unwrap(), [small.clone(), off.clone()]);
    assert_eq!(package::servers(db, off.id).await.unwrap(), 0);
    let gone = off.id;
    write_in!(store, |tx| package::remove(tx, gone).await).unwrap();
    assert_eq!(package::by_id(db, gone).await.unwrap(), None);
    small.id
}

async fn plans(store: &Store, package: i64) {
    let db = store.read();
    let new = |name: &str, days: &[i32]| NewPlan {
        name: name.to_owned(),
        days: days.to_vec(),
        minute: 185,
        keep: 7,
        now: NOW,
    };
    let (nightly, weekly) = (new("Nightly", &[1, 2, 3, 4, 5, 6, 7]), new("Weekly", &[7]));
    let nightly = write_in!(store, [nightly] | tx | backup_plan::insert(tx, nightly).await).unwrap();
    let weekly = write_in!(store, [weekly] | tx | backup_plan::insert(tx, weekly).await).unwrap();
    let twice = new("Weekly", &[1]);
    let twice = write_in!(store, [twice] | tx | backup_plan::insert(tx, twice).await).unwrap_err();
    assert!(twice.violates("backup_plans", &["name"]), "{twice}");
    assert_eq!((backup_plan::days(&weekly), weekly.minute, weekly.keep), (vec![7], 185, 7));
    assert_eq!(backup_plan::by_id(db, nightly.id).await.unwrap().as_ref(), Some(&nightly));
    assert_eq!(backup_plan::page(db, 1, 5).await.unwrap(), (vec![weekly.clone()], 2));
    let change = berth_store::entity::backup_plan::Model { keep: 4, ..weekly.clone() };
    let changed = write_in!(store, [change] | tx | backup_plan::update(tx, change, NOW + 1).await).unwrap();
    assert_eq!((changed.keep, changed.created_at, changed.updated_at), (4, NOW, NOW + 1));
    let small = package::by_id(db, package).await.unwrap().unwrap();
    let with = berth_store::entity::package::Model { backup_plan_id: weekly.id, ..small.clone() };
    write_in!(store, [with] | tx | package::update(tx, with, NOW).await).unwrap();
    assert_eq!(backup_plan::uses(db, weekly.id).await.unwrap(), (0, 1));
    write_in!(store, [small] | tx | package::update(tx, small, NOW).await).unwrap();
    let id = weekly.id;
    write_in!(store, |tx| backup_plan::remove(tx, id).await).unwrap();
    assert_eq!(backup_plan::page(db, 0, 5).await.unwrap(), (vec![nightly], 1));
}

async fn categories(store: &Store) -> i64 {
    let db = store.read();
    let new = |name: &str, position| NewCategory {
        name: name.to_owned(),
        description: String::new(),
        icon: "linux.png".to_owned(),
        position,
        now: NOW,
    };
    let (linux, empty) = (new("Linux", 2), new("Empty", 1));
    let linux = write_in!(store, [linux] | tx | template_category::insert(tx, linux).await).unwrap();
    let empty = write_in!(store, [empty] | tx | template_category::insert(tx, empty).await).unwrap();
    let twice = new("Linux", 0);
    let twice = write_in!(store, [twice] | tx | template_category::insert(tx, twice).await).unwrap_err();
    assert!(twice.violates("template_categories", &["name"]), "{twice}");
    assert_eq!(template_category::by_id(db, linux.id).await.unwrap().as_ref(), Some(&linux));
    assert_eq!(template_category::by_name(db, "Empty").await.unwrap().as_ref(), Some(&empty));
    let (page, total) = template_category::page(db, 0, 10).await.unwrap();
    assert_eq!((page, total), (vec![empty.clone(), linux.clone()], 2), "in the order of their positions");
    let (last, id) = (berth_store::entity::template_category::Model { position: 3, ..empty.clone() }, empty.id);
    let last = write_in!(store, [last] | tx | template_category::update(tx, last).await).unwrap();
    assert_eq!(template_category::page(db, 1, 1).await.unwrap().0, [last]);
    assert_eq!(template_category::templates(db, id).await.unwrap(), 0);
    write_in!(store, |tx| template_category::remove(tx, id).await).unwrap();
    assert_eq!(template_category::by_id(db, id).await.unwrap(), None);
    linux.id
}

async fn icons(store: &Store) {
    let db = store.read();
    let made = write_in!(store, |tx| icon::insert(tx, "ab.png", "image/png", b"\x89PNG", NOW).await).unwrap();
    let twice = write_in!(store, |tx| icon::insert(tx, "ab.png", "image/gif", b"GIF", NOW).await).unwrap_err();
    assert!(twice.violates("icons", &["name"]), "{twice}");
    assert_eq!(icon::by_id(db, made.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!(icon::by_name(db, "ab.png").await.unwrap().unwrap().picture, b"\x89PNG");
    assert_eq!(icon::by_name(db, "../ab.png").await.unwrap(), None);
    let (page, total) = icon::page(db, 0, 5).await.unwrap();
    assert_eq!((page[0].name.as_str(), total), ("ab.png", 1));
    assert_eq!(icon::uses(db, "ab.png").await.unwrap(), [0, 0, 0]);
    assert_eq!(icon::uses(db, "linux.png").await.unwrap(), [0, 1, 0]);
    let id = made.id;
    write_in!(store, |tx| icon::remove(tx, id).await).unwrap();
    assert_eq!(icon::page(db, 0, 5).await.unwrap().1, 0);
}

async fn templates(store: &Store, category_id: i64, package: i64) -> i64 {
    let db = store.read();
    let new = move |n: u128, digest: &str, bytes| NewTemplate {
        uuid: uuid(n),
        category_id,
        slug: format!("os-{n}"),
        name: "Micro".to_owned(),
        version: "1".to_owned(),
        variant: None,
        arch: 1,
        description: String::new(),
        icon: "micro.svg".to_owned(),
        os_type: "linux".to_owned(),
        uefi: false,
        image_digest: digest.to_owned(),
        image_url: Some("https://images.test/micro.qcow2".to_owned()),
        image_virtual_bytes: bytes,
        now: NOW,
    };
    let micro = write_in!(store, |tx| template::insert(tx, new(1, "sha256:1", 1 << 30)).await).unwrap();
    let large = write_in!(store, |tx| template::insert(tx, new(2, "sha256:2", 1 << 40)).await).unwrap();
    let empty = write_in!(store, |tx| template::insert(tx, new(3, "", 0)).await).unwrap();
    assert_eq!(template::by_id(db, micro.id).await.unwrap().as_ref(), Some(&micro));
    assert_eq!(template::by_slug(db, "os-2").await.unwrap().as_ref(), Some(&large));
    assert_eq!(template::by_slug(db, "os").await.unwrap(), None);
    assert_eq!(template::page(db, 1, 1).await.unwrap(), (vec![large.clone()], 3));
    assert_eq!(template_category::templates(db, category_id).await.unwrap(), 3);
    let offered = async |disk_bytes, package_id, arch| {
        let found = template::available(db, Fitting { disk_bytes, package_id, arch }).await.unwrap();
        found.into_iter().flat_map(|(_, rows)| rows).map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(offered(5 << 30, package, None).await, [micro.id]);
    assert!(offered(1 << 20, package, None).await.is_empty());
    assert_eq!(
        (offered(5 << 30, package, Some(1)).await.len(), offered(5 << 30, package, Some(2)).await.len()),
        (1, 0)
    );
    let id = empty.id;
    let filled = write_in!(store, |tx| template::set_image(tx, id, "sha256:3", 100, 1 << 29, NOW + 1).await).unwrap();
    assert_eq!(
        (filled.image_digest.as_str(), filled.image_url.as_deref(), filled.image_bytes),
        ("sha256:3", None, 100)
    );
    assert_eq!(offered(1 << 29, package, None).await, [id]);

    write_in!(store, |tx| template::set_packages(tx, id, &[package]).await).unwrap();
    let kept = template::packages(db, &[id, micro.id]).await.unwrap();
    assert_eq!(kept, [(id, package)]);
    assert!(template::is_kept_for(&kept, micro.id, 999) && !template::is_kept_for(&kept, id, 999));
    assert_eq!((offered(1 << 29, package, None).await, offered(1 << 29, 999, None).await), (vec![id], vec![]));
    assert_eq!(template::kept_for_only(db, package).await.unwrap(), ["os-3"]);
    assert_eq!(template::kept_for_only(db, 999).await.unwrap(), [] as [String; 0]);
    let change = berth_store::entity::template::Model { enabled: false, ..filled };
    let changed = write_in!(store, [change] | tx | template::update(tx, change, NOW + 2).await).unwrap();
    assert_eq!((changed.enabled, changed.created_at, changed.updated_at), (false, NOW, NOW + 2));
    for id in [id, large.id] {
        assert_eq!(template::servers(db, id).await.unwrap(), 0);
        write_in!(store, |tx| template::remove(tx, id).await).unwrap();
    }
    assert_eq!(template::page(db, 0, 9).await.unwrap(), (vec![micro.clone()], 1));
    micro.id
}

fn new_block(name: &str, family: i32) -> NewBlock {
    let v6 = family == 6;
    NewBlock {
        uuid: uuid(name.len() as u128),
        name: name.to_owned(),
        family,
        gateway: if v6 { "2001:db8::1" } else { "192.0.2.254" }.to_owned(),
        prefix_len: if v6 { 48 } else { 24 },
        source_prefix: v6.then(|| "2001:db8::".to_owned()),
        subnet_prefix_len: v6.then_some(64),
        resolver1: None,
        resolver2: None,
        enabled: true,
        network_profile: 0,
        dhcp: true,
        route_block: false,
        now: NOW,
    }
}

async fn blocks(store: &Store, nodes: &Nodes) -> (i64, i64) {
    let (db, network) = (store.read(), nodes.network);
    let four = write_in!(store, |tx| ip_block::insert(tx, new_block("four", 4)).await).unwrap();
    let six = write_in!(store, |tx| ip_block::insert(tx, new_block("sixth", 6)).await).unwrap();
    assert_eq!(ip_block::by_id(db, six.id).await.unwrap().as_ref(), Some(&six));
    assert_eq!(ip_block::page(db, 0, 1).await.unwrap(), (vec![four.clone()], 2));
    let (block4, block6) = (four.id, six.id);
    let added = write_in!(store, |tx| {
        ip_block::bind(tx, block4, network, NOW).await?;
        ip_block::bind(tx, block6, network, NOW).await?;
        ipv4_address::add_range(tx, block4, 0xC000_0201..=0xC000_0203, NOW).await
    });
    assert_eq!(added.unwrap(), 3);
    let more = write_in!(store, |tx| ipv4_address::add_range(tx, block4, 0xC000_0202..=0xC000_0204, NOW).await);
    assert_eq!(more.unwrap(), 1, "those that were there stay");
    let twice = write_in!(store, |tx| ip_block::bind(tx, block4, network, NOW).await).unwrap_err();
    assert!(twice.violates("ip_block_bindings", &["block_id", "network_id"]), "{twice}");
    let free = ip_block::free_ipv4_of_hypervisors(db, &[nodes.first, 999]).await.unwrap();
    assert_eq!(free, [(nodes.first, 4), (999, 0)], "IPv6 blocks have none");
    let counts = ip_block::counts(db, &[block4, block6]).await.unwrap();
    assert_eq!(counts, [(block4, Counts { total: 4, used: 0 })], "no subnet was cut yet");
    let reaches = ip_block::reaches(db, &[block4, block6]).await.unwrap();
    assert_eq!(reaches, [(block4, 0xC000_0201, 0xC000_0204)]);
    assert_eq!(ipv4_address::free(db, &[block4], NOW, 100).await.unwrap(), 4);
    assert_eq!(ipv4_address::free(db, &[block4], NOW, 2).await.unwrap(), 2, "counted no further");
    (block4, block6)
}

async fn placements(store: &Store, nodes: &Nodes, package_id: i64, blocks: &[i64]) {
    let db = store.read();
    assert!(placement::candidates(db, 999).await.unwrap().is_none());
    let candidates = placement::candidates(db, nodes.group).await.unwrap().unwrap();
    assert_eq!(candidates.group.id, nodes.group);
    let ids: Vec<i64> = candidates.nodes.iter().map(|node| node.hypervisor.id).collect();
    assert_eq!(ids, [nodes.first, nodes.second]);
    assert_eq!(candidates.nodes[0].network.as_ref().map(|network| network.id), Some(nodes.network));
    let bound: Vec<i64> = candidates.nodes[0].blocks.iter().map(|block| block.id).collect();
    assert_eq!(bound, blocks, "in the order in which they were bound");
    assert!(candidates.nodes[1].network.is_some() && candidates.nodes[1].blocks.is_empty());
    let free = placement::free_ipv4(db, nodes.group, NOW, 3).await.unwrap();
    assert_eq!(free, [(blocks[0], 3)], "counted no further, and IPv6 blocks have none");
    assert_eq!(placement::free_ipv4(db, nodes.group, NOW, 100).await.unwrap(), [(blocks[0], 4)]);
    assert_eq!(placement::free_ipv4(db, 999, NOW, 100).await.unwrap(), []);
    assert_eq!(placement::package(db, package_id).await.unwrap().unwrap().name, "Small");

    let first = nodes.first;
    let before = candidates.nodes[0].hypervisor.capacity_version;
    let (row, uid) = write_in!(store, |tx| placement::lock(tx, first).await).unwrap().unwrap();
    assert_eq!((row.capacity_version, uid), (before + 1, berth_store::server::FIRST_RUN_AS_UID));
    assert!(write_in!(store, |tx| placement::lock(tx, 999).await).unwrap().is_none());
}
