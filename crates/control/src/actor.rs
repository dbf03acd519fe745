//! Who asks for something, from where, and what they may.

use std::net::IpAddr;

use crate::{Error, permissions::Role};

/// What a token's list may name. `*` stands for all of them.
pub const SCOPES: [&str; 4] = ["read", "write", "admin", "secrets"];

/// What an operation takes. Who asks with a token has it where the token's list names its scope and the role of the
/// token's owner has it (`permissions`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    Connect,
    Read,
    Inspect,
    Operate,
    Write,
    Support,
    Admin,
    Secrets,
    Own,
}

impl Ability {
    pub const ALL: [Ability; 9] = [
        Ability::Connect,
        Ability::Read,
        Ability::Inspect,
        Ability::Operate,
        Ability::Write,
        Ability::Support,
        Ability::Admin,
        Ability::Secrets,
        Ability::Own,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Ability::Connect => "connect",
            Ability::Read => "read",
            Ability::Inspect => "inspect",
            Ability::Operate => "operate",
            Ability::Write => "write",
            Ability::Support => "support",
            Ability::Admin => "admin",
            Ability::Secrets => "secrets",
            Ability::Own => "own",
        }
    }

    /// What a token's list has to name for it; nothing, where any token is good for it.
    pub fn scope(self) -> Option<&'static str> {
        match self {
            Ability::Connect => None,
            Ability::Read => Some("read"),
            Ability::Operate | Ability::Write => Some("write"),
            Ability::Inspect | Ability::Support | Ability::Admin | Ability::Own => Some("admin"),
            Ability::Secrets => Some("secrets"),
        }
    }

    /// What it lets one do.
    pub fn meaning(self) -> &'static str {
        match self {
            Ability::Connect => "see that a token is good",
            Ability::Read => "look at everything but secrets",
            Ability::Inspect => "look at the audit log, at what differs on nodes, and at who held an address",
            Ability::Operate => "power, rebuild, give a new password to, suspend and open the console of servers",
            Ability::Write => "create, change and delete servers, SSH keys, names of addresses and items of the queue",
            Ability::Support => "cut a server off the network, give a customer a new password",
            Ability::Admin => "users, money, nodes, packages, templates, addresses and tokens",
            Ability::Secrets => "see the password of a server",
            Ability::Own => {
                "owners and administrators themselves, and what is dangerous: XML of guests, and the settings by which \
                 servers are suspended and deleted by themselves"
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// A bearer token of the Global API.
    Token,
    /// Somebody who is logged in to the panel.
    Person,
    /// A customer's own token of the customer API.
    CustomerToken,
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
    /// [`SCOPES`]; `*` is all.
    pub abilities: Vec<String>,
    /// What bounds them: the role of a token's owner. People at what is their own, nodes and the control server have
    /// none, and are not bounded by one.
    pub role: Option<Role>,
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
            role: None,
        }
    }

    /// A node that joins or renews its certificate.
    pub fn node(address: Option<IpAddr>, request_id: Option<String>) -> Self {
        Self::without_abilities(ActorKind::Node, address, request_id)
    }

    /// Somebody who is not, or not yet, logged in.
    pub fn stranger(address: Option<IpAddr>, request_id: Option<String>) -> Self {
        Self::without_abilities(ActorKind::Person, address, request_id)
    }

    fn without_abilities(kind: ActorKind, address: Option<IpAddr>, request_id: Option<String>) -> Self {
        Self { kind, token_id: None, user_id: None, address, request_id, abilities: Vec::new(), role: None }
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
            role: None,
        }
    }

    /// The person who asks, by themselves or by a token of their own; staff and programs of theirs are none.
    pub fn person(&self) -> Option<i64> {
        self.user_id.filter(|_| matches!(self.kind, ActorKind::Person | ActorKind::CustomerToken))
    }

    /// A customer's own token, at what is theirs.
    pub fn customer_token(token_id: i64, user_id: i64, address: Option<IpAddr>, request_id: Option<String>) -> Self {
        let kind = ActorKind::CustomerToken;
        Self { kind, token_id: Some(token_id), ..Self::owner(user_id, address, request_id) }
    }

    pub fn may(&self, ability: Ability) -> bool {
        let is_named = |scope: &str| self.abilities.iter().any(|name| name == "*" || name == scope);
        ability.scope().is_none_or(is_named) && self.role.is_none_or(|role| role.has(ability))
    }

    pub fn require(&self, ability: Ability) -> Result<(), Error> {
        if self.may(ability) { Ok(()) } else { Err(Error::Forbidden("this token lacks the permission")) }
    }
}
