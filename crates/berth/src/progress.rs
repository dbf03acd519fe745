//! Waiting for jobs and builds, with a progress bar where a person watches.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use crate::client::{Client, ClientError};
use crate::output::Format;

const POLL_MS: u64 = 500;
/// The pause before a stream is asked for again.
const RETRY_MS: u64 = 2_000;
const TICK_MS: u64 = 120;

/// Why waiting ended without the work being done.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{0}")]
    Failed(String),
    #[error("It had not ended after {0} s; it goes on, and `berth job watch` or `berth server show` tells how.")]
    TimedOut(u64),
}

/// Follows a job until it has ended; its final state, or the sentence of its failure. A stream that breaks is opened
/// again.
pub async fn job(client: &Client, format: Format, job_id: i64, limit_s: u64) -> Result<Value, WaitError> {
    let bar = bar(format);
    let until = Instant::now() + Duration::from_secs(limit_s);
    let ended = timeout_at(until, follow(client, &bar, job_id)).await;
    bar.finish_and_clear();
    let job = ended.map_err(|_| WaitError::TimedOut(limit_s))??;
    if job["failed"] == true { Err(WaitError::Failed(failure(&job))) } else { Ok(job) }
}

async fn follow(client: &Client, bar: &ProgressBar, job_id: i64) -> Result<Value, ClientError> {
    loop {
        let mut events = match client.events(&format!("/queue/{job_id}/events")).await {
            Ok(events) => events,
            // A control server that restarts, or one whose streams are all taken for the moment.
            Err(error)
                if error.status().is_none_or(|status| status == 429 || status >= 500) && !error.is_settings() =>
            {
                bar.set_message(format!("waiting: {error}"));
                sleep(Duration::from_millis(RETRY_MS)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        while let Some(job) = events.next().await {
            bar.set_position(job["progress"].as_u64().unwrap_or(0));
            bar.set_message(job_message(&job));
            if !job["finished"].is_null() {
                return Ok(job);
            }
        }
    }
}

/// Polls a server until its build has ended. A build's answer names no job, so that the server's state is what counts;
/// its newest build among the queue's items gives the progress and the reason of a failure.
pub async fn build(client: &Client, format: Format, server_id: i64, limit_s: u64) -> Result<Value, WaitError> {
    let bar = bar(format);
    let until = Instant::now() + Duration::from_secs(limit_s);
    loop {
        let server = client.get(&format!("/servers/{server_id}")).await?["data"].take();
        let job = newest_build(client, server_id).await?;
        bar.set_position(job["progress"].as_u64().unwrap_or(0));
        bar.set_message(server["state"].as_str().unwrap_or_default().to_owned());
        match server["state"].as_str() {
            Some("complete") => {
                bar.finish_and_clear();
                return Ok(server);
            }
            Some("failed") => {
                bar.finish_and_clear();
                return Err(WaitError::Failed(if job.is_null() { "The build failed.".into() } else { failure(&job) }));
            }
            _ => pause(until, limit_s).await?,
        }
    }
}

async fn newest_build(client: &Client, server_id: i64) -> Result<Value, ClientError> {
    let id = server_id.to_string();
    let items = client.list("/queue", &[("serverId", &id)]).await?;
    let builds = items.into_iter().filter(|item| item["action"] == "build_server");
    Ok(builds.max_by_key(|item| item["id"].as_i64()).unwrap_or(Value::Null))
}

fn job_message(job: &Value) -> String {
    let action = job["action"].as_str().unwrap_or("job").replace('_', " ");
    match job["step"].as_str() {
        Some(step) => format!("{action}: {step}"),
        None => action,
    }
}

/// The sentence of a failed job.
pub fn failure(job: &Value) -> String {
    let reason = job["errors"]["exception"]["message"].as_str().filter(|m| !m.is_empty());
    match reason {
        Some(reason) => reason.to_owned(),
        None => format!("Job {} failed.", job["id"]),
    }
}

async fn pause(until: Instant, limit_s: u64) -> Result<(), WaitError> {
    if Instant::now() >= until {
        return Err(WaitError::TimedOut(limit_s));
    }
    sleep(Duration::from_millis(POLL_MS)).await;
    Ok(())
}

/// For work whose length nobody knows; hidden where programs read the output.
pub fn spinner(hidden: bool) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    if hidden {
        spinner.set_draw_target(ProgressDrawTarget::hidden());
    }
    spinner.enable_steady_tick(Duration::from_millis(TICK_MS));
    spinner
}

fn bar(format: Format) -> ProgressBar {
    let bar = ProgressBar::new(100);
    if format == Format::Json {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{spinner} {bar:30} {pos:>3}% {elapsed} {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(TICK_MS));
    bar
}
