//! A hosting company with simulated nodes, and its control server, as it runs.

use std::{net::SocketAddr, path::PathBuf};

use berth_agent::{
    identity::{Identity, Names},
    sim::SimNode,
};
use berth_control::{
    Context, Error, bootstrap,
    clock::{Clock, SystemClock},
    config::Config,
    http,
    random::OsRng,
    start,
};
use berth_store::{
    entity::hypervisor,
    hypervisor::NewHypervisor,
    hypervisor_group::NewGroup,
    hypervisor_network,
    ip_block::{self, NewBlock},
    ipv4_address,
    package::NewPackage,
    selftest::{self, NewSelftest, StorageTest},
    testing::Database,
    user::NewUser,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{client::Client, floor};

/// In groups of ten, as in ten places.
pub const NODES: i64 = 100;
pub const NODES_IN_A_GROUP: i64 = 10;
pub const USERS: i64 = 500;
/// 10.0.0.0/16: what creates are given.
const FREE_ADDRESSES: std::ops::RangeInclusive<u32> = 0x0A00_0001..=0x0A00_FFFE;

pub struct World {
    pub ctx: Context,
    pub token: String,
    pub address: SocketAddr,
    /// Where the floor is served.
    pub floor: SocketAddr,
    pub certificate: PathBuf,
    pub groups: Vec<i64>,
    pub package: i64,
    pub user: i64,
    /// A server that others are copies of.
    pub first_server: i64,
    /// Of the first node; those of the others follow.
    pub first_node: i64,
    pub first_network: i64,
    _nodes: Vec<SimNode>,
    shutdown: CancellationToken,
    served: JoinHandle<anyhow::Result<()>>,
    _database: Database,
}

impl World {
    pub async fn start(database: Database) -> Self {
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            data_dir: database.dir.path().join("control"),
            database_url: Some(database.url.clone()),
            // What a token may ask is not what is measured.
            requests_per_second: 1_000_000,
            ..Config::default()
        };
        let ctx = start::start(config).await.unwrap();
        let token = bootstrap::first_admin(&ctx, "admin@example.test").await.unwrap().unwrap().token;
        let rows = insert(&ctx).await;
        let nodes = simulate(&ctx, rows.first_node).await;
        let (certificate, _) = http::certificate_files(&ctx.config).unwrap();
        let shutdown = CancellationToken::new();
        let (tell, told) = tokio::sync::oneshot::channel();
        let ready = |address| {
            let _ = tell.send(address);
        };
        let served = tokio::spawn(berth_control::run(ctx.clone(), shutdown.clone(), ready));
        let address = told.await.unwrap();
        let floor = floor::serve(&ctx, &token).await;
        let mut world = Self {
            ctx,
            token,
            address,
            floor,
            certificate,
            groups: rows.groups,
            package: rows.package,
            user: rows.user,
            first_server: 0,
            first_node: rows.first_node,
            first_network: rows.first_network,
            _nodes: nodes,
            shutdown,
            served,
            _database: database,
        };
        world.first_server = world.create_first().await;
        world
    }

    async fn create_first(&self) -> i64 {
        let order = json!({ "packageId": self.package, "userId": self.user, "hypervisorId": self.groups[0] });
        let mut client = Client::connect(self, self.address).await;
        let answer = client.send("POST", "/api/v1/servers", Some(&order.to_string())).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["data"]["id"].as_i64().unwrap()
    }

    /// One of the servers that are there, another for each number.
    pub fn some_server(&self, n: u64) -> i64 {
        self.first_server + i64::try_from(n * 7919 % crate::SERVERS).unwrap()
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.served.await.unwrap().unwrap();
    }
}

struct Rows {
    groups: Vec<i64>,
    package: i64,
    user: i64,
    first_node: i64,
    first_network: i64,
}

async fn insert(ctx: &Context) -> Rows {
    let made = ctx.store.write_tx::<_, Error>(|tx| {
        let ctx = ctx.clone();
        Box::pin(async move {
            let now = ctx.now();
            let block4 = ip_block::insert(tx, block(&ctx, 4)).await?.id;
            let block6 = ip_block::insert(tx, block(&ctx, 6)).await?.id;
            ipv4_address::add_range(tx, block4, FREE_ADDRESSES, now).await?;
            let (mut groups, mut nodes, mut networks) = (Vec::new(), Vec::new(), Vec::new());
            for n in 0..NODES {
                if n % NODES_IN_A_GROUP == 0 {
                    groups.push(berth_store::hypervisor_group::insert(tx, group(n, now)).await?.id);
                }
                let group_id = groups[groups.len() - 1];
                let row = berth_store::hypervisor::insert(tx, node(&ctx, group_id, n)).await?;
                selftest::record(tx, passed(row.id, now)).await?;
                let network = hypervisor_network::insert(tx, row.id, "br0", None, true, now).await?.id;
                ip_block::bind(tx, block4, network, now).await?;
                ip_block::bind(tx, block6, network, now).await?;
                nodes.push(row.id);
                networks.push(network);
            }
            assert_eq!(networks[networks.len() - 1] - networks[0], NODES - 1, "ids follow each other");
            let package = berth_store::package::insert(tx, a_package(), now).await?;
            let mut users = Vec::new();
            for n in 0..USERS {
                let email = format!("user{n}@example.test");
                let new = NewUser::plain(ctx.rng.uuid(), "A customer", &email, String::new(), now);
                users.push(berth_store::user::insert(tx, new).await?.id);
            }
            Ok(Rows { groups, package: package.id, user: users[0], first_node: nodes[0], first_network: networks[0] })
        })
    });
    made.await.unwrap()
}

fn group(n: i64, now: i64) -> NewGroup {
    NewGroup {
        name: format!("Place {n}"),
        label: None,
        description: None,
        distribution_type: 5,
        enabled: true,
        is_default: n == 0,
        now,
    }
}

/// What the self-test of a node's joining leaves.
fn passed(hypervisor_id: i64, now: i64) -> NewSelftest {
    let storage = StorageTest {
        kind: selftest::DIRECTORY.to_owned(),
        location: String::new(),
        passed: true,
        detail: String::new(),
    };
    // Of no job that there is.
    let job_id = -hypervisor_id;
    NewSelftest { hypervisor_id, job_id, passed: true, checks: json!([]), storage: vec![storage], now }
}

fn node(ctx: &Context, group_id: i64, n: i64) -> NewHypervisor {
    NewHypervisor {
        uuid: ctx.rng.uuid(),
        group_id,
        name: format!("hv{n}"),
        ip: "127.0.0.1".to_owned(),
        hostname: None,
        port: 0,
        max_cpu: 0,
        max_memory_mib: 0,
        max_storage_gib: 0,
        data_dir: "/var/lib/berth/agent".to_owned(),
        facts: json!({ "arch": "x86_64", "accelerator": "kvm" }),
        certificate: None,
        now: ctx.now(),
    }
}

fn block(ctx: &Context, family: i32) -> NewBlock {
    let v6 = family == 6;
    NewBlock {
        uuid: ctx.rng.uuid(),
        name: format!("Block {family}"),
        family,
        gateway: if v6 { "2001:db8::1" } else { "10.0.255.254" }.to_owned(),
        prefix_len: if v6 { 32 } else { 16 },
        source_prefix: v6.then(|| "2001:db8::".to_owned()),
        subnet_prefix_len: v6.then_some(64),
        resolver1: Some("192.0.2.53".to_owned()),
        resolver2: None,
        enabled: true,
        network_profile: 0,
        dhcp: true,
        route_block: false,
        now: ctx.now(),
    }
}

fn a_package() -> NewPackage {
    NewPackage {
        name: "Small".to_owned(),
        description: None,
        enabled: true,
        memory_mib: 1024,
        primary_storage_gib: 20,
        traffic_gb: 1000,
        cpu_cores: 1,
        network_in_kbs: 0,
        network_out_kbs: 0,
        packets_s: 0,
        disk_type: "inherit".to_owned(),
        storage_profile: 0,
        network_profile: 0,
        read_bytes_s: None,
        write_bytes_s: None,
        read_iops: None,
        write_iops: None,
        backup_plan_id: 0,
    }
}

/// Starts an agent's service for each node and tells the control server where it is, before that looks.
async fn simulate(ctx: &Context, first_node: i64) -> Vec<SimNode> {
    let mut nodes = Vec::new();
    for id in first_node..first_node + NODES {
        let row = berth_store::hypervisor::by_id(ctx.store.read(), id).await.unwrap().unwrap();
        let node = SimNode::start(&identity(ctx, &row)).await.unwrap();
        let port = i32::from(node.address.port());
        let moved = ctx.store.write_tx::<_, Error>(|tx| {
            Box::pin(async move {
                let row = hypervisor::ActiveModel { port: Set(port), ..Default::default() };
                let of_node = hypervisor::Column::Id.eq(id);
                let update = hypervisor::Entity::update_many().set(row).filter(of_node);
                update.exec(tx).await.map_err(berth_store::StoreError::from)?;
                Ok(())
            })
        });
        moved.await.unwrap();
        nodes.push(node);
    }
    nodes
}

fn identity(ctx: &Context, row: &hypervisor::Model) -> Identity {
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let signed = ctx.pki.sign_node(&request, row.uuid, &OsRng, SystemClock.now()).unwrap();
    Identity {
        certificate_pem: signed.pem,
        key_pem: key.serialize_pem(),
        authority_pem: ctx.pki.authority_pem.clone(),
        names: Names {
            node_uuid: row.uuid.to_string(),
            cluster_uuid: ctx.cluster.uuid.to_string(),
            control_url: String::new(),
        },
    }
}
