//! Rows that other operations would make, put straight into the database.

use berth_control::{Context, Error};
use berth_store::{
    StoreError, Tx,
    entity::{
        hypervisor_selftest, ip_block, ip_block_binding, job, package, server, ssh_key, storage_point, storage_test,
        template, template_category,
    },
    hypervisor::{self, NewHypervisor},
    hypervisor_group::{self, NewGroup},
    hypervisor_network, ipv4_address,
    selftest::{self, NewSelftest, StorageTest},
    user::{self, NewUser},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter,
};
use serde_json::{Value, json};

use crate::app::App;

pub const NOW: i64 = crate::app::START;

/// What a hosting company has before it sells its first server.
pub struct Company {
    pub group: i64,
    pub hypervisors: Vec<i64>,
    pub package: i64,
    pub user: i64,
    pub key: i64,
    pub template: i64,
}

/// One block of `addresses` addresses from 192.0.2.1 on, bound to the networks of all nodes, and an IPv6 block.
pub async fn company(app: &App, nodes: usize, addresses: u32) -> Company {
    let ctx = app.ctx.clone();
    let made = app.ctx.store.write_tx::<_, Error>(|tx| {
        let ctx = ctx.clone();
        Box::pin(async move { Ok(insert(&ctx, tx, nodes, addresses).await) })
    });
    made.await.unwrap()
}

async fn insert(ctx: &Context, tx: &Tx, nodes: usize, addresses: u32) -> Company {
    let new = NewGroup {
        name: "Default".to_owned(),
        label: None,
        description: None,
        distribution_type: 5,
        enabled: true,
        is_default: true,
        now: NOW,
    };
    let group = hypervisor_group::insert(tx, new).await.unwrap().id;
    let block = insert_block(ctx, tx, 4).await;
    let block6 = insert_block(ctx, tx, 6).await;
    ipv4_address::add_range(tx, block, 0xC000_0201..=0xC000_0200 + addresses, NOW).await.unwrap();
    let mut hypervisors = Vec::new();
    for n in 0..nodes {
        let row = hypervisor::insert(tx, new_hypervisor(ctx, group, n)).await.unwrap();
        self_tested(tx, row.id).await.unwrap();
        let network = hypervisor_network::insert(tx, row.id, "br0", None, true, NOW).await.unwrap();
        bind(tx, block, network.id, 1).await;
        bind(tx, block6, network.id, 2).await;
        hypervisors.push(row.id);
    }
    let password = String::new();
    let new = NewUser::plain(ctx.rng.uuid(), "Jon Doe", "jon@doe.test", password, NOW);
    let user = user::insert(tx, new).await.unwrap().id;
    let key = insert_key(ctx, tx, user).await;
    Company {
        group,
        hypervisors,
        package: insert_package(tx).await,
        user,
        key,
        template: insert_template(ctx, tx).await,
    }
}

/// One more node, which has a network and no addresses.
pub async fn spare_hypervisor(app: &App, group_id: i64) -> i64 {
    let ctx = app.ctx.clone();
    let made = app.ctx.store.write_tx::<_, Error>(|tx| {
        let ctx = ctx.clone();
        Box::pin(async move {
            let n = usize::from(u16::from_le_bytes(ctx.rng.bytes()));
            let row = hypervisor::insert(tx, new_hypervisor(&ctx, group_id, 1000 + n)).await?;
            self_tested(tx, row.id).await?;
            hypervisor_network::insert(tx, row.id, "br0", None, true, NOW).await?;
            Ok(row.id)
        })
    });
    made.await.unwrap()
}

/// What the self-test that a node's joining queues leaves when it has passed.
async fn self_tested(tx: &Tx, hypervisor: i64) -> Result<(), StoreError> {
    let storage = StorageTest {
        kind: selftest::DIRECTORY.to_owned(),
        location: String::new(),
        passed: true,
        detail: "As it is.".to_owned(),
    };
    let new = NewSelftest {
        hypervisor_id: hypervisor,
        // Of no job that any test looks at.
        job_id: -hypervisor,
        passed: true,
        checks: json!([{ "name": "storage", "passed": true, "detail": storage.detail, "tookMs": 1,
            "storageKind": storage.kind }]),
        storage: vec![storage],
        now: NOW,
    };
    selftest::record(tx, new).await
}

/// The node is one that joined a moment ago: nothing was tested there.
pub async fn never_tested(app: &App, hypervisor: i64) {
    let forgotten = app.ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            let tests = hypervisor_selftest::Column::HypervisorId.eq(hypervisor);
            hypervisor_selftest::Entity::delete_many().filter(tests).exec(tx).await.unwrap();
            let tests = storage_test::Column::HypervisorId.eq(hypervisor);
            storage_test::Entity::delete_many().filter(tests).exec(tx).await.unwrap();
            let untested = storage_point::ActiveModel {
                test_passed: Set(None),
                test_detail: Set(String::new()),
                tested_at: Set(None),
                ..Default::default()
            };
            let points = storage_point::Column::HypervisorId.eq(hypervisor);
            storage_point::Entity::update_many().set(untested).filter(points).exec(tx).await.unwrap();
            Ok(())
        })
    });
    forgotten.await.unwrap();
}

fn new_hypervisor(ctx: &Context, group_id: i64, n: usize) -> NewHypervisor {
    NewHypervisor {
        uuid: ctx.rng.uuid(),
        group_id,
        name: format!("hv{n}"),
        ip: format!("198.51.100.{}", n + 1),
        hostname: None,
        port: 8892,
        max_cpu: 0,
        max_memory_mib: 1 << 30,
        max_storage_gib: 0,
        data_dir: "/var/lib/berth/agent".to_owned(),
        facts: json!({ "arch": "x86_64", "accelerator": "kvm", "cpuModel": "EPYC", "filesystems": ["ext4", "xfs"], "networks": [
            { "bridge": "br0", "mtu": 1500, "exists": true, "nat": true },
            { "bridge": "br1", "mtu": 9000, "exists": true, "nat": false, "vlans": true },
            { "bridge": "br2", "mtu": 0, "exists": false, "nat": false },
            { "bridge": "nat0", "mtu": 1500, "exists": true, "nat": true },
            { "bridge": "rt0", "mtu": 1500, "exists": true, "nat": false, "routed": true },
            { "bridge": "ovs0", "mtu": 1500, "exists": true, "nat": false, "vlans": true, "openvswitch": true, "trouble": "" },
            { "bridge": "ovs1", "mtu": 1500, "exists": true, "openvswitch": true, "trouble": "ovs-vswitchd does not answer." },
        ], "bridgePrefix": "vmbr", "securityDriver": "apparmor" }),
        certificate: None,
        now: NOW,
    }
}

async fn insert_block(ctx: &Context, tx: &Tx, family: i32) -> i64 {
    let v6 = family == 6;
    let row = ip_block::ActiveModel {
        id: NotSet,
        uuid: Set(ctx.rng.uuid()),
        name: Set(format!("Block {family}")),
        family: Set(family),
        gateway: Set(if v6 { "2001:db8::1" } else { "192.0.2.254" }.to_owned()),
        prefix_len: Set(if v6 { 48 } else { 24 }),
        source_prefix: Set(v6.then(|| "2001:db8::".to_owned())),
        subnet_prefix_len: Set(v6.then_some(64)),
        resolver1: Set(Some("192.0.2.53".to_owned())),
        resolver2: Set(None),
        enabled: Set(true),
        network_profile: Set(0),
        dhcp: Set(true),
        route_block: Set(false),
        created_at: Set(NOW),
        updated_at: Set(NOW),
    };
    row.insert(tx).await.unwrap().id
}

async fn bind(tx: &Tx, block_id: i64, network_id: i64, position: i32) {
    let row = ip_block_binding::ActiveModel {
        id: NotSet,
        block_id: Set(block_id),
        network_id: Set(network_id),
        position: Set(position),
        created_at: Set(NOW),
    };
    row.insert(tx).await.unwrap();
}

async fn insert_package(tx: &Tx) -> i64 {
    let row = package::ActiveModel {
        id: NotSet,
        name: Set("Small".to_owned()),
        description: Set(None),
        enabled: Set(true),
        memory_mib: Set(512),
        primary_storage_gib: Set(5),
        traffic_gb: Set(1000),
        cpu_cores: Set(1),
        network_in_kbs: Set(0),
        network_out_kbs: Set(0),
        packets_s: Set(0),
        disk_type: Set("inherit".to_owned()),
        storage_profile: Set(0),
        network_profile: Set(0),
        read_bytes_s: Set(None),
        write_bytes_s: Set(None),
        read_iops: Set(None),
        write_iops: Set(None),
        backup_plan_id: Set(0),
        created_at: Set(NOW),
        updated_at: Set(NOW),
    };
    row.insert(tx).await.unwrap().id
}

async fn insert_key(ctx: &Context, tx: &Tx, user_id: i64) -> i64 {
    let row = ssh_key::ActiveModel {
        id: NotSet,
        uuid: Set(ctx.rng.uuid()),
        user_id: Set(user_id),
        name: Set("laptop".to_owned()),
        key_type: Set("OpenSSH".to_owned()),
        public_key: Set("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8wT1bLB0mT jon".to_owned()),
        enabled: Set(true),
        created_at: Set(NOW),
        updated_at: Set(NOW),
    };
    row.insert(tx).await.unwrap().id
}

async fn insert_template(ctx: &Context, tx: &Tx) -> i64 {
    let category = template_category::ActiveModel {
        id: NotSet,
        name: Set("Linux".to_owned()),
        description: Set(String::new()),
        icon: Set("linux.svg".to_owned()),
        position: Set(1),
        created_at: Set(NOW),
    };
    let category_id = category.insert(tx).await.unwrap().id;
    let row = template::ActiveModel {
        id: NotSet,
        uuid: Set(ctx.rng.uuid()),
        category_id: Set(category_id),
        slug: Set("micro".to_owned()),
        name: Set("Micro".to_owned()),
        version: Set("1".to_owned()),
        variant: Set(None),
        arch: Set(1),
        description: Set(String::new()),
        icon: Set("micro.svg".to_owned()),
        eol: Set(false),
        eol_date: Set(None),
        eol_warning: Set(false),
        deploy_type: Set(1),
        vnc: Set(true),
        os_type: Set("linux".to_owned()),
        uefi: Set(false),
        enabled: Set(true),
        image_digest: Set(format!("sha256:{}", "0".repeat(64))),
        image_url: Set(None),
        image_bytes: Set(1 << 20),
        image_virtual_bytes: Set(1 << 30),
        created_at: Set(NOW),
        updated_at: Set(NOW),
    };
    row.insert(tx).await.unwrap().id
}

impl Company {
    /// The least that `POST /servers` takes.
    pub fn order(&self) -> Value {
        json!({ "packageId": self.package, "userId": self.user, "hypervisorId": self.group })
    }

    /// A server that is not built.
    pub async fn server(&self, app: &App) -> i64 {
        let (status, body) = app.post("/servers", self.order()).await;
        assert_eq!(status, 201, "{body}");
        body["data"]["id"].as_i64().unwrap()
    }

    /// A server that was built, as its job would leave it.
    pub async fn built_server(&self, app: &App) -> i64 {
        let id = self.server(app).await;
        let (status, body) =
            app.post(&format!("/servers/{id}/build"), json!({ "operatingSystemId": self.template })).await;
        assert_eq!(status, 200, "{body}");
        end_jobs(app, id).await;
        id
    }
}

/// What a self-test of the node would have found of a storage.
pub async fn storage_tested(app: &App, hypervisor: i64, kind: &'static str, location: &'static str, passed: bool) {
    let told = app.ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            let found = (passed, "As it is.");
            Ok(berth_store::storage_point::tested(tx, hypervisor, (kind, location), found, NOW).await?)
        })
    });
    told.await.unwrap();
}

/// Ends what is queued for a server as if it had gone well.
pub async fn end_jobs(app: &App, server_id: i64) {
    let ended = app.ctx.store.write_tx::<_, Error>(|tx| {
        Box::pin(async move {
            let done =
                job::ActiveModel { state: Set("done".to_owned()), finished_at: Set(Some(NOW)), ..Default::default() };
            let of_server = job::Column::ServerId.eq(server_id);
            job::Entity::update_many().set(done).filter(of_server).exec(tx).await.unwrap();
            berth_store::server_outcome::built(tx, server_id, NOW).await?;
            if let Some(row) = berth_store::server::by_id(tx, server_id).await? {
                berth_store::server_outcome::applied(tx, server_id, row.generation).await?;
            }
            Ok(())
        })
    });
    ended.await.unwrap();
}

/// Changes a server's row behind the API's back.
pub async fn change(app: &App, server_id: i64, row: server::ActiveModel) {
    let changed = app.ctx.store.write_tx::<_, Error>(|tx| {
        let row = row.clone();
        Box::pin(async move {
            server::Entity::update_many().set(row).filter(server::Column::Id.eq(server_id)).exec(tx).await.unwrap();
            Ok(())
        })
    });
    changed.await.unwrap();
}

pub async fn job(app: &App, id: i64) -> job::Model {
    berth_store::job::by_id(app.ctx.store.read(), id).await.unwrap().unwrap()
}

/// What a node says of one of its bridges from now on: these words in place of those it said before.
pub async fn told_of_bridge(app: &App, hypervisor: i64, bridge: &'static str, words: Value) {
    let told = app.ctx.store.write_tx::<_, Error>(|tx| {
        let words = words.clone();
        Box::pin(async move {
            let mut facts = hypervisor::by_id(tx, hypervisor).await?.unwrap().facts;
            for network in facts["networks"].as_array_mut().unwrap().iter_mut().filter(|of| of["bridge"] == bridge) {
                network.as_object_mut().unwrap().extend(words.as_object().unwrap().clone());
            }
            Ok(hypervisor::set_facts(tx, hypervisor, facts, "UTC", NOW).await?)
        })
    });
    told.await.unwrap();
}
