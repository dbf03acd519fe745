//! The installation's own facts, and its periodic work.

use berth_store::{Store, periodic, setting};

use crate::{NOW, SECOND, write_in};

pub async fn tell(store: &Store) {
    assert_eq!(setting::get(store.read(), "cluster_uuid").await.unwrap(), None);
    let first = write_in!(store, |tx| setting::get_or_insert(tx, "cluster_uuid", "one", NOW).await).unwrap();
    let second = write_in!(store, |tx| setting::get_or_insert(tx, "cluster_uuid", "two", NOW).await).unwrap();
    assert_eq!((first.as_str(), second.as_str()), ("one", "one"), "the first to say it names it");
    assert_eq!(setting::get(store.read(), "cluster_uuid").await.unwrap().as_deref(), Some("one"));
    for value in ["three", "four"] {
        write_in!(store, |tx| setting::set(tx, "last", value, NOW).await).unwrap();
        assert_eq!(setting::get(store.read(), "last").await.unwrap().as_deref(), Some(value));
    }

    let claim = async |due_at, owner| write_in!(store, |tx| periodic::claim(tx, "trim", due_at, owner, NOW).await);
    assert!(claim(NOW, "a").await.unwrap());
    assert!(!claim(NOW, "b").await.unwrap(), "one of them does it");
    assert!(claim(NOW + SECOND, "b").await.unwrap(), "the next time is another's to take");
    write_in!(store, |tx| periodic::trim(tx, NOW).await).unwrap();
    assert!(!claim(NOW, "b").await.unwrap(), "what is not older stays");
    write_in!(store, |tx| periodic::trim(tx, NOW + 1).await).unwrap();
    assert!(claim(NOW, "b").await.unwrap());
}
