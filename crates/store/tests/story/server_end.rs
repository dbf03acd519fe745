//! What jobs and nodes tell of a server, and its removal with everything that it had.

use berth_store::{
    Store, ipv4_address, ipv6_subnet, job,
    server::{self, Following},
    server_details, server_disk, server_interface, server_outcome,
};

use crate::{NOW, goods::Goods, nodes::Nodes, people::People, write_in};

pub async fn tell(store: &Store, people: &People, nodes: &Nodes, goods: &Goods, server: i64) {
    outcomes(store, server).await;
    power(store, server).await;
    removal(store, people, nodes, goods, server).await;
}

async fn outcomes(store: &Store, server: i64) {
    let now_is = async || server::by_id(store.read(), server).await.unwrap().unwrap();
    write_in!(store, |tx| server_outcome::building(tx, server, NOW + 1).await).unwrap();
    let row = now_is().await;
    assert_eq!((row.state.as_str(), row.commission_status, row.updated_at), ("building", 2, NOW + 1));
    write_in!(store, |tx| server_outcome::build_failed(tx, server, NOW + 2).await).unwrap();
    let row = now_is().await;
    assert_eq!((row.state.as_str(), row.build_failed, row.rebuild), ("failed", true, false));
    write_in!(store, |tx| server_outcome::built(tx, server, NOW + 3).await).unwrap();
    let row = now_is().await;
    assert_eq!((row.state.as_str(), row.commission_status, row.build_failed), ("complete", 3, false));
    assert_eq!((row.built_at, row.power.as_str(), row.power_at), (Some(NOW + 3), "running", Some(NOW + 3)));
    let generation = row.generation;
    let here = server::built_on(store.read(), row.hypervisor_id).await.unwrap();
    assert_eq!(here, [(server, row.uuid, generation)]);
    assert_eq!(server::built_on(store.read(), 999).await.unwrap(), []);
    let next = write_in!(store, |tx| server_outcome::next_generation(tx, server).await).unwrap();
    assert_eq!(next, Some(generation + 1));
    assert_eq!(write_in!(store, |tx| server_outcome::next_generation(tx, 999).await).unwrap(), None);
    let unconfirmed = async |node: i64| {
        let all = server_outcome::unconfirmed_on(store.read(), node).await.unwrap();
        all.into_iter().find(|(id, ..)| *id == server)
    };
    let node = row.hypervisor_id;
    for (told, known) in [(generation, generation), (generation - 1, generation), (generation + 1, generation + 1)] {
        let newest = Some((server, row.uuid, generation + 1));
        assert_eq!((unconfirmed(node).await, unconfirmed(999).await), (newest, None));
        write_in!(store, |tx| server_outcome::applied(tx, server, told).await).unwrap();
        assert_eq!(now_is().await.applied_generation, known, "{told} was told");
    }
    assert_eq!(unconfirmed(node).await, None);
    let newest = generation + 1;
    let following = Following { generation: newest, applied_generation: newest, is_worked_on: false };
    assert_eq!(server::following(store.read(), server, "no such kind").await.unwrap(), Some(following));
    assert_eq!(server::following(store.read(), 999, "no such kind").await.unwrap(), None);
    assert_eq!(server_outcome::id_of(store.read(), row.uuid).await.unwrap(), Some(server));
    assert_eq!(server_outcome::id_of(store.read(), crate::uuid(1)).await.unwrap(), None);
}

async fn power(store: &Store, server: i64) {
    let tell = async |power: &'static str, at| {
        write_in!(store, |tx| server_outcome::power(tx, server, power, at).await).unwrap();
        let row = server::by_id(store.read(), server).await.unwrap().unwrap();
        (row.power, row.power_at.unwrap() - NOW, row.last_on_at.unwrap() - NOW, row.guest_agent)
    };
    write_in!(store, |tx| server_outcome::guest_up(tx, server).await).unwrap();
    assert_eq!(tell("running", NOW + 10).await, ("running".to_owned(), 10, 10, true));
    assert_eq!(tell("off", NOW + 20).await, ("off".to_owned(), 20, 10, false), "its guest agent is gone with it");
    assert_eq!(tell("running", NOW + 15).await, ("off".to_owned(), 20, 10, false), "old news change nothing");
}

async fn removal(store: &Store, people: &People, nodes: &Nodes, goods: &Goods, server: i64) {
    let (db, block4, block6) = (store.read(), goods.block4, goods.block6);
    let interface = server_interface::of_server(db, server).await.unwrap()[0].id;
    let version = async || {
        let node = berth_store::hypervisor::by_id(db, nodes.first).await.unwrap().unwrap();
        node.capacity_version
    };
    let before = version().await;
    write_in!(store, |tx| server_outcome::remove(tx, server, NOW + 30).await).unwrap();
    assert_eq!(server::by_id_even_deleting(db, server).await.unwrap(), None);
    assert!(server_details::by_id(db, server).await.unwrap().is_none());
    assert_eq!(server_disk::of_server(db, server).await.unwrap(), []);
    assert_eq!(server_interface::of_server(db, server).await.unwrap(), []);
    assert_eq!(berth_store::server_share::of_server(db, server).await.unwrap(), [], "nobody shares it any more");
    assert_eq!(ipv4_address::of_interface(db, interface).await.unwrap(), []);
    assert_eq!(ipv4_address::free(db, &[block4], NOW + 30, 100).await.unwrap(), 4, "its addresses are free");
    assert_eq!(ipv4_address::free(db, &[block4], NOW + 29, 100).await.unwrap(), 2, "and rest");
    assert_eq!(version().await, before + 1, "sums of the node that were taken before are stale");
    let left = server::allocated(db, &[nodes.first]).await.unwrap();
    assert_eq!(left[0].1.servers, 1, "the spare one is still being deleted");
    let (jobs, _) = job::page(db, &job::Filter { server_id: Some(server), ..Default::default() }, 0, 10).await.unwrap();
    assert_eq!(jobs.len(), 4, "its jobs keep their words");
    assert!(berth_store::user::by_id(db, people.jon).await.unwrap().is_some());
    subnets_come_back(store, block6, nodes).await;
    write_in!(store, |tx| server_outcome::remove(tx, server, NOW + 31).await).unwrap();
}

/// A subnet that was given back is given out again before a new one is cut.
async fn subnets_come_back(store: &Store, block6: i64, nodes: &Nodes) {
    let db = store.read();
    let spare = server::page_of_ids(db, &server::Filter::default(), 0, 10).await.unwrap();
    assert_eq!(spare.0, [] as [i64; 0], "nothing is left to be shown");
    let block = berth_store::ip_block::by_id(db, block6).await.unwrap().unwrap();
    let server_id = server::by_uuid_even_deleting(db, crate::uuid(0xA2)).await.unwrap().unwrap().id;
    let new = server_interface::NewInterface {
        server_id,
        network_id: nodes.network,
        position: 1,
        tag: 1_000_000_009,
        mac: "52:54:00:00:00:09".to_owned(),
        in_average_kbs: 0,
        out_average_kbs: 0,
        network_profile: 0,
        firewall_enabled: false,
        settings: server_interface::Settings::default(),
        now: NOW,
    };
    let given = write_in!(
        store,
        [new, block] | tx | {
            let interface = server_interface::insert(tx, new).await?.id;
            ipv6_subnet::allocate(tx, &block, interface, 1, (NOW + 30, NOW + 40), |_| None).await
        }
    )
    .unwrap()
    .unwrap();
    assert_eq!((given.subnet_index, given.assigned_at, given.released_at), (1, Some(NOW + 40), None));
}
