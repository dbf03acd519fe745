//! Rulesets, what packages give of them, and the firewall of an interface.

use berth_store::{
    Store,
    firewall::{self, Holder, Rule},
    server_details, server_interface,
};

use crate::{NOW, goods::Goods, write_in};

fn rule(priority: i32, ports: &str) -> Rule {
    Rule {
        priority,
        inbound: true,
        accept: false,
        family: 4,
        protocol: 6,
        source: "192.0.2.0/24".to_owned(),
        destination: String::new(),
        source_ports: String::new(),
        destination_ports: ports.to_owned(),
    }
}

pub async fn tell(store: &Store, goods: &Goods, server: i64) {
    let interface = server_interface::of_server(store.read(), server).await.unwrap()[0].id;
    let set = rulesets(store).await;
    packages(store, goods.package, set).await;
    rules(store, set, interface, server).await;
    let gone = write_in!(store, |tx| {
        firewall::remove_ruleset(tx, set).await?;
        firewall::clear(tx, Holder::Interface(interface)).await
    });
    gone.unwrap();
    assert_eq!(firewall::rulesets_by_ids(store.read(), &[set]).await.unwrap(), []);
}

async fn rulesets(store: &Store) -> i64 {
    let db = store.read();
    let (first, total) = firewall::page(db, 0, 10).await.unwrap();
    assert_eq!((first[0].name.as_str(), first[0].is_default, total), ("Outbound mail closed", true, 1));
    let set = write_in!(store, |tx| firewall::add_ruleset(tx, "web", "For web servers.", false, NOW).await).unwrap();
    let twice = write_in!(store, |tx| firewall::add_ruleset(tx, "web", "", false, NOW).await).unwrap_err();
    assert!(twice.violates("firewall_rulesets", &["name"]), "{twice}");
    let id = set.id;
    write_in!(store, |tx| firewall::change_ruleset(tx, id, "web", "Changed.", true, NOW + 1).await).unwrap();
    let row = firewall::rulesets_by_ids(db, &[id, 999]).await.unwrap().remove(0);
    assert_eq!((row.description.as_str(), row.is_default, row.updated_at), ("Changed.", true, NOW + 1));
    id
}

async fn packages(store: &Store, package: i64, set: i64) {
    let db = store.read();
    let seeded = firewall::page(db, 0, 1).await.unwrap().0[0].id;
    assert_eq!(firewall::of_package(db, package).await.unwrap(), [seeded, set], "the default ones");
    for ids in [Some(vec![set]), Some(vec![]), None] {
        let given = ids.clone();
        write_in!(store, [given] | tx | firewall::set_of_package(tx, package, given.as_deref(), NOW).await).unwrap();
        assert_eq!(firewall::named_by_package(db, package).await.unwrap(), ids);
        assert_eq!(firewall::of_package(db, package).await.unwrap(), ids.unwrap_or_else(|| vec![seeded, set]));
    }
}

async fn rules(store: &Store, set: i64, interface: i64, server: i64) {
    let (db, mine) = (store.read(), Holder::Interface(interface));
    let added = write_in!(store, |tx| {
        firewall::add_rules(tx, Holder::Ruleset(set), vec![rule(5, "80"), rule(1, "443")], NOW).await?;
        firewall::add_rules(tx, mine, Vec::new(), NOW).await?;
        firewall::add_rules(tx, mine, vec![rule(3, "22,80-90")], NOW).await?;
        firewall::add_rule(tx, mine, rule(2, ""), NOW).await
    });
    let added = added.unwrap();
    let of_set = firewall::rules_of_rulesets(db, &[set, 999]).await.unwrap();
    let ports: Vec<&str> = of_set.iter().map(|row| row.destination_ports.as_str()).collect();
    assert_eq!(ports, ["443", "80"], "by priority");
    let of_interface = firewall::rules(db, mine).await.unwrap();
    assert_eq!(of_interface[0], added);
    let id = added.id;
    write_in!(store, |tx| firewall::change_rule(tx, id, mine, rule(9, "25")).await).unwrap();
    write_in!(store, |tx| firewall::change_rule(tx, id, Holder::Ruleset(set), rule(0, "1")).await).unwrap();
    let of_interface = firewall::rules(db, mine).await.unwrap();
    assert_eq!((of_interface[1].id, of_interface[1].priority, of_interface[1].created_at), (id, 9, NOW));
    write_in!(store, |tx| firewall::set_enabled(tx, interface, true, NOW + 2).await).unwrap();
    write_in!(store, |tx| firewall::set_quarantined(tx, server, true, NOW + 3).await).unwrap();
    let details = server_details::by_id(db, server).await.unwrap().unwrap();
    let told = &details.interfaces[0];
    assert_eq!((told.interface.firewall_enabled, told.interface.quarantined), (true, true));
    assert_eq!(told.firewall, of_interface, "in the same order");
    assert!(!write_in!(store, |tx| firewall::remove_rule(tx, id, Holder::Ruleset(set)).await).unwrap(), "not its rule");
    assert!(write_in!(store, |tx| firewall::remove_rule(tx, id, mine).await).unwrap());
    assert_eq!(firewall::rules(db, mine).await.unwrap().len(), 1);
}
