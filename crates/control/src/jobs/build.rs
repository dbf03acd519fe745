//! Building a server: the template to the node, the specification applied, the guest started, its agent heard.
//!
//! ```text
//!   prepare → fetch_image → power_off → apply → await_applied → boot → prune → (done)
//! ```
//!
//! What is to be built (password hash, keys, volumes, host name) was written into the server's rows when the build
//! was accepted; the steps only carry it out.

use std::time::Duration;

use berth_proto as proto;
use berth_store::{
    entity::template as template_row, server_details, server_details::ServerDetails, server_outcome, template,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Run, StepError, StepResult, Write,
    leaving::{self, Pruned},
    password::ADMINISTRATOR,
    specification,
};
use crate::{
    mail::{self, Letter},
    nodes::{Poll, image_file_name, op},
    pending::Settled,
    spec::{WINDOWS, server_spec},
};

/// How long the guest may take until its agent answers; afterwards the server counts as built all the same, since a
/// template may have no agent.
const GUEST_WAIT_S: u32 = 300;
/// Looks within one step, some twenty seconds; then the step begins again, so that a cancelled job ends.
const LOOKS: u32 = 85;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Prepare,
    FetchImage,
    PowerOff,
    Apply,
    AwaitApplied,
    Boot,
    Prune,
}

impl Step {
    pub const ALL: [Step; 7] =
        [Step::Prepare, Step::FetchImage, Step::PowerOff, Step::Apply, Step::AwaitApplied, Step::Boot, Step::Prune];

    pub const fn name(self) -> &'static str {
        match self {
            Step::Prepare => "server.build.prepare",
            Step::FetchImage => "server.os.install.fetch",
            Step::PowerOff => "server.build.poweroff",
            Step::Apply => "server.build.apply",
            Step::AwaitApplied => "server.build.await",
            Step::Boot => "server.build.boot",
            Step::Prune => "server.build.prune",
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct BuildPayload {
    pub template_id: i64,
    pub rebuild: bool,
    /// Whether the owner is to be told by mail.
    #[serde(default)]
    pub email: bool,
}

pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    let Some(step) = Step::ALL.into_iter().find(|step| step.name() == run.job.step) else {
        return Err(StepError::Fatal(format!("A build has no step '{}'.", run.job.step)));
    };
    match step {
        Step::Prepare => prepare(run).await,
        Step::FetchImage => fetch_image(run).await,
        Step::PowerOff => power_off(run).await,
        Step::Apply => apply(run).await,
        Step::AwaitApplied => await_applied(run).await,
        Step::Boot => boot(run).await,
        Step::Prune => prune(run).await,
    }
}

async fn prepare(run: &Run) -> Result<StepResult, StepError> {
    let (server_id, now) = (run.server_id()?, run.ctx.now());
    let node = run.node().await?;
    let payload: BuildPayload = run.payload()?;
    let result = StepResult::next(Step::FetchImage.name()).progress(5);
    Ok(result
        .data(json!({ "hypervisor": node.row.name, "template": payload.template_id, "rebuild": payload.rebuild }))
        .write(move |tx| Box::pin(async move { Ok(server_outcome::building(tx, server_id, now).await?) })))
}

async fn fetch_image(run: &Run) -> Result<StepResult, StepError> {
    let payload: BuildPayload = run.payload()?;
    let template = template::by_id(run.ctx.store.read(), payload.template_id).await?;
    let Some(template) = template else {
        return Ok(StepResult::fail("The template is gone; build with another one."));
    };
    let Some(template) = as_ordered(run, template).await? else {
        return Ok(StepResult::fail(
            "The template got another image since this build was ordered, and the one of then is nowhere any more.",
        ));
    };
    let node = run.node().await?;
    let mut status = node.ensure_image(&run.ctx, &template).await?;
    if status.state() == proto::image_status::State::Missing {
        status = node.put_image(&run.ctx, &template).await?;
    }
    match status.state() {
        proto::image_status::State::Ready => {
            let data = json!({ "image": template.image_digest, "bytes": status.total_bytes, "virtualBytes": status.virtual_bytes });
            Ok(StepResult::next(Step::PowerOff.name()).progress(30).data(data))
        }
        proto::image_status::State::Failed if status.retry => Err(StepError::Retry(status.error)),
        proto::image_status::State::Failed => Ok(StepResult::fail(status.error)),
        _ => {
            run.note_progress(5 + percent(status.got_bytes, status.total_bytes) / 4).await?;
            Ok(StepResult::wait(Duration::from_secs(1)))
        }
    }
}

/// The template with the image that the build was ordered with. One that it has no longer may still be in the node's
/// cache, or on the control server where it was uploaded.
async fn as_ordered(run: &Run, template: template_row::Model) -> Result<Option<template_row::Model>, StepError> {
    let digest = load(run).await?.server.image_digest;
    if template.image_digest == digest {
        return Ok(Some(template));
    }
    let then = template_row::Model { image_digest: digest, image_url: None, ..template };
    let kept = run.ctx.config.templates_dir().join(image_file_name(&then.image_digest));
    let node = run.node().await?;
    let is_cached = node.ensure_image(&run.ctx, &then).await?.state() == proto::image_status::State::Ready;
    Ok(Some(then).filter(|_| is_cached || kept.is_file()))
}

/// The guest of the build before, if there is one, stops before its definition is replaced.
async fn power_off(run: &Run) -> Result<StepResult, StepError> {
    let details = load(run).await?;
    let node = run.node().await?;
    let seen = node.observe(&details.server.uuid.to_string()).await?;
    let runs = seen.as_ref().is_some_and(|seen| !matches!(seen.power(), proto::Power::Absent | proto::Power::Off));
    if !runs {
        return Ok(StepResult::next(Step::Apply.name()).progress(35));
    }
    let operation = op::Op::PowerOff(proto::PowerOff {});
    op::wait_done(run, &node, &details.server.uuid.to_string(), "rebuild-off", operation).await?;
    Ok(StepResult::next(Step::Apply.name()).progress(35).data(json!({ "poweredOff": true })))
}

async fn apply(run: &Run) -> Result<StepResult, StepError> {
    let details = specification::send(run, &run.node().await?).await?;
    let data = json!({ "generation": details.server.generation });
    Ok(StepResult::next(Step::AwaitApplied.name()).progress(40).data(data))
}

/// Polls within the step for a while, so that a quick node is not waited for longer than it takes.
async fn await_applied(run: &Run) -> Result<StepResult, StepError> {
    let details = load(run).await?;
    let node = run.node().await?;
    let (uuid, wanted) = (details.server.uuid.to_string(), details.server.generation.unsigned_abs());
    let mut poll = Poll::default();
    for look in 0..LOOKS {
        let Some(seen) = node.observe(&uuid).await? else {
            return Err(StepError::Retry("The node does not know the server yet.".to_owned()));
        };
        if seen.desired_generation < wanted {
            // Changed since it was sent.
            return Ok(StepResult::next(Step::Apply.name()));
        }
        if seen.applied_generation >= wanted {
            let data = json!({ "generation": seen.applied_generation, "volumes": seen.volumes.len() });
            return Ok(StepResult::next(Step::Boot.name()).progress(60).data(data));
        }
        if !seen.error.is_empty() {
            return Err(StepError::Retry(seen.error));
        }
        if look % 8 == 7 {
            run.note_progress(40 + i32::try_from(seen.progress.min(100)).unwrap_or(0) / 5).await?;
        }
        poll.pause().await;
    }
    Ok(StepResult::wait(Duration::from_secs(1)))
}

async fn boot(run: &Run) -> Result<StepResult, StepError> {
    let details = load(run).await?;
    let node = run.node().await?;
    run.note_progress(65).await?;
    let operation = op::Op::Boot(proto::Boot { wait_guest_s: GUEST_WAIT_S });
    let done = op::wait_done(run, &node, &details.server.uuid.to_string(), "boot", operation).await?;
    let server_id = details.server.id;
    let heard = done.result.get("guest_agent").is_some_and(|answer| answer == "true");
    let result =
        StepResult::next(Step::Prune.name()).progress(95).data(json!({ "guestAgent": heard, "detail": done.detail }));
    Ok(result.write(move |tx| {
        Box::pin(async move {
            if heard {
                server_outcome::guest_up(tx, server_id).await?;
            }
            Ok(())
        })
    }))
}

/// Volumes of earlier builds go only when the new one runs.
async fn prune(run: &Run) -> Result<StepResult, StepError> {
    let details = load(run).await?;
    let node = run.node().await?;
    let Pruned { detail, gone } = leaving::prune(run, &node, &details).await?;
    // Everything was made anew: what waited for a start is in it. What left after this build was sent has a job of its own.
    let settled = specification::look(&node, &details).await?.map(|settled| Settled { gone_disks: gone, ..settled });
    let (server_id, now) = (details.server.id, run.ctx.now());
    let draft = if run.payload::<BuildPayload>()?.email { draft(run, &details)? } else { None };
    let owner = details.owner;
    Ok(StepResult::done().data(json!({ "detail": detail })).write(move |tx| {
        let (settled, draft, owner) = (settled.clone(), draft.clone(), owner.clone());
        Box::pin(async move {
            mail::post(tx, draft, &owner, now).await?;
            server_outcome::built(tx, server_id, now).await?;
            if let Some(settled) = settled {
                specification::write(tx, server_id, &settled, now).await?;
            }
            Ok(())
        })
    }))
}

/// What the owner needs to log in.
fn draft(run: &Run, details: &ServerDetails) -> Result<Option<mail::Draft>, StepError> {
    let server = &details.server;
    let password = run.ctx.open("servers", "password_enc", server.uuid, &server.password_enc)?;
    let specified = server_spec(&run.ctx, details)?.interfaces;
    let addresses = specified.iter().flat_map(|interface| {
        let ipv4 = interface.ipv4.iter().map(|address| address.address.clone());
        ipv4.chain(interface.ipv6.iter().map(|subnet| subnet.address.clone()))
    });
    let letter = Letter::ServerBuilt {
        name: server.name.clone(),
        hostname: server.hostname.clone().unwrap_or_default(),
        uuid: server.uuid.to_string(),
        addresses: addresses.collect(),
        user: if server.os_type == WINDOWS { ADMINISTRATOR } else { "root" }.to_owned(),
        password,
    };
    Ok(mail::draft(&run.ctx, &letter, &details.owner.language)?)
}

/// A build that failed or was cancelled leaves the server as failed until the next one.
pub fn failed(run: &Run) -> Option<Write> {
    let (server_id, now) = (run.job.server_id?, run.ctx.now());
    Some(Box::new(move |tx| Box::pin(async move { Ok(server_outcome::build_failed(tx, server_id, now).await?) })))
}

pub(super) async fn load(run: &Run) -> Result<server_details::ServerDetails, StepError> {
    let found = server_details::by_id(run.ctx.store.read(), run.server_id()?).await?;
    found.ok_or_else(|| StepError::Fatal("The server is gone or being deleted.".to_owned()))
}

fn percent(part: u64, whole: u64) -> i32 {
    let percent = part.saturating_mul(100).checked_div(whole).unwrap_or(0);
    i32::try_from(percent.min(100)).unwrap_or(100)
}
