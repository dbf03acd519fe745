//! Asks the kernel what is in a table of the bridge family, over netlink. nft reads all sets of a node with their
//! elements before it lists a single chain, which takes seconds where two thousand guests are; one chain or one element
//! takes the kernel a tenth of a millisecond.
//!
//! Reference: `include/uapi/linux/netfilter/nf_tables.h`, netlink(7); how nft writes comments: libnftnl's `udata.h`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
    sockopt::{Timeout, set_socket_timeout},
};

use crate::netns::Netns;

const NFNL_SUBSYS_NFTABLES: u16 = 10;
const NFPROTO_BRIDGE: u8 = 7;
const NFT_MSG_NEWRULE: u16 = 6;
const NFT_MSG_GETRULE: u16 = 7;
const NFT_MSG_NEWSETELEM: u16 = 12;
const NFT_MSG_GETSETELEM: u16 = 13;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLA_F_NESTED: u16 = 0x8000;
const HEADER_BYTES: usize = 16;
/// Behind the header: family, version, resource.
const GENERIC_BYTES: usize = 4;
/// `NFTA_RULE_*` and `NFTA_SET_ELEM_LIST_*` begin alike: the table, then the chain or the set.
const TABLE: u16 = 1;
const CHAIN_OR_SET: u16 = 2;
const RULE_USERDATA: u16 = 7;
const UDATA_RULE_COMMENT: u8 = 0;
const ELEMENTS: u16 = 3;
const ELEMENT: u16 = 1;
const ELEMENT_KEY: u16 = 1;
const DATA_VALUE: u16 = 1;
/// Linux' IFNAMSIZ, the length of a key of the type ifname.
const NAME_BYTES: usize = 16;
/// The kernel fills at most half of it at once.
const RECEIVE_BYTES: usize = 64 << 10;
const LIMIT: Duration = Duration::from_secs(10);
/// A list that changed while it was read is read again.
const MOST_READINGS: usize = 5;

/// The kernel's rulesets in one network namespace.
pub struct Ruleset {
    socket: OwnedFd,
}

/// Has `question` answered where `netns` is; off the runtime's threads, for the kernel may keep one waiting.
pub async fn ask<T: Send + 'static>(
    netns: &Netns,
    question: impl FnOnce(&Ruleset) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let netns = netns.clone();
    let (tell, told) = tokio::sync::oneshot::channel();
    // A thread of its own: one that went into a namespace is of no use to others.
    std::thread::Builder::new().name("ruleset".to_owned()).spawn(move || {
        let answer = netns.enter().and_then(|()| Ruleset::open()).and_then(|ruleset| question(&ruleset));
        let _ = tell.send(answer);
    })?;
    told.await.map_err(|_| io::Error::other("the thread that asks the kernel for its rules has ended"))?
}

impl Ruleset {
    fn open() -> io::Result<Ruleset> {
        let family = AddressFamily::NETLINK;
        let socket = socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(netlink::NETFILTER))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(LIMIT))?;
        Ok(Ruleset { socket })
    }

    /// The comment of each rule of a chain, in order; no rules where there is no such chain.
    pub fn comments(&self, table: &str, chain: &str) -> io::Result<Vec<Option<String>>> {
        let body = [text(TABLE, table), text(CHAIN_OR_SET, chain)].concat();
        let rules = self.all(NFT_MSG_GETRULE, NFT_MSG_NEWRULE, &body)?;
        Ok(rules.iter().map(|rule| attribute(rule, RULE_USERDATA).and_then(comment)).collect())
    }

    /// Whether an interface's name is in a set or a map; not where there is none.
    pub fn has(&self, table: &str, set: &str, name: &str) -> io::Result<bool> {
        let mut key = name.as_bytes().to_vec();
        key.resize(NAME_BYTES, 0);
        let key = nested(ELEMENT_KEY, &attribute_of(DATA_VALUE, &key));
        let elements = nested(ELEMENTS, &nested(ELEMENT, &key));
        let body = [text(TABLE, table), text(CHAIN_OR_SET, set), elements].concat();
        self.ask_for(NFT_MSG_GETSETELEM, NLM_F_ACK, &body)?;
        match self.answers(NFT_MSG_NEWSETELEM) {
            Ok(_) => Ok(true),
            Err(error) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The names of interfaces in a set or a map; none where there is no such set.
    pub fn names(&self, table: &str, set: &str) -> io::Result<Vec<String>> {
        let body = [text(TABLE, table), text(CHAIN_OR_SET, set)].concat();
        let lists = match self.all(NFT_MSG_GETSETELEM, NFT_MSG_NEWSETELEM, &body) {
            Err(error) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => return Ok(Vec::new()),
            lists => lists?,
        };
        let elements = lists.iter().filter_map(|list| attribute(list, ELEMENTS)).flat_map(attributes);
        let keys = elements.filter_map(|(_, element)| attribute(attribute(element, ELEMENT_KEY)?, DATA_VALUE));
        Ok(keys.map(until_zero).collect())
    }

    /// Everything of a list, whole.
    fn all(&self, question: u16, answer: u16, body: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        for _ in 0..MOST_READINGS {
            self.ask_for(question, NLM_F_DUMP, body)?;
            match self.answers(answer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                all => return all,
            }
        }
        Err(io::Error::other("the rules change faster than they can be read"))
    }

    fn ask_for(&self, question: u16, flags: u16, body: &[u8]) -> io::Result<()> {
        let mut message = Vec::with_capacity(HEADER_BYTES + GENERIC_BYTES + body.len());
        let length = u32::try_from(HEADER_BYTES + GENERIC_BYTES + body.len()).map_err(io::Error::other)?;
        message.extend(length.to_ne_bytes());
        message.extend(((NFNL_SUBSYS_NFTABLES << 8) | question).to_ne_bytes());
        message.extend((NLM_F_REQUEST | flags).to_ne_bytes());
        // Sequence and port: each socket asks one thing at a time.
        message.extend([0; 8]);
        message.extend([NFPROTO_BRIDGE, 0, 0, 0]);
        message.extend(body);
        send(&self.socket, &message, SendFlags::empty())?;
        Ok(())
    }

    /// The attributes of each message up to the end of the answer. `Interrupted`: it is not whole.
    fn answers(&self, wanted: u16) -> io::Result<Vec<Vec<u8>>> {
        let (mut found, mut is_whole) = (Vec::new(), true);
        let mut buffer = vec![0; RECEIVE_BYTES];
        loop {
            let (_, length) = recv(self.socket.as_fd(), buffer.as_mut_slice(), RecvFlags::empty())?;
            let mut rest = buffer.get(..length).ok_or_else(cut)?;
            while !rest.is_empty() {
                let header = Header::of(rest).ok_or_else(cut)?;
                let body = rest.get(HEADER_BYTES..header.length).ok_or_else(cut)?;
                rest = rest.get(aligned(header.length)..).unwrap_or_default();
                is_whole &= header.flags & NLM_F_DUMP_INTR == 0;
                match header.kind {
                    NLMSG_DONE if is_whole => return Ok(found),
                    NLMSG_DONE => return Err(io::ErrorKind::Interrupted.into()),
                    NLMSG_ERROR => match i32_at(body).ok_or_else(cut)? {
                        0 => return Ok(found),
                        code => return Err(io::Error::from_raw_os_error(-code)),
                    },
                    kind if kind == (NFNL_SUBSYS_NFTABLES << 8) | wanted => {
                        found.push(body.get(GENERIC_BYTES..).ok_or_else(cut)?.to_vec());
                    }
                    _ => {}
                }
            }
        }
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer is cut")
}

struct Header {
    length: usize,
    kind: u16,
    flags: u16,
}

impl Header {
    /// None where there is no whole message.
    fn of(bytes: &[u8]) -> Option<Header> {
        let length = usize::try_from(u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?)).ok()?;
        let (kind, flags) = (u16_at(bytes.get(4..)?)?, u16_at(bytes.get(6..)?)?);
        (length >= HEADER_BYTES && length <= bytes.len()).then_some(Header { length, kind, flags })
    }
}

fn u16_at(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?))
}

fn i32_at(bytes: &[u8]) -> Option<i32> {
    Some(i32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?))
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// Values here are names and keys of a few bytes.
fn attribute_of(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(aligned(bytes.len()), 0);
    bytes
}

fn nested(kind: u16, value: &[u8]) -> Vec<u8> {
    attribute_of(NLA_F_NESTED | kind, value)
}

fn text(kind: u16, value: &str) -> Vec<u8> {
    attribute_of(kind, &[value.as_bytes(), &[0]].concat())
}

/// Kind and value of each, up to what is not whole.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest)?);
        let (kind, value) = (u16_at(rest.get(2..)?)? & !NLA_F_NESTED, rest.get(4..length)?);
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find_map(|(found, value)| (found == kind).then_some(value))
}

/// Of nft's own data with a rule: kind, length, value, one after the other.
fn comment(userdata: &[u8]) -> Option<String> {
    let mut rest = userdata;
    while let [kind, length, tail @ ..] = rest {
        let value = tail.get(..usize::from(*length))?;
        if *kind == UDATA_RULE_COMMENT {
            return Some(until_zero(value));
        }
        rest = &tail[usize::from(*length)..];
    }
    None
}

fn until_zero(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last rule of a chain as Linux 6.18 gave it for `counter drop comment "berth:0000000000000007"`.
    const RULE: &str = "0f000100626e665f66696c7465720000160002007461705f626e66303030303030303030370000000c000300000000\
                        000000018e0c000600000000000000018d600004002c0001000c000100636f756e746572001c0002000c0001000000\
                        0000000000000c0002000000000000000000300001000e000100696d6d6564696174650000001c0002000800010000\
                        000000100002000c00020008000100000000001d000700001762657274683a30303030303030303030303030303037\
                        00000000";

    #[test]
    fn a_rule_of_the_kernel_is_read() {
        let rule = hex::decode(RULE).unwrap();
        assert_eq!(until_zero(attribute(&rule, TABLE).unwrap()), "bnf_filter");
        assert_eq!(until_zero(attribute(&rule, CHAIN_OR_SET).unwrap()), "tap_bnf0000000007");
        assert_eq!(attribute(&rule, RULE_USERDATA).and_then(comment).as_deref(), Some("berth:0000000000000007"));
    }

    #[test]
    fn what_is_cut_is_no_more_than_what_came() {
        let rule = hex::decode(RULE).unwrap();
        for length in 0..rule.len() {
            assert!(attributes(&rule[..length]).count() <= attributes(&rule).count());
        }
        assert!(Header::of(&[16, 0, 0]).is_none());
        assert!(Header::of(&[&200_u32.to_ne_bytes()[..], &[0; 12]].concat()).is_none());
        assert_eq!(comment(&[0, 9, b'x']), None);
        assert_eq!(comment(&[1, 1, b'y', 0, 2, b'x', 0]).as_deref(), Some("x"));
    }
}
