//! In which network namespace a program works: the host's, or a named one. Filters and bridges take it as an
//! argument, so that their tests try real packets without touching the machine's own network.

use std::os::fd::AsFd;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::cmd::Cmd;

/// Where `ip netns add` keeps them.
const NAMED: &str = "/run/netns";

/// The host's own network, or a namespace made by `ip netns add`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Netns(Option<String>);

impl Netns {
    /// Where the agent itself runs.
    pub fn host() -> Netns {
        Netns(None)
    }

    pub fn named(name: impl Into<String>) -> Netns {
        Netns(Some(name.into()))
    }

    /// Takes the calling thread into this network, for good.
    pub(crate) fn enter(&self) -> std::io::Result<()> {
        let Some(name) = &self.0 else { return Ok(()) };
        let namespace = std::fs::File::open(std::path::Path::new(NAMED).join(name))?;
        Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
    }

    /// The program, to be run in this network.
    pub fn cmd(&self, program: &str) -> Cmd {
        match &self.0 {
            None => Cmd::new(program),
            Some(name) => Cmd::new("ip").args(["netns", "exec", name, program]),
        }
    }
}
