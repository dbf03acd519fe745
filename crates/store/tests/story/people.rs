//! Users, their tokens and keys, and the audit log.

use berth_store::{
    Store, StoreError,
    api_token::{self, NewToken},
    audit::{self, NewEntry},
    entity,
    ssh_key::{self, NewKey},
    user::{self, Change, NewUser, Relation},
};
use serde_json::json;

use crate::{NOW, SECOND, uuid, write_in};

pub struct People {
    /// A customer with two keys.
    pub jon: i64,
    /// A customer with one key.
    pub mary: i64,
    pub jons_keys: [i64; 2],
    pub marys_key: i64,
}

pub async fn tell(store: &Store) -> People {
    let (jon, mary) = users(store).await;
    roles(store, jon, mary).await;
    tokens(store, jon).await;
    let (jons_keys, marys_key) = keys(store, jon, mary).await;
    audit_log(store, jon).await;
    People { jon, mary, jons_keys, marys_key }
}

async fn users(store: &Store) -> (i64, i64) {
    let db = store.read();
    assert!(!user::any_admin(db).await.unwrap());
    let mut jon = NewUser::plain(uuid(1), "Jon", "Jon@Doe.test", "hash".to_owned(), NOW);
    (jon.ext_relation_id, jon.rel_str) = (Some(7), Some("client-7".to_owned()));
    let jon = write_in!(store, [jon] | tx | user::insert(tx, jon).await).unwrap();
    assert_eq!(
        (jon.name.as_str(), jon.email.as_str(), jon.email_key.as_str()),
        ("Jon", "Jon@Doe.test", "jon@doe.test")
    );
    assert!(!jon.admin && !jon.suspended && jon.created_at == NOW && jon.language == "en");
    let mut mary = NewUser::plain(uuid(2), "Mary", "mary@doe.test", "hash".to_owned(), NOW);
    mary.admin = true;
    let mary = write_in!(store, [mary] | tx | user::insert(tx, mary).await).unwrap();
    assert!(user::any_admin(db).await.unwrap());

    assert_eq!(user::by_id(db, jon.id).await.unwrap().as_ref(), Some(&jon));
    assert_eq!(user::by_id(db, 999).await.unwrap(), None);
    assert_eq!(user::by_relation(db, &Relation::Id(7)).await.unwrap().as_ref(), Some(&jon));
    assert_eq!(user::by_relation(db, &Relation::Text("client-7".to_owned())).await.unwrap().as_ref(), Some(&jon));
    assert_eq!(user::by_relation(db, &Relation::Id(8)).await.unwrap(), None);
    assert_eq!(user::by_email(db, "JON@doe.test").await.unwrap().as_ref(), Some(&jon));
    assert_eq!(user::by_email(db, "doe.test").await.unwrap(), None);
    let all = user::Filter::default();
    assert_eq!(user::page(db, &all, 1, 1).await.unwrap(), (vec![mary.clone()], 2));
    let of = async |email: &str| {
        let filter = user::Filter { email: Some(email.to_owned()), search: None };
        user::page(db, &filter, 0, 10).await.unwrap()
    };
    assert_eq!(of("JON@DOE.TEST").await, (vec![jon.clone()], 1));
    assert_eq!(of("doe").await, (vec![], 0));
    searched(store, jon.id, mary.id).await;

    let nothing = write_in!(store, [jon] | tx | user::change(tx, jon, Change::default(), NOW + 1).await).unwrap();
    assert_eq!(nothing, entity::user::Model { updated_at: NOW + 1, ..jon.clone() });
    let change = Change {
        name: Some("Jonathan".to_owned()),
        email: Some("Jonathan@Doe.test".to_owned()),
        self_service: Some(3),
        self_service_hourly_credit: Some(true),
        suspended: Some(true),
        password_hash: Some("other".to_owned()),
        timezone: Some("Europe/London".to_owned()),
        language: Some("pt-BR".to_owned()),
    };
    let changed = write_in!(store, [jon, change] | tx | user::change(tx, jon, change, NOW + 2).await).unwrap();
    assert_eq!((changed.name.as_str(), changed.email_key.as_str()), ("Jonathan", "jonathan@doe.test"));
    assert_eq!((changed.timezone.as_str(), changed.language.as_str()), ("Europe/London", "pt-BR"));
    assert!(changed.suspended && changed.self_service_hourly_credit && changed.self_service == 3);
    assert_eq!(
        (changed.password_hash.as_str(), changed.ext_relation_id, changed.updated_at),
        ("other", Some(7), NOW + 2)
    );
    let taken = Change { email: Some("MARY@doe.test".to_owned()), ..Change::default() };
    let refused = write_in!(store, [jon, taken] | tx | user::change(tx, jon, taken, NOW + 3).await).unwrap_err();
    assert!(refused.violates("users", &["email_key"]), "{refused}");

    let gone = NewUser::plain(uuid(3), "Gone", "gone@doe.test", String::new(), NOW);
    let gone = write_in!(store, [gone] | tx | user::insert(tx, gone).await).unwrap();
    let id = gone.id;
    write_in!(store, [gone] | tx | user::delete(tx, gone).await).unwrap();
    assert_eq!(user::by_id(db, id).await.unwrap(), None);
    (jon.id, mary.id)
}

/// Beside Jon and Mary, for as long as it takes, somebody with wildcards and letters that not every database knows.
async fn searched(store: &Store, jon: i64, mary: i64) {
    let mut odd = NewUser::plain(uuid(9), "Ünal 50%_off!", "odd@example.test", "hash".to_owned(), NOW);
    odd.rel_str = Some("Shop/4711".to_owned());
    let odd = write_in!(store, [odd] | tx | user::insert(tx, odd).await).unwrap();
    for (search, wanted) in [
        ("doe.TEST", vec![jon, mary]),
        (" mar ", vec![mary]),
        ("CLIENT-7", vec![jon]),
        ("7", vec![jon, odd.id]),
        ("47", vec![odd.id]),
        ("shop/", vec![odd.id]),
        ("Ünal", vec![odd.id]),
        ("50%_OFF!", vec![odd.id]),
        ("%", vec![odd.id]),
        ("n_l", vec![]),
        ("!", vec![odd.id]),
        ("' OR 1=1 --", vec![]),
    ] {
        let filter = user::Filter { email: None, search: Some(search.to_owned()) };
        let (found, total) = user::page(store.read(), &filter, 0, 10).await.unwrap();
        assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), wanted, "{search}");
        assert_eq!(total, wanted.len() as u64, "{search}");
    }
    let both = user::Filter { email: Some("jon@doe.test".to_owned()), search: Some("mary".to_owned()) };
    assert_eq!(user::page(store.read(), &both, 0, 10).await.unwrap(), (vec![], 0));
    write_in!(store, [odd] | tx | user::delete(tx, odd).await).unwrap();
}

/// Mary administers from the beginning.
async fn roles(store: &Store, jon: i64, mary: i64) {
    let db = store.read();
    let row = async |id| user::by_id(db, id).await.unwrap().unwrap();
    let give = async |id, role: Option<&'static str>| {
        let user = row(id).await;
        write_in!(store, [user] | tx | user::set_role(tx, user, role, NOW + 4).await).unwrap()
    };
    assert_eq!((row(mary).await.role.as_deref(), row(jon).await.role), (Some(user::OWNER), None));
    assert_eq!(user::owners(db).await.unwrap(), 1);
    // Jon is suspended.
    let owner = give(jon, Some("owner")).await;
    assert_eq!((owner.role.as_deref(), owner.admin, owner.updated_at), (Some("owner"), true, NOW + 4));
    assert_eq!(user::owners(db).await.unwrap(), 1, "who is suspended does not count");
    for (role, administers) in [("admin", true), ("support", false), ("read-only", false)] {
        let user = give(jon, Some(role)).await;
        assert_eq!((user.role.as_deref(), user.admin), (Some(role), administers));
    }
    let customer = give(jon, None).await;
    assert_eq!((customer.role, customer.admin), (None, false));
}

async fn tokens(store: &Store, jon: i64) {
    let db = store.read();
    let new = move |n: u128| NewToken {
        uuid: uuid(n),
        user_id: jon,
        name: format!("token {n}"),
        token_hash: format!("hash {n}"),
        abilities: vec!["read".to_owned()],
        allow_list: vec!["192.0.2.0/24".to_owned()],
        expires_at: Some(NOW + SECOND),
        now: NOW,
    };
    let first = write_in!(store, |tx| api_token::insert(tx, new(1)).await).unwrap();
    let second = write_in!(store, |tx| api_token::insert(tx, new(2)).await).unwrap();
    assert_eq!((&first.abilities, &first.allow_list), (&json!(["read"]), &json!(["192.0.2.0/24"])));
    assert_eq!(api_token::by_hash(db, "hash 1").await.unwrap().as_ref(), Some(&first));
    assert_eq!(api_token::by_hash(db, "hash").await.unwrap(), None);
    assert_eq!(api_token::page(db, 0, 1).await.unwrap(), (vec![second.clone()], 2));
    let id = first.id;
    write_in!(store, |tx| api_token::revoke(tx, id, NOW + 5).await).unwrap();
    let revoked = api_token::by_id(db, id).await.unwrap().unwrap();
    assert_eq!(revoked.revoked_at, Some(NOW + 5));
    assert_eq!(api_token::by_id(db, second.id).await.unwrap().unwrap().revoked_at, None);
    let revoked = write_in!(store, |tx| api_token::revoke_all(tx, jon, NOW + 6).await).unwrap();
    assert_eq!(revoked, 1, "the first one was revoked before");
    let rows = api_token::page(db, 0, 10).await.unwrap().0;
    assert_eq!(rows.iter().map(|row| row.revoked_at).collect::<Vec<_>>(), [Some(NOW + 6), Some(NOW + 5)]);
}

async fn keys(store: &Store, jon: i64, mary: i64) -> ([i64; 2], i64) {
    let db = store.read();
    let add = async |user_id, n: u128| {
        let new = move || NewKey {
            uuid: uuid(n),
            user_id,
            name: format!("key {n}"),
            key_type: "OpenSSH".to_owned(),
            public_key: format!("ssh-ed25519 AAAA{n}"),
            now: NOW,
        };
        write_in!(store, |tx| ssh_key::insert(tx, new()).await).unwrap()
    };
    let (first, second, gone, marys) = (add(jon, 1).await, add(jon, 2).await, add(jon, 3).await, add(mary, 4).await);
    assert!(first.enabled);
    assert_eq!(ssh_key::by_id(db, second.id).await.unwrap().as_ref(), Some(&second));
    let id = gone.id;
    write_in!(store, |tx| ssh_key::delete(tx, id).await).unwrap();
    assert_eq!(ssh_key::by_id(db, id).await.unwrap(), None);
    let keys = ([first.id, second.id], marys.id);
    assert_eq!(ssh_key::of_user(db, jon).await.unwrap(), [first, second]);
    keys
}

async fn audit_log(store: &Store, jon: i64) {
    let mut entry = NewEntry::system(NOW, "user.create", "user", jon);
    entry.address = Some("192.0.2.9".to_owned());
    entry.after = Some(json!({ "name": "Jon" }));
    write_in!(
        store,
        [entry] | tx | {
            audit::record(tx, entry).await?;
            audit::record(tx, NewEntry::system(NOW + 1, "user.delete", "user", jon)).await
        }
    )
    .unwrap();
    let undone: Result<(), _> = write_in!(store, |tx| {
        audit::record(tx, NewEntry::system(NOW + 2, "user.suspend", "user", jon)).await?;
        Err(StoreError::Corrupt("the change itself failed".to_owned()))
    });
    assert!(undone.is_err());
    let (entries, total) = audit::page(store.read(), &audit::Filter::default(), 1, 10).await.unwrap();
    assert_eq!((entries.len(), total), (1, 2), "a change that was undone is not in the log");
    assert_eq!((entries[0].action.as_str(), entries[0].subject_id, entries[0].at), ("user.create", Some(jon), NOW));
    assert_eq!((&entries[0].before, &entries[0].after), (&None, &Some(json!({ "name": "Jon" }))));

    let of = async |filter: audit::Filter| audit::page(store.read(), &filter, 0, 10).await.unwrap().1;
    let any = audit::Filter::default;
    assert_eq!(of(audit::Filter { action: Some("user.delete".to_owned()), ..any() }).await, 1);
    assert_eq!(of(audit::Filter { subject_kind: Some("server".to_owned()), ..any() }).await, 0);
    assert_eq!(of(audit::Filter { subject_id: Some(jon), since: Some(NOW), until: Some(NOW), ..any() }).await, 1);
    assert_eq!(of(audit::Filter { user_id: Some(jon), ..any() }).await, 0, "the system did it");
    assert_eq!(of(audit::Filter { actor_id: Some(1), ..any() }).await, 0);
    assert_eq!(of(audit::Filter { request_id: Some("r".to_owned()), ..any() }).await, 0);
}
