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
    /// Somebody who is logged in to the panel.
    Person,
    /// A node, by its one-time token or its key.
    Node,
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

    /// A node that joins or renews its certificate.
    pub fn node(address: Option<IpAddr>, request_id: Option<String>) -> Self {
        Self { kind: ActorKind::Node, token_id: None, user_id: None, address, request_id, abilities: Vec::new() }
    }

    /// Somebody who is not, or not yet, logged in.
    pub fn stranger(address: Option<IpAddr>, request_id: Option<String>) -> Self {
        Self { kind: ActorKind::Person, token_id: None, user_id: None, address, request_id, abilities: Vec::new() }
    }

    /// An owner at one of their own servers, or anybody at their own account.
    pub fn owner(user_id: i64, address: Option<IpAddr>, request_id: Option<String>) -> Self {
        let abilities = [Ability::Read, Ability::Write, Ability::Secrets].map(|ability| ability.name().to_owned());
        Self {
            kind: ActorKind::Person,
            token_id: None,
            user_id: Some(user_id),
            address,
            request_id,
            abilities: abilities.into(),
        }
    }

    pub fn may(&self, ability: Ability) -> bool {
        self.abilities.iter().any(|name| name == "*" || name == ability.name())
    }

    pub fn require(&self, ability: Ability) -> Result<(), Error> {
        if self.may(ability) { Ok(()) } else { Err(Error::Forbidden("this token lacks the permission")) }
    }
}
