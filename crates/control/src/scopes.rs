//! What a customer's token may do. At a server it takes both: the scope of the token, and the right of whose it is.

use berth_api::panel::token;

use crate::rights::Right;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    ServersRead,
    ServersPower,
    ServersConsole,
    /// With the password of each build.
    ServersBuild,
    ServersPassword,
    ServersSettings,
    AccountRead,
    /// Add and remove SSH keys.
    AccountKeys,
}

impl Scope {
    pub const ALL: [Scope; 8] = [
        Scope::ServersRead,
        Scope::ServersPower,
        Scope::ServersConsole,
        Scope::ServersBuild,
        Scope::ServersPassword,
        Scope::ServersSettings,
        Scope::AccountRead,
        Scope::AccountKeys,
    ];

    /// As rows and the API name it.
    pub fn name(self) -> &'static str {
        match self {
            Scope::ServersRead => "servers:read",
            Scope::ServersPower => "servers:power",
            Scope::ServersConsole => "servers:console",
            Scope::ServersBuild => "servers:build",
            Scope::ServersPassword => "servers:password",
            Scope::ServersSettings => "servers:settings",
            Scope::AccountRead => "account:read",
            Scope::AccountKeys => "account:keys",
        }
    }

    /// What the token needs for something that takes the right.
    pub fn of(right: Right) -> Self {
        match right {
            Right::View => Scope::ServersRead,
            Right::Power => Scope::ServersPower,
            Right::Console => Scope::ServersConsole,
            Right::Rebuild => Scope::ServersBuild,
            Right::Password => Scope::ServersPassword,
            Right::Settings => Scope::ServersSettings,
        }
    }

    /// Those that a row names; a name that this release does not know gives nothing.
    pub fn read(names: &serde_json::Value) -> Vec<Scope> {
        let names: Vec<&str> = names.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
        Scope::ALL.into_iter().filter(|scope| names.contains(&scope.name())).collect()
    }
}

impl From<token::Scope> for Scope {
    fn from(scope: token::Scope) -> Self {
        match scope {
            token::Scope::ServersRead => Scope::ServersRead,
            token::Scope::ServersPower => Scope::ServersPower,
            token::Scope::ServersConsole => Scope::ServersConsole,
            token::Scope::ServersBuild => Scope::ServersBuild,
            token::Scope::ServersPassword => Scope::ServersPassword,
            token::Scope::ServersSettings => Scope::ServersSettings,
            token::Scope::AccountRead => Scope::AccountRead,
            token::Scope::AccountKeys => Scope::AccountKeys,
        }
    }
}

impl From<Scope> for token::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::ServersRead => token::Scope::ServersRead,
            Scope::ServersPower => token::Scope::ServersPower,
            Scope::ServersConsole => token::Scope::ServersConsole,
            Scope::ServersBuild => token::Scope::ServersBuild,
            Scope::ServersPassword => token::Scope::ServersPassword,
            Scope::ServersSettings => token::Scope::ServersSettings,
            Scope::AccountRead => token::Scope::AccountRead,
            Scope::AccountKeys => token::Scope::AccountKeys,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_every_right_has_a_scope_of_its_own() {
        let names = json!(Scope::ALL.map(Scope::name));
        assert_eq!(Scope::read(&names), Scope::ALL);
        for odd in [json!(null), json!(["*", "servers", "servers:READ", 1]), json!({ "servers:read": true })] {
            assert_eq!(Scope::read(&odd), [], "{odd}");
        }
        let mut scopes = Right::ALL.map(|right| Scope::of(right).name());
        scopes.sort_unstable();
        assert!(scopes.windows(2).all(|two| two[0] != two[1]), "{scopes:?}");
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(token::Scope::from(scope)).unwrap(), scope.name());
        }
    }
}
