//! A server that is shared: invitations, who accepted them, and what ends them.

use berth_store::{
    Store,
    server::{self, Filter},
    server_share::{self, NewShare, Shared},
    user::{self, Change, NewUser},
};
use serde_json::json;

use crate::{NOW, SECOND, people::People, uuid, write_in};

pub async fn tell(store: &Store, people: &People, server: i64) {
    let (db, mary) = (store.read(), people.mary);
    suspend(store, people.jon, false).await;
    let invite = async |email: &str, rights: &[&str]| {
        let new = NewShare {
            server_id: server,
            email: email.to_owned(),
            rights: rights.iter().map(|right| (*right).to_owned()).collect(),
            expires_at: NOW + 10 * SECOND,
            now: NOW,
        };
        write_in!(store, [new] | tx | server_share::insert(tx, new).await)
    };
    let marys = invite("Mary@Doe.test", &["view", "power"]).await.unwrap();
    assert_eq!(
        (marys.email_key.as_str(), marys.guest_id, &marys.rights),
        ("mary@doe.test", None, &json!(["view", "power"]))
    );
    let twice = invite("mary@doe.test", &["view"]).await.unwrap_err();
    assert!(twice.violates("server_shares", &["server_id", "email_key"]), "{twice}");
    let strangers = invite("nobody@doe.test", &["view"]).await.unwrap();

    let ids = |all: Vec<Shared>| all.into_iter().map(|one| one.share.id).collect::<Vec<_>>();
    let invited = async |email, now| ids(server_share::invitations(db, email, now, 10).await.unwrap());
    assert_eq!(
        (invited("MARY@doe.test", NOW).await, invited("mary@doe.test", NOW + 10 * SECOND).await),
        (vec![marys.id], vec![])
    );
    assert_eq!(ids(server_share::of_guest(db, mary).await.unwrap()), [] as [i64; 0], "not before it is accepted");
    let accept = async |id, now| write_in!(store, |tx| server_share::accept(tx, id, mary, now).await);
    assert!(!accept(marys.id, NOW + 10 * SECOND).await.unwrap(), "too late");
    assert!(accept(marys.id, NOW + SECOND).await.unwrap());
    assert!(!accept(marys.id, NOW + SECOND).await.unwrap(), "once");
    let twice = accept(strangers.id, NOW + SECOND).await.unwrap_err();
    assert!(twice.violates("server_shares", &["server_id", "guest_id"]), "{twice}");
    assert_eq!(invited("mary@doe.test", NOW).await, [] as [i64; 0]);

    let row = server::by_id(db, server).await.unwrap().unwrap();
    let seen = server_share::at(db, mary, row.uuid).await.unwrap().unwrap();
    assert_eq!((seen.share.accepted_at, seen.owner_id, seen.server_uuid), (Some(NOW + SECOND), people.jon, row.uuid));
    assert_eq!((&seen.server_name, &seen.server_hostname), (&row.name, &row.hostname));
    assert_eq!(server_share::on(db, mary, server).await.unwrap().as_ref(), Some(&seen));
    assert_eq!(server_share::of_guest(db, mary).await.unwrap(), std::slice::from_ref(&seen));
    assert_eq!(server_share::at(db, people.jon, row.uuid).await.unwrap(), None);
    assert_eq!(server_share::at(db, mary, uuid(9)).await.unwrap(), None);
    let told = server_share::of_server(db, server).await.unwrap();
    assert_eq!((told[0].1.as_deref(), &told[1]), (Some("Mary"), &(strangers.clone(), None)));
    write_in!(store, |tx| server_share::set_rights(tx, marys.id, vec!["view".to_owned()], NOW + 2).await).unwrap();
    let changed = server_share::by_id(db, server, marys.id).await.unwrap().unwrap();
    assert_eq!((&changed.rights, changed.updated_at), (&json!(["view"]), NOW + 2));
    assert_eq!(server_share::by_id(db, 999, marys.id).await.unwrap(), None, "of another server");

    sleeps(store, people, server).await;
    write_in!(store, |tx| server_share::remove(tx, strangers.id).await).unwrap();
    assert_eq!(server_share::of_server(db, server).await.unwrap().len(), 1);
    ends(store, server).await;
    // One is left for the server's end.
    invite("nobody@doe.test", &["view"]).await.unwrap();
}

async fn suspend(store: &Store, user: i64, is_out: bool) {
    let changed = write_in!(store, |tx| {
        let row = user::by_id(tx, user).await?.unwrap();
        let change = Change { suspended: Some(is_out), ..Change::default() };
        user::change(tx, row, change, NOW).await
    });
    changed.unwrap();
}

/// What is shared is seen, but not while the owner is suspended.
async fn sleeps(store: &Store, people: &People, server: i64) {
    let (db, jon, mary) = (store.read(), people.jon, people.mary);
    let seen = async |user| {
        let filter = Filter { seen_by: Some(user), ..Filter::default() };
        server::page_of_ids(db, &filter, 0, 10).await.unwrap()
    };
    assert_eq!(
        (seen(jon).await, seen(mary).await, seen(999).await),
        ((vec![server], 1), (vec![server], 1), (vec![], 0))
    );
    suspend(store, jon, true).await;
    assert_eq!((seen(mary).await.1, server_share::on(db, mary, server).await.unwrap()), (0, None));
    suspend(store, jon, false).await;
    assert_eq!(seen(mary).await.1, 1);
}

/// With the guest, and with the server's going to somebody else.
async fn ends(store: &Store, server: i64) {
    let db = store.read();
    let guest = NewUser::plain(uuid(77), "Guest", "guest@doe.test", String::new(), NOW);
    let guest = write_in!(store, [guest] | tx | user::insert(tx, guest).await).unwrap();
    let share = async || {
        let new = NewShare {
            server_id: server,
            email: guest.email.clone(),
            rights: vec!["view".to_owned()],
            expires_at: NOW + SECOND,
            now: NOW,
        };
        let made = write_in!(store, [new] | tx | server_share::insert(tx, new).await).unwrap();
        assert!(write_in!(store, [guest] | tx | server_share::accept(tx, made.id, guest.id, NOW).await).unwrap());
    };
    share().await;
    write_in!(store, [guest] | tx | server_share::of_guest_gone(tx, guest.id).await).unwrap();
    assert_eq!(server_share::on(db, guest.id, server).await.unwrap(), None);
    share().await;
    write_in!(store, [guest] | tx | user::delete(tx, guest).await).unwrap();
    assert_eq!(write_in!(store, |tx| server_share::of_server_gone(tx, server).await).unwrap(), 1);
    assert_eq!(server_share::of_server(db, server).await.unwrap(), []);
}
