//! Puts the anti-spoofing rules of [`crate::filters`] into the kernel, each change of an interface in one transaction:
//! look, compare, act, look again.

use std::collections::BTreeMap;
use std::{fmt, io};

use serde_json::Value;

use crate::cmd::CmdError;
use crate::filters::{self, BASE_CHAINS, GOT, HASH_COMMENT, ISOLATED, InterfaceFilter, LISTED, RATES, SENT, TAPS};
use crate::firewall;
use crate::names;
use crate::netns::Netns;
use crate::ruleset::{self, Ruleset};

/// Interfaces of one transaction. Each transaction costs nft a look at all that is there, and has to end within the time
/// that a program has; an interface that waits is closed.
const AT_ONCE: usize = 1_000;

/// Why the filters are not as they should be, as a sentence.
#[derive(Debug)]
pub enum FilterError {
    Tool(CmdError),
    /// The kernel did not say what is in force.
    Kernel(io::Error),
    /// nft said something else than expected.
    NotUnderstood(String),
    /// The rules were put in, and are not there.
    NotInForce(String),
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FilterError::Tool(error) => write!(f, "the anti-spoofing filters could not be set: {error}"),
            FilterError::Kernel(error) => write!(f, "the anti-spoofing filters in force can't be read: {error}"),
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
    let taps: Vec<String> = interfaces.iter().map(|filter| filter.tap().to_owned()).collect();
    let now = in_force(netns, instance, taps.clone()).await?;
    let differs =
        |filter: &&InterfaceFilter| now.as_ref().and_then(|now| now.get(filter.tap())) != Some(&filter.mark());
    let changed: Vec<InterfaceFilter> = interfaces.iter().filter(differs).cloned().collect();
    if now.is_some() && changed.is_empty() {
        return Ok(false);
    }
    write(netns, instance, &changed).await?;
    let then = in_force(netns, instance, taps).await?.unwrap_or_default();
    match interfaces.iter().find(|filter| then.get(filter.tap()) != Some(&filter.mark())) {
        Some(filter) => Err(FilterError::NotInForce(filter.tap().into())),
        None => Ok(true),
    }
}

/// Writes the rules of these interfaces anew, and the table's own, whatever is in force: also what somebody changed within
/// a chain, which [`ensure_filters`] takes for what it wrote. Answers the taps whose rules are not in force afterwards.
pub async fn rewrite(
    netns: &Netns,
    instance: &str,
    interfaces: &[InterfaceFilter],
) -> Result<Vec<String>, FilterError> {
    write(netns, instance, interfaces).await?;
    let taps: Vec<String> = interfaces.iter().map(|filter| filter.tap().to_owned()).collect();
    let then = in_force(netns, instance, taps).await?.unwrap_or_default();
    let missing = interfaces.iter().filter(|filter| then.get(filter.tap()) != Some(&filter.mark()));
    Ok(missing.map(|filter| filter.tap().to_owned()).collect())
}

async fn write(netns: &Netns, instance: &str, interfaces: &[InterfaceFilter]) -> Result<(), FilterError> {
    let (first, rest) = interfaces.split_at(interfaces.len().min(AT_ONCE));
    apply(netns, filters::table(instance) + &filters::set(instance, first)).await?;
    for some in rest.chunks(AT_ONCE) {
        apply(netns, filters::set(instance, some)).await?;
    }
    Ok(())
}

/// What the kernel says of the rules by which firewalls remember flows. It only checks them: nothing comes into force.
pub async fn try_firewall(netns: &Netns, instance: &str) -> Result<(), CmdError> {
    let trial = firewall::trial(&format!("{}_trial", names::filter_table(instance)));
    netns.cmd("nft").args(["-c", "-f", "-"]).stdin(trial).run().await.map(drop)
}

/// Takes these taps out, so that nothing passes them; taps that are not in are no error.
pub async fn remove_filters(netns: &Netns, instance: &str, taps: &[String]) -> Result<bool, FilterError> {
    let now = in_force(netns, instance, taps.to_vec()).await?.unwrap_or_default();
    let there: Vec<String> = taps.iter().filter(|tap| now.contains_key(*tap)).cloned().collect();
    if there.is_empty() {
        return Ok(false);
    }
    apply(netns, filters::unset(instance, &there)).await.map(|()| true)
}

/// Whether the instance's table is in force.
pub async fn table_is_there(netns: &Netns, instance: &str) -> Result<bool, FilterError> {
    Ok(in_force(netns, instance, Vec::new()).await?.is_some())
}

/// Bytes that passed each tap towards the guest and from it, since it is in the sets that count.
pub async fn counted(netns: &Netns, instance: &str) -> Result<BTreeMap<String, (u64, u64)>, FilterError> {
    let mut taps = BTreeMap::<String, (u64, u64)>::new();
    for (tap, bytes) in counted_by(netns, instance, GOT).await? {
        taps.entry(tap).or_default().0 = bytes;
    }
    for (tap, bytes) in counted_by(netns, instance, SENT).await? {
        taps.entry(tap).or_default().1 = bytes;
    }
    Ok(taps)
}

/// One of the sets that count, in one look at all of it.
async fn counted_by(netns: &Netns, instance: &str, set: &str) -> Result<Vec<(String, u64)>, FilterError> {
    let table = names::filter_table(instance);
    let listing = match netns.cmd("nft").args(["-j", "list", "set", "bridge", &table, set]).run().await {
        Ok(listing) => listing,
        Err(error) if error.stderr().contains("No such file or directory") => return Ok(Vec::new()),
        Err(error) => return Err(FilterError::Tool(error)),
    };
    let listing: Value =
        serde_json::from_slice(&listing.stdout).map_err(|error| FilterError::NotUnderstood(error.to_string()))?;
    let objects = listing["nftables"].as_array().ok_or_else(|| FilterError::NotUnderstood("no list".into()))?;
    let elements = objects.iter().filter_map(|object| object["set"]["elem"].as_array()).flatten();
    let counts = elements.filter_map(|element| {
        let element = &element["elem"];
        Some((element["val"].as_str()?.to_owned(), element["counter"]["bytes"].as_u64()?))
    });
    Ok(counts.collect())
}

/// The taps that have rules, for finding those that belong to nobody.
pub async fn listed_taps(netns: &Netns, instance: &str) -> Result<Vec<String>, FilterError> {
    let table = names::filter_table(instance);
    let mut taps = ruleset::ask(netns, move |now| now.names(&table, TAPS)).await.map_err(FilterError::Kernel)?;
    taps.sort_unstable();
    Ok(taps)
}

/// Removes the instance's table: every filter of the instance is gone.
pub async fn remove_table(netns: &Netns, instance: &str) -> Result<(), FilterError> {
    apply(netns, filters::remove_table(instance)).await
}

async fn apply(netns: &Netns, text: String) -> Result<(), FilterError> {
    netns.cmd("nft").args(["-f", "-"]).stdin(text).run().await.map(drop).map_err(FilterError::Tool)
}

/// Mark of the rules in force, of those of the taps that have any; none where the table or one of its base chains is not
/// whole. Nothing else of the node is looked at.
async fn in_force(
    netns: &Netns,
    instance: &str,
    taps: Vec<String>,
) -> Result<Option<BTreeMap<String, String>>, FilterError> {
    let instance = instance.to_owned();
    let look = ruleset::ask(netns, move |now| {
        if !is_whole(now, &instance)? {
            return Ok(None);
        }
        let mut marks = BTreeMap::new();
        for tap in taps {
            if let Some(mark) = mark_of(now, &instance, &tap)? {
                marks.insert(tap, mark);
            }
        }
        Ok(Some(marks))
    });
    look.await.map_err(FilterError::Kernel)
}

/// Whether the base chains hold as many rules as they should: a flush by hand leaves them empty.
fn is_whole(now: &Ruleset, instance: &str) -> io::Result<bool> {
    let (table, text) = (names::filter_table(instance), filters::table(instance));
    for chain in BASE_CHAINS {
        let wanted = text.lines().filter(|line| line.starts_with("add rule") && line.split(' ').nth(4) == Some(chain));
        if now.comments(&table, chain)?.len() != wanted.count() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A tap counts only with its chain, its entries in the maps and its entry in the set.
fn mark_of(now: &Ruleset, instance: &str, tap: &str) -> io::Result<Option<String>> {
    let table = names::filter_table(instance);
    for set in [TAPS, RATES, LISTED] {
        if !now.has(&table, set, tap)? {
            return Ok(None);
        }
    }
    let comments = now.comments(&table, &filters::chain_name(tap))?;
    let counts = now.has(&table, GOT, tap)? && now.has(&table, SENT, tap)?;
    let hash = comments.iter().flatten().find_map(|comment| comment.strip_prefix(HASH_COMMENT)).filter(|_| counts);
    // A chain without its last rule has another hash than any, as one that is not counted: it is made anew.
    Ok(Some(filters::mark(hash.unwrap_or_default(), now.has(&table, ISOLATED, tap)?)))
}
