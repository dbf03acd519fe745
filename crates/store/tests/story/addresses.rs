//! Addresses that come and go on a server, who held them, and the blocks that they are of.

use std::net::Ipv4Addr;

use berth_store::{
    Store, address_history,
    entity::hypervisor_network::Model as Network,
    extra_mac::{self, Holder},
    hypervisor_network,
    interface_vlan::{self, Vlan},
    ip_block::{self, BlockChange, NewBlock},
    ip_block_binding, ip_block_group, ip_whitelist, ipv4_address, ipv6_subnet, placement,
    port_forward::{self, NewForward},
    server, server_details,
    server_interface::{self, InterfaceChange, NewInterface, Settings},
};

use crate::{NOW, nodes::Nodes, people::People, uuid, write_in};

/// 198.51.100.1
const FIRST: u32 = 0xC633_6401;

pub async fn tell(store: &Store, nodes: &Nodes, people: &People, server: i64) {
    let interface = server_interface::of_server(store.read(), server).await.unwrap()[0].id;
    let (four, six) = (block(store, 4).await, block(store, 6).await);
    comings_and_goings(store, four, interface, server, people).await;
    rest(store, four, interface).await;
    subnets(store, six, interface, server).await;
    bindings(store, nodes, four, six).await;
    groups(store, nodes, four, six).await;
    further_interface(store, four, nodes, server).await;
    end_of_blocks(store, four, six, interface, server).await;
    passed(store, interface, server).await;
}

async fn block(store: &Store, family: i32) -> i64 {
    let v6 = family == 6;
    let new = NewBlock {
        uuid: uuid(0xB0 + u128::from(v6)),
        name: format!("addresses {family}"),
        family,
        gateway: if v6 { "2001:db8:1::1" } else { "198.51.100.254" }.to_owned(),
        prefix_len: if v6 { 48 } else { 24 },
        source_prefix: v6.then(|| "2001:db8:1::".to_owned()),
        subnet_prefix_len: v6.then_some(64),
        resolver1: None,
        resolver2: None,
        enabled: true,
        network_profile: 0,
        dhcp: true,
        route_block: false,
        now: NOW,
    };
    write_in!(store, [new] | tx | ip_block::insert(tx, new).await).unwrap().id
}

fn number(n: u32) -> i64 {
    i64::from(FIRST - 1 + n)
}

async fn comings_and_goings(store: &Store, block: i64, interface: i64, server: i64, people: &People) {
    let db = store.read();
    let added =
        write_in!(store, |tx| ipv4_address::add(tx, block, &[FIRST, FIRST + 1, FIRST + 1, FIRST + 2], NOW).await);
    assert_eq!(added.unwrap(), 3, "one was named twice");
    let there = ipv4_address::in_range(db, &(FIRST..=FIRST + 9)).await.unwrap();
    assert_eq!(there.iter().map(|row| row.address).collect::<Vec<_>>(), [number(1), number(2), number(3)]);
    let named = ipv4_address::by_addresses(db, &[number(3), number(9)]).await.unwrap();
    assert_eq!(named, there[2..]);

    let ids = [there[0].id, 999];
    assert_eq!(ipv4_address::by_ids(db, &ids).await.unwrap(), there[..1]);
    let two = write_in!(store, |tx| ipv4_address::set_reserved(tx, block, &[number(1), number(9)], true).await);
    assert_eq!(two.unwrap(), 1, "as many as the block has");
    let given = write_in!(store, |tx| {
        let next = ipv4_address::allocate(tx, block, interface, 10, 1, NOW, NOW).await?;
        let named = ipv4_address::take(tx, &[number(1), number(2)], interface, 11, NOW).await?;
        Ok((next, named))
    });
    let (next, named) = given.unwrap();
    assert_eq!((next[0].address, next[0].position), (number(2), 10), "what is kept back is not next");
    assert_eq!(named.iter().map(|row| (row.address, row.position)).collect::<Vec<_>>(), [(number(1), 11)]);
    assert_eq!(ip_block::assigned(db, block).await.unwrap(), 2);

    let filter = |assigned, reserved, server_id| ipv4_address::Filter { assigned, reserved, server_id, address: None };
    let page = async |filter| {
        let (rows, total) = ipv4_address::page(db, block, &filter, 0, 10).await.unwrap();
        assert_eq!(rows.len() as u64, total);
        rows.into_iter().map(|(row, holder)| (row.address, holder.map(|holder| holder.server_id))).collect::<Vec<_>>()
    };
    let (held, free) = ([(number(1), Some(server)), (number(2), Some(server))], (number(3), None));
    assert_eq!(page(filter(None, None, None)).await, [held[0], held[1], free]);
    assert_eq!(page(filter(Some(true), None, None)).await, held);
    assert_eq!(page(filter(Some(false), None, None)).await, [free]);
    assert_eq!(page(filter(None, Some(true), None)).await, [held[0]]);
    assert_eq!(page(filter(None, None, Some(server))).await, held);
    assert_eq!(page(filter(None, None, Some(999))).await, []);

    let back = write_in!(store, |tx| {
        ipv4_address::release(tx, &[interface], &[number(1), number(2), number(3)], NOW + 5).await
    });
    assert_eq!(back.unwrap().len(), 2, "those that it had");
    assert_eq!(ip_block::assigned(db, block).await.unwrap(), 0);
    let held = |at| async move {
        let (rows, total) = address_history::of_ipv4(db, Ipv4Addr::from(FIRST), at, 0, 10).await.unwrap();
        assert_eq!(rows.len() as u64, total);
        rows.into_iter().map(|row| (row.server_id, row.user_id, row.assigned_at, row.released_at)).collect::<Vec<_>>()
    };
    let once = (server, people.jon, NOW, Some(NOW + 5));
    assert_eq!(held(None).await, [once]);
    assert_eq!(held(Some(NOW + 4)).await, [once]);
    assert_eq!(held(Some(NOW + 5)).await, [], "given back by then");
    assert_eq!(held(Some(NOW - 1)).await, []);
}

/// Those that were never given come first, then whichever has been free for the longest; nothing before its time.
async fn rest(store: &Store, block: i64, interface: i64) {
    write_in!(store, |tx| ipv4_address::set_reserved(tx, block, &[number(1)], false).await).unwrap();
    let take = async |rested_since, now| {
        let given = write_in!(store, |tx| ipv4_address::allocate(tx, block, interface, 10, 1, rested_since, now).await);
        given.unwrap().first().map(|row| row.address)
    };
    let give = async |address, now| {
        write_in!(store, |tx| ipv4_address::release(tx, &[interface], &[address], now).await).unwrap();
    };
    assert_eq!(take(NOW, NOW + 6).await, Some(number(3)), "never given");
    assert_eq!(take(NOW + 4, NOW + 7).await, None, "they rest");
    assert_eq!(take(NOW + 5, NOW + 8).await, Some(number(1)));
    give(number(1), NOW + 9).await;
    assert_eq!(take(NOW + 9, NOW + 10).await, Some(number(2)), "free for longer than the first");
    give(number(2), NOW + 11).await;
    give(number(3), NOW + 11).await;
}

async fn subnets(store: &Store, block: i64, interface: i64, server: i64) {
    let db = store.read();
    let row = ip_block::by_id(db, block).await.unwrap().unwrap();
    let cut = |index: u64| Some(format!("2001:db8:1:{index}::"));
    let given = write_in!(store, [row] | tx | ipv6_subnet::allocate(tx, &row, interface, 5, (NOW, NOW), cut).await);
    let given = given.unwrap().unwrap();
    let held = |at| async move {
        let (rows, _) = address_history::of_ipv6(db, "2001:db8:1:1::77".parse().unwrap(), at, 0, 10).await.unwrap();
        rows.into_iter().map(|row| (row.server_id, row.ipv6.unwrap(), row.released_at)).collect::<Vec<_>>()
    };
    assert_eq!(held(None).await, [(server, "2001:db8:1:1::".to_owned(), None)]);
    let id = given.id;
    let taken = write_in!(store, |tx| ipv6_subnet::take(tx, block, "2001:db8:1:1::", interface, 6, NOW + 2).await);
    assert_eq!(taken.unwrap(), None, "it is not free");
    let back = write_in!(store, |tx| ipv6_subnet::release(tx, &[interface], &[id, 999], NOW + 3).await).unwrap();
    assert_eq!(back.len(), 1);
    assert_eq!(held(Some(NOW + 3)).await, []);
    assert_eq!(held(Some(NOW)).await.len(), 1);
    let again =
        write_in!(store, [row] | tx | ipv6_subnet::allocate(tx, &row, interface, 5, (NOW + 2, NOW + 4), cut).await);
    assert_eq!(again.unwrap().unwrap().subnet_index, 2, "the first one rests");
    let taken = write_in!(store, |tx| ipv6_subnet::take(tx, block, "2001:db8:1:1::", interface, 6, NOW + 4).await);
    assert_eq!(taken.unwrap().unwrap().id, id, "unless it is named");
    assert_eq!(held(Some(NOW + 4)).await.len(), 1);
    write_in!(store, |tx| ipv6_subnet::release(tx, &[interface], &[id], NOW + 5).await).unwrap();
    let used = ip_block::counts(db, &[block]).await.unwrap()[0].1;
    assert_eq!((used.total, used.used), (2, 1));
    write_in!(store, |tx| ip_block::forget_free_subnets(tx, block).await).unwrap();
    assert_eq!(ip_block::counts(db, &[block]).await.unwrap()[0].1.total, 1);
}

async fn bindings(store: &Store, nodes: &Nodes, four: i64, six: i64) {
    let (db, first, network) = (store.read(), nodes.first, nodes.network);
    let before: Vec<i64> = bound(store, first).await.into_iter().map(|(_, block, _)| block).collect();
    let others = berth_store::hypervisor_network::of_hypervisors(db, &[first]).await.unwrap();
    let spare = others.iter().find(|other| other.id != network).unwrap().id;
    write_in!(store, |tx| {
        ip_block::bind(tx, four, network, NOW).await?;
        ip_block::bind(tx, six, network, NOW).await
    })
    .unwrap();
    let id_of = async |block| {
        let bound = ip_block_binding::of_block(db, block).await.unwrap();
        assert_eq!(bound.len(), 1);
        bound[0].binding.id
    };
    let (b4, b6) = (id_of(four).await, id_of(six).await);
    write_in!(store, |tx| ip_block_binding::set_order(tx, network, &[b6, b4, 999]).await).unwrap();
    let order: Vec<i64> = bound(store, first).await.into_iter().map(|(_, block, _)| block).collect();
    assert_eq!(order, [&[six, four], &before[..]].concat(), "those that were not named come last, as they were");
    let giving = ip_block_binding::giving_to_network(db, network).await.unwrap();
    assert_eq!(giving.iter().map(|block| block.id).collect::<Vec<_>>(), order);
    write_in!(store, |tx| ip_block_binding::move_to(tx, b6, spare).await).unwrap();
    assert!(bound(store, first).await.contains(&(spare, six, 1)));
    write_in!(store, |tx| {
        ip_block_binding::remove(tx, b4).await?;
        ip_block_binding::remove(tx, b6).await
    })
    .unwrap();
    let order: Vec<i64> = bound(store, first).await.into_iter().map(|(_, block, _)| block).collect();
    assert_eq!(order, before);
}

/// A network that has a group is served by its blocks, after its own, each of them once.
async fn groups(store: &Store, nodes: &Nodes, four: i64, six: i64) {
    let (db, network) = (store.read(), nodes.network);
    let giving = async || {
        let blocks = ip_block_binding::giving_to_network(db, network).await.unwrap();
        blocks.into_iter().map(|block| block.id).collect::<Vec<_>>()
    };
    let own = giving().await;
    let (own_first, free) = (own[0], free_of(store, nodes, four).await);
    assert_eq!(free.1, None, "the block serves nothing");
    let made = write_in!(store, |tx| {
        let made = ip_block_group::insert(tx, "Shared", NOW).await?;
        ip_block_group::set_blocks(tx, made.id, &[six, own_first, four]).await?;
        Ok(made)
    })
    .unwrap();
    let id = made.id;
    let twice = write_in!(store, |tx| ip_block_group::insert(tx, "Shared", NOW).await).unwrap_err();
    assert!(twice.violates("ip_block_groups", &["name"]), "{twice}");
    assert_eq!(ip_block_group::page(db, 0, 9).await.unwrap(), (vec![made], 1));
    assert_eq!(giving().await, own, "no network has it yet");

    let row = hypervisor_network::by_id(db, network).await.unwrap().unwrap();
    let with = |group| Network { ip_block_group_id: group, ..row.clone() };
    let served = with(Some(id));
    let served = write_in!(store, [served] | tx | hypervisor_network::update(tx, served, NOW).await).unwrap();
    assert_eq!(ip_block_group::networks(db, &[id, 999]).await.unwrap(), [served]);
    assert_eq!(giving().await, [&own[..], &[six, four]].concat());
    let candidates = placement::candidates(db, nodes.group).await.unwrap().unwrap();
    let placed: Vec<i64> = candidates.nodes[0].blocks.iter().map(|block| block.id).collect();
    assert_eq!(placed, giving().await);
    assert_eq!(free_of(store, nodes, four).await, (free.0 + 3, Some(3)));

    write_in!(store, |tx| {
        ip_block_group::set_blocks(tx, id, &[four]).await?;
        ip_block_group::rename(tx, id, "Ours", NOW + 1).await
    })
    .unwrap();
    let renamed = ip_block_group::by_id(db, id).await.unwrap().unwrap();
    assert_eq!((renamed.name.as_str(), renamed.created_at, renamed.updated_at), ("Ours", NOW, NOW + 1));
    let blocks = ip_block_group::blocks(db, &[id, 999]).await.unwrap();
    assert_eq!(blocks.iter().map(|(of, block)| (*of, block.id)).collect::<Vec<_>>(), [(id, four)]);
    let alone = with(None);
    write_in!(store, [alone] | tx | hypervisor_network::update(tx, alone, NOW).await).unwrap();
    assert_eq!(giving().await, own);
    write_in!(store, |tx| ip_block_group::remove(tx, id).await).unwrap();
    assert_eq!(ip_block_group::by_id(db, id).await.unwrap(), None);
}

/// Free IPv4 addresses of the first node, and those of a block where it serves the group of nodes.
async fn free_of(store: &Store, nodes: &Nodes, block: i64) -> (i64, Option<i64>) {
    let of_node = ip_block::free_ipv4_of_hypervisors(store.read(), &[nodes.first]).await.unwrap()[0].1;
    let by_block = placement::free_ipv4(store.read(), nodes.group, NOW + 100, 100).await.unwrap();
    (of_node, by_block.iter().find(|(id, _)| *id == block).map(|(_, free)| *free))
}

async fn bound(store: &Store, hypervisor: i64) -> Vec<(i64, i64, i32)> {
    let all = ip_block_binding::of_hypervisor(store.read(), hypervisor).await.unwrap();
    all.into_iter().map(|bound| (bound.network.id, bound.block.id, bound.binding.position)).collect()
}

/// A further interface goes with what it has.
async fn further_interface(store: &Store, block: i64, nodes: &Nodes, server: i64) {
    let (db, network_id) = (store.read(), nodes.network);
    let new = move || NewInterface {
        server_id: server,
        network_id,
        position: 9,
        tag: 1_000_000_009,
        mac: "52:54:00:00:00:09".to_owned(),
        in_average_kbs: 0,
        out_average_kbs: 0,
        network_profile: 0,
        firewall_enabled: true,
        settings: Settings { port_isolated: true, mtu: Some(1300), ..Settings::default() },
        now: NOW,
    };
    let made = write_in!(store, |tx| server_interface::insert(tx, new()).await).unwrap();
    assert_eq!((made.is_primary, made.name.as_str(), made.mtu, made.port_isolated), (false, "eth8", Some(1300), true));
    let id = made.id;
    let (before, _) = hypervisor_network::bound(db, network_id).await.unwrap();
    write_in!(store, |tx| {
        ipv4_address::take(tx, &[number(2)], id, 1, NOW + 20).await?;
        ip_whitelist::add(tx, id, 4, "203.0.113.0", 24, NOW).await
    })
    .unwrap();
    forwards(store, nodes, server, id).await;
    macs(store, server, id).await;
    vlans(store, server, id).await;
    write_in!(store, |tx| server_interface::remove(tx, id, NOW + 21).await).unwrap();
    assert_eq!(port_forward::of_interfaces(db, &[id]).await.unwrap(), [], "it led there");
    assert_eq!(extra_mac::of_interface(db, id).await.unwrap(), []);
    assert_eq!(interface_vlan::of_interfaces(db, &[id]).await.unwrap(), []);
    assert_eq!(server_interface::of_server(db, server).await.unwrap().len(), 1);
    assert_eq!(ipv4_address::by_addresses(db, &[number(2)]).await.unwrap()[0].interface_id, None);
    let (held, _) = address_history::of_ipv4(db, Ipv4Addr::from(FIRST + 1), Some(NOW + 20), 0, 10).await.unwrap();
    assert_eq!(held[0].released_at, Some(NOW + 21));
    assert_eq!(hypervisor_network::bound(db, network_id).await.unwrap().0, before - 1);
    assert_eq!(ip_block::assigned(db, block).await.unwrap(), 0);
}

/// A MAC address is one interface's, for as long as one of its addresses has it.
async fn macs(store: &Store, server: i64, interface: i64) {
    let db = store.read();
    let primary = server_interface::of_server(db, server).await.unwrap()[0].id;
    let [first, second] = [primary, interface].map(|id| async move {
        ipv4_address::of_interface(db, id).await.unwrap().pop().map(|row| Holder::Ipv4(row.id)).unwrap()
    });
    let (first, second) = (first.await, second.await);
    let set = async |interface, holder, mac: Option<&'static str>| {
        write_in!(store, |tx| extra_mac::set(tx, interface, holder, mac, NOW).await)
    };
    let known = async || -> Vec<String> {
        extra_mac::of_interface(db, interface).await.unwrap().into_iter().map(|row| row.mac).collect()
    };
    let (one, two) = ("02:00:00:00:00:01", "02:00:00:00:00:02");
    assert!(set(interface, second, Some(one)).await.unwrap() && set(interface, second, Some(one)).await.unwrap());
    assert_eq!(known().await, [one]);
    let taken = set(primary, first, Some(one)).await.unwrap_err();
    assert!(taken.violates("extra_macs", &["mac"]), "{taken}");
    assert!(!set(primary, second, Some(two)).await.unwrap(), "another interface's address");
    assert!(!set(primary, Holder::Ipv6(999), Some(two)).await.unwrap());
    assert!(set(interface, second, Some(two)).await.unwrap());
    assert_eq!(known().await, [two], "what no address has is free");
    let details = server_details::by_id(db, server).await.unwrap().unwrap();
    let own = details.interfaces.iter().find(|of| of.interface.id == interface).unwrap();
    assert_eq!(own.ipv4[0].0.mac.as_deref(), Some(two));
    write_in!(store, |tx| ipv4_address::release(tx, &[interface], &[number(2)], NOW + 20).await).unwrap();
    assert_eq!(known().await, [""; 0], "it goes with its address");
    write_in!(store, |tx| ipv4_address::take(tx, &[number(2)], interface, 1, NOW + 20).await).unwrap();
    assert_eq!(ipv4_address::by_addresses(db, &[number(2)]).await.unwrap()[0].mac, None);
    assert!(set(interface, second, Some(two)).await.unwrap());
}

async fn vlans(store: &Store, server: i64, interface: i64) {
    let db = store.read();
    let vlan = |vlan, native_mode: &str, trunk| Vlan { vlan, native_mode: native_mode.to_owned(), trunk };
    let insert = async |new: Vlan| write_in!(store, [new] | tx | interface_vlan::insert(tx, interface, new, NOW).await);
    let second = insert(vlan(200, "", true)).await.unwrap();
    let first = insert(vlan(100, "untagged", true)).await.unwrap();
    let twice = insert(vlan(100, "", true)).await.unwrap_err();
    assert!(twice.violates("interface_vlans", &["interface_id", "vlan"]), "{twice}");
    assert_eq!(interface_vlan::of_interfaces(db, &[interface, 999]).await.unwrap(), [first.clone(), second.clone()]);
    let details = server_details::by_id(db, server).await.unwrap().unwrap();
    let own = details.interfaces.iter().find(|of| of.interface.id == interface).unwrap();
    assert_eq!(own.vlans, [first.clone(), second.clone()]);
    let change = vlan(300, "", false);
    write_in!(store, [change] | tx | interface_vlan::update(tx, first.id, change).await).unwrap();
    write_in!(store, |tx| interface_vlan::remove(tx, second.id).await).unwrap();
    let left = interface_vlan::of_interfaces(db, &[interface]).await.unwrap().remove(0);
    assert_eq!((left.id, left.vlan, left.trunk), (first.id, 300, false));
}

async fn forwards(store: &Store, nodes: &Nodes, server: i64, interface_id: i64) {
    let (db, hypervisor_id) = (store.read(), nodes.first);
    let new = move |protocol: &str, public_port| NewForward {
        hypervisor_id,
        interface_id,
        protocol: protocol.to_owned(),
        public_port,
        address: number(2),
        port: 22,
        now: NOW,
    };
    let insert =
        async |protocol: &'static str, port| write_in!(store, |tx| port_forward::insert(tx, new(protocol, port)).await);
    let made = [insert("tcp", 20_001).await.unwrap(), insert("tcp", 20_000).await.unwrap()];
    let udp = insert("udp", 20_000).await.unwrap();
    let twice = insert("tcp", 20_000).await.unwrap_err();
    assert!(twice.violates("port_forwards", &["hypervisor_id", "protocol", "public_port"]), "{twice}");
    let all = port_forward::of_interfaces(db, &[interface_id, 999]).await.unwrap();
    assert_eq!(all, [made[0].clone(), made[1].clone(), udp.clone()]);
    assert_eq!(port_forward::used_ports(db, hypervisor_id, "tcp").await.unwrap(), [20_000, 20_001]);
    let details = server_details::by_id(db, server).await.unwrap().unwrap();
    let own = details.interfaces.iter().find(|of| of.interface.id == interface_id).unwrap();
    assert_eq!(own.forwards, all);
    write_in!(store, |tx| port_forward::remove(tx, udp.id).await).unwrap();
    let gone = write_in!(store, |tx| port_forward::remove_of_addresses(tx, &[interface_id], &[number(2)]).await);
    assert_eq!(gone.unwrap(), 2);
    insert("tcp", 20_000).await.unwrap();
}

async fn end_of_blocks(store: &Store, four: i64, six: i64, interface: i64, server: i64) {
    let db = store.read();
    let change = BlockChange {
        name: "changed".to_owned(),
        gateway: "2001:db8:1::2".to_owned(),
        prefix_len: 40,
        source_prefix: Some("2001:db8:100::".to_owned()),
        subnet_prefix_len: Some(56),
        resolver1: Some("2001:db8::53".to_owned()),
        resolver2: None,
        enabled: false,
        network_profile: 3,
        dhcp: false,
        route_block: true,
        now: NOW + 9,
    };
    write_in!(store, [change] | tx | ip_block::update(tx, six, change).await).unwrap();
    let row = ip_block::by_id(db, six).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.prefix_len, row.subnet_prefix_len), ("changed", 40, Some(56)));
    assert_eq!((row.enabled, row.network_profile, row.updated_at), (false, 3, NOW + 9));
    assert!(!row.dhcp && row.route_block);
    let details = server_details::by_id(db, server).await.unwrap().unwrap();
    let own = details.interfaces.iter().find(|of| of.interface.id == interface).unwrap();
    assert!(own.ipv6.iter().all(|(_, block)| block.route_block == (block.id == six)), "it comes with the server");
    assert!(own.ipv6.iter().any(|(_, block)| block.id == six));
    let generation = async || server::by_id(db, server).await.unwrap().unwrap().generation;
    let before = generation().await;
    assert_eq!(write_in!(store, |tx| ip_block::renew_specifications(tx, six).await).unwrap(), [server]);
    assert_eq!(write_in!(store, |tx| ip_block::renew_specifications(tx, four).await).unwrap(), [] as [i64; 0]);
    assert_eq!(generation().await, before + 1, "once, for the block that it has a subnet of");

    let held = write_in!(store, |tx| ip_block::delete(tx, six).await).unwrap_err();
    assert!(matches!(held, berth_store::StoreError::ForeignKey(_)), "{held}");
    let mine: Vec<i64> = ipv6_subnet::of_interface(db, interface).await.unwrap().iter().map(|row| row.id).collect();
    let newest = *mine.last().unwrap();
    write_in!(store, |tx| ipv6_subnet::release(tx, &[interface], &[newest], NOW + 9).await).unwrap();
    assert_eq!(write_in!(store, |tx| ipv4_address::remove(tx, four, &[number(1), number(9)]).await).unwrap(), 1);
    write_in!(store, |tx| {
        ip_block::delete(tx, six).await?;
        ip_block::delete(tx, four).await
    })
    .unwrap();
    assert_eq!(ip_block::by_id(db, four).await.unwrap(), None);
    assert_eq!(ipv4_address::in_range(db, &(FIRST..=FIRST + 9)).await.unwrap(), []);
    let (past, _) = address_history::of_ipv4(db, Ipv4Addr::from(FIRST), None, 0, 10).await.unwrap();
    assert_eq!(past.len(), 2, "what was is still known");
}

/// An interface's own settings, and what its filter lets through besides its addresses.
async fn passed(store: &Store, interface: i64, server: i64) {
    let db = store.read();
    let before = server_interface::of_server(db, server).await.unwrap().remove(0);
    assert_eq!(Settings::of(&before), Settings::default());
    let settings = Settings {
        driver: Some(2),
        ip_filter: false,
        process_queues: Some(4),
        mtu: Some(1400),
        port_isolated: true,
        link_up: false,
        in_burst_kb: 5,
        out_burst_kb: 6,
        packets_s: 7,
        dhcp_v4: true,
        dhcp_v6: true,
    };
    let network_id = before.network_id;
    let change = InterfaceChange {
        settings,
        in_average_kbs: 1,
        out_average_kbs: 2,
        network_profile: 3,
        network_id,
        now: NOW + 1,
    };
    write_in!(store, |tx| server_interface::update(tx, interface, change).await).unwrap();
    let row = server_interface::of_server(db, server).await.unwrap().remove(0);
    assert_eq!((Settings::of(&row), row.network_profile, row.updated_at), (settings, 3, NOW + 1));
    assert_eq!((row.driver, row.link_up, row.packets_s), (Some(2), false, 7));
    write_in!(store, |tx| server_interface::set_throttle(tx, interface, 125, NOW + 2).await).unwrap();
    let throttled = server_interface::of_server(db, server).await.unwrap().remove(0);
    assert_eq!((throttled.throttle_kbs, throttled.in_average_kbs, throttled.updated_at), (125, 1, NOW + 2));
    assert_eq!((row.in_average_kbs, row.out_average_kbs, row.mac), (1, 2, before.mac));
    let add = async |address: &'static str, prefix_len| {
        let family = if address.contains(':') { 6 } else { 4 };
        write_in!(store, |tx| ip_whitelist::add(tx, interface, family, address, prefix_len, NOW).await).unwrap()
    };
    assert!(add("203.0.113.0", 24).await && add("203.0.113.0", 25).await && add("2001:db8:9::", 48).await);
    assert!(!add("203.0.113.0", 24).await, "it is there");
    let rows = ip_whitelist::of_interface(db, interface).await.unwrap();
    assert_eq!(rows.len(), 3);
    let details = server_details::by_id(db, server).await.unwrap().unwrap();
    assert_eq!(details.interfaces[0].whitelist, rows);
    let gone = write_in!(store, |tx| ip_whitelist::remove(tx, interface, "203.0.113.0").await).unwrap();
    assert_eq!((gone, ip_whitelist::of_interface(db, interface).await.unwrap().len()), (2, 1));
}
