//! The shared helper: takes a job to its end with one of its steps repeated or killed, for each of its steps.
//!
//! Three things are done to a step: it is taken twice before its end is kept; its runner dies after it did what it
//! does and before its end is kept; and its runner dies somewhere in the middle of it. Then the lease ends, another
//! runner claims the job, and it must come to the same end.

use std::{future::Future, pin::pin, task::Poll};

use berth_control::jobs::{self, Kind, Run};
use berth_store::entity::job;

use crate::sim::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    None,
    /// Taken twice by the same runner.
    Twice,
    /// The runner dies before the end of the step is kept.
    KilledAfter,
    /// The runner dies when the step has waited for something this many times.
    KilledWithin(u32),
}

/// Every harm that is tried on each step.
pub const HARMS: [Harm; 5] =
    [Harm::Twice, Harm::KilledAfter, Harm::KilledWithin(1), Harm::KilledWithin(3), Harm::KilledWithin(8)];

/// A job that needs more steps than this goes round in circles.
const STEPS_LIMIT: u32 = 200;

/// Runs the server's work to its end with harm done to the `at`-th step (from 0) that is taken. Answers how many
/// steps were taken, and the last job.
pub async fn run_to_end(world: &World, server: i64, harm: Harm, at: u32) -> (u32, job::Model) {
    let mut taken = 0;
    let mut last = world.unfinished(server).await.expect("there is work");
    while let Some(waiting) = world.unfinished(server).await {
        last = waiting;
        assert!(taken < STEPS_LIMIT, "{} does not end: {:?}", last.kind, last.error);
        // What waits is due when its time has come.
        let pause = last.run_at - berth_control::clock::Clock::now(world.app.ctx.clock.as_ref());
        world.app.pass(pause.max(0));
        for job in jobs::claim(&world.app.ctx, "runner", 16).await.unwrap() {
            taken = claimed(world, job, harm, at, taken).await;
        }
    }
    (taken, world.job(last.id).await)
}

/// What one runner does with its claim, until it waits, ends or dies.
async fn claimed(world: &World, job: job::Model, harm: Harm, at: u32, mut taken: u32) -> u32 {
    let mut run = Run { ctx: world.app.ctx.clone(), job };
    loop {
        let is_harmed = taken == at;
        taken += 1;
        let kind = Kind::from_name(&run.job.kind).unwrap();
        match harm {
            Harm::Twice if is_harmed => drop(kind.step(&run).await),
            Harm::KilledAfter if is_harmed => {
                drop(kind.step(&run).await);
                world.end_leases().await;
                return taken;
            }
            Harm::KilledWithin(polls) if is_harmed => {
                poll_some(jobs::take_step(&run), polls).await;
                world.end_leases().await;
                return taken;
            }
            _ => {}
        }
        match jobs::take_step(&run).await {
            Some(job) => run.job = job,
            None => return taken,
        }
    }
}

/// Takes one step of a job that has a single one, with harm done to it.
pub async fn one_step(world: &World, run: &Run, harm: Option<Harm>) {
    let kind = Kind::from_name(&run.job.kind).unwrap();
    match harm {
        Some(Harm::KilledAfter) => drop(kind.step(run).await),
        Some(Harm::KilledWithin(polls)) => poll_some(jobs::take_step(run), polls).await,
        Some(Harm::Twice) => {
            drop(kind.step(run).await);
            jobs::take_step(run).await;
            return;
        }
        Some(Harm::None) | None => {
            jobs::take_step(run).await;
            return;
        }
    }
    world.end_leases().await;
}

/// Lets a future run until it has waited `polls` times, then drops it where it is.
async fn poll_some<T>(future: impl Future<Output = T>, polls: u32) {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 || future.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        left -= 1;
        Poll::Pending
    })
    .await;
}

/// Prepares a server, orders work on it, and runs that with each harm to each of its steps; `check` then looks at
/// what the job, which is of this kind, and the server came to.
pub async fn each_step<P, O, C>(world: &World, kind: Kind, prepare: P, order: O, check: C)
where
    P: AsyncFn(&World) -> i64,
    O: AsyncFn(&World, i64),
    C: AsyncFn(&World, i64, &job::Model, &str),
{
    let server = prepare(world).await;
    order(world, server).await;
    let (steps, ended) = run_to_end(world, server, Harm::None, 0).await;
    assert_eq!(ended.kind, kind.name(), "the work that is ordered is of another kind");
    check(world, server, &ended, "undisturbed").await;
    for harm in HARMS {
        for at in 0..steps {
            let server = prepare(world).await;
            order(world, server).await;
            let (_, ended) = run_to_end(world, server, harm, at).await;
            check(world, server, &ended, &format!("{harm:?} at step {at} of {}", ended.kind)).await;
            clear(world, server).await;
        }
    }
}

/// Deletes what a round made, so that addresses are there for the next.
async fn clear(world: &World, server: i64) {
    if berth_store::server::by_id(world.app.ctx.store.read(), server).await.unwrap().is_some() {
        let (status, body) = world.app.delete(&format!("/servers/{server}")).await;
        assert_eq!(status, 204, "{body}");
        run_to_end(world, server, Harm::None, 0).await;
    }
}
