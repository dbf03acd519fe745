//! Puts the anti-spoofing rules of [`crate::filters`] into the kernel, each change of an interface in one transaction:
//! look, compare, act, look again.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::cmd::CmdError;
use crate::filters::{self, HASH_COMMENT, InterfaceFilter};
use crate::names;
use crate::netns::Netns;

/// Interfaces of one transaction. The kernel goes over all of a transaction for each set that a rule names, so a node's
/// interfaces all at once would take minutes; and an interface that waits is closed.
const AT_ONCE: usize = 50;

/// Why the filters are not as they should be, as a sentence.
#[derive(Debug)]
pub enum FilterError {
    Tool(CmdError),
    /// nft said something else than expected.
    NotUnderstood(String),
    /// The rules were put in, and are not there.
    NotInForce(String),
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FilterError::Tool(error) => write!(f, "the anti-spoofing filters could not be set: {error}"),
            FilterError::NotUnderstood(what) => write!(f, "nft gave an answer that is not understood: {what}"),
            FilterError::NotInForce(tap) => {
                write!(f, "the anti-spoofing filters of {tap} were set and are not there; something else removes them")
            }
        }
    }
}

impl std::error::Error for FilterError {}

/// Makes the instance's table with its base chains, or puts it right. Call it when the agent starts and before the
/// first guest; it leaves the taps' own rules alone.
pub async fn ensure_table(netns: &Netns, instance: &str) -> Result<(), FilterError> {
    apply(netns, filters::table(instance)).await
}

/// Makes the rules of these interfaces what they should be, each in one transaction, and leaves all others alone. Also
/// puts the table back where something flushed it. True where something was changed.
pub async fn ensure_filters(
    netns: &Netns,
    instance: &str,
    interfaces: &[InterfaceFilter],
) -> Result<bool, FilterError> {
    let now = in_force(netns, instance).await?;
    let differs =
        |filter: &&InterfaceFilter| now.as_ref().and_then(|now| now.get(filter.tap())) != Some(&filter.mark());
    let changed: Vec<InterfaceFilter> = interfaces.iter().filter(differs).cloned().collect();
    if now.is_some() && changed.is_empty() {
        return Ok(false);
    }
    let (first, rest) = changed.split_at(changed.len().min(AT_ONCE));
    apply(netns, filters::table(instance) + &filters::set(instance, first)).await?;
    for some in rest.chunks(AT_ONCE) {
        apply(netns, filters::set(instance, some)).await?;
    }
    let then = in_force(netns, instance).await?.unwrap_or_default();
    match interfaces.iter().find(|filter| then.get(filter.tap()) != Some(&filter.mark())) {
        Some(filter) => Err(FilterError::NotInForce(filter.tap().into())),
        None => Ok(true),
    }
}

/// Takes these taps out, so that nothing passes them; taps that are not in are no error.
pub async fn remove_filters(netns: &Netns, instance: &str, taps: &[String]) -> Result<bool, FilterError> {
    let now = in_force(netns, instance).await?.unwrap_or_default();
    let there: Vec<String> = taps.iter().filter(|tap| now.contains_key(*tap)).cloned().collect();
    if there.is_empty() {
        return Ok(false);
    }
    apply(netns, filters::unset(instance, &there)).await.map(|()| true)
}

/// Whether the instance's table is in force.
pub async fn table_is_there(netns: &Netns, instance: &str) -> Result<bool, FilterError> {
    Ok(in_force(netns, instance).await?.is_some())
}

/// Bytes that passed each tap towards the guest and from it, since its counters were made; in one look at all of them.
pub async fn counted(netns: &Netns, instance: &str) -> Result<BTreeMap<String, (u64, u64)>, FilterError> {
    let table = names::filter_table(instance);
    let listing = match netns.cmd("nft").args(["-j", "list", "counters", "table", "bridge", &table]).run().await {
        Ok(listing) => listing,
        Err(error) if error.stderr().contains("No such file or directory") => return Ok(BTreeMap::new()),
        Err(error) => return Err(FilterError::Tool(error)),
    };
    let listing: Value =
        serde_json::from_slice(&listing.stdout).map_err(|error| FilterError::NotUnderstood(error.to_string()))?;
    let objects = listing["nftables"].as_array().ok_or_else(|| FilterError::NotUnderstood("no list".into()))?;
    let mut taps = BTreeMap::<String, (u64, u64)>::new();
    for counter in objects.iter().map(|object| &object["counter"]) {
        let (Some(name), Some(bytes)) = (counter["name"].as_str(), counter["bytes"].as_u64()) else { continue };
        if let Some(tap) = name.strip_prefix("in_") {
            taps.entry(tap.to_owned()).or_default().0 = bytes;
        } else if let Some(tap) = name.strip_prefix("out_") {
            taps.entry(tap.to_owned()).or_default().1 = bytes;
        }
    }
    Ok(taps)
}

/// The taps that have rules, for finding those that belong to nobody.
pub async fn listed_taps(netns: &Netns, instance: &str) -> Result<Vec<String>, FilterError> {
    Ok(in_force(netns, instance).await?.unwrap_or_default().into_keys().collect())
}

/// Removes the instance's table: every filter of the instance is gone.
pub async fn remove_table(netns: &Netns, instance: &str) -> Result<(), FilterError> {
    apply(netns, filters::remove_table(instance)).await
}

async fn apply(netns: &Netns, text: String) -> Result<(), FilterError> {
    netns.cmd("nft").args(["-f", "-"]).stdin(text).run().await.map(drop).map_err(FilterError::Tool)
}

/// Mark of the rules in force by tap, none where the table or one of its base chains is not whole.
///
/// A tap counts only with its chain, its entry in the map and its entry in the set.
async fn in_force(netns: &Netns, instance: &str) -> Result<Option<BTreeMap<String, String>>, FilterError> {
    let table = names::filter_table(instance);
    let listing = match netns.cmd("nft").args(["-j", "list", "table", "bridge", &table]).run().await {
        Ok(listing) => listing,
        Err(error) if error.stderr().contains("No such file or directory") => return Ok(None),
        Err(error) => return Err(FilterError::Tool(error)),
    };
    let listing: Value =
        serde_json::from_slice(&listing.stdout).map_err(|error| FilterError::NotUnderstood(error.to_string()))?;
    let objects = listing["nftables"].as_array().ok_or_else(|| FilterError::NotUnderstood("no list".into()))?;
    Ok(whole(instance, objects).then(|| taps_of(objects)))
}

/// Whether the base chains hold as many rules as they should: a flush by hand leaves them empty.
fn whole(instance: &str, objects: &[Value]) -> bool {
    let text = filters::table(instance);
    ["never", "from_guests", "to_guests", "to_guests_from_host"].iter().all(|chain| {
        let wanted = text.lines().filter(|line| line.starts_with("add rule") && line.split(' ').nth(4) == Some(chain));
        let found = objects.iter().filter(|object| object["rule"]["chain"] == **chain);
        wanted.count() == found.count()
    })
}

fn taps_of(objects: &[Value]) -> BTreeMap<String, String> {
    let elements = |kind: &str, name: &str| -> Vec<String> {
        let set = objects.iter().map(|object| &object[kind]).find(|set| set["name"] == name);
        let elements = set.and_then(|set| set["elem"].as_array()).into_iter().flatten();
        // An element of a map is a pair of key and verdict.
        elements.filter_map(|element| element.as_str().or_else(|| element[0].as_str()).map(String::from)).collect()
    };
    let (mapped, rates, listed) = (elements("map", "taps"), elements("map", "rates"), elements("set", "listed"));
    let isolated = elements("set", "isolated");
    let mut taps = BTreeMap::new();
    for tap in mapped.into_iter().filter(|tap| rates.contains(tap) && listed.contains(tap)) {
        let chain = filters::chain_name(&tap);
        let comments = objects.iter().filter(|object| object["rule"]["chain"] == chain.as_str());
        let hash = comments.filter_map(|object| object["rule"]["comment"].as_str()?.strip_prefix(HASH_COMMENT)).next();
        // A chain without its last rule has another hash than any: it is made anew.
        let mark = filters::mark(hash.unwrap_or_default(), isolated.contains(&tap));
        taps.insert(tap, mark);
    }
    taps
}
