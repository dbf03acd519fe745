//! In which network namespace a program works: the host's, or a named one. Filters and bridges take it as an
//! argument, so that their tests try real packets without touching the machine's own network.

use crate::cmd::Cmd;

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

    /// The program, to be run in this network.
    pub fn cmd(&self, program: &str) -> Cmd {
        match &self.0 {
            None => Cmd::new(program),
            Some(name) => Cmd::new("ip").args(["netns", "exec", name, program]),
        }
    }
}
