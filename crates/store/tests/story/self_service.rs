//! Self service: what is sold by the hour and in packs, credit, the ledger, and what was metered.

use berth_store::{
    Store, StoreError,
    entity::{self_service_account, user_pack},
    self_service::{
        account,
        credit::{self, NewCredit},
        currency::{self, NewCurrency},
        finality,
        ledger::{self, Usage},
        meter::{self, Held, Included, NewMetered},
        pack::{self, Limits, NewPack, Used},
        profile::{self, Allowed, NewProfile},
        rate, run_out, settings,
    },
    server,
};

use crate::{NOW, goods::Goods, people::People, uuid, write_in};

const HOUR: i64 = 3_600_000_000;
/// The hour that NOW lies in.
const HOUR_AT: i64 = NOW / HOUR * HOUR;

pub async fn tell(store: &Store, people: &People, goods: &Goods, server: i64) {
    settings_and_rates(store).await;
    let dollar = currencies(store).await;
    let profile = profiles(store, people.jon, goods).await;
    let pack = packs(store, people.jon).await;
    accounts(store, people.jon, dollar).await;
    credits(store, people.jon).await;
    metered(store, people.jon, goods.package, server, (profile, pack.id)).await;
    used(store, people.jon, &pack, server, profile).await;
    usage(store, people.jon, goods.package, server).await;
    final_months(store, people.mary, goods.package).await;
    run_outs(store, people.jon, server).await;
    let jon = people.jon;
    let gone = meter::by_id(store.read(), server).await.unwrap().unwrap();
    write_in!(store, |tx| meter::end(tx, server, true, NOW + HOUR).await).unwrap();
    let ended = meter::by_id(store.read(), server).await.unwrap().unwrap();
    assert_eq!((gone.pack_id, ended.pack_id, ended.ended_at), (Some(pack.id), None, Some(NOW + HOUR)));
    write_in!(store, |tx| account::forget(tx, jon).await).unwrap();
    assert_eq!(pack::of_user(store.read(), jon).await.unwrap(), []);
    assert_eq!(ledger::page(store.read(), jon, 0, 1).await.unwrap().1, 6, "the books stay");
}

async fn settings_and_rates(store: &Store) {
    let db = store.read();
    assert_eq!(settings::get(db).await.unwrap(), settings::unchanged());
    let mut changed = settings::unchanged();
    (changed.tax_status, changed.tax_bp, changed.low_credit) = (2, 2_000, serde_json::json!([5, 1]));
    for row in [settings::unchanged(), changed.clone()] {
        write_in!(store, [row] | tx | settings::set(tx, row).await).unwrap();
    }
    assert_eq!(settings::get(db).await.unwrap(), changed);
    assert_eq!(settings::low_credit(&changed), [5, 1]);

    let subject = rate::package(1);
    assert_eq!([subject.as_str(), &rate::addon("ipv4"), &rate::currency(2)], ["package:1", "addon:ipv4", "currency:2"]);
    write_in!(
        store,
        [subject] | tx | {
            rate::set(tx, &subject, 5, NOW).await?;
            rate::set(tx, &subject, 7, NOW).await?;
            rate::set(tx, &subject, 9, NOW + 2).await?;
            rate::set(tx, rate::MONTH_HOURS, 730, NOW).await
        }
    )
    .unwrap();
    let mut at = Vec::new();
    for time in [NOW - 1, NOW, NOW + 1, NOW + 2] {
        at.push(rate::at(db, &subject, time).await.unwrap());
    }
    assert_eq!(at, [None, Some(7), Some(7), Some(9)]);
    let history = rate::history(db, &[subject.clone(), rate::MONTH_HOURS.to_owned()]).await.unwrap();
    assert_eq!(history.iter().map(|row| row.value).collect::<Vec<_>>(), [7, 730, 9]);
    write_in!(store, [subject] | tx | rate::forget(tx, &subject).await).unwrap();
    assert_eq!(rate::at(db, &subject, NOW + 9).await.unwrap(), None);
}

async fn currencies(store: &Store) -> i64 {
    let db = store.read();
    let new = |code: &str, is_default| NewCurrency {
        code: code.to_owned(),
        value: 100_000_000,
        prefix: Some("$".to_owned()),
        suffix: None,
        is_default,
        enabled: true,
        now: NOW,
    };
    let (dollar, pound) = (new("USD", true), new("GBP", true));
    let dollar = write_in!(store, [dollar] | tx | currency::insert(tx, dollar).await).unwrap();
    let pound = write_in!(store, [pound] | tx | currency::insert(tx, pound).await).unwrap();
    let twice = new("USD", false);
    let twice = write_in!(store, [twice] | tx | currency::insert(tx, twice).await).unwrap_err();
    assert!(twice.violates("currencies", &["code"]), "{twice}");
    assert!(pound.is_default && !currency::by_id(db, dollar.id).await.unwrap().unwrap().is_default);
    let mut change = dollar.clone();
    (change.value, change.is_default) = (200_000_000, true);
    let changed = write_in!(store, [change] | tx | currency::update(tx, change, NOW + 1).await).unwrap();
    assert_eq!((changed.value, changed.created_at, changed.updated_at), (200_000_000, NOW, NOW + 1));
    let was = rate::at(db, &rate::currency(dollar.id), NOW).await.unwrap();
    assert_eq!(
        (was, rate::at(db, &rate::currency(dollar.id), NOW + 1).await.unwrap()),
        (Some(100_000_000), Some(200_000_000))
    );
    let codes = currency::all(db).await.unwrap().into_iter().map(|row| (row.code, row.is_default)).collect::<Vec<_>>();
    assert_eq!(codes, [("USD".to_owned(), true), ("GBP".to_owned(), false)]);
    assert_eq!(currency::by_code(db, "GBP").await.unwrap().map(|row| row.id), Some(pound.id));
    let id = pound.id;
    write_in!(store, |tx| currency::remove(tx, id).await).unwrap();
    assert_eq!(currency::by_code(db, "GBP").await.unwrap(), None);
    dollar.id
}

async fn profiles(store: &Store, jon: i64, goods: &Goods) -> i64 {
    let db = store.read();
    let allowed = Allowed { groups: vec![2, 1], packages: vec![goods.package], templates: vec![goods.template] };
    let new = |kind, name: &str| NewProfile {
        kind,
        name: name.to_owned(),
        enabled: true,
        max_servers: 3,
        allowed: allowed.clone(),
        now: NOW,
    };
    let (hourly, other) = (new(profile::HOURLY, "Small"), new(profile::RESOURCE, "Small"));
    let hourly = write_in!(store, [hourly] | tx | profile::insert(tx, hourly).await).unwrap();
    let other = write_in!(store, [other] | tx | profile::insert(tx, other).await).unwrap();
    let twice = new(profile::HOURLY, "Small");
    let twice = write_in!(store, [twice] | tx | profile::insert(tx, twice).await).unwrap_err();
    assert!(twice.violates("self_service_profiles", &["kind", "name"]), "{twice}");
    assert_eq!(profile::by_id(db, profile::HOURLY, hourly.id).await.unwrap().as_ref(), Some(&hourly));
    assert_eq!(profile::by_id(db, profile::RESOURCE, hourly.id).await.unwrap(), None);
    assert_eq!(profile::page(db, profile::RESOURCE, 0, 5).await.unwrap(), (vec![other.clone()], 1));
    let less = Allowed { templates: Vec::new(), ..allowed.clone() };
    let (change, to) = (other.clone(), less.clone());
    let changed = write_in!(store, [change, to] | tx | profile::update(tx, change, &to, NOW + 1).await).unwrap();
    assert_eq!((changed.updated_at, changed.created_at), (NOW + 1, NOW));
    assert_eq!(profile::allowed(db, &[other.id, hourly.id]).await.unwrap(), [less, allowed]);
    assert_eq!(profile::with_group(db, 1).await.unwrap(), ["Small", "Small"]);
    assert_eq!(profile::with_package(db, 999).await.unwrap(), [] as [String; 0]);
    assert_eq!(profile::with_template(db, goods.template).await.unwrap(), ["Small"]);
    let (id, gone) = (hourly.id, other.id);
    assert!(write_in!(store, |tx| profile::give(tx, jon, id, NOW).await).unwrap());
    assert!(!write_in!(store, |tx| profile::give(tx, jon, id, NOW).await).unwrap());
    assert!(write_in!(store, |tx| profile::give(tx, jon, gone, NOW).await).unwrap());
    let held = profile::of_users(db, profile::HOURLY, &[jon, 999]).await.unwrap();
    assert_eq!(held, [(jon, hourly.clone())]);
    assert_eq!(profile::users(db, gone).await.unwrap(), 1);
    assert!(write_in!(store, |tx| profile::take(tx, jon, gone).await).unwrap());
    assert!(!write_in!(store, |tx| profile::take(tx, jon, gone).await).unwrap());
    write_in!(store, |tx| profile::remove(tx, gone).await).unwrap();
    assert_eq!(profile::page(db, profile::RESOURCE, 0, 5).await.unwrap().1, 0);
    id
}

async fn packs(store: &Store, jon: i64) -> user_pack::Model {
    let db = store.read();
    let limits = Limits { total_servers: 2, total_memory_mib: 4096, max_cpu: 8, ..Limits::default() };
    let new = move |kind, name: &str| NewPack { kind, name: name.to_owned(), enabled: true, limits, now: NOW };
    let (two, hourly) = (new(pack::RESOURCE, "Pack 2"), new(pack::HOURLY, "Pack 2"));
    let two = write_in!(store, [two] | tx | pack::insert(tx, two).await).unwrap();
    let hourly = write_in!(store, [hourly] | tx | pack::insert(tx, hourly).await).unwrap();
    let twice = new(pack::RESOURCE, "Pack 2");
    let twice = write_in!(store, [twice] | tx | pack::insert(tx, twice).await).unwrap_err();
    assert!(twice.violates("resource_packs", &["kind", "name"]), "{twice}");
    assert_eq!(Limits::of(&two), limits);
    assert_eq!(pack::by_id(db, pack::RESOURCE, hourly.id).await.unwrap(), None);
    assert_eq!(pack::page(db, pack::HOURLY, 0, 5).await.unwrap(), (vec![hourly.clone()], 1));
    let given = write_in!(store, [two] | tx | pack::give(tx, jon, &two, false, NOW).await).unwrap();
    assert_eq!((Limits::of_user(&given), given.pack_id, given.enabled), (limits, two.id, false));
    let mut change = two.clone();
    change.total_servers = 9;
    let changed = write_in!(store, [change] | tx | pack::update(tx, change, NOW + 1).await).unwrap();
    assert_eq!((changed.total_servers, changed.updated_at), (9, NOW + 1));
    let (id, gone) = (given.id, hourly.id);
    assert_eq!(pack::of_user_by_id(db, id).await.unwrap().unwrap().total_servers, 2, "it keeps what it was sold with");
    write_in!(store, |tx| pack::enable_of_user(tx, id, true, NOW + 2).await).unwrap();
    let locked = write_in!(store, |tx| pack::lock_of_user(tx, id).await).unwrap().unwrap();
    assert_eq!((locked.enabled, locked.updated_at), (true, NOW + 2));
    assert_eq!((pack::uses(db, two.id).await.unwrap(), pack::uses(db, gone).await.unwrap()), (1, 0));
    write_in!(store, |tx| pack::remove(tx, gone).await).unwrap();
    let second = write_in!(store, [two] | tx | pack::give(tx, jon, &two, true, NOW).await).unwrap().id;
    assert_eq!(pack::of_user(db, jon).await.unwrap().len(), 2);
    write_in!(store, |tx| pack::remove_of_user(tx, second).await).unwrap();
    assert_eq!(pack::of_user(db, jon).await.unwrap(), std::slice::from_ref(&locked));
    locked
}

async fn accounts(store: &Store, jon: i64, dollar: i64) {
    let db = store.read();
    assert_eq!(account::get(db, jon).await.unwrap(), account::none_yet(jon));
    let locked = write_in!(store, |tx| account::lock(tx, jon, NOW).await).unwrap();
    assert_eq!(locked, self_service_account::Model { updated_at: NOW, ..account::none_yet(jon) });
    let chosen = self_service_account::Model { currency_id: Some(dollar), ..locked };
    write_in!(store, [chosen] | tx | account::set(tx, chosen).await).unwrap();
    assert_eq!(write_in!(store, |tx| account::lock(tx, jon, NOW).await).unwrap(), chosen);
    assert_eq!(account::of_users(db, &[jon, 999]).await.unwrap(), [chosen]);
    assert_eq!((currency::uses(db, dollar).await.unwrap(), currency::uses(db, 999).await.unwrap()), (1, 0));
}

async fn credits(store: &Store, jon: i64) {
    let db = store.read();
    assert_eq!(ledger::balance(db, jon).await.unwrap(), 0);
    let new = move |amount_micro| NewCredit {
        user_id: jon,
        amount_micro,
        reference_1: Some(i64::MAX),
        reference_2: Some("invoice".to_owned()),
        now: NOW,
    };
    let first = write_in!(store, |tx| credit::insert(tx, new(5_000_000)).await).unwrap();
    let second = write_in!(store, |tx| credit::insert(tx, new(-1_000_000)).await).unwrap();
    assert_eq!(ledger::balance(db, jon).await.unwrap(), 4_000_000);
    assert_eq!(credit::by_id(db, first.id).await.unwrap().as_ref(), Some(&first));
    assert_eq!(credit::page(db, jon, 0, 1).await.unwrap(), (vec![second.clone()], 2));
    assert!(write_in!(store, [second] | tx | credit::cancel(tx, &second, NOW + 1).await).unwrap());
    assert!(!write_in!(store, [second] | tx | credit::cancel(tx, &second, NOW + 2).await).unwrap(), "once");
    assert_eq!(ledger::balance(db, jon).await.unwrap(), 5_000_000);
    assert_eq!(ledger::balance_before(db, jon, NOW + 1).await.unwrap(), 4_000_000);
    let booked = ledger::credits(db, jon, NOW, NOW + 1).await.unwrap();
    assert_eq!(booked.iter().map(|row| row.amount_micro).collect::<Vec<_>>(), [5_000_000, -1_000_000]);
}

async fn metered(store: &Store, jon: i64, package: i64, server: i64, (profile, pack): (i64, i64)) {
    let db = store.read();
    let new = move || NewMetered {
        server_id: server,
        server_uuid: uuid(0xA1),
        self_service: 1,
        profile_id: Some(profile),
        pack_id: Some(pack),
        included: Included::default(),
        next_hour_at: HOUR_AT,
        now: NOW,
    };
    write_in!(store, |tx| meter::insert(tx, new()).await).unwrap();
    write_in!(store, |tx| meter::set_name(tx, server, "web").await).unwrap();
    let row = meter::by_id(db, server).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.next_hour_at, row.ended_at), ("web", Some(HOUR_AT), None));
    let included = Included { memory_mib: 512, storage_gib: 5, cpu: 1 };
    write_in!(store, |tx| meter::set_included(tx, server, included).await).unwrap();
    let row = meter::by_id(db, server).await.unwrap().unwrap();
    assert_eq!((row.included_memory_mib, row.included_storage_gib, row.included_cpu), (512, 5, 1));
    assert_eq!(meter::due(db, HOUR_AT, 5).await.unwrap(), []);
    assert_eq!(meter::due(db, HOUR_AT + 1, 5).await.unwrap(), [row]);
    assert_eq!(meter::running(db, 0, 5).await.unwrap(), [server]);
    let held = move |item: &str, quantity| Held { item: item.to_owned(), user_id: jon, package_id: package, quantity };
    let set = async |held: Vec<Held>, at| {
        write_in!(store, [held] | tx | meter::set_held(tx, server, &held, at).await).unwrap()
    };
    set(vec![held("server", 1), held("ipv4", 1)], NOW).await;
    set(vec![held("server", 1), held("ipv4", 3)], NOW + 5).await;
    set(vec![held("server", 1)], NOW + 9).await;
    set(vec![held("server", 1), held("cpu", 1)], NOW + 9).await;
    set(vec![held("cpu", 1)], NOW + 9).await;
    set(vec![held("server", 1)], NOW + 9).await;
    let spans = meter::spans(db, &[server]).await.unwrap();
    let told = spans
        .iter()
        .map(|span| (span.item.as_str(), span.quantity, span.from_at - NOW, span.until_at))
        .collect::<Vec<_>>();
    let mut sorted = told.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [("ipv4", 1, 0, Some(NOW + 5)), ("ipv4", 3, 5, Some(NOW + 9)), ("server", 1, 0, None)]);
    let advance = async |from, to| write_in!(store, |tx| meter::advance(tx, server, from, to).await).unwrap();
    assert!(advance(HOUR_AT, Some(HOUR_AT + HOUR)).await);
    assert!(!advance(HOUR_AT, Some(HOUR_AT + HOUR)).await, "another was quicker");
}

async fn used(store: &Store, jon: i64, pack: &user_pack::Model, server: i64, profile: i64) {
    let db = store.read();
    let row = server::by_id(db, server).await.unwrap().unwrap();
    let used = pack::used(db, pack.id).await.unwrap();
    assert_eq!((used.servers, used.memory_mib, used.cpu), (1, row.memory_mib, row.cpu_cores));
    assert_eq!(pack::used_hourly(db, row.owner_id).await.unwrap(), used);
    assert_eq!(pack::used(db, 999).await.unwrap(), Used::default());
    assert_eq!(pack::servers(db, pack.id).await.unwrap().iter().map(|row| row.id).collect::<Vec<_>>(), [server]);
    assert_eq!(profile::servers(db, row.owner_id, profile).await.unwrap(), 1);
    assert_eq!(profile::servers(db, jon, 999).await.unwrap(), 0);
    assert_eq!(
        (profile::offered(db, server).await.unwrap().len(), profile::offered(db, 999).await.unwrap().len()),
        (1, 0)
    );
}

async fn usage(store: &Store, jon: i64, package: i64, server: i64) {
    let db = store.read();
    let hour = move |n: i64, billable| Usage {
        user_id: jon,
        server_id: server,
        item: "server".to_owned(),
        hour_at: HOUR_AT + n * HOUR,
        package_id: package,
        quantity: 1,
        price_micro: 730,
        hour_of_month: n + 1,
        rated_micro: 1_000,
        billable,
    };
    let hours = [hour(0, true), hour(1, true), hour(2, false)];
    write_in!(store, [hours] | tx | ledger::book_usage(tx, &hours, NOW).await).unwrap();
    let again = [hour(3, true), hour(1, true)];
    let twice = write_in!(store, [again] | tx | ledger::book_usage(tx, &again, NOW).await).unwrap_err();
    assert!(twice.violates("ledger_entries", &["server_id", "item", "hour_at"]), "{twice}");
    assert_eq!(ledger::balance(db, jon).await.unwrap(), 5_000_000 - 2_000);
    assert_eq!(ledger::booked(db, server, HOUR_AT, HOUR_AT + 2 * HOUR).await.unwrap(), [("server".to_owned(), 2)]);
    let sums = ledger::sums(db, jon, HOUR_AT, HOUR_AT + 9 * HOUR).await.unwrap();
    assert_eq!(sums.len(), 1, "{sums:?}");
    let sum = &sums[0];
    assert_eq!((sum.hours, sum.rated_micro, sum.billable_hours, sum.billable_micro), (3, 3_000, 2, 2_000));
    assert_eq!((sum.name.as_str(), sum.item.as_str(), sum.price_micro), ("web", "server", 730));
    let (page, total) = ledger::page(db, jon, 0, 1).await.unwrap();
    assert_eq!((page[0].hour_at, page[0].amount_micro, total), (Some(HOUR_AT + 2 * HOUR), 0, 6));
    let time = (HOUR_AT, HOUR_AT + 2 * HOUR);
    let (page, total) = ledger::page_of_time(db, jon, time, 4, 5).await.unwrap();
    assert_eq!((page.len(), page[0].hour_at, total), (1, Some(HOUR_AT), 5), "credits of the time too");
    assert_eq!(meter::names(db, &[server, 999]).await.unwrap(), [(server, "web".to_owned())]);
}

/// What is booked late is booked after what is final.
async fn final_months(store: &Store, mary: i64, package: i64) {
    let db = store.read();
    assert_eq!(finality::get(db).await.unwrap(), 0);
    assert_eq!(ledger::newest_before(db, mary, i64::MAX).await.unwrap(), None);
    let end = NOW + HOUR;
    for until in [end, end - 1] {
        write_in!(store, |tx| finality::advance(tx, until, NOW).await).unwrap();
        assert_eq!(finality::get(db).await.unwrap(), end, "it only goes forward");
    }
    assert_eq!(write_in!(store, |tx| finality::hold(tx).await).unwrap(), end);
    let new = move |now| NewCredit { user_id: mary, amount_micro: 5, reference_1: None, reference_2: None, now };
    let late = write_in!(store, |tx| credit::insert(tx, new(end - 1)).await).unwrap();
    assert_eq!(late.created_at, end - 1);
    assert!(write_in!(store, [late] | tx | credit::cancel(tx, &late, end - 1).await).unwrap());
    write_in!(store, |tx| credit::insert(tx, new(end + 7)).await).unwrap();
    assert_eq!(ledger::credits(db, mary, 0, end).await.unwrap(), []);
    let booked = ledger::credits(db, mary, end, i64::MAX).await.unwrap();
    assert_eq!(booked.iter().map(|row| row.at - end).collect::<Vec<_>>(), [0, 0, 7]);
    assert_eq!(ledger::newest_before(db, mary, end + 7).await.unwrap(), Some(end));
    let hour = Usage {
        user_id: mary,
        server_id: 998,
        item: "server".to_owned(),
        hour_at: end - 1,
        package_id: package,
        quantity: 1,
        price_micro: 730,
        hour_of_month: 1,
        rated_micro: 1,
        billable: true,
    };
    let hours = [Usage { hour_at: end, ..hour.clone() }, hour];
    let refused = write_in!(store, [hours] | tx | ledger::book_usage(tx, &hours, NOW).await).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt(_)), "{refused}");
    assert_eq!(ledger::balance(db, mary).await.unwrap(), 5, "none of them is booked");
}

async fn run_outs(store: &Store, jon: i64, server: i64) {
    let db = store.read();
    assert!(run_out::to_look_at(db, jon, 5).await.unwrap().iter().all(|id| *id > jon));
    let shown = run_out::to_look_at(db, 0, 5).await.unwrap();
    let row = berth_store::user::by_id(db, jon).await.unwrap().unwrap();
    assert_eq!(shown.contains(&jon), row.self_service_hourly_credit);
    assert_eq!(run_out::hourly_servers(db, jon).await.unwrap(), [], "it was made without self service");
    write_in!(store, |tx| run_out::notice(tx, jon, "low_credit", Some(9), 8, NOW).await).unwrap();
    let (notices, total) = run_out::notices(db, jon, 0, 5).await.unwrap();
    assert_eq!((notices[0].kind.as_str(), notices[0].threshold_micro, total), ("low_credit", Some(9), 1));
    let state = async || run_out::states(db, jon).await.unwrap().into_iter().map(|row| row.state).collect::<Vec<_>>();
    let decide = async |suspended| write_in!(store, |tx| run_out::decided(tx, server, suspended, NOW).await).unwrap();
    decide(false).await;
    assert!(state().await.is_empty());
    write_in!(store, |tx| run_out::set_state(tx, server, jon, run_out::OURS, NOW).await).unwrap();
    decide(false).await;
    assert_eq!(state().await, [run_out::RELEASED]);
    decide(true).await;
    assert!(state().await.is_empty());
    write_in!(store, |tx| run_out::set_state(tx, server, jon, run_out::OURS, NOW).await).unwrap();
    write_in!(store, |tx| run_out::clear_states(tx, jon).await).unwrap();
    assert!(state().await.is_empty());
}
