//! How many more servers of a package fit in a group, counted as they would be created.

use berth_store::{
    entity::{hypervisor_group, package as package_entity},
    package,
    placement::{candidates, free_ipv4},
    template,
};

use super::{
    rules,
    server_placement::{Storage, nodes_of},
};
use crate::{
    Context, Error,
    actor::{Ability, Actor},
    placement::{self, Demand, DiskWanted, Fits, Node, Wanted},
};

/// Counting ends there.
const MOST_COUNTED: u64 = 10_000;
/// Servers times nodes, which is what counting costs.
const MOST_LOOKS: u64 = 2_000_000;
const MOST_IPV4: i64 = 256;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    pub package_id: Option<i64>,
    pub template_id: Option<i64>,
    /// Addresses of each server; one by default.
    pub ipv4: Option<i64>,
}

pub struct Answer {
    pub group: hypervisor_group::Model,
    pub package: package_entity::Model,
    /// Why no server fits, whatever the nodes have.
    pub reasons: Vec<String>,
    pub fits: Fits,
    pub nodes: Vec<Node>,
}

pub async fn count(ctx: &Context, actor: &Actor, group_id: i64, question: Question) -> Result<Answer, Error> {
    actor.require(Ability::Read)?;
    let db = ctx.store.read();
    let found = candidates(db, group_id).await?.ok_or(Error::NotFound("hypervisor group"))?;
    let (package, wanted) = wanted(ctx, question).await?;
    let mut reasons = Vec::new();
    if !package.enabled {
        reasons.push("Invalid or disabled package".to_owned());
    }
    if !found.group.enabled {
        reasons.push("Invalid or disabled hypervisor group".to_owned());
    }
    let free = free_ipv4(db, group_id, ctx.rested_since(ctx.now()), u32::MAX).await?;
    let storage = Storage::of_group(ctx, group_id).await?;
    let nodes = nodes_of(ctx, &found, &free, &storage).await?;
    let looks = u64::try_from(nodes.len()).unwrap_or(u64::MAX).max(1);
    let most = if reasons.is_empty() { MOST_COUNTED.min(MOST_LOOKS / looks) } else { 0 };
    let (counted, code) = (nodes.clone(), found.group.distribution_type);
    // It can take some hundredths of a second, in which this thread would serve nobody else.
    let counting = tokio::task::spawn_blocking(move || placement::fits(&counted, &wanted, code, most));
    let mut fits = counting.await.map_err(anyhow::Error::from)?;
    fits.more &= reasons.is_empty();
    Ok(Answer { group: found.group, package, reasons, fits, nodes })
}

/// What each server wants of its node.
async fn wanted(ctx: &Context, question: Question) -> Result<(package_entity::Model, Wanted), Error> {
    let db = ctx.store.read();
    let Question { package_id, template_id, ipv4 } = question;
    let package_id = package_id.ok_or_else(|| Error::invalid("The packageId field is required."))?;
    let package = package::by_id(db, package_id).await?;
    let template = match template_id {
        Some(id) => template::by_id(db, id).await?,
        None => None,
    };
    let mut errors = Vec::new();
    rules::within(&mut errors, "ipv4", ipv4.unwrap_or(1), 0..=MOST_IPV4);
    if template_id.is_some() && template.is_none() {
        errors.push("The templateId must be the id of a template.".to_owned());
    }
    let Some(package) = package.filter(|_| errors.is_empty()) else {
        if errors.is_empty() {
            errors.push("The packageId must be the id of a package.".to_owned());
        }
        return Err(Error::Invalid(errors));
    };
    let wanted = Wanted {
        demand: Demand {
            memory_mib: package.memory_mib,
            cpu_cores: package.cpu_cores,
            storage_gib: package.primary_storage_gib,
        },
        disks: vec![DiskWanted { gib: package.primary_storage_gib, profile: package.storage_profile }],
        network_profile: package.network_profile,
        ipv4: ipv4.and_then(|count| count.try_into().ok()).unwrap_or(1),
        arch: template.map(|template| template.arch),
    };
    Ok((package, wanted))
}
