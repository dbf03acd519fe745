//! Who asks for something, from where, and what they may.

use std::net::IpAddr;

use crate::Error;

/// What a token may do. `*` stands for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    Read,
    Write,
    /// Users, nodes, packages, templates, addresses and tokens.
    Admin,
    /// See a server's password.
    Secrets,
}

impl Ability {
    pub const ALL: [(&'static str, Ability); 4] =
        [("read", Ability::Read), ("write", Ability::Write), ("admin", Ability::Admin), ("secrets", Ability::Secrets)];

    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, ability)| *ability == self).map_or("", |(name, _)| name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// A bearer token of the Global API.
    Token,
    /// The control server itself: scheduled work and first start.
    System,
}

#[derive(Clone, Debug)]
pub struct Actor {
    pub kind: ActorKind,
    pub token_id: Option<i64>,
    pub user_id: Option<i64>,
    pub address: Option<IpAddr>,
    pub request_id: Option<String>,
    /// Names of abilities; `*` is all.
    pub abilities: Vec<String>,
}

impl Actor {
    /// The control server itself.
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            token_id: None,
            user_id: None,
            address: None,
            request_id: None,
            abilities: vec!["*".to_owned()],
        }
    }

    pub fn may(&self, ability: Ability) -> bool {
        self.abilities.iter().any(|name| name == "*" || name == ability.name())
    }

    pub fn require(&self, ability: Ability) -> Result<(), Error> {
        if self.may(ability) { Ok(()) } else { Err(Error::Forbidden("this token lacks the permission")) }
    }
}
