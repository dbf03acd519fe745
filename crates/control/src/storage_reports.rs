//! What nodes tell of their storages, written once a minute or when it is news, and the alert of one that is above its
//! threshold: told once in the audit log when it rises above, and once when it is below again.

use berth_proto as proto;
use berth_store::{
    Micros, Tx,
    audit::{self, NewEntry},
    entity::storage_point as entity,
    storage_point::{self, Report},
};
use serde_json::json;

use crate::{Context, Error, clock::MINUTE};

/// So many percent below its threshold an alert is over, so that one at the threshold does not come and go.
const CALM_PERCENT: i64 = 2;
/// What a node may say in one sentence.
const TROUBLE_LIMIT_CHARS: usize = 500;
/// Storages of one node that are listened to.
pub const TOLD_LIMIT: usize = 64;

/// The newest that was written of one node.
#[derive(Default)]
pub struct Collector {
    /// The minute, and who was in trouble.
    written: Option<(Micros, Vec<bool>)>,
}

impl Collector {
    /// Whether it is time to write.
    pub fn is_due(&mut self, told: &[proto::StorageRoot], now: Micros) -> bool {
        let state = (now - now.rem_euclid(MINUTE), told.iter().map(|root| !root.trouble.is_empty()).collect());
        if told.is_empty() || self.written.as_ref() == Some(&state) {
            return false;
        }
        self.written = Some(state);
        true
    }
}

/// Writes what a node told. A database that is away costs that minute and nothing else.
pub async fn write(ctx: &Context, hypervisor_id: i64, told: Vec<proto::StorageRoot>) {
    let now = ctx.now();
    let written = ctx.store.write_tx::<_, Error>(|tx| {
        let told = told.clone();
        Box::pin(async move {
            for point in storage_point::of_hypervisors(tx, &[hypervisor_id]).await? {
                let root = told.iter().take(TOLD_LIMIT).find(|root| is_of(root, &point));
                note(tx, &point, report(root), now).await?;
            }
            Ok(())
        })
    });
    if let Err(error) = written.await {
        tracing::warn!(node = hypervisor_id, %error, "what the node told of its storage is lost");
    }
}

/// Whether a node means this point of it.
pub fn is_of(root: &proto::StorageRoot, point: &entity::Model) -> bool {
    if point.is_local { root.is_default } else { root.kind == point.kind && root.path == point.location }
}

fn report(root: Option<&proto::StorageRoot>) -> Report {
    let Some(root) = root else {
        let trouble = "The node's owner does not list this storage in the node's agent.toml.".to_owned();
        return Report { trouble, ..Report::default() };
    };
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    Report {
        total_bytes: bytes(root.total_bytes),
        used_bytes: bytes(root.total_bytes.saturating_sub(root.free_bytes)),
        trouble: root.trouble.chars().filter(|c| !c.is_control()).take(TROUBLE_LIMIT_CHARS).collect(),
    }
}

async fn note(tx: &Tx, point: &entity::Model, told: Report, now: Micros) -> Result<(), Error> {
    let is_alerted = point.alerted_at.is_some();
    let above = is_above(point.alert_percent, is_alerted, &told);
    let (total, used) = (told.total_bytes, told.used_bytes);
    storage_point::report(tx, point.id, told, now).await?;
    if above == is_alerted || !storage_point::set_alerted(tx, point.id, above.then_some(now)).await? {
        return Ok(());
    }
    let action = if above { "storage_above_threshold" } else { "storage_below_threshold" };
    let after = json!({
        "storage": point.name, "alertPercent": point.alert_percent, "usedBytes": used, "totalBytes": total,
    });
    tracing::warn!(node = point.hypervisor_id, storage = point.name, action);
    let entry = NewEntry::system(now, action, "hypervisor", point.hypervisor_id);
    Ok(audit::record(tx, NewEntry { after: Some(after), ..entry }).await?)
}

/// Whether it is above its threshold. One whose size is unknown stays as it was.
fn is_above(alert_percent: i64, is_alerted: bool, told: &Report) -> bool {
    if alert_percent == 0 {
        return false;
    }
    if told.total_bytes <= 0 {
        return is_alerted;
    }
    let threshold = if is_alerted { (alert_percent - CALM_PERCENT).max(1) } else { alert_percent };
    i128::from(told.used_bytes) * 100 >= i128::from(told.total_bytes) * i128::from(threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_begins_at_the_threshold_and_ends_a_little_below() {
        let told = |used_bytes| Report { total_bytes: 1000, used_bytes, trouble: String::new() };
        assert_eq!([899, 900, 1000].map(|used| is_above(90, false, &told(used))), [false, true, true]);
        assert_eq!([879, 880, 890].map(|used| is_above(90, true, &told(used))), [false, true, true]);
        assert!(!is_above(0, true, &told(1000)), "never");
        let unknown = Report::default();
        assert!(is_above(90, true, &unknown) && !is_above(90, false, &unknown));
    }

    #[test]
    fn it_is_written_each_minute_and_when_trouble_begins_or_ends() {
        let root = |trouble: &str| vec![proto::StorageRoot { trouble: trouble.to_owned(), ..Default::default() }];
        let mut collector = Collector::default();
        let told = [(0, ""), (1, ""), (2, "gone"), (3, "gone!"), (4, ""), (MINUTE, ""), (MINUTE + 1, "")];
        let due = told.map(|(now, trouble)| collector.is_due(&root(trouble), now));
        assert_eq!(due, [true, false, true, false, true, true, false]);
        assert!(!collector.is_due(&[], 9 * MINUTE), "a node that says nothing has none");
    }
}
