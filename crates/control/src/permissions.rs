//! Who may do what: which role has which abilities, and what each operation of the Global API takes. Plain data: every
//! request is held against it (`http/permit.rs`), and docs/permissions.md is made of it.

mod operations;

use berth_store::entity::user;

pub use self::operations::OPERATIONS;
use crate::actor::Ability::{self, Admin, Connect, Inspect, Operate, Own, Read, Secrets, Support, Write};

/// A place among staff, from the least to the most. Customers have none, and the Global API is not for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    ReadOnly,
    Support,
    Admin,
    Owner,
}

/// What each role is called and has, the most first.
pub const ROLES: [(Role, &str, &[Ability]); 4] = [
    (Role::Owner, "owner", &[Connect, Read, Inspect, Operate, Write, Support, Admin, Secrets, Own]),
    (Role::Admin, "admin", &[Connect, Read, Inspect, Operate, Write, Support, Admin, Secrets]),
    (Role::Support, "support", &[Connect, Read, Inspect, Operate, Support]),
    (Role::ReadOnly, "read-only", &[Connect, Read, Inspect]),
];

impl Role {
    pub fn name(self) -> &'static str {
        ROLES.into_iter().find(|(role, ..)| *role == self).map_or("", |(_, name, _)| name)
    }

    pub fn named(name: &str) -> Option<Self> {
        ROLES.into_iter().find(|(_, known, _)| *known == name).map(|(role, ..)| role)
    }

    /// `None` of a customer, and of a role that a later release brought.
    pub fn of(user: &user::Model) -> Option<Self> {
        Self::named(user.role.as_deref()?)
    }

    pub fn has(self, ability: Ability) -> bool {
        ROLES.into_iter().any(|(role, _, abilities)| role == self && abilities.contains(&ability))
    }

    /// Whether only an owner gives and takes it, and changes who has it.
    pub fn is_strong(self) -> bool {
        self >= Role::Admin
    }
}

/// What an operation takes; its path as in the URL table. `None` where there is no such operation.
pub fn needed(method: &str, path: &str) -> Option<Ability> {
    let found = OPERATIONS.iter().find(|(known, at, _)| *known == method && *at == path);
    found.map(|(.., ability)| *ability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_all_that_a_lesser_one_has_and_more() {
        for pair in ROLES.windows(2) {
            let [(more, name, abilities), (less, _, fewer)] = pair else { panic!("two at a time") };
            assert!(more > less && abilities.len() > fewer.len(), "{name}");
            assert!(fewer.iter().all(|ability| more.has(*ability)), "{name}");
            assert_eq!(Role::named(name), Some(*more));
            assert_eq!(more.name(), *name);
        }
        assert!(Ability::ALL.into_iter().all(|ability| Role::Owner.has(ability)));
    }

    #[test]
    fn read_only_changes_nothing_and_sees_no_secret() {
        assert!(!Role::ReadOnly.has(Secrets));
        let allowed = OPERATIONS.iter().filter(|(.., takes)| Role::ReadOnly.has(*takes));
        let changing: Vec<_> = allowed.filter(|(method, ..)| *method != "GET").collect();
        assert!(changing.is_empty(), "{changing:?}");
    }

    #[test]
    fn operations_stand_in_order_and_once() {
        let keys: Vec<_> = OPERATIONS.iter().map(|(method, path, _)| (path, method)).collect();
        let wrong: Vec<_> = keys.windows(2).filter(|pair| pair[0] >= pair[1]).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!(needed("GET", "/audit"), Some(Inspect));
        assert_eq!(needed("PUT", "/audit"), None);
    }
}
