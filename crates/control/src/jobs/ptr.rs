//! Writes what an address is called to the DNS server that keeps its zone, and looks whether the name leads back.
//!
//! A step takes the newest wish, whichever job it came with, so jobs of one address may run in any order: the one that
//! finds a newer wish than it wrote goes round once more.

use std::net::IpAddr;

use berth_store::{dns_service, ptr_record, rdns_zone};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Run, StepError, StepResult, Write};
use crate::dns::{
    forward, names,
    powerdns::{DnsError, PowerDns},
};

pub const STEP: &str = "dns.ptr.write";

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PtrPayload {
    pub record_id: i64,
    /// For those who read the queue.
    pub address: String,
}

pub async fn step(run: &Run) -> Result<StepResult, StepError> {
    let PtrPayload { record_id, address } = run.payload()?;
    let db = run.ctx.store.read();
    let Some(record) = ptr_record::by_id(db, record_id).await? else {
        return Ok(StepResult::done().data(json!({ "address": address, "detail": "The name was cleared." })));
    };
    let gone = || StepError::Fatal(format!("The zone of {address} is gone."));
    let zone = rdns_zone::by_id(db, record.zone_id).await?.ok_or_else(gone)?;
    let service = dns_service::by_id(db, zone.service_id).await?.ok_or_else(gone)?;
    if !service.enabled {
        return Ok(StepResult::fail(format!("The DNS service '{}' is disabled.", service.name)));
    }
    let place = address.parse::<IpAddr>().ok().zip(zone.network.parse().ok());
    let place = place.and_then(|(ip, network)| Some((ip, names::record(ip, &zone.name, network)?)));
    let Some((ip, name)) = place else {
        return Ok(StepResult::fail(format!("The zone {} can't hold the name of {address}.", zone.name)));
    };
    PowerDns::open(&run.ctx, &service)?.put_ptr(&zone, &name, record.ptr.as_deref()).await?;
    let confirmed = match &record.ptr {
        Some(ptr) => forward::confirms(&run.ctx.config.dns_resolvers, ptr, ip).await,
        None => None,
    };
    let newest = ptr_record::by_id(db, record_id).await?.map_or(record.revision, |row| row.revision);
    let ends = if newest == record.revision { StepResult::done() } else { StepResult::next(STEP) };
    let data = json!({ "address": address, "ptr": record.ptr, "zone": zone.name, "forwardConfirmed": confirmed });
    let now = run.ctx.now();
    Ok(ends.data(data).write(move |tx| {
        let record = record.clone();
        Box::pin(async move {
            // A wish that came since has a job of its own.
            ptr_record::written(tx, &record, confirmed, now).await?;
            Ok(())
        })
    }))
}

impl From<DnsError> for StepError {
    fn from(error: DnsError) -> Self {
        let sentence = format!("It was not written: {error}.");
        if error.may_pass() { StepError::Retry(sentence) } else { StepError::Fatal(sentence) }
    }
}

/// The record says that its newest wish was refused.
pub fn failed(run: &Run) -> Option<Write> {
    let PtrPayload { record_id, .. } = run.payload().ok()?;
    let now = run.ctx.now();
    Some(Box::new(move |tx| {
        Box::pin(async move {
            if let Some(record) = ptr_record::by_id(tx, record_id).await? {
                let why = "The DNS server does not have it; its queue item says why.";
                ptr_record::refused(tx, record.id, record.revision, why, now).await?;
            }
            Ok(())
        })
    }))
}
