//! Sessions of the panel, logins from other sites, and logins that failed.

use berth_store::{
    Store,
    customer_token::{self, NewToken},
    login_failure,
    login_token::{self, NewPair},
    mail::{self, NewMail},
    oidc_attempt::{self, NewAttempt},
    passkey::{self, NewPasskey},
    passkey_challenge::{self, NewChallenge},
    password_link,
    second_factor::{self, NewFactor},
    session::{self, NewSession},
    user, user_identity,
};

use serde_json::json;

use crate::{NOW, SECOND, people::People, uuid, write_in};

pub async fn tell(store: &Store, people: &People) {
    sessions(store, people).await;
    pairs(store, people).await;
    links(store, people).await;
    letters(store, people).await;
    failures(store).await;
    factors(store, people).await;
    customer_tokens(store, people).await;
    passkeys(store, people).await;
    passkey_challenges(store).await;
    attempts(store).await;
    identities(store, people).await;
}

fn new(user_id: i64, token: &str) -> NewSession {
    NewSession {
        user_id,
        token_hash: token.to_owned(),
        csrf: format!("csrf of {token}"),
        address: Some("192.0.2.1".to_owned()),
        user_agent: "Lynx".to_owned(),
        expires_at: NOW + 10 * SECOND,
        is_proved: token == "a",
        now: NOW,
    }
}

async fn sessions(store: &Store, people: &People) {
    let (db, jon) = (store.read(), people.jon);
    let begin = async |user, token| {
        let new = new(user, token);
        write_in!(store, [new] | tx | session::insert(tx, new).await).unwrap()
    };
    let (first, second, marys) = (begin(jon, "a").await, begin(jon, "b").await, begin(people.mary, "c").await);
    let (found, user) = session::by_hash(db, "a", NOW).await.unwrap().unwrap();
    assert_eq!((&found, user.id), (&first, jon));
    assert_eq!(session::by_hash(db, "x", NOW).await.unwrap(), None);
    assert_eq!(session::by_hash(db, "a", NOW + 10 * SECOND).await.unwrap(), None, "its time is over");
    assert_eq!(session::of_user(db, jon, NOW).await.unwrap(), [second.clone(), first.clone()]);
    write_in!(store, |tx| session::touch(tx, first.id, NOW + 20 * SECOND, NOW + SECOND).await).unwrap();
    let (touched, _) = session::by_hash(db, "a", NOW + 15 * SECOND).await.unwrap().unwrap();
    assert_eq!(touched.seen_at, NOW + SECOND);
    assert_eq!((touched.proved_at, second.proved_at), (Some(NOW), None));
    let prove = async |id| write_in!(store, |tx| session::prove(tx, jon, id, NOW + 2 * SECOND).await).unwrap();
    assert!(prove(second.id).await && !prove(marys.id).await, "another's is not his to prove");
    let proved = async |token| session::by_hash(db, token, NOW).await.unwrap().unwrap().0.proved_at;
    assert_eq!((proved("b").await, proved("c").await), (Some(NOW + 2 * SECOND), None));
    assert_eq!(proved("a").await, Some(NOW), "each session by itself");
    assert!(!write_in!(store, |tx| session::end(tx, jon, marys.id).await).unwrap(), "another's is not his to end");
    assert!(write_in!(store, |tx| session::end(tx, jon, second.id).await).unwrap());
    let third = begin(jon, "d").await;
    assert_eq!(write_in!(store, |tx| session::end_others(tx, jon, Some(third.id)).await).unwrap(), 1);
    write_in!(store, |tx| session::trim(tx, NOW + 10 * SECOND).await).unwrap();
    assert_eq!(session::of_user(db, jon, NOW).await.unwrap(), [third], "it ends then, not before");
    write_in!(store, |tx| session::trim(tx, NOW + 11 * SECOND).await).unwrap();
    assert_eq!(session::of_user(db, people.mary, NOW).await.unwrap(), []);
}

async fn pairs(store: &Store, people: &People) {
    let (db, jon, mary) = (store.read(), people.jon, people.mary);
    let new = |first: &str| NewPair {
        user_id: jon,
        server_id: None,
        first_hash: first.to_owned(),
        second_hash: "two".to_owned(),
        expires_at: NOW + 10 * SECOND,
        now: NOW,
    };
    for first in ["one", "three"] {
        let pair = new(first);
        write_in!(store, [pair] | tx | login_token::insert(tx, pair).await).unwrap();
    }
    let take =
        async |first, second, now| write_in!(store, |tx| login_token::take(tx, first, second, now).await).unwrap();
    assert_eq!(take("one", "other", NOW).await, None);
    assert_eq!(take("one", "two", NOW + 10 * SECOND).await, None, "too late");
    assert_eq!(take("one", "two", NOW + 9 * SECOND).await.unwrap().user_id, jon);
    assert_eq!(take("one", "two", NOW + 9 * SECOND).await, None, "once");
    let used = login_token::by_hashes(db, "one", "two").await.unwrap().unwrap();
    assert_eq!(used.used_at, Some(NOW + 9 * SECOND));
    assert_eq!(login_token::by_hashes(db, "one", "other").await.unwrap(), None);
    write_in!(store, |tx| login_token::wait(tx, used.id, "w", NOW + 20 * SECOND).await).unwrap();
    let waiting = async |hash, now| login_token::waiting(db, hash, now).await.unwrap().map(|pair| pair.id);
    assert_eq!(waiting("w", NOW + 19 * SECOND).await, Some(used.id));
    assert_eq!((waiting("w", NOW + 20 * SECOND).await, waiting("x", NOW).await), (None, None));
    for (hash, now, is_ended) in
        [("x", NOW, false), ("w", NOW + 20 * SECOND, false), ("w", NOW, true), ("w", NOW, false)]
    {
        let ended = write_in!(store, |tx| login_token::end_wait(tx, hash, now).await).unwrap();
        assert_eq!(ended, is_ended, "{hash}");
    }
    assert_eq!(waiting("w", NOW).await, None);
    write_in!(store, |tx| login_token::trim(tx, NOW + 10 * SECOND).await).unwrap();
    assert!(login_token::by_hashes(db, "three", "two").await.unwrap().is_some());
    write_in!(store, |tx| login_token::of_user_gone(tx, mary).await).unwrap();
    write_in!(store, |tx| login_token::trim(tx, NOW + 11 * SECOND).await).unwrap();
    assert_eq!(login_token::by_hashes(db, "three", "two").await.unwrap(), None);
}

async fn failures(store: &Store) {
    let db = store.read();
    for (account, address, at) in [("a", "x", NOW), ("a", "y", NOW + SECOND), ("b", "x", NOW + 2 * SECOND)] {
        write_in!(store, |tx| login_failure::insert(tx, account, address, at).await).unwrap();
    }
    assert_eq!(login_failure::counts(db, "a", "x", NOW - 1).await.unwrap(), (2, 2));
    assert_eq!(login_failure::counts(db, "a", "x", NOW).await.unwrap(), (1, 1));
    write_in!(store, |tx| login_failure::forgive(tx, "a").await).unwrap();
    assert_eq!(login_failure::counts(db, "a", "x", NOW - 1).await.unwrap(), (0, 1));
    write_in!(store, |tx| login_failure::trim(tx, NOW + 3 * SECOND).await).unwrap();
    assert_eq!(login_failure::counts(db, "b", "x", NOW - 1).await.unwrap(), (0, 0));
}

async fn factors(store: &Store, people: &People) {
    let (db, jon, mary) = (store.read(), people.jon, people.mary);
    let new = |user_id, n| NewFactor { uuid: uuid(n), user_id, secret_enc: format!("secret {n}"), now: NOW };
    for (user_id, n) in [(jon, 1), (jon, 2), (mary, 3)] {
        let factor = new(user_id, n);
        write_in!(store, [factor] | tx | second_factor::propose(tx, factor).await).unwrap();
    }
    let row = second_factor::of_user(db, jon).await.unwrap().unwrap();
    assert_eq!((row.secret_enc.as_str(), row.confirmed_at), ("secret 2", None), "the one before never was asked for");
    for is_new in [true, false] {
        assert_eq!(write_in!(store, |tx| second_factor::confirm(tx, row.id, jon, NOW).await).unwrap(), is_new);
    }
    let factor = new(jon, 4);
    let second = write_in!(store, [factor] | tx | second_factor::propose(tx, factor).await).unwrap_err();
    assert!(second.violates("second_factors", &["user_id"]), "{second}");
    assert!(user::by_id(db, jon).await.unwrap().unwrap().two_factor_auth);
    for (step, is_taken) in [(7, true), (7, false), (6, false), (8, true)] {
        assert_eq!(
            write_in!(store, |tx| second_factor::take_step(tx, row.id, step).await).unwrap(),
            is_taken,
            "{step}"
        );
    }
    for user_id in [jon, mary] {
        let hashes = ["one".to_owned(), "two".to_owned()];
        write_in!(store, [hashes] | tx | second_factor::set_codes(tx, user_id, &hashes).await).unwrap();
    }
    for (hash, is_taken) in [("one", true), ("one", false), ("three", false)] {
        let taken = write_in!(store, |tx| second_factor::take_code(tx, jon, hash, NOW).await).unwrap();
        assert_eq!(taken, is_taken, "{hash}");
    }
    assert_eq!(second_factor::codes_left(db, jon).await.unwrap(), 1);
    write_in!(store, |tx| second_factor::remove(tx, jon, NOW).await).unwrap();
    assert_eq!(
        (second_factor::of_user(db, jon).await.unwrap(), second_factor::codes_left(db, jon).await.unwrap()),
        (None, 0)
    );
    assert!(!user::by_id(db, jon).await.unwrap().unwrap().two_factor_auth);
    assert_eq!(second_factor::codes_left(db, mary).await.unwrap(), 2, "another's stay");
    write_in!(store, |tx| second_factor::remove(tx, mary, NOW).await).unwrap();
}

async fn links(store: &Store, people: &People) {
    let (db, jon) = (store.read(), people.jon);
    let insert = async |hash, until| {
        write_in!(store, |tx| password_link::insert(tx, jon, hash, until, NOW).await).unwrap();
    };
    let take = async |hash, now| write_in!(store, |tx| password_link::take(tx, hash, now).await).unwrap();
    assert_eq!(password_link::newest(db, jon).await.unwrap(), None);
    insert("one", NOW + 10 * SECOND).await;
    insert("two", NOW + 10 * SECOND).await;
    assert_eq!(take("one", NOW).await, None, "a newer link ends it");
    assert_eq!(take("two", NOW + 10 * SECOND).await, None, "too late");
    assert_eq!(take("two", NOW + 9 * SECOND).await.unwrap().user_id, jon);
    assert_eq!(take("two", NOW + 9 * SECOND).await, None, "once");
    assert_eq!(password_link::newest(db, jon).await.unwrap().unwrap().used_at, Some(NOW + 9 * SECOND));
    write_in!(store, |tx| password_link::trim(tx, NOW + 10 * SECOND).await).unwrap();
    assert!(password_link::newest(db, jon).await.unwrap().is_some(), "its time is not over before");
    write_in!(store, |tx| password_link::of_user_gone(tx, jon).await).unwrap();
    assert_eq!(password_link::newest(db, jon).await.unwrap(), None);
}

async fn letters(store: &Store, people: &People) {
    let (db, jon) = (store.read(), people.jon);
    let add = async |n: u128, now| {
        let new = NewMail {
            uuid: uuid(n),
            user_id: jon,
            kind: "welcome",
            recipient: "jon@doe.test".to_owned(),
            subject: "Your account".to_owned(),
            body_enc: "sealed".to_owned(),
            now,
        };
        write_in!(store, [new] | tx | mail::insert(tx, new).await).unwrap()
    };
    let (first, second) = (add(901, NOW).await, add(902, NOW + SECOND).await);
    let due = async |now, limit| ids(&mail::due(db, now, limit).await.unwrap());
    assert_eq!(due(NOW, 9).await, [first.id]);
    assert_eq!(due(NOW + SECOND, 1).await, [first.id], "the oldest first");
    let written = async |kind, since| mail::written(db, jon, kind, since).await.unwrap();
    assert_eq!((written("welcome", NOW).await, written("welcome", NOW + SECOND).await), (2, 1));
    assert_eq!((written("other", NOW).await, mail::written(db, people.mary, "welcome", NOW).await.unwrap()), (0, 0));
    let claim = async |row: berth_store::entity::mail::Model| {
        write_in!(store, [row] | tx | mail::claim(tx, &row, NOW + 5 * SECOND).await).unwrap()
    };
    assert!(claim(first.clone()).await);
    assert!(!claim(first.clone()).await, "another was first");
    assert_eq!(due(NOW + SECOND, 9).await, [second.id]);
    write_in!(store, |tx| mail::failed(tx, first.id, "451", Some(NOW + 9 * SECOND)).await).unwrap();
    write_in!(store, |tx| mail::failed(tx, second.id, "550", None).await).unwrap();
    let (rows, total) = mail::page(db, 0, 9).await.unwrap();
    assert_eq!((total, rows[0].id, rows[0].due_at, &rows[0].body_enc), (2, second.id, None, &None), "given up");
    assert_eq!(
        (rows[1].due_at, rows[1].attempts, &*rows[1].error.clone().unwrap()),
        (Some(NOW + 9 * SECOND), 1, "451")
    );
    assert!(rows[1].body_enc.is_some());
    write_in!(store, |tx| mail::sent(tx, first.id, NOW + 9 * SECOND).await).unwrap();
    write_in!(store, |tx| mail::trim(tx, NOW + SECOND).await).unwrap();
    let (rows, _) = mail::page(db, 0, 9).await.unwrap();
    assert_eq!(ids(&rows), [second.id], "sent, and old");
    write_in!(store, |tx| mail::trim(tx, NOW + 2 * SECOND).await).unwrap();
    assert_eq!(mail::page(db, 0, 9).await.unwrap().1, 0);
}

fn ids(rows: &[berth_store::entity::mail::Model]) -> Vec<i64> {
    rows.iter().map(|row| row.id).collect()
}

async fn customer_tokens(store: &Store, people: &People) {
    let (db, jon, mary) = (store.read(), people.jon, people.mary);
    let make = async |user_id, hash: &str| {
        let new = NewToken {
            user_id,
            name: "cron".to_owned(),
            token_hash: hash.to_owned(),
            scopes: vec!["servers:read".to_owned()],
            allow_list: vec!["2001:db8::/32".to_owned()],
            expires_at: Some(NOW + SECOND),
            now: NOW,
        };
        write_in!(store, [new] | tx | customer_token::insert(tx, new).await).unwrap()
    };
    let (first, second, marys) = (make(jon, "t1").await, make(jon, "t2").await, make(mary, "t3").await);
    let (found, user) = customer_token::by_hash(db, "t1").await.unwrap().unwrap();
    assert_eq!((&found, user.id, found.used_at), (&first, jon, None));
    assert_eq!(customer_token::by_hash(db, "t").await.unwrap(), None);
    assert_eq!(customer_token::of_user(db, jon).await.unwrap(), [second.clone(), first.clone()]);
    write_in!(store, |tx| customer_token::touch(tx, first.id, NOW + SECOND).await).unwrap();
    assert_eq!(customer_token::by_hash(db, "t1").await.unwrap().unwrap().0.used_at, Some(NOW + SECOND));
    let remove = async |id| write_in!(store, |tx| customer_token::remove(tx, jon, id).await).unwrap();
    assert_eq!(remove(marys.id).await, None, "another's is not his to end");
    assert_eq!(remove(second.id).await, Some(second.clone()));
    assert_eq!(remove(second.id).await, None, "once");
    write_in!(store, |tx| customer_token::of_user_gone(tx, jon).await).unwrap();
    assert_eq!(customer_token::of_user(db, jon).await.unwrap(), []);
    assert_eq!(customer_token::of_user(db, mary).await.unwrap(), std::slice::from_ref(&marys));
    write_in!(store, |tx| customer_token::of_user_gone(tx, mary).await).unwrap();
}

async fn passkeys(store: &Store, people: &People) {
    let (db, jon, mary) = (store.read(), people.jon, people.mary);
    let add = async |user_id, credential_id: &str| {
        let new = NewPasskey {
            user_id,
            credential_id: credential_id.to_owned(),
            credential: json!({ "key": credential_id }),
            name: "phone".to_owned(),
            now: NOW,
        };
        write_in!(store, [new] | tx | passkey::insert(tx, new).await)
    };
    let (first, second) = (add(jon, "one").await.unwrap(), add(jon, "two").await.unwrap());
    let marys = add(mary, "three").await.unwrap();
    let twice = add(mary, "one").await.unwrap_err();
    assert!(twice.violates("passkeys", &["credential_id"]), "{twice}");
    assert_eq!(passkey::of_user(db, jon).await.unwrap(), [second.clone(), first.clone()]);
    let (found, user) = passkey::by_credential(db, "one").await.unwrap().unwrap();
    assert_eq!((&found, user.id, found.counter, found.used_at), (&first, jon, 0, None));
    assert_eq!(passkey::by_credential(db, "four").await.unwrap(), None);
    for (counter, is_taken) in [(0, true), (0, true), (7, true), (7, false), (6, false), (0, false), (8, true)] {
        let credential = json!({ "counter": counter });
        let taken =
            write_in!(store, [credential] | tx | passkey::take(tx, first.id, credential, counter, NOW + counter).await);
        assert_eq!(taken.unwrap(), is_taken, "{counter}");
    }
    let (used, _) = passkey::by_credential(db, "one").await.unwrap().unwrap();
    assert_eq!((used.counter, used.used_at, used.credential), (8, Some(NOW + 8), json!({ "counter": 8 })));
    assert_eq!(passkey::by_credential(db, "two").await.unwrap().unwrap().0, second, "another's stays as it was");
    let rename = async |id, name| write_in!(store, |tx| passkey::rename(tx, jon, id, name).await).unwrap();
    assert_eq!(rename(marys.id, "mine").await, None, "another's is not his to name");
    assert_eq!(rename(second.id, "laptop").await, Some(second.clone()));
    assert_eq!(passkey::of_user(db, jon).await.unwrap()[0].name, "laptop");
    assert_eq!(passkey::of_user(db, mary).await.unwrap(), std::slice::from_ref(&marys));
    let remove = async |id| write_in!(store, |tx| passkey::remove(tx, jon, id).await).unwrap();
    assert_eq!(remove(marys.id).await, None);
    assert_eq!(remove(second.id).await.map(|row| row.id), Some(second.id));
    assert_eq!(remove(second.id).await, None, "once");
    for user_id in [jon, mary] {
        write_in!(store, |tx| passkey::of_user_gone(tx, user_id).await).unwrap();
        assert_eq!(passkey::of_user(db, user_id).await.unwrap(), []);
    }
}

async fn passkey_challenges(store: &Store) {
    let db = store.read();
    let keep = async |holder: &str, n: i64| {
        let new = NewChallenge {
            holder_hash: holder.to_owned(),
            state: json!({ "n": n }),
            address: "192.0.2.1".to_owned(),
            expires_at: NOW + n * SECOND,
        };
        write_in!(store, [new] | tx | passkey_challenge::insert(tx, new).await).unwrap();
    };
    let take = async |holder, now| write_in!(store, |tx| passkey_challenge::take(tx, holder, now).await).unwrap();
    let open = async |address, now| passkey_challenge::open_of(db, address, now).await.unwrap();
    for (holder, n) in [("a", 1), ("a", 10), ("b", 10), ("c", 20)] {
        keep(holder, n).await;
    }
    assert_eq!((open("192.0.2.1", NOW).await, open("192.0.2.2", NOW).await), (3, 0), "a holder has one");
    assert_eq!(open("192.0.2.1", NOW + 10 * SECOND).await, 1);
    assert_eq!(take("a", NOW + 9 * SECOND).await, Some(json!({ "n": 10 })), "the newest");
    assert_eq!(take("a", NOW + 9 * SECOND).await, None, "once");
    assert_eq!(take("b", NOW + 10 * SECOND).await, None, "too late");
    assert_eq!(take("b", NOW).await, None, "and gone");
    write_in!(store, |tx| passkey_challenge::trim(tx, NOW + 20 * SECOND).await).unwrap();
    assert_eq!(open("192.0.2.1", NOW).await, 1, "its time is not over before");
    write_in!(store, |tx| passkey_challenge::trim(tx, NOW + 21 * SECOND).await).unwrap();
    assert_eq!(take("c", NOW).await, None);
}

async fn attempts(store: &Store) {
    let db = store.read();
    for (n, state, session_id) in [(1, "one", Some(5)), (2, "two", None)] {
        let new = NewAttempt {
            uuid: uuid(n),
            state_hash: state.to_owned(),
            browser_hash: "browser".to_owned(),
            secrets_enc: format!("secrets {n}"),
            next: Some("/profile".to_owned()),
            session_id,
            expires_at: NOW + 10 * SECOND,
            now: NOW,
        };
        write_in!(store, [new] | tx | oidc_attempt::insert(tx, new).await).unwrap();
    }
    assert_eq!(oidc_attempt::open(db, NOW).await.unwrap(), 2);
    let take =
        async |state, browser, now| write_in!(store, |tx| oidc_attempt::take(tx, state, browser, now).await).unwrap();
    assert_eq!(take("one", "other", NOW).await, None, "another browser");
    assert_eq!(take("one", "browser", NOW + 10 * SECOND).await, None, "too late");
    let taken = take("one", "browser", NOW + 9 * SECOND).await.unwrap();
    assert_eq!((taken.secrets_enc.as_str(), taken.next.as_deref()), ("secrets 1", Some("/profile")));
    assert_eq!(taken.session_id, Some(5));
    assert_eq!(take("one", "browser", NOW + 9 * SECOND).await, None, "once");
    assert_eq!(oidc_attempt::by_state(db, "one").await.unwrap().unwrap().used_at, Some(NOW + 9 * SECOND));
    assert_eq!(oidc_attempt::by_state(db, "x").await.unwrap(), None);
    assert_eq!(
        (oidc_attempt::open(db, NOW).await.unwrap(), oidc_attempt::open(db, NOW + 10 * SECOND).await.unwrap()),
        (1, 0)
    );
    write_in!(store, |tx| oidc_attempt::trim(tx, NOW + 10 * SECOND).await).unwrap();
    assert!(oidc_attempt::by_state(db, "two").await.unwrap().is_some(), "its time is not over before");
    write_in!(store, |tx| oidc_attempt::trim(tx, NOW + 11 * SECOND).await).unwrap();
    assert_eq!(oidc_attempt::by_state(db, "two").await.unwrap(), None);
}

async fn identities(store: &Store, people: &People) {
    let (db, jon, mary) = (store.read(), people.jon, people.mary);
    let keep = async |user_id, issuer, subject| {
        write_in!(store, |tx| user_identity::insert(tx, user_id, issuer, subject, NOW).await)
    };
    let first = keep(jon, "https://id.test", "a").await.unwrap();
    let other = keep(jon, "https://other.test", "a").await.unwrap();
    let marys = keep(mary, "https://id.test", "b").await.unwrap();
    let second = keep(mary, "https://other.test", "a").await.unwrap_err();
    assert!(second.violates("user_identities", &["issuer", "subject"]), "{second}");
    let second = keep(jon, "https://id.test", "c").await.unwrap_err();
    assert!(second.violates("user_identities", &["user_id", "issuer"]), "{second}");
    assert_eq!(user_identity::by_subject(db, "https://id.test", "a").await.unwrap(), Some(first.clone()));
    assert_eq!(user_identity::by_subject(db, "https://id.test", "A").await.unwrap(), None, "to the letter");
    assert_eq!(user_identity::of_user(db, jon).await.unwrap(), [other.clone(), first.clone()]);
    write_in!(store, |tx| user_identity::touch(tx, first.id, NOW + SECOND).await).unwrap();
    assert_eq!(user_identity::of_user(db, jon).await.unwrap()[1].used_at, NOW + SECOND);
    let remove = async |id| write_in!(store, |tx| user_identity::remove(tx, jon, id).await).unwrap();
    assert_eq!(remove(marys.id).await, None, "another's is not his to forget");
    assert_eq!(remove(other.id).await, Some(other.clone()));
    assert_eq!(remove(other.id).await, None, "once");
    write_in!(store, |tx| user_identity::of_user_gone(tx, jon).await).unwrap();
    assert_eq!(user_identity::of_user(db, jon).await.unwrap(), []);
    assert_eq!(user_identity::of_user(db, mary).await.unwrap(), [marys]);
    write_in!(store, |tx| user_identity::of_user_gone(tx, mary).await).unwrap();
}
