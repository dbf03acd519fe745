//! Which node takes a server, and why others don't.

use proptest::prelude::*;

use super::*;

fn small() -> Wanted {
    let demand = Demand { memory_mib: 1024, cpu_cores: 1, storage_gib: 10 };
    Wanted { demand, disks: vec![DiskWanted { gib: 10, profile: 0 }], ipv4: 1, ..Wanted::default() }
}

fn node(id: i64) -> Node {
    Node {
        id,
        name: format!("hv{id}"),
        enabled: true,
        maintenance: false,
        prohibit: false,
        commissioned: true,
        has_network: true,
        network_works: true,
        arch: Some(X86_64),
        pools: vec![Pool::local(1000, 0)],
        blocks: vec![Block { id, network_profile: 0, free: 4 }],
        limits: Limits { servers: 0, memory_mib: 16_384, cpu_cores: 16, storage_gib: 1000 },
        allocated: Allocated::default(),
    }
}

fn used(id: i64, servers: i64, memory_mib: i64, cpu_cores: i64, storage_gib: i64) -> Node {
    let allocated = Allocated { servers, memory_mib, cpu_cores, storage_gib, points: Vec::new() };
    Node { allocated, pools: vec![Pool::local(1000, storage_gib)], ..node(id) }
}

#[test]
fn each_distribution_type_picks_its_node() {
    let nodes = [used(1, 9, 2048, 8, 500), used(2, 2, 8192, 4, 600), used(3, 5, 4096, 2, 100)];
    let first = |code| place(&nodes, &small(), code).order[0];
    assert_eq!([1, 2, 3, 4, 11, 12, 13].map(first), [2, 1, 3, 3, 2, 1, 1]);
    // Of memory, cores and storage, the third uses the least of what it uses most.
    assert_eq!((first(5), first(99)), (3, 3));
}

#[test]
fn nodes_without_limits_are_balanced_by_what_is_on_them() {
    let endless =
        |id, memory| Node { limits: Limits::default(), pools: vec![Pool::local(0, 0)], ..used(id, 0, memory, 0, 0) };
    assert_eq!(place(&[endless(1, 4096), endless(2, 1024)], &small(), 5).order, [2, 1]);
}

#[test]
fn every_reason_of_every_node_is_told() {
    let closed = Node { enabled: false, maintenance: true, prohibit: true, commissioned: false, ..node(1) };
    let full = Node { has_network: false, ..used(2, 0, 16_384, 16, 1000) };
    let other = Node { arch: Some(X86_64), blocks: vec![], ..node(3) };
    let disks = [0, 7].map(|profile| DiskWanted { gib: 5, profile }).to_vec();
    let wanted = Wanted { arch: Some(AARCH64), disks, ..small() };
    let placement = place(&[closed, full, other], &wanted, 5);
    assert!(placement.order.is_empty());
    assert_eq!(placement.reasons.len(), 4 + 4 + 3 * 2 + 1, "{:?}", placement.reasons);
    assert!(placement.reasons.iter().any(|reason| reason == "Hypervisor hv2 has 0 MB of memory free."));
}

#[test]
fn a_server_grows_while_its_node_has_room_whatever_else_the_node_lacks() {
    let closed = Node { enabled: false, prohibit: true, ..used(1, 0, 16_000, 99, 1000) };
    let more = |memory_mib, cpu_cores, storage_gib| Demand { memory_mib, cpu_cores, storage_gib };
    assert_eq!(refusals_to_grow(&closed, more(384, 0, -5), None), [] as [String; 0]);
    assert_eq!(
        refusals_to_grow(&closed, more(385, 1, 1), None),
        [
            "Hypervisor hv1 has 384 MB of memory free, and 385 more are needed.",
            "Hypervisor hv1 has 0 CPU cores free, and 1 more are needed.",
            "Hypervisor hv1 has 0 GB of storage free, and 1 more are needed.",
        ]
    );
    let endless = Node { limits: Limits::default(), pools: Vec::new(), ..closed };
    assert_eq!(refusals_to_grow(&endless, more(1 << 40, 1 << 40, i64::MAX), None), [] as [String; 0]);
    let zfs = Pool { point: Some(3), kind: StorageKind::Zfs, ..Pool::local(20, 15) };
    let roomy = Node { pools: vec![Pool::local(0, 0), zfs], ..node(1) };
    assert_eq!(refusals_to_grow(&roomy, more(0, 0, 5), Some(3)), [] as [String; 0]);
    let full = ["Hypervisor hv1 has 5 GB of storage free, and 6 more are needed."];
    assert_eq!(refusals_to_grow(&roomy, more(0, 0, 6), Some(3)), full, "it grows where it is");
}

#[test]
fn overcommit_stretches_limits_and_leaves_unlimited_alone() {
    let row = |limit, percent| hypervisor::Model {
        max_cpu: limit,
        max_memory_mib: limit,
        max_storage_gib: limit,
        cpu_overcommit_percent: percent,
        memory_overcommit_percent: percent,
        storage_overcommit_percent: percent,
        ..any_row()
    };
    let limits = |limit, percent| {
        let Limits { servers, memory_mib, cpu_cores, storage_gib } = Limits::of(&row(limit, percent));
        assert!(memory_mib == cpu_cores && cpu_cores == storage_gib && servers == 7);
        cpu_cores
    };
    assert_eq!([limits(10, 100), limits(10, 155), limits(10, 10_000), limits(0, 400)], [10, 15, 1000, 0]);
    assert_eq!(limits(1, 10), 1, "a limit never becomes none");
}

#[test]
fn blocks_of_another_network_profile_give_no_addresses() {
    let block = |network_profile, free| Block { id: 1, network_profile, free };
    let split = Node { blocks: vec![block(0, 3), block(2, 1)], ..node(1) };
    let fits = |network_profile, ipv4| {
        let wanted = Wanted { network_profile, ipv4, ..small() };
        refusals(&split, &wanted).next().is_none()
    };
    assert!(fits(0, 4) && !fits(0, 5), "any block serves");
    assert!(fits(2, 1) && !fits(2, 2) && !fits(9, 1) && fits(9, 0));
}

fn any_row() -> hypervisor::Model {
    hypervisor::Model {
        id: 1,
        uuid: uuid::Uuid::nil(),
        group_id: 1,
        name: "hv1".to_owned(),
        ip: String::new(),
        ip_alt: None,
        hostname: None,
        port: 8892,
        ssh_port: 22,
        commissioned: 3,
        maintenance: false,
        enabled: true,
        prohibit: false,
        nf_type: 4,
        max_servers: 7,
        max_cpu: 0,
        max_memory_mib: 0,
        max_storage_gib: 0,
        cpu_overcommit_percent: 100,
        memory_overcommit_percent: 100,
        storage_overcommit_percent: 100,
        default_disk_type: "inherit".to_owned(),
        default_disk_cache_type: "inherit".to_owned(),
        data_dir: String::new(),
        timezone: "UTC".to_owned(),
        facts: serde_json::json!({}),
        facts_at: None,
        certificate_serial: None,
        certificate_expires_at: None,
        key_sha256: None,
        event_incarnation: String::new(),
        event_sequence: 0,
        capacity_version: 0,
        created_at: 0,
        updated_at: 0,
    }
}

fn any_node() -> impl Strategy<Value = Node> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let limits = (0..5_i64, 0..5000_i64, 0..8_i64, 0..100_i64);
    let used = (0..5_i64, 0..5000_i64, 0..8_i64, 0..100_i64);
    let blocks = proptest::collection::vec((0..4_i64, 0..6_i64), 0..3);
    let block = |(id, free)| Block { id, network_profile: 0, free };
    (0..100_i64, flags, limits, used, blocks).prop_map(move |(id, flags, limits, used, blocks)| Node {
        blocks: blocks.into_iter().map(block).collect(),
        enabled: flags.0,
        maintenance: flags.1 && !flags.0,
        prohibit: flags.2 && !flags.0,
        commissioned: flags.3 || flags.0,
        limits: Limits { servers: limits.0, memory_mib: limits.1, cpu_cores: limits.2, storage_gib: limits.3 },
        pools: vec![Pool::local(limits.3, used.3)],
        allocated: Allocated {
            servers: used.0,
            memory_mib: used.1,
            cpu_cores: used.2,
            storage_gib: used.3,
            points: Vec::new(),
        },
        ..node(id)
    })
}

proptest! {
    #[test]
    fn a_node_is_either_in_the_order_or_refused_and_no_limit_is_passed(
        nodes in proptest::collection::vec(any_node(), 0..8), code in 0..20, memory_mib in 1..6000_i64,
    ) {
        let demand = Demand { memory_mib, ..small().demand };
        let wanted = Wanted { demand, ..small() };
        let placement = place(&nodes, &wanted, code);
        let refused = nodes.iter().filter(|node| refusals(node, &wanted).next().is_some()).count();
        prop_assert_eq!(placement.order.len() + refused, nodes.len());
        prop_assert_eq!(refused == 0, placement.reasons.is_empty());
        for id in placement.order {
            let fits = nodes.iter().filter(|node| node.id == id).any(|node| {
                let (limits, used) = (node.limits, &node.allocated);
                node.enabled && node.commissioned && !node.maintenance && !node.prohibit
                    && node.blocks.iter().map(|block| block.free).sum::<i64>() >= 1
                    && (limits.servers == 0 || used.servers < limits.servers)
                    && (limits.memory_mib == 0 || used.memory_mib + memory_mib <= limits.memory_mib)
                    && (limits.cpu_cores == 0 || used.cpu_cores + demand.cpu_cores <= limits.cpu_cores)
                    && (limits.storage_gib == 0 || used.storage_gib + demand.storage_gib <= limits.storage_gib)
            });
            prop_assert!(fits);
        }
    }

    #[test]
    fn the_order_does_not_depend_on_the_order_of_the_rows(
        nodes in proptest::collection::hash_map(0..50_i64, any_node(), 0..8), code in 0..20,
    ) {
        let mut nodes = nodes.into_iter().map(|(id, node)| Node { id, ..node }).collect::<Vec<_>>();
        let order = place(&nodes, &small(), code).order;
        nodes.reverse();
        prop_assert_eq!(order, place(&nodes, &small(), code).order);
    }
}
