//! A group of a hundred nodes with ten thousand servers: how long placement decides, and how long its resources take.

use std::time::Instant;

use berth_control::{
    actions::server_placement::{Storage, nodes_of},
    placement,
};
use berth_store::{StoreError, entity::hypervisor, hypervisor as nodes, ip_block, placement as candidates, server};
use sea_orm::{ActiveValue::Set, EntityTrait};

use crate::{
    RUN_READS, SERVERS,
    client::{Client, load},
    figures::{Figures, goal},
    world::{NODES, World},
};

const ROUNDS: usize = 500;
const DECISION_GOAL_MS: f64 = 1.0;
const RESOURCES_GOAL_P99_MS: f64 = 20.0;

/// Puts all nodes into one group, each with limits; then the decision alone, and with everything that it is decided
/// from. The floor goes over the nodes once and orders them by a number.
pub async fn placement(world: &World) {
    let group = world.groups[0];
    let moved = world.ctx.store.write_tx::<_, StoreError>(|tx| {
        Box::pin(async move {
            let row = hypervisor::ActiveModel {
                group_id: Set(group),
                max_servers: Set(9_999),
                max_cpu: Set(1 << 20),
                max_memory_mib: Set(1 << 30),
                max_storage_gib: Set(1 << 30),
                ..Default::default()
            };
            Ok(hypervisor::Entity::update_many().set(row).exec(tx).await.map(drop)?)
        })
    });
    moved.await.unwrap();
    println!("\nplacement among {NODES} nodes with {SERVERS} servers");
    let db = world.ctx.store.read();
    let read = async || {
        let found = candidates::candidates(db, group).await.unwrap().unwrap();
        let free = candidates::free_ipv4(db, group, world.ctx.now(), 1).await.unwrap();
        let storage = Storage::of_group(&world.ctx, group).await.unwrap();
        nodes_of(&world.ctx, &found, &free, &storage).await.unwrap()
    };
    let nodes = read().await;
    let demand = placement::Demand { memory_mib: 1024, cpu_cores: 1, storage_gib: 20 };
    let wanted = placement::Wanted {
        demand,
        disks: vec![placement::DiskWanted { gib: 20, profile: 0 }],
        network_profile: 0,
        ipv4: 1,
        arch: Some(placement::X86_64),
    };
    let floor = times(ROUNDS, || {
        let mut order: Vec<_> = nodes.iter().map(|node| (node.allocated.memory_mib, node.id)).collect();
        order.sort_unstable();
        assert_eq!(std::hint::black_box(order).len(), nodes.len());
    });
    println!("  floor               {floor}");
    let decided = placement::place(&nodes, &wanted, 5);
    assert_eq!(decided.order.len(), nodes.len(), "every node fits: {:?}", decided.reasons.first());
    let deciding = times(ROUNDS, || assert_eq!(placement::place(&nodes, &wanted, 5).order.len(), nodes.len()));
    println!("  deciding            {deciding}");
    let much = placement::Demand { memory_mib: 1 << 40, cpu_cores: 1 << 40, storage_gib: 1 << 40 };
    let large = vec![placement::DiskWanted { gib: 1 << 40, profile: 0 }];
    let too_much = placement::Wanted { demand: much, disks: large, ..wanted.clone() };
    let refusing = times(ROUNDS, || {
        assert_eq!(placement::place(&nodes, &too_much, 5).reasons.len(), nodes.len() * 3);
    });
    println!("  refusing everywhere {refusing}");
    let slowest = deciding.percentile_ms(99).max(refusing.percentile_ms(99));
    goal(&format!("a decision in {DECISION_GOAL_MS} ms, p99 of both"), slowest < DECISION_GOAL_MS);
    let begun = Instant::now();
    let mut reading = Vec::new();
    for _ in 0..ROUNDS / 5 {
        let one = Instant::now();
        read().await;
        reading.push(one.elapsed());
    }
    println!("  reading for it      {}", Figures::new(reading, begun.elapsed()));
    let counting = times(3, || assert!(placement::fits(&nodes, &wanted, 5, 10_000).total > 0));
    println!("  counting what fits  {counting}");
}

fn times(rounds: usize, work: impl Fn()) -> Figures {
    let begun = Instant::now();
    let one = || {
        let begun = Instant::now();
        work();
        begun.elapsed()
    };
    let times = (0..rounds).map(|_| one()).collect();
    Figures::new(times, begun.elapsed())
}

/// The group's resources over the API, against a floor of the same queries alone.
pub async fn resources(world: &World) {
    println!("\nGET /compute/hypervisors/groups/{{id}}/resources?results=200 of {NODES} nodes, one client");
    let path = format!("/api/v1/compute/hypervisors/groups/{}/resources?results=200", world.groups[0]);
    let db = world.ctx.store.read();
    let (begun, mut floor) = (Instant::now(), Vec::new());
    for _ in 0..ROUNDS / 5 {
        let one = Instant::now();
        let (rows, _) = nodes::page(db, Some(world.groups[0]), 0, 200).await.unwrap();
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        server::allocated(db, &ids).await.unwrap();
        ip_block::free_ipv4_of_hypervisors(db, &ids).await.unwrap();
        floor.push(one.elapsed());
    }
    println!("  floor  {}", Figures::new(floor, begun.elapsed()));
    let figures = load(world, world.address, 1, RUN_READS, async |client: &mut Client, _| {
        let answer = client.send("GET", &path, None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    });
    let figures = figures.await;
    println!("  API    {figures}");
    let p99 = figures.percentile_ms(99);
    goal(&format!("p99 under {RESOURCES_GOAL_P99_MS} ms"), p99 < RESOURCES_GOAL_P99_MS);
}
