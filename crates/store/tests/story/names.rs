//! What addresses are called: a DNS server, its zone, and a name from its wish to its end.

use berth_store::{
    Store, address_holder, dns_service,
    ptr_record::{self, Wish},
    rdns_zone, server_details,
};

use crate::{NOW, uuid, write_in};

pub async fn tell(store: &Store, server: i64) {
    let service = services(store).await;
    let zone = zones(store, service).await;
    holders(store, server).await;
    records(store, server, zone).await;
    ends(store, service, zone).await;
}

async fn services(store: &Store) -> i64 {
    let db = store.read();
    let new = dns_service::NewService {
        uuid: uuid(0xD15),
        name: "ns1".to_owned(),
        url: "http://192.0.2.53:8081".to_owned(),
        server_name: "localhost".to_owned(),
        api_key_enc: "sealed".to_owned(),
        now: NOW,
    };
    let made = write_in!(store, [new] | tx | dns_service::insert(tx, new).await).unwrap();
    assert!(made.enabled && made.api_key_enc == "sealed");
    let twice = write_in!(store, [new] | tx | dns_service::insert(tx, new).await).unwrap_err();
    assert!(twice.violates("dns_services", &["uuid"]) || twice.violates("dns_services", &["name"]), "{twice}");
    assert_eq!(dns_service::by_id(db, made.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!(dns_service::by_id(db, 999).await.unwrap(), None);
    assert_eq!(dns_service::page(db, 0, 10).await.unwrap(), (vec![made.clone()], 1));
    let change = dns_service::Change {
        url: Some("https://ns1.example".to_owned()),
        api_key_enc: Some("sealed anew".to_owned()),
        enabled: Some(false),
        ..dns_service::Change::default()
    };
    let changed = write_in!(store, [made, change] | tx | dns_service::change(tx, made, change, NOW + 1).await).unwrap();
    assert_eq!((changed.name.as_str(), changed.url.as_str()), ("ns1", "https://ns1.example"));
    assert!(!changed.enabled && changed.api_key_enc == "sealed anew" && changed.updated_at == NOW + 1);
    made.id
}

async fn zones(store: &Store, service: i64) -> i64 {
    let db = store.read();
    let new = rdns_zone::NewZone {
        service_id: service,
        name: "2.0.192.in-addr.arpa".to_owned(),
        network: "192.0.2.0/24".to_owned(),
        ttl_s: 3_600,
        now: NOW,
    };
    let made = write_in!(store, [new] | tx | rdns_zone::insert(tx, new).await).unwrap();
    let twice = write_in!(store, [new] | tx | rdns_zone::insert(tx, new).await).unwrap_err();
    assert!(twice.violates("rdns_zones", &["name"]) || twice.violates("rdns_zones", &["network"]), "{twice}");
    assert_eq!(rdns_zone::by_id(db, made.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!(rdns_zone::page(db, 0, 10).await.unwrap(), (vec![made.clone()], 1));
    assert_eq!(rdns_zone::page(db, 1, 10).await.unwrap(), (vec![], 1));
    assert_eq!(rdns_zone::all(db, 10).await.unwrap(), std::slice::from_ref(&made));
    let changed = write_in!(store, [made] | tx | rdns_zone::change(tx, made, Some(60), None, NOW + 1).await).unwrap();
    assert_eq!((changed.ttl_s, changed.enabled, changed.updated_at), (60, true, NOW + 1));
    made.id
}

async fn holders(store: &Store, server: i64) {
    let db = store.read();
    let details = server_details::by_id(db, server).await.unwrap().unwrap();
    let (address, _) = &details.interfaces[0].ipv4[0];
    let number = u32::try_from(address.address).unwrap();
    assert_eq!(address_holder::of_ipv4(db, number).await.unwrap(), Some(server));
    assert_eq!(address_holder::of_ipv4(db, 1).await.unwrap(), None);
    assert_eq!(address_holder::ipv6_lengths(db).await.unwrap(), [64]);
    let (subnet, _) = &details.interfaces[0].ipv6[0];
    let held = [("2001:db8:ffff::".to_owned(), 64), (subnet.subnet.clone(), subnet.prefix_len)];
    assert_eq!(address_holder::of_ipv6(db, &held).await.unwrap(), Some(server));
    assert_eq!(address_holder::of_ipv6(db, &held[..1]).await.unwrap(), None);
}

async fn records(store: &Store, server: i64, zone_id: i64) {
    let db = store.read();
    let wish = move |ptr: Option<&str>| Wish {
        zone_id,
        server_id: server,
        address: "192.0.2.1".to_owned(),
        ptr: ptr.map(str::to_owned),
        now: NOW,
    };
    let (nothing, first, second) = (wish(None), wish(Some("web.example")), wish(Some("www.example")));
    assert_eq!(write_in!(store, [nothing] | tx | ptr_record::wish(tx, nothing).await).unwrap(), None);
    let first = write_in!(store, [first] | tx | ptr_record::wish(tx, first).await).unwrap().unwrap();
    assert_eq!((first.revision, first.state.as_str()), (1, ptr_record::PENDING));
    let second = write_in!(store, [second] | tx | ptr_record::wish(tx, second).await).unwrap().unwrap();
    assert_eq!((second.id, second.revision, second.ptr.as_deref()), (first.id, 2, Some("www.example")));
    assert!(!write_in!(store, [first] | tx | ptr_record::written(tx, &first, Some(true), NOW + 1).await).unwrap());
    assert!(write_in!(store, [second] | tx | ptr_record::written(tx, &second, Some(true), NOW + 1).await).unwrap());
    let row = ptr_record::by_address(db, "192.0.2.1").await.unwrap().unwrap();
    assert_eq!(
        (row.state.as_str(), row.forward_confirmed, row.checked_at),
        (ptr_record::DONE, Some(true), Some(NOW + 1))
    );
    write_in!(store, |tx| ptr_record::refused(tx, row.id, 1, "an old one", NOW + 2).await).unwrap();
    assert_eq!(ptr_record::by_id(db, row.id).await.unwrap().as_ref(), Some(&row), "of an older wish");
    write_in!(store, |tx| ptr_record::refused(tx, row.id, 2, "It said no.", NOW + 2).await).unwrap();
    let refused = ptr_record::by_id(db, row.id).await.unwrap().unwrap();
    assert_eq!((refused.state.as_str(), refused.error.as_deref()), (ptr_record::FAILED, Some("It said no.")));
    let named = server_details::by_id(db, server).await.unwrap().unwrap().names;
    assert_eq!(named, [("192.0.2.1".to_owned(), "www.example".to_owned())]);
    assert_eq!(ptr_record::after(db, 0, 10).await.unwrap(), std::slice::from_ref(&refused));
    assert_eq!(ptr_record::after(db, row.id, 10).await.unwrap(), []);
    assert_eq!(ptr_record::count_of_zone(db, zone_id).await.unwrap(), 1);
    let clear = wish(None);
    let cleared = write_in!(store, [clear] | tx | ptr_record::wish(tx, clear).await).unwrap().unwrap();
    assert_eq!(server_details::by_id(db, server).await.unwrap().unwrap().names, []);
    assert!(write_in!(store, [cleared] | tx | ptr_record::written(tx, &cleared, None, NOW + 3).await).unwrap());
    assert_eq!(ptr_record::by_id(db, row.id).await.unwrap(), None);
}

async fn ends(store: &Store, service: i64, zone: i64) {
    let db = store.read();
    let row = dns_service::by_id(db, service).await.unwrap().unwrap();
    write_in!(store, [row] | tx | dns_service::delete(tx, row).await).unwrap_err();
    let zone = rdns_zone::by_id(db, zone).await.unwrap().unwrap();
    write_in!(store, [zone] | tx | rdns_zone::delete(tx, zone).await).unwrap();
    write_in!(store, [row] | tx | dns_service::delete(tx, row).await).unwrap();
    assert_eq!(dns_service::page(db, 0, 10).await.unwrap(), (vec![], 0));
}
