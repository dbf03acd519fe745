//! ISO images: the library, what a server has in its drive, and what is forgotten when it is ejected.

use berth_store::{
    Store,
    iso::{self, Changes, NewIso},
    server, server_details,
    server_hardware::{self, Hardware},
};

use serde_json::json;

use crate::{NOW, nodes::Nodes, uuid, write_in};

fn new(n: u128, name: &str, in_library: bool) -> NewIso {
    NewIso {
        uuid: uuid(0x150 + n),
        name: name.to_owned(),
        description: Some("a disc".to_owned()),
        arch: 1,
        url: Some(format!("https://images.test/{n}.iso")),
        filename: format!("{n}.iso"),
        enabled: true,
        global: false,
        users: vec![3, 4],
        in_library,
        digest: String::new(),
        now: NOW,
    }
}

pub async fn tell(store: &Store, nodes: &Nodes, server: i64) {
    let (rescue, by_url) = library(store).await;
    drive(store, nodes, server, rescue, by_url).await;
}

async fn library(store: &Store) -> (i64, i64) {
    let db = store.read();
    let rescue = write_in!(store, |tx| iso::insert(tx, new(1, "Rescue", true)).await).unwrap();
    let arm = NewIso { arch: 2, ..new(2, "Arm", true) };
    let arm = write_in!(store, [arm] | tx | iso::insert(tx, arm).await).unwrap();
    let by_url = write_in!(store, |tx| iso::insert(tx, new(3, "3.iso", false)).await).unwrap();
    assert_eq!((iso::users(&rescue), rescue.size_bytes), (vec![3, 4], 0));
    assert_eq!(iso::by_id(db, by_url.id).await.unwrap().as_ref(), Some(&by_url));
    assert_eq!(iso::page(db, 1, 1).await.unwrap(), (vec![arm], 2), "without what was mounted by its URL");
    assert_eq!(iso::enabled(db, 1, 10).await.unwrap(), std::slice::from_ref(&rescue));
    let id = rescue.id;
    let changes = Changes { enabled: Some(false), description: Some(None), global: Some(true), ..Changes::default() };
    let off = write_in!(store, [changes] | tx | iso::change(tx, id, changes, NOW + 1).await).unwrap().unwrap();
    assert_eq!((off.enabled, off.global, off.description.as_deref(), off.name.as_str()), (false, true, None, "Rescue"));
    assert_eq!(iso::enabled(db, 1, 10).await.unwrap(), []);
    assert!(write_in!(store, |tx| iso::change(tx, 999, Changes::default(), NOW).await).unwrap().is_none());
    let filled = write_in!(store, |tx| iso::set_file(tx, id, "sha256:1", 7, NOW + 2).await).unwrap().unwrap();
    assert_eq!((filled.url.as_deref(), filled.digest.as_str(), filled.size_bytes), (None, "sha256:1", 7));
    assert!(iso::has_digest(db, "sha256:1").await.unwrap() && !iso::has_digest(db, "sha256:2").await.unwrap());
    write_in!(store, |tx| iso::pin(tx, id, "sha256:2", 8).await).unwrap();
    assert_eq!(iso::by_id(db, id).await.unwrap(), Some(filled), "what is known stays");
    assert_eq!(iso::digests(db).await.unwrap(), ["sha256:1"], "without those that nobody has fetched");
    (id, by_url.id)
}

async fn drive(store: &Store, nodes: &Nodes, server: i64, rescue: i64, by_url: i64) {
    let (db, node) = (store.read(), nodes.first);
    let now_is = async || server::by_id(db, server).await.unwrap().unwrap();
    let before = now_is().await.generation;
    write_in!(store, |tx| iso::mount(tx, server, Some(by_url), NOW).await).unwrap();
    let row = now_is().await;
    assert_eq!((row.iso_id, row.iso_hypervisor_id, row.generation), (Some(by_url), None, before + 1));
    let whole = server_details::by_id(db, server).await.unwrap().unwrap();
    assert_eq!(whole.iso.map(|iso| iso.id), Some(by_url));
    assert_eq!(iso::holders(db, by_url, 10).await.unwrap(), [server]);
    assert!(!write_in!(store, |tx| iso::ready(tx, server, rescue, node).await).unwrap(), "another by now");
    write_in!(store, |tx| iso::pin(tx, by_url, "sha256:3", 9).await).unwrap();
    assert!(write_in!(store, |tx| iso::ready(tx, server, by_url, node).await).unwrap());
    let row = now_is().await;
    assert_eq!((row.iso_hypervisor_id, row.generation), (Some(node), before + 2));
    write_in!(store, |tx| iso::forget_unused(tx, by_url).await).unwrap();
    assert_eq!(iso::by_id(db, by_url).await.unwrap().unwrap().digest, "sha256:3", "it is in use");

    write_in!(store, |tx| {
        iso::mount(tx, server, None, NOW).await?;
        iso::forget_unused(tx, by_url).await?;
        iso::forget_unused(tx, rescue).await
    })
    .unwrap();
    assert_eq!((now_is().await.iso_id, iso::by_id(db, by_url).await.unwrap()), (None, None));
    let kept = write_in!(store, |tx| iso::lock(tx, rescue).await).unwrap();
    assert_eq!(kept.map(|row| row.id), Some(rescue), "the library keeps what nobody has mounted");
    assert!(server_details::by_id(db, server).await.unwrap().unwrap().iso.is_none());
    let (before, own) = (now_is().await, json!({ "os": { "xml": "<bios/>", "enabled": true } }));
    assert_eq!(before.custom_xml, json!({}));
    write_in!(store, [own] | tx | server_hardware::set_custom_xml(tx, server, own, NOW).await).unwrap();
    let row = now_is().await;
    assert_eq!((row.custom_xml, row.generation), (own, before.generation + 1));
    assert_eq!((before.machine_type.as_str(), before.tpm_type), ("inherit", 0));
    let hardware = Hardware { machine_type: Some("pc".to_owned()), tpm_type: Some(2), ..Hardware::default() };
    let set = write_in!(store, [hardware] | tx | server_hardware::set_hardware(tx, server, hardware, NOW).await);
    let row = set.unwrap().unwrap();
    assert_eq!((row.machine_type.as_str(), row.tpm_type, row.generation), ("pc", 2, before.generation + 2));
    assert_eq!((row.cpu_type, row.boot_order), (before.cpu_type, before.boot_order), "what is not said stays");
    let hardware =
        Hardware { cpu_type: Some("host-model".to_owned()), boot_order: Some(json!(["cdrom"])), ..Hardware::default() };
    let set = write_in!(store, [hardware] | tx | server_hardware::set_hardware(tx, server, hardware, NOW).await);
    assert_eq!(set.unwrap().unwrap().boot_order, json!(["cdrom"]));
    write_in!(store, |tx| iso::remove(tx, rescue).await).unwrap();
    assert_eq!(iso::by_id(db, rescue).await.unwrap(), None);
}
