//! One server's own row: created, ordered to be built, changed, listed.

use berth_store::{
    Store, StoreError, placement,
    server::{self, Allocated, BuildOrder, Filter, NewServer},
};

use crate::{NOW, goods::Goods, nodes::Nodes, people::People, uuid, write_in};

const WEB: u128 = 0xA1;
const SPARE: u128 = 0xA2;

/// The server that the rest of the story is about.
pub async fn tell(store: &Store, people: &People, nodes: &Nodes, goods: &Goods) -> i64 {
    let (web, spare) = create(store, people, nodes, goods).await;
    order_build(store, web, goods.template).await;
    change(store, web).await;
    lists(store, people, nodes, [web, spare]).await;
    due(store, people, web, spare).await;
    web
}

fn new_server(people: &People, nodes: &Nodes, goods: &Goods, n: u128, run_as_uid: i64) -> NewServer {
    NewServer {
        uuid: uuid(n),
        owner_id: people.jon,
        hypervisor_id: nodes.first,
        package_id: goods.package,
        memory_mib: 512,
        cpu_cores: 2,
        traffic_gb: 1000,
        storage_profile: 0,
        network_profile: 0,
        backup_plan_id: None,
        self_service: 0,
        hypervisor_asset_groups: vec![3, 4],
        run_as_uid,
        now: NOW,
    }
}

async fn create(store: &Store, people: &People, nodes: &Nodes, goods: &Goods) -> (i64, i64) {
    let node = nodes.first;
    let new = new_server(people, nodes, goods, WEB, 0);
    let web = write_in!(
        store,
        [new] | tx | {
            let (_, run_as_uid) = placement::lock(tx, node).await?.unwrap();
            server::insert(tx, NewServer { run_as_uid, ..new }).await
        }
    )
    .unwrap();
    assert_eq!((web.state.as_str(), web.commission_status, web.generation), ("allocated", 0, 1));
    assert_eq!((web.run_as_uid, web.power.as_str(), web.deleting), (server::FIRST_RUN_AS_UID, "off", false));
    let same_uid = new_server(people, nodes, goods, SPARE, web.run_as_uid);
    let refused = write_in!(store, [same_uid] | tx | server::insert(tx, same_uid).await).unwrap_err();
    assert!(refused.violates("servers", &["hypervisor_id", "run_as_uid"]), "{refused}");
    let next = write_in!(store, |tx| placement::lock(tx, node).await).unwrap().unwrap().1;
    assert_eq!(next, web.run_as_uid + 1);
    let spare = new_server(people, nodes, goods, SPARE, next);
    let spare = write_in!(store, [spare] | tx | server::insert(tx, spare).await).unwrap();
    assert_eq!(server::by_id(store.read(), web.id).await.unwrap().as_ref(), Some(&web));
    assert_eq!(server::by_uuid_even_deleting(store.read(), uuid(SPARE)).await.unwrap(), Some(spare.clone()));
    assert_eq!(server::by_uuid_even_deleting(store.read(), uuid(1)).await.unwrap(), None);
    assert_eq!(server::of_owner(store.read(), web.owner_id, web.uuid).await.unwrap().as_ref(), Some(&web));
    assert_eq!(server::of_owner(store.read(), web.owner_id + 1, web.uuid).await.unwrap(), None);
    (web.id, spare.id)
}

async fn order_build(store: &Store, web: i64, template_id: i64) {
    let order = BuildOrder {
        template_id,
        image_digest: "sha256:1".to_owned(),
        os_type: "linux".to_owned(),
        name: Some("Web 50%_shop".to_owned()),
        hostname: Some("web.example".to_owned()),
        rebuild: false,
        uefi: true,
        timezone: "Europe/London".to_owned(),
        password_enc: "sealed".to_owned(),
        password_hash: "$6$hash".to_owned(),
        swap_mib: 256,
        user_data: "#cloud-config".to_owned(),
        vnc_enabled: Some(true),
        build_uuid: uuid(0xB1),
        now: NOW + 1,
    };
    write_in!(store, [order] | tx | server::order_build(tx, web, order).await).unwrap();
    let row = server::by_id(store.read(), web).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.commission_status, row.generation), ("queued", 1, 2));
    assert_eq!((row.name.as_str(), row.hostname.as_deref()), ("Web 50%_shop", Some("web.example")));
    assert_eq!((row.template_id, row.build_uuid, row.swap_mib), (Some(template_id), Some(uuid(0xB1)), 256));
    assert!(row.uefi && row.vnc_enabled && row.updated_at == NOW + 1);
    assert_eq!((row.image_digest.as_str(), row.os_type.as_str()), ("sha256:1", "linux"));
    assert_eq!(row.timezone, "Europe/London");
    // What an order does not name stays.
    let again = BuildOrder { name: None, hostname: None, vnc_enabled: None, rebuild: true, ..order };
    write_in!(store, [again] | tx | server::order_build(tx, web, again).await).unwrap();
    let row = server::by_id(store.read(), web).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.hostname, row.generation), ("Web 50%_shop", None, 3));
    assert!(row.vnc_enabled && row.rebuild);
}

async fn change(store: &Store, web: i64) {
    write_in!(store, |tx| {
        let locked = server::lock(tx, web).await?.unwrap();
        assert_eq!(locked.updated_at, NOW + 1, "a lock changes nothing");
        assert_eq!(server::lock(tx, 999).await?, None);
        server::set_password(tx, web, "sealed anew", "$6$new", NOW + 2).await?;
        server::set_vnc_enabled(tx, web, false, NOW + 3).await
    })
    .unwrap();
    let row = server::by_id(store.read(), web).await.unwrap().unwrap();
    assert_eq!((row.password_enc.as_str(), row.password_hash.as_str()), ("sealed anew", "$6$new"));
    assert_eq!((row.vnc_enabled, row.updated_at), (false, NOW + 3));
}

async fn lists(store: &Store, people: &People, nodes: &Nodes, [web, spare]: [i64; 2]) {
    let db = store.read();
    let (lines, total) = server::page(db, &Filter::default(), 1, 1).await.unwrap();
    assert_eq!((lines.len(), lines[0].id, lines[0].uuid, total), (1, spare, uuid(SPARE), 2));
    let filters = [
        (Filter::default(), vec![web, spare]),
        (Filter { owner_id: Some(people.jon), ..Filter::default() }, vec![web, spare]),
        (Filter { owner_id: Some(people.mary), ..Filter::default() }, vec![]),
        (Filter { hypervisor_ids: vec![nodes.first, nodes.second], ..Filter::default() }, vec![web, spare]),
        (Filter { hypervisor_ids: vec![nodes.second], ..Filter::default() }, vec![]),
        (Filter { uuid: Some(uuid(SPARE)), ..Filter::default() }, vec![spare]),
        (Filter { name: Some("Web 50%_shop".to_owned()), ..Filter::default() }, vec![web]),
        (Filter { name: Some("Web".to_owned()), ..Filter::default() }, vec![]),
        (Filter { search: Some("50%_SHOP".to_owned()), ..Filter::default() }, vec![web]),
        (Filter { search: Some("50__shop".to_owned()), ..Filter::default() }, vec![]),
        (Filter { search: Some(uuid(SPARE).to_string()), ..Filter::default() }, vec![spare]),
    ];
    for (filter, wanted) in filters {
        let total = wanted.len() as u64;
        assert_eq!(server::page_of_ids(db, &filter, 0, 10).await.unwrap(), (wanted, total), "{filter:?}");
    }
    let mut counts = server::counts(db).await.unwrap();
    counts.sort();
    assert_eq!(counts, [("allocated".to_owned(), 1), ("queued".to_owned(), 1)]);
    let sums = server::allocated(db, &[nodes.first, nodes.second]).await.unwrap();
    let of_two = Allocated { servers: 2, memory_mib: 1024, cpu_cores: 4, storage_gib: 0, points: Vec::new() };
    assert_eq!(sums, [(nodes.first, of_two)], "disks come later in the story");
}

/// The spare one is deleted after a delay that was put off once.
async fn due(store: &Store, people: &People, web: i64, spare: i64) {
    let db = store.read();
    write_in!(store, |tx| {
        server::set_delete_at(tx, web, Some(NOW + 5), NOW).await?;
        server::set_delete_at(tx, spare, Some(NOW + 10), NOW).await
    })
    .unwrap();
    let ids = async |now, limit| {
        let due = server::due_for_deletion(db, now, limit).await.unwrap();
        due.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(
        (ids(NOW + 4, 9).await, ids(NOW + 10, 9).await, ids(NOW + 10, 1).await),
        (vec![], vec![web, spare], vec![web])
    );
    write_in!(store, |tx| server::set_delete_at(tx, web, None, NOW).await).unwrap();
    assert_eq!(ids(NOW + 10, 9).await, [spare]);
    write_in!(store, |tx| server::set_deleting(tx, spare, NOW).await).unwrap();
    assert_eq!(ids(NOW + 10, 9).await, [] as [i64; 0], "it is being deleted already");
    assert_eq!(server::by_id(db, spare).await.unwrap(), None);
    for (from, to) in [(people.jon, people.mary), (people.mary, people.jon)] {
        write_in!(store, |tx| server::hand_over_deleting(tx, from, to).await).unwrap();
        let owner = async |id| server::by_id_even_deleting(db, id).await.unwrap().unwrap().owner_id;
        assert_eq!((owner(web).await, owner(spare).await), (people.jon, to), "only the one that is being deleted");
    }
    assert!(server::by_id_even_deleting(db, spare).await.unwrap().unwrap().deleting);
    assert_eq!(server::page(db, &Filter::default(), 0, 10).await.unwrap().1, 1);
    let locked: Result<_, StoreError> = write_in!(store, |tx| server::lock(tx, spare).await);
    assert_eq!(locked.unwrap(), None, "nothing is changed of what is being deleted");
}
