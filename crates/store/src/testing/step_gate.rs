//! A gate in the way of jobs, for tests that kill whoever runs them. A step is taken and repeated, and its end is kept
//! only once the gate has moved on: who is killed at a step is killed before its end is kept, however short it is.
//!
//! It works within the database, so that what runs is what is shipped, in a process of its own. SQLite only.

use sea_orm::ConnectionTrait;

use crate::{
    Store, StoreError,
    job::{DONE, QUEUED, RUNNING},
};

/// For the jobs of one kind. A job that fails is not held.
pub struct StepGate {
    store: Store,
    kind: &'static str,
}

impl StepGate {
    /// Open until it is moved to a step. `url` as [`Store::connect`] takes it, of a database that has no gate yet.
    pub async fn new(url: &str, kind: &'static str) -> Self {
        let gate = Self { store: Store::connect(url).await.unwrap(), kind };
        // What `IGNORE` abandons is the step's end alone: to its runner it is as if another had the lease, and the
        // count stays.
        gate.run(format!(
            "CREATE TABLE step_gate (step TEXT NOT NULL, refused INTEGER NOT NULL);
             INSERT INTO step_gate VALUES ('', 0);
             CREATE TRIGGER step_gate BEFORE UPDATE ON jobs
             WHEN OLD.kind = '{kind}' AND OLD.step = (SELECT step FROM step_gate)
                AND (NEW.step <> OLD.step OR NEW.state = '{DONE}')
             BEGIN
                UPDATE step_gate SET refused = refused + 1;
                SELECT RAISE(IGNORE);
             END;"
        ))
        .await;
        gate
    }

    /// Jobs leave the step that they were held at, and not this one. Whose end was refused has no runner any more: it
    /// is claimed again at once, and not when its lease ends.
    pub async fn move_to(&self, step: &'static str) {
        let kind = self.kind;
        self.run(format!(
            "UPDATE jobs SET lease_until = 0
             WHERE kind = '{kind}' AND state = '{RUNNING}' AND (SELECT refused FROM step_gate) > 0;
             UPDATE jobs SET run_at = 0 WHERE kind = '{kind}' AND state = '{QUEUED}';
             UPDATE step_gate SET step = '{step}', refused = 0;"
        ))
        .await;
    }

    /// Nothing is held any more.
    pub async fn open(&self) {
        self.move_to("").await;
    }

    /// As if their time had passed. Only while no control server runs: whose lease ends while it works loses its job.
    pub async fn end_leases(&self) {
        let kind = self.kind;
        self.run(format!("UPDATE jobs SET lease_until = 0 WHERE kind = '{kind}' AND state = '{RUNNING}';")).await;
    }

    async fn run(&self, sql: String) {
        let done = self.store.write_tx::<_, StoreError>(|tx| {
            let sql = sql.clone();
            Box::pin(async move { Ok(tx.execute_unprepared(&sql).await.map(drop)?) })
        });
        done.await.unwrap();
    }
}
