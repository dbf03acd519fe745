//! What belongs to a server: disks, an interface with its addresses, keys, changes that wait, console tokens; and the
//! server read whole.

use berth_store::{
    Store,
    console_token::{self, NewToken},
    hypervisor,
    ip_block::{self, Counts},
    ipv4_address, ipv6_subnet,
    pending_action::{self, NewPending},
    server, server_details,
    server_disk::{self, Hardware, NewDisk},
    server_interface::{self, NewInterface, Settings},
    server_ssh_key,
};
use serde_json::json;

use crate::{NOW, SECOND, goods::Goods, nodes::Nodes, people::People, uuid, write_in};

pub async fn tell(store: &Store, people: &People, nodes: &Nodes, goods: &Goods, server: i64) {
    disks(store, server).await;
    caches_of_the_node(store, nodes, server).await;
    let interface = interface(store, nodes, server).await;
    addresses(store, goods, interface).await;
    keys(store, people, server).await;
    waiting_changes(store, server).await;
    console_tokens(store, server).await;
    whole(store, people, nodes, server, interface).await;
}

async fn disks(store: &Store, server: i64) {
    let disk = move |position, capacity_gib| NewDisk {
        position,
        volume_uuid: uuid(0xD0 + position as u128),
        capacity_gib,
        profile: 0,
        format: "qcow2".to_owned(),
        status: server_disk::STATUS_PLANNED,
        enabled: false,
        read_bytes_s: None,
        write_bytes_s: Some(1 << 20),
        read_iops: None,
        write_iops: None,
        storage_point_id: None,
        hardware: Hardware { bus: Some("scsi".to_owned()), ..Hardware::default() },
        filesystem: Some("ext4".to_owned()),
    };
    let new = vec![disk(2, 20), disk(1, 10)];
    let made = write_in!(store, [new] | tx | server_disk::insert(tx, server, &new, NOW).await).unwrap();
    assert_eq!(made.iter().map(|disk| (disk.position, disk.is_primary)).collect::<Vec<_>>(), [(1, true), (2, false)]);
    assert_eq!(server_disk::of_server(store.read(), server).await.unwrap(), made);
    let id = made[0].id;
    write_in!(store, |tx| server_disk::renew_volume(tx, id, uuid(0xE1), NOW + 1).await).unwrap();
    let now = server_disk::of_server(store.read(), server).await.unwrap();
    assert_eq!((now[0].volume_uuid, now[0].status, now[0].enabled), (uuid(0xE1), server_disk::STATUS_READY, true));
    assert_eq!(now[1], made[1]);
    let [bus, cache, io] = ["virtio", "none", "native"].map(|text| Some(text.to_owned()));
    let hardware = Hardware { bus, cache, io };
    for hardware in [hardware, Hardware::of(&made[0])] {
        write_in!(store, [hardware] | tx | server_disk::set_hardware(tx, id, hardware, NOW + 2).await).unwrap();
        let disk = server_disk::of_server(store.read(), server).await.unwrap().remove(0);
        assert_eq!(
            (Hardware::of(&disk), disk.updated_at, disk.filesystem.as_deref()),
            (hardware, NOW + 2, Some("ext4"))
        );
    }
    one_leaves(store, server, disk(3, 30)).await;
}

/// Only of the node's own servers, and only while one of their disks names no cache mode.
async fn caches_of_the_node(store: &Store, nodes: &Nodes, server: i64) {
    let generation = async || server::by_id(store.read(), server).await.unwrap().unwrap().generation;
    let before = generation().await;
    for (named, node, wanted) in [
        (None, nodes.first, vec![server]),
        (None, nodes.second, Vec::new()),
        (Some("none".to_owned()), nodes.first, Vec::new()),
        (None, nodes.first, vec![server]),
    ] {
        for disk in server_disk::of_server(store.read(), server).await.unwrap() {
            let (id, hardware) = (disk.id, Hardware { cache: named.clone(), ..Hardware::of(&disk) });
            write_in!(store, [hardware] | tx | server_disk::set_hardware(tx, id, hardware, NOW + 4).await).unwrap();
        }
        let renewed = write_in!(store, |tx| hypervisor::renew_disk_caches(tx, node).await).unwrap();
        assert_eq!(renewed, wanted, "{named:?} on {node}");
    }
    assert_eq!(generation().await, before + 2, "once for each answer, however many disks");
}

async fn one_leaves(store: &Store, server: i64, new: NewDisk) {
    let disks = async || server_disk::of_server(store.read(), server).await.unwrap();
    let before = disks().await;
    let new = vec![new];
    let id = write_in!(store, [new] | tx | server_disk::insert(tx, server, &new, NOW).await).unwrap()[0].id;
    write_in!(store, |tx| server_disk::leave(tx, id, NOW + 3).await).unwrap();
    let leaving = disks().await.remove(2);
    assert_eq!((leaving.status, leaving.enabled, leaving.updated_at), (server_disk::STATUS_LEAVING, false, NOW + 3));
    write_in!(store, |tx| server_disk::remove(tx, &[]).await).unwrap();
    assert_eq!(disks().await.len(), 3, "none is named");
    write_in!(store, |tx| server_disk::remove(tx, &[id, 999]).await).unwrap();
    assert_eq!(disks().await, before);
}

async fn interface(store: &Store, nodes: &Nodes, server: i64) -> i64 {
    let network_id = nodes.network;
    let new = move |position, tag, mac: &str| NewInterface {
        server_id: server,
        network_id,
        position,
        tag,
        mac: mac.to_owned(),
        in_average_kbs: 100,
        out_average_kbs: 200,
        network_profile: 0,
        firewall_enabled: false,
        settings: Settings::default(),
        now: NOW,
    };
    let made = write_in!(store, |tx| server_interface::insert(tx, new(1, 1_000_000_000, "52:54:00:00:00:01")).await);
    let made = made.unwrap();
    assert_eq!((made.name.as_str(), made.is_primary, made.ip_filter), ("eth0", true, true));
    let tag = write_in!(store, |tx| server_interface::insert(tx, new(2, 1_000_000_000, "52:54:00:00:00:02")).await);
    assert!(tag.as_ref().unwrap_err().violates("server_interfaces", &["tag"]), "{tag:?}");
    let mac = write_in!(store, |tx| server_interface::insert(tx, new(2, 1_000_000_001, "52:54:00:00:00:01")).await);
    assert!(mac.as_ref().unwrap_err().violates("server_interfaces", &["mac"]), "{mac:?}");
    let id = made.id;
    assert_eq!(server_interface::of_server(store.read(), server).await.unwrap(), [made]);
    id
}

async fn addresses(store: &Store, goods: &Goods, interface: i64) {
    let (db, block4) = (store.read(), goods.block4);
    let given = write_in!(store, |tx| ipv4_address::allocate(tx, block4, interface, 1, 2, NOW, NOW).await).unwrap();
    let numbers: Vec<_> = given.iter().map(|address| (address.address, address.position)).collect();
    assert_eq!(numbers, [(0xC000_0201, 1), (0xC000_0202, 2)], "the lowest first");
    assert_eq!(write_in!(store, |tx| ipv4_address::allocate(tx, block4, interface, 3, 0, NOW, NOW).await).unwrap(), []);
    let too_many = write_in!(store, |tx| {
        let given = ipv4_address::allocate(tx, block4, interface, 3, 9, NOW, NOW).await?;
        assert_eq!(given.len(), 2, "as many as there are");
        Err::<(), _>(berth_store::StoreError::Corrupt("too few".to_owned()))
    });
    assert!(too_many.is_err());
    assert_eq!(ipv4_address::of_interface(db, interface).await.unwrap(), given);
    assert_eq!(ipv4_address::free(db, &[block4], NOW, 100).await.unwrap(), 2);

    let block6 = ip_block::by_id(db, goods.block6).await.unwrap().unwrap();
    let cut = |index: u64| (index < 3).then(|| format!("2001:db8:0:{index}::"));
    let subnets = write_in!(
        store,
        [block6] | tx | {
            let mut subnets = Vec::new();
            for position in 1..=3 {
                subnets.push(ipv6_subnet::allocate(tx, &block6, interface, position, (NOW, NOW), cut).await?);
            }
            Ok(subnets)
        }
    )
    .unwrap();
    assert_eq!(subnets[2], None, "the block is used up");
    let subnets: Vec<_> = subnets.into_iter().flatten().collect();
    assert_eq!((subnets[0].subnet.as_str(), subnets[1].subnet.as_str()), ("2001:db8:0:1::", "2001:db8:0:2::"));
    assert_eq!((subnets[1].subnet_index, subnets[1].prefix_len), (2, 64));
    assert_eq!(ipv6_subnet::of_interface(db, interface).await.unwrap(), subnets);
    let mut counts = ip_block::counts(db, &[block4, goods.block6]).await.unwrap();
    counts.sort_by_key(|(block, _)| *block);
    let (four, six) = (Counts { total: 4, used: 2 }, Counts { total: 2, used: 2 });
    assert_eq!(counts, [(block4, four), (goods.block6, six)]);
}

async fn keys(store: &Store, people: &People, server: i64) {
    let [first, second] = people.jons_keys;
    let asked = [second, people.marys_key, first, 999];
    let mut usable = server_ssh_key::usable(store.read(), people.jon, &asked).await.unwrap();
    usable.sort_unstable();
    assert_eq!(usable, [first, second], "one's own");
    assert_eq!(server_ssh_key::usable(store.read(), people.jon, &[]).await.unwrap(), [] as [i64; 0]);
    write_in!(store, |tx| {
        server_ssh_key::replace(tx, server, &[first]).await?;
        server_ssh_key::replace(tx, server, &[second, first]).await
    })
    .unwrap();
}

async fn waiting_changes(store: &Store, server: i64) {
    let db = store.read();
    let add = async |action: &'static str| {
        write_in!(store, |tx| {
            let new = NewPending {
                action: action.to_owned(),
                waits_for: if action == "kept" { String::new() } else { "memory".to_owned() },
                generation: 3,
                payload: json!({ "disk": 2 }),
            };
            pending_action::insert(tx, server, new, &["boot", "restart"], NOW).await
        })
        .unwrap()
    };
    let (grow, memory, kept) = (add("grow").await, add("memory").await, add("kept").await);
    assert_eq!((&grow.requires, grow.complete), (&json!(["boot", "restart"]), false));
    assert_eq!(pending_action::of_server(db, server).await.unwrap(), [grow.clone(), memory, kept.clone()]);
    write_in!(store, |tx| pending_action::remove(tx, server, "memory").await).unwrap();
    assert_eq!(pending_action::of_server(db, server).await.unwrap(), [grow.clone(), kept.clone()]);
    let state = async || {
        let rows = pending_action::of_server(db, server).await.unwrap();
        rows.into_iter().map(|row| (row.collected, row.failed)).collect::<Vec<_>>()
    };
    write_in!(store, |tx| pending_action::collect(tx, server, true, NOW).await).unwrap();
    assert_eq!(state().await, [(false, false), (false, false)], "nothing was begun that could fail");
    write_in!(store, |tx| pending_action::collect(tx, server, false, NOW).await).unwrap();
    assert_eq!(state().await, [(true, false), (false, false)], "what waits for no start is not begun with one");
    write_in!(store, |tx| pending_action::collect(tx, server, true, NOW).await).unwrap();
    assert_eq!(state().await, [(false, true), (false, false)]);
    let (id, later) = (
        grow.id,
        NewPending {
            action: "Grow".to_owned(),
            waits_for: "memory".to_owned(),
            generation: 4,
            payload: json!({ "disk": 3 }),
        },
    );
    write_in!(store, [later] | tx | pending_action::still_waits(tx, id, later, NOW + 1).await).unwrap();
    let row = pending_action::of_server(db, server).await.unwrap().remove(0);
    assert_eq!((row.action.as_str(), row.generation, &row.payload), ("Grow", 4, &json!({ "disk": 3 })));
    assert_eq!((row.created_at, row.updated_at, row.waits_for.as_str()), (NOW, NOW + 1, "memory"));
    write_in!(store, |tx| pending_action::remove_one(tx, id).await).unwrap();
    assert_eq!(pending_action::of_server(db, server).await.unwrap(), [kept]);
}

async fn console_tokens(store: &Store, server: i64) {
    let db = store.read();
    let new = move |n: u128| NewToken {
        uuid: uuid(n),
        server_id: server,
        kind: "vnc".to_owned(),
        token_hash: format!("hash {n}"),
        password_enc: "sealed".to_owned(),
        token_enc: "sealed".to_owned(),
        user_id: Some(7),
        expires_at: NOW + SECOND,
        now: NOW,
    };
    write_in!(store, |tx| console_token::replace(tx, new(1)).await).unwrap();
    let second = write_in!(store, |tx| console_token::replace(tx, new(2)).await).unwrap();
    assert_eq!(console_token::fresh(db, server, "vnc", NOW).await.unwrap().as_ref(), Some(&second));
    assert_eq!(console_token::fresh(db, server, "serial", NOW).await.unwrap(), None);
    assert_eq!(console_token::fresh(db, server, "vnc", NOW + SECOND).await.unwrap(), None, "its time is over");
    let take = async |hash: &'static str, kind: &'static str, now| {
        write_in!(store, |tx| console_token::take(tx, hash, kind, now).await).unwrap()
    };
    assert_eq!(take("hash 1", "vnc", NOW).await, None, "only the newest opens a socket");
    assert_eq!(take("hash 2", "serial", NOW).await, None);
    assert_eq!(take("hash 2", "vnc", NOW + SECOND).await, None);
    assert_eq!(take("hash 2", "vnc", NOW + 1).await.map(|row| row.used_at), Some(Some(NOW + 1)));
    assert_eq!(take("hash 2", "vnc", NOW + 1).await, None, "once");
    write_in!(store, |tx| console_token::replace(tx, new(3)).await).unwrap();
    write_in!(store, |tx| console_token::remove(tx, server, "vnc").await).unwrap();
    assert_eq!(console_token::fresh(db, server, "vnc", NOW).await.unwrap(), None);
    let fourth = write_in!(store, |tx| console_token::replace(tx, new(4)).await).unwrap();
    write_in!(store, |tx| console_token::of_person_gone(tx, server, 8).await).unwrap();
    assert_eq!(console_token::fresh(db, server, "vnc", NOW).await.unwrap(), Some(fourth), "another looks");
    write_in!(store, |tx| console_token::of_person_gone(tx, server, 7).await).unwrap();
    assert_eq!(console_token::fresh(db, server, "vnc", NOW).await.unwrap(), None);
}

async fn whole(store: &Store, people: &People, nodes: &Nodes, server: i64, interface: i64) {
    let db = store.read();
    let details = server_details::by_id(db, server).await.unwrap().unwrap();
    assert_eq!((details.server.id, details.owner.id), (server, people.jon));
    assert_eq!((details.hypervisor.id, details.group.id), (nodes.first, nodes.group));
    assert_eq!(details.template.as_ref().map(|template| template.slug.as_str()), Some("os-1"));
    assert_eq!(details.disks, server_disk::of_server(db, server).await.unwrap());
    assert_eq!((details.allocated.servers, details.allocated.storage_gib), (2, 30), "the one in deletion counts");
    let [told] = &details.interfaces[..] else { panic!("one interface: {:?}", details.interfaces) };
    assert_eq!((told.interface.id, told.network.id), (interface, nodes.network));
    assert_eq!((told.ipv4.len(), told.ipv6.len()), (2, 2), "each once, though both are joined");
    assert_eq!((told.ipv4[1].0.address, told.ipv6[1].1.family), (0xC000_0202, 6));
    let keys: Vec<_> = details.ssh_keys.iter().map(|key| key.id).collect();
    assert_eq!(keys, [people.jons_keys[1], people.jons_keys[0]], "in the order of the build");
    assert_eq!(details.pending, pending_action::of_server(db, server).await.unwrap());
    assert!(!details.working);

    assert!(server_details::by_id(db, 999).await.unwrap().is_none());
    let ids = |all: Vec<server_details::ServerDetails>| all.into_iter().map(|one| one.server.id).collect::<Vec<_>>();
    assert_eq!(ids(server_details::by_ids(db, &[999, server]).await.unwrap()), [server]);
    assert_eq!(ids(server_details::by_ids(db, &[]).await.unwrap()), [] as [i64; 0]);
    assert_eq!(ids(server_details::of_owner(db, people.jon).await.unwrap()), [server]);
    assert_eq!(ids(server_details::of_owner(db, people.mary).await.unwrap()), [] as [i64; 0]);
}
