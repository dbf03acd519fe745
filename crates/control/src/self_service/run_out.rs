//! Credit that runs out: notices at thresholds, then suspension, then deletion where that is set up. There being credit
//! again undoes what can be undone.
//!
//! Only customers who pay in advance are looked at. Whoever suspends a server or takes it up by hand has it stay that way.

use berth_api::tokens;
use berth_store::{
    Micros, Tx, audit,
    entity::{self_service_account::Model as Account, self_service_setting::Model as Settings, server},
    self_service::{account, ledger, run_out, settings},
    server as servers, user,
};
use serde_json::{Value, json};

use crate::{
    Context, Error,
    actions::{server_change::Changing, server_suspend},
    actor::Actor,
    clock::HOUR,
    mail::{self, Letter},
    scheduler,
};

/// Customers whose ids are read at once.
const USERS: u64 = 500;

const LOW: &str = "low_credit";
const OUT: &str = "out_of_credit";
const SUSPENDED: &str = "suspended";
const DELETED: &str = "deleted";
const RESUMED: &str = "resumed";

/// What is to be done with a customer's hourly servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Servers {
    Keep,
    Suspend,
    Delete,
    Resume,
}

/// What a balance comes to.
#[derive(Clone, Debug, PartialEq)]
struct Decision {
    account: Account,
    /// Kinds, and the threshold of one that has it.
    notices: Vec<(&'static str, Option<i64>)>,
    servers: Servers,
}

pub async fn look_at_all(ctx: &Context) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let ids = run_out::to_look_at(ctx.store.read(), after, USERS).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        for id in ids {
            if let Err(error) = look_at(ctx, id).await {
                tracing::warn!(user = id, %error, "a customer's credit was not looked at; the next run does it");
            }
        }
    }
}

/// One customer.
pub async fn look_at(ctx: &Context, user_id: i64) -> Result<(), Error> {
    let db = ctx.store.read();
    let Some(row) = user::by_id(db, user_id).await? else { return Ok(()) };
    let before = account::get(db, user_id).await?;
    let balance = Some(ledger::balance(db, user_id).await?).filter(|_| row.self_service_hourly_credit);
    let seen = decide(&before, balance, &settings::get(db).await?, ctx.now());
    if seen.account == before && seen.servers == Servers::Keep {
        return Ok(());
    }
    let changing = Changing::new(ctx, &Actor::system());
    let looked = ctx.store.write_tx::<_, Error>(|tx| {
        let changing = changing.clone();
        Box::pin(async move { carry_out(tx, &changing, user_id).await })
    });
    looked.await?;
    ctx.nudge.notify_one();
    Ok(())
}

async fn carry_out(tx: &Tx, changing: &Changing, user_id: i64) -> Result<(), Error> {
    let Some(row) = user::by_id(tx, user_id).await? else { return Ok(()) };
    let before = account::lock(tx, user_id, changing.now).await?;
    let balance = ledger::balance(tx, user_id).await?;
    let told = Some(balance).filter(|_| row.self_service_hourly_credit);
    let Decision { account, mut notices, servers } = decide(&before, told, &settings::get(tx).await?, changing.now);
    match servers {
        Servers::Keep => {}
        Servers::Suspend => suspend(tx, changing, user_id, balance).await?,
        Servers::Delete => {
            if delete(tx, changing, user_id, balance).await? {
                notices.push((DELETED, None));
            }
        }
        Servers::Resume => resume(tx, changing, user_id, balance).await?,
    }
    for (kind, threshold) in notices {
        run_out::notice(tx, user_id, kind, threshold, balance, changing.now).await?;
        let letter = Letter::Credit { name: row.name.clone(), kind, balance: tokens::text(balance, 6) };
        let draft = mail::draft(&changing.ctx, &letter, &row.language)?;
        mail::post(tx, draft, &row, changing.now).await?;
    }
    Ok(account::set(tx, Account { updated_at: changing.now, ..account }).await?)
}

/// `balance` is of who pays in advance; the others are never out of credit.
fn decide(before: &Account, balance: Option<i64>, settings: &Settings, now: Micros) -> Decision {
    let mut account = before.clone();
    let mut notices = Vec::new();
    let has_credit = balance.is_none_or(|balance| balance > 0);
    let reached = balance.and_then(|balance| {
        let thresholds = settings::low_credit(settings);
        thresholds.into_iter().filter(|threshold| balance <= *threshold).min()
    });
    let is_news = reached.is_some_and(|reached| before.noticed_micro.is_none_or(|noticed| reached < noticed));
    if is_news && has_credit {
        notices.push((LOW, reached));
    }
    account.noticed_micro = reached;
    if has_credit {
        account.out_since_at = None;
        account.suspended_at = None;
        if before.suspended_at.is_some() {
            notices.push((RESUMED, None));
        }
        let was_out = before.out_since_at.is_some() || before.suspended_at.is_some();
        let servers = if was_out { Servers::Resume } else { Servers::Keep };
        return Decision { account, notices, servers };
    }
    let since = before.out_since_at.unwrap_or(now);
    account.out_since_at = Some(since);
    if before.out_since_at.is_none() {
        notices.push((OUT, None));
    }
    let passed = |hours: i64| now >= since.saturating_add(hours.saturating_mul(HOUR));
    if !passed(settings.suspend_after_h) {
        return Decision { account, notices, servers: Servers::Keep };
    }
    account.suspended_at = before.suspended_at.or(Some(now));
    if before.suspended_at.is_none() {
        notices.push((SUSPENDED, None));
    }
    let is_end = settings.delete_after_h > 0 && passed(settings.delete_after_h);
    Decision { account, notices, servers: if is_end { Servers::Delete } else { Servers::Suspend } }
}

/// All that run and that nobody decided on.
async fn suspend(tx: &Tx, changing: &Changing, user_id: i64, balance: i64) -> Result<(), Error> {
    let states = run_out::states(tx, user_id).await?;
    for row in run_out::hourly_servers(tx, user_id).await? {
        let released = states.iter().any(|state| state.server_id == row.id && state.state == run_out::RELEASED);
        if released || row.suspended {
            continue;
        }
        let row = changing.lock(tx, row.id).await?;
        run_out::set_state(tx, row.id, user_id, run_out::OURS, changing.now).await?;
        let queued = server_suspend::switch(changing, tx, &row, true).await?;
        let after = json!({ "suspended": true, "balance": balance, "queue": queued });
        changing.record(tx, "suspend_for_credit", &row, json!({ "suspended": false }), after).await?;
    }
    Ok(())
}

/// What it suspended itself. A server that somebody protected stays.
async fn resume(tx: &Tx, changing: &Changing, user_id: i64, balance: i64) -> Result<(), Error> {
    for state in run_out::states(tx, user_id).await? {
        let Some(row) = servers::lock(tx, state.server_id).await? else { continue };
        if state.state != run_out::OURS || !row.suspended {
            continue;
        }
        let queued = server_suspend::switch(changing, tx, &row, false).await?;
        let after = json!({ "suspended": false, "balance": balance, "queue": queued });
        changing.record(tx, "unsuspend_after_credit", &row, json!({ "suspended": true }), after).await?;
    }
    Ok(run_out::clear_states(tx, user_id).await?)
}

/// Whether there was one. What is protected, and what somebody has run, stays.
async fn delete(tx: &Tx, changing: &Changing, user_id: i64, balance: i64) -> Result<bool, Error> {
    let states = run_out::states(tx, user_id).await?;
    let mut any = false;
    for row in run_out::hourly_servers(tx, user_id).await? {
        let released = states.iter().any(|state| state.server_id == row.id && state.state == run_out::RELEASED);
        if row.protected || released {
            continue;
        }
        let row = changing.lock(tx, row.id).await?;
        let job = scheduler::begin_deletion(tx, &row, changing.ctx.rng.uuid(), changing.now).await?;
        audit::record(tx, deleted(&row, balance, job.id, changing.now)).await?;
        any = true;
    }
    Ok(any)
}

fn deleted(row: &server::Model, balance: i64, queue: i64, now: Micros) -> audit::NewEntry {
    let before: Value = json!({ "uuid": row.uuid, "name": row.name, "deleteAt": row.delete_at });
    audit::NewEntry {
        before: Some(before),
        after: Some(json!({ "queue": queue, "balance": balance })),
        ..audit::NewEntry::system(now, "delete_for_credit", "server", row.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Settings {
        Settings {
            low_credit: json!([10, 5]),
            suspend_after_h: 24,
            delete_after_h: 72,
            ..berth_store::self_service::settings::unchanged()
        }
    }

    /// Goes on from one balance to the next; what was said, and what is done with servers.
    fn story(steps: &[(i64, Option<i64>)]) -> Vec<(Vec<&'static str>, Servers)> {
        let mut account = account::none_yet(1);
        let step = |(hour, balance): &(i64, Option<i64>)| {
            let decision = decide(&account, *balance, &rules(), hour * HOUR);
            account = decision.account;
            (decision.notices.into_iter().map(|(kind, _)| kind).collect(), decision.servers)
        };
        steps.iter().map(step).collect()
    }

    #[test]
    fn thresholds_are_told_once_until_there_is_more() {
        let told = story(&[
            (0, Some(11)),
            (1, Some(10)),
            (2, Some(6)),
            (3, Some(4)),
            (4, Some(9)),
            (5, Some(5)),
            (6, Some(50)),
        ]);
        let kinds: Vec<_> = told.into_iter().map(|(kinds, _)| kinds).collect();
        assert_eq!(kinds, [vec![], vec![LOW], vec![], vec![LOW], vec![], vec![LOW], vec![]]);
    }

    #[test]
    fn servers_are_suspended_after_the_grace_and_deleted_after_the_longer_one() {
        let told = story(&[(0, Some(0)), (23, Some(-1)), (24, Some(-2)), (71, Some(-3)), (72, Some(-3))]);
        assert_eq!(
            told,
            [
                (vec![OUT], Servers::Keep),
                (vec![], Servers::Keep),
                (vec![SUSPENDED], Servers::Suspend),
                (vec![], Servers::Suspend),
                (vec![], Servers::Delete),
            ]
        );
    }

    #[test]
    fn a_payment_undoes_it_and_begins_anew() {
        let told = story(&[(0, Some(0)), (30, Some(-2)), (31, Some(20)), (32, Some(0)), (50, Some(-1))]);
        assert_eq!(told[2..], [(vec![RESUMED], Servers::Resume), (vec![OUT], Servers::Keep), (vec![], Servers::Keep),]);
    }

    #[test]
    fn who_pays_afterwards_is_never_out() {
        assert_eq!(story(&[(0, None), (99, None)]), [(vec![], Servers::Keep), (vec![], Servers::Keep)]);
        let told = story(&[(0, Some(-5)), (30, Some(-5)), (31, None)]);
        assert_eq!(told[2], (vec![RESUMED], Servers::Resume));
    }
}
