//! The queue: who owns a server, who may run, leases, fenced commits and the log.

use berth_store::{
    Store, StoreError,
    entity::job::Model as Job,
    job::{self, Filter, NewJob},
    job_lease::{self, After, Bounds, Claim},
};
use serde_json::json;

use crate::{NOW, SECOND, nodes::Nodes, uuid, write_in};

pub async fn tell(store: &Store, nodes: &Nodes, server: i64) {
    let (build, power) = queued(store, nodes, server).await;
    let build = leased(store, build).await;
    logged(store, &build).await;
    ended(store, build, power.id, server).await;
    cancelled(store, nodes, server).await;
    bounded(store, nodes).await;
}

fn new_job(n: u128, kind: &'static str, server_id: Option<i64>, hypervisor: i64, exclusive: bool) -> NewJob {
    NewJob {
        uuid: uuid(0xF000 + n),
        kind,
        action: "build_server".to_owned(),
        server_id,
        hypervisor_id: Some(hypervisor),
        lane: job::LANE_MAIN,
        exclusive,
        step: "first".to_owned(),
        payload: json!({ "n": n as i64 }),
        run_at: NOW,
        deadline_at: NOW + 100 * SECOND,
        now: NOW,
    }
}

async fn enqueue(store: &Store, new: NewJob) -> Result<Job, StoreError> {
    write_in!(store, [new] | tx | job::enqueue(tx, new).await)
}

async fn claim(store: &Store, owner: &'static str, limit: usize, bounds: &'static [Bounds]) -> Vec<Job> {
    let claim = Claim { owner, limit, now: NOW, lease: 30 * SECOND, bounds };
    write_in!(store, [claim] | tx | job_lease::claim(tx, &claim).await).unwrap()
}

async fn queued(store: &Store, nodes: &Nodes, server: i64) -> (Job, Job) {
    let (db, node) = (store.read(), nodes.first);
    assert!(!job::any_unfinished(db, server).await.unwrap());
    let build = enqueue(store, new_job(1, "build", Some(server), node, true)).await.unwrap();
    assert_eq!((build.state.as_str(), build.attempt, build.payload["n"].as_i64()), ("queued", 0, Some(1)));
    let second = enqueue(store, new_job(2, "build", Some(server), node, true)).await.unwrap_err();
    assert!(job::locked(&second), "{second}");
    let power = enqueue(store, new_job(3, "power", Some(server), node, false)).await.unwrap();
    assert_eq!(job::by_id(db, power.id).await.unwrap().as_ref(), Some(&power));
    assert_eq!(job::by_id(db, 999).await.unwrap(), None);
    assert_eq!(job::of_server(db, server, power.uuid).await.unwrap().as_ref(), Some(&power));
    assert_eq!(job::of_server(db, 999, power.uuid).await.unwrap(), None, "another server's");
    assert_eq!(job::blocking(db, server).await.unwrap().as_ref(), Some(&build));
    assert_eq!(job::waiting(db, server, "power").await.unwrap(), 1);
    assert_eq!(job::waiting(db, server, "delete").await.unwrap(), 0);
    let held = async |kind: &'static str| write_in!(store, |tx| job::hold_queued(tx, server, kind).await).unwrap();
    assert_eq!((held("power").await, held("delete").await), (Some(power.id), None));
    assert_eq!(job::unfinished_actions(db, server).await.unwrap(), ["build_server", "build_server"]);
    assert!(job::any_unfinished(db, server).await.unwrap());
    let of_server = Filter { server_id: Some(server), state: Some(job::QUEUED.to_owned()), ..Filter::default() };
    assert_eq!(job::page(db, &of_server, 0, 1).await.unwrap(), (vec![power.clone()], 2));
    let text = |text: &str| Some(text.to_owned());
    for (filter, found) in [
        (Filter { hypervisor_id: Some(node), ..Filter::default() }, 2),
        (Filter { hypervisor_id: Some(nodes.second), ..Filter::default() }, 0),
        (Filter { kind: text("power"), ..Filter::default() }, 1),
        (Filter { action: text("build_server"), ..Filter::default() }, 2),
        (Filter { action: text("boot_server"), ..Filter::default() }, 0),
        (Filter { since: Some(NOW), ..Filter::default() }, 2),
        (Filter { since: Some(NOW + 1), ..Filter::default() }, 0),
    ] {
        assert_eq!(job::page(db, &filter, 0, 10).await.unwrap().1, found, "{filter:?}");
    }
    let changed = job::changed(db, &Filter::default(), NOW, 10).await.unwrap();
    assert_eq!(changed, [build.clone(), power.clone()], "oldest change first");
    assert_eq!(job::changed(db, &Filter::default(), NOW + 1, 10).await.unwrap(), []);
    assert_eq!(job::newest_like(db, &build).await.unwrap().as_ref(), Some(&build));
    assert_eq!(job::page(db, &Filter::default(), 1, 10).await.unwrap().0, std::slice::from_ref(&build));
    assert_eq!(job::unfinished_on(db, node, "power").await.unwrap().as_ref(), Some(&power));
    assert_eq!(job::unfinished_on(db, nodes.second, "power").await.unwrap(), None);
    let mut counts = job::unfinished_counts(db).await.unwrap();
    counts.sort();
    let one_queued = |kind: &str| (kind.to_owned(), job::QUEUED.to_owned(), 1);
    assert_eq!(counts, [one_queued("build"), one_queued("power")]);
    assert!(berth_store::server_details::by_id(db, server).await.unwrap().unwrap().working);
    (build, power)
}

async fn leased(store: &Store, build: Job) -> Job {
    let clock = job_lease::database_now(store.read()).await.unwrap();
    assert!(clock > 1_600_000_000 * SECOND, "microseconds since 1970: {clock}");
    let mut claimed = claim(store, "a", 10, &[]).await;
    assert_eq!(claimed.len(), 1, "the server's jobs run one after the other");
    let mine = claimed.remove(0);
    assert_eq!((mine.id, mine.state.as_str(), mine.lease_owner.as_deref()), (build.id, job::RUNNING, Some("a")));
    assert!(mine.lease_until.unwrap() >= clock + 30 * SECOND && mine.started_at == Some(NOW));
    assert_eq!(claim(store, "b", 10, &[]).await, [], "it is another's");

    let (id, token) = (mine.id, mine.lease_token);
    assert!(write_in!(store, |tx| job_lease::extend(tx, id, token, -SECOND).await).unwrap());
    let taken_over = claim(store, "b", 10, &[]).await.remove(0);
    assert_eq!((taken_over.id, taken_over.lease_token), (id, token + 1), "its lease had ended");
    assert!(!write_in!(store, |tx| job_lease::extend(tx, id, token, SECOND).await).unwrap(), "it is b's now");
    assert!(!write_in!(store, |tx| job_lease::progress(tx, id, token, 50, NOW).await).unwrap());
    let next = After::Next { step: "second".to_owned(), progress: 20 };
    assert!(!write_in!(store, [mine, next] | tx | job_lease::commit(tx, &mine, &next, NOW).await).unwrap());

    assert!(write_in!(store, |tx| job_lease::progress(tx, id, token + 1, 10, NOW + 1).await).unwrap());
    assert_eq!(job::by_id(store.read(), id).await.unwrap().unwrap().progress, 10);
    assert!(write_in!(store, [taken_over, next] | tx | job_lease::commit(tx, &taken_over, &next, NOW).await).unwrap());
    let row = job::by_id(store.read(), id).await.unwrap().unwrap();
    assert_eq!((row.step.as_str(), row.progress, row.state.as_str()), ("second", 20, job::RUNNING));
    row
}

async fn logged(store: &Store, build: &Job) {
    let id = build.id;
    write_in!(store, |tx| {
        for n in 0..3 {
            job_lease::log(tx, id, "first", n > 0, json!({ "n": n }), NOW + n).await?;
        }
        Ok(())
    })
    .unwrap();
    let newest = job_lease::log_of(store.read(), id, 2).await.unwrap();
    let told: Vec<_> = newest.iter().map(|entry| (entry.data["n"].as_i64(), entry.success)).collect();
    assert_eq!(told, [(Some(1), true), (Some(2), true)], "the newest ones, oldest first");
}

async fn ended(store: &Store, build: Job, power: i64, server: i64) {
    let wait = After::Wait { step: "second".to_owned(), run_at: NOW, again: true, error: Some("slow".to_owned()) };
    assert!(write_in!(store, [build, wait] | tx | job_lease::commit(tx, &build, &wait, NOW).await).unwrap());
    let row = job::by_id(store.read(), build.id).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.attempt, row.error.as_deref()), (job::QUEUED, 1, Some("slow")));
    let again = claim(store, "a", 10, &[]).await.remove(0);
    assert_eq!((again.id, again.started_at), (build.id, Some(NOW)));
    let end = After::Ended { state: job::DONE, error: None, result: json!({ "ok": true }) };
    assert!(write_in!(store, [again, end] | tx | job_lease::commit(tx, &again, &end, NOW + 9).await).unwrap());
    let row = job::by_id(store.read(), build.id).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.finished_at, row.progress), (job::DONE, Some(NOW + 9), 100));
    assert_eq!((&row.result, row.error), (&json!({ "ok": true }), None));
    assert_eq!(job::blocking(store.read(), server).await.unwrap(), None);
    let next = claim(store, "a", 10, &[]).await;
    assert_eq!(next.iter().map(|job| job.id).collect::<Vec<_>>(), [power], "whose turn it is now");
}

/// One runs, one waits: the one is asked to stop, the other ends at once.
async fn cancelled(store: &Store, nodes: &Nodes, server: i64) {
    let db = store.read();
    let waits = enqueue(store, new_job(4, "power", Some(server), nodes.first, false)).await.unwrap();
    let id = waits.id;
    write_in!(store, |tx| job::request_cancel(tx, id, NOW + 2).await).unwrap();
    assert!(job::by_id(db, id).await.unwrap().unwrap().cancel_requested);
    let other = enqueue(store, new_job(9, "power", Some(server), nodes.first, false)).await.unwrap().id;
    assert_eq!(write_in!(store, |tx| job::lock(tx, other).await).unwrap().unwrap().id, other);
    assert!(write_in!(store, |tx| job::cancel(tx, other, "Nobody wants it.", NOW + 2).await).unwrap());
    assert!(!write_in!(store, |tx| job::cancel(tx, other, "Again.", NOW + 2).await).unwrap(), "it has ended");
    let row = job::by_id(db, other).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.error.as_deref()), (job::CANCELLED, Some("Nobody wants it.")));
    assert_eq!(job::newest_like(db, &waits).await.unwrap().unwrap().id, other);
    let media = NewJob { lane: job::LANE_MEDIA, ..new_job(19, "media", Some(777), nodes.first, false) };
    let media = enqueue(store, media).await.unwrap().id;
    write_in!(store, |tx| job::cancel_queued(tx, 777, "media", "Another one.", NOW + 3).await).unwrap();
    let row = job::by_id(db, media).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.error.as_deref()), (job::CANCELLED, Some("Another one.")));
    assert_eq!(job::by_id(db, id).await.unwrap().unwrap().state, job::QUEUED, "of its kind only");
    write_in!(store, |tx| job::cancel_all(tx, server, "It is deleted.", NOW + 3).await).unwrap();
    let row = job::by_id(db, id).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.error.as_deref()), (job::CANCELLED, Some("It is deleted.")));
    let running = Filter { server_id: Some(server), state: Some(job::RUNNING.to_owned()), ..Filter::default() };
    let (running, total) = job::page(db, &running, 0, 10).await.unwrap();
    assert!(total == 1 && running[0].cancel_requested);
}

async fn bounded(store: &Store, nodes: &Nodes) {
    const BOUNDS: &[Bounds] = &[Bounds { kind: "image", per_node: 1, total: 2 }];
    for (n, node) in [(5, nodes.first), (6, nodes.first), (7, nodes.second), (8, 999)] {
        enqueue(store, new_job(n, "image", None, node, false)).await.unwrap();
    }
    let nodes_of = |jobs: &[Job]| jobs.iter().map(|job| job.hypervisor_id.unwrap()).collect::<Vec<_>>();
    let first = claim(store, "a", 1, BOUNDS).await;
    assert_eq!(nodes_of(&first), [nodes.first], "no more than asked for");
    let second = claim(store, "a", 10, BOUNDS).await;
    assert_eq!(nodes_of(&second), [nodes.second], "one on a node, two in all");
    assert_eq!(claim(store, "a", 10, BOUNDS).await, []);
    let newest = async |nodes: &[i64], kind| job::newest_on(store.read(), nodes, kind).await.unwrap();
    let both = newest(&[nodes.first, nodes.second], "image").await;
    let mut told: Vec<_> = both.iter().map(|job| (job.hypervisor_id, job.payload["n"].as_i64())).collect();
    told.sort_unstable();
    assert_eq!(told, [(Some(nodes.first), Some(6)), (Some(nodes.second), Some(7))]);
    assert_eq!(newest(&[nodes.first], "power").await, [], "those are of servers");
}
