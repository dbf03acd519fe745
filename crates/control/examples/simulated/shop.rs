//! What a hosting company has before its first sale, on simulated nodes: made by the same actions as over the API,
//! and the nodes enrolled like any other.

use anyhow::Context as _;
use axum::body::Body;
use berth_agent::{
    identity::{Identity, Names},
    sim::SimNode,
};
use berth_control::{
    Context,
    actions::{enrolment, hypervisor_groups, ip_blocks, packages, templates},
    actor::Actor,
    jobs::{self, Run},
};
use berth_store::selftest;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Slug, category, name, version, variant.
const TEMPLATES: [(&str, &str, &str, &str, &str); 5] = [
    ("simulated", "Simulated", "Simulated", "1", "Minimal"),
    ("simulated-debian", "Debian", "Debian", "12 (bookworm)", "Minimal"),
    ("simulated-ubuntu", "Ubuntu", "Ubuntu Server", "24.04 LTS", "Minimal"),
    ("simulated-ubuntu-old", "Ubuntu", "Ubuntu Server", "22.04 LTS", "Minimal"),
    ("simulated-alma", "AlmaLinux", "AlmaLinux", "9", "Minimal"),
];

/// One group with two packages, a block of each family and templates. The nodes run until they are dropped.
pub async fn open(ctx: &Context, nodes: usize) -> anyhow::Result<Vec<SimNode>> {
    let actor = Actor::system();
    let group = hypervisor_groups::create(ctx, &actor, input(json!({ "name": "Default", "default": true }))?).await?;
    let mut running = Vec::new();
    for n in 1..=nodes {
        running.push(node(ctx, &actor, group.id, n).await?);
    }
    let ids: Vec<i64> = (1..).take(nodes).collect();
    tested(ctx, &ids).await?;
    for (name, memory) in [("Small", 1024), ("Large", 4096)] {
        let package = json!({
            "name": name, "description": "To try the API with.", "memory": memory, "primaryStorage": 10,
            "cpuCores": 2, "traffic": 1000,
        });
        packages::create(ctx, &actor, input(package)?).await?;
    }
    let ipv4 = json!({
        "name": "Documentation IPv4", "type": 4, "gateway": "198.18.0.1", "prefixLen": 16, "resolver1": "198.18.0.1",
        "first": "198.18.1.0", "last": "198.18.8.255", "hypervisorIds": ids,
    });
    let ipv6 = json!({
        "name": "Documentation IPv6", "type": 6, "gateway": "2001:db8::1", "prefixLen": 48,
        "sourcePrefix": "2001:db8::", "subnetPrefixLen": 64, "resolver1": "2001:db8::53", "hypervisorIds": ids,
    });
    for block in [ipv4, ipv6] {
        ip_blocks::create(ctx, &actor, input(block)?).await?;
    }
    for (slug, category, name, version, variant) in TEMPLATES {
        let template = json!({
            "slug": slug, "name": name, "version": version, "description": "Boots nowhere.", "category": category,
            "variant": variant,
        });
        let template = templates::create(ctx, &actor, input(template)?).await?;
        templates::upload(ctx, &actor, template.id, Body::from(image())).await?;
    }
    Ok(running)
}

fn input<T: DeserializeOwned>(value: Value) -> serde_json::Result<T> {
    serde_json::from_value(value)
}

async fn node(ctx: &Context, actor: &Actor, group: i64, n: usize) -> anyhow::Result<SimNode> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("listening")?;
    let name = format!("simulated-{n}");
    let enrolment::NewToken { token, .. } =
        enrolment::create_token(ctx, actor, &name, group, "https://localhost").await?;
    let key = rcgen::KeyPair::generate()?;
    let joining = enrolment::Joining {
        token,
        csr_pem: rcgen::CertificateParams::default().serialize_request(&key)?.pem()?,
        hostname: format!("simulated-{n}.example"),
        address: "127.0.0.1".to_owned(),
        port: listener.local_addr()?.port().into(),
        facts: json!({
            "hostname": format!("simulated-{n}.example"), "arch": "x86_64", "cpuCores": 64, "memoryMib": 1 << 20,
            "accelerator": "qemu", "acceleratorDetail": "this node is simulated",
            "storage": [{ "path": "/var/lib/berth/agent", "totalBytes": 1_i64 << 44 }],
            "networks": [{ "bridge": "berth0", "mtu": 1500 }], "dataDir": "/var/lib/berth/agent",
        }),
    };
    let joined = enrolment::join(ctx, &Actor::node(None, None), joining).await?;
    let names = Names {
        node_uuid: joined.node_uuid.to_string(),
        cluster_uuid: ctx.cluster.uuid.to_string(),
        // A simulated node never renews its certificate.
        control_url: String::new(),
    };
    let authority_pem = ctx.pki.authority_pem.clone();
    let identity =
        Identity { certificate_pem: joined.certificate_pem, key_pem: key.serialize_pem(), authority_pem, names };
    SimNode::start_on(listener, &identity)
}

/// Carries out the self-tests that the nodes' joining queued: nothing is placed on a node before its test has passed.
async fn tested(ctx: &Context, nodes: &[i64]) -> anyhow::Result<()> {
    for job in jobs::claim(ctx, "shop", nodes.len()).await? {
        let mut run = Run { ctx: ctx.clone(), job };
        while let Some(job) = jobs::take_step(&run).await {
            run.job = job;
        }
    }
    let newest = selftest::newest(ctx.store.read(), nodes).await?;
    let passed = newest.iter().filter(|test| test.passed).count();
    anyhow::ensure!(passed == nodes.len(), "{passed} of {} simulated nodes passed their self-test", nodes.len());
    Ok(())
}

/// The least that is a qcow2 image: a header of version 3 with a disk of 1 GiB.
fn image() -> Vec<u8> {
    let mut bytes = vec![0; 1 << 16];
    bytes[..4].copy_from_slice(b"QFI\xfb");
    bytes[7] = 3;
    bytes[24..32].copy_from_slice(&(1_u64 << 30).to_be_bytes());
    bytes
}
