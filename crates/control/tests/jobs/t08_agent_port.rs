//! The agent's port takes the control server of its cluster and nobody else.

use berth_agent::{identity::Identity, sim::SimNode};
use berth_control::{
    nodes::{ClientIdentity, Node, Nodes, tls_name},
    pki::Pki,
    random::OsRng,
};
use berth_proto::{HelloRequest, node_client::NodeClient};
use berth_store::testing::Database;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use uuid::Uuid;

use crate::sim::{World, identity, machine_time_us};

/// What a client with this identity hears when it says hello; an empty string where it is served.
async fn heard(world: &World, client: ClientIdentity) -> String {
    let id = world.company.hypervisors[0];
    let row = berth_store::hypervisor::by_id(world.app.ctx.store.read(), id).await.unwrap().unwrap();
    let node = Node::new(&Nodes::new(client), row).unwrap();
    match node.hello(&world.app.ctx.cluster.uuid.to_string()).await {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

/// A control server's identity of the cluster `uuid`, signed by the authority in `dir`, with the node's own authority
/// as the one that the node must show.
fn control(world: &World, dir: &std::path::Path, uuid: Uuid) -> ClientIdentity {
    let pki = Pki::load_or_create(dir, uuid, &OsRng, machine_time_us()).unwrap();
    ClientIdentity { authority_pem: world.app.ctx.pki.authority_pem.clone(), ..pki.control }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t08_the_agents_port_takes_the_control_server_of_its_cluster_and_nobody_else() {
    let world = World::start(Database::sqlite()).await;
    let (ours, cluster) = (world.app.ctx.pki.control.clone(), world.app.ctx.cluster.uuid);
    assert_eq!(heard(&world, ours.clone()).await, "");

    let elsewhere = tempfile::tempdir().unwrap();
    let forged = heard(&world, control(&world, elsewhere.path(), cluster)).await;
    assert!(forged.contains("can't be reached"), "our name, signed by another authority: {forged}");

    let pki_dir = world.app.ctx.config.data_dir.join("pki");
    assert!(pki_dir.join("cluster-ca.key").exists(), "the authority is not where this test looks");
    let other_cluster = heard(&world, control(&world, &pki_dir, Uuid::from_u128(7))).await;
    assert!(other_cluster.contains("only the control server"), "our authority, another cluster: {other_cluster}");

    let node = identity(&world.app, world.company.hypervisors[0]).await;
    let as_node = ClientIdentity {
        certificate_pem: node.certificate_pem,
        key_pem: node.key_pem,
        authority_pem: ours.authority_pem.clone(),
    };
    let refused = heard(&world, as_node).await;
    assert!(refused.contains("can't be reached"), "a node's certificate as a client's: {refused}");

    let endpoint = Endpoint::from_shared(format!("https://{}", world.node.address)).unwrap();
    let (authority, name) =
        (Certificate::from_pem(&ours.authority_pem), tls_name(&node.names.node_uuid.parse().unwrap()));
    let nameless = ClientTlsConfig::new().ca_certificate(authority).domain_name(name);
    // With TLS 1.3 the client learns of the refusal only with its first call.
    let called = match endpoint.tls_config(nameless).unwrap().connect().await {
        Ok(channel) => NodeClient::new(channel).hello(HelloRequest::default()).await.map(drop).map_err(drop),
        Err(_) => Err(()),
    };
    assert!(called.is_err(), "a client without a certificate was served");
    assert_eq!(heard(&world, ours).await, "", "and the right one still is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_server_talks_to_no_node_but_the_one_it_means() {
    let mut world = World::start(Database::sqlite()).await;
    let ours = world.app.ctx.pki.control.clone();
    let right = identity(&world.app, world.company.hypervisors[0]).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let other = Uuid::from_u128(9);
    let signed = world.app.ctx.pki.sign_node(&request, other, &OsRng, machine_time_us()).unwrap();
    let impostor = Identity { certificate_pem: signed.pem, key_pem: key.serialize_pem(), ..right };
    world.node = SimNode::start(&impostor).await.unwrap();
    world.moved(0).await;
    let refused = heard(&world, ours).await;
    assert!(refused.contains("can't be reached"), "another node of the cluster: {refused}");
}
