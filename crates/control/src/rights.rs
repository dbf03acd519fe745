//! What may be done with a server: all of it by its owner, and by others what the owner shares with them. What its owner
//! alone may, such as to share it, to size it and to delete it, is no right and can't be given.

use berth_api::panel::share;

/// Something that an owner may let another user do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// See it and what goes on with it. Whoever may do anything may do this.
    View,
    /// Boot, shut down, restart and power off.
    Power,
    /// Open its screen, also see the small picture of it, and its serial console.
    Console,
    /// Build it anew, which shows the password of that build.
    Rebuild,
    /// Give its administrator a new password.
    Password,
    /// Call it something else.
    Settings,
}

impl Right {
    pub const ALL: [Right; 6] =
        [Right::View, Right::Power, Right::Console, Right::Rebuild, Right::Password, Right::Settings];

    /// As rows and audit entries name it.
    pub fn name(self) -> &'static str {
        match self {
            Right::View => "view",
            Right::Power => "power",
            Right::Console => "console",
            Right::Rebuild => "rebuild",
            Right::Password => "password",
            Right::Settings => "settings",
        }
    }

    /// Whether the server stays as it was.
    pub fn only_looks(self) -> bool {
        self == Right::View
    }
}

impl From<share::Right> for Right {
    fn from(right: share::Right) -> Self {
        match right {
            share::Right::View => Right::View,
            share::Right::Power => Right::Power,
            share::Right::Console => Right::Console,
            share::Right::Rebuild => Right::Rebuild,
            share::Right::Password => Right::Password,
            share::Right::Settings => Right::Settings,
        }
    }
}

impl From<Right> for share::Right {
    fn from(right: Right) -> Self {
        match right {
            Right::View => share::Right::View,
            Right::Power => share::Right::Power,
            Right::Console => share::Right::Console,
            Right::Rebuild => share::Right::Rebuild,
            Right::Password => share::Right::Password,
            Right::Settings => share::Right::Settings,
        }
    }
}

/// What somebody may do with a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights(Vec<Right>);

impl Rights {
    /// An owner's.
    pub fn all() -> Self {
        Self(Right::ALL.to_vec())
    }

    /// Those of a list, each once, and [`Right::View`] with them.
    pub fn of(given: &[Right]) -> Self {
        Self(Right::ALL.into_iter().filter(|right| *right == Right::View || given.contains(right)).collect())
    }

    /// As a row has them. A name that this release does not know gives nothing.
    pub fn read(names: &serde_json::Value) -> Self {
        let names: Vec<&str> = names.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
        let known = Right::ALL.into_iter().filter(|right| names.contains(&right.name()));
        Self::of(&known.collect::<Vec<_>>())
    }

    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|right| right.name().to_owned()).collect()
    }

    pub fn has(&self, right: Right) -> bool {
        self.0.contains(&right)
    }

    pub fn iter(&self) -> impl Iterator<Item = Right> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rights_are_read_as_they_were_written_and_nothing_is_added_to_them() {
        let given = Rights::of(&[Right::Console, Right::Power, Right::Console]);
        assert_eq!(given.names(), ["view", "power", "console"]);
        assert_eq!(Rights::read(&json!(given.names())), given);
        for odd in [json!(null), json!([]), json!(["delete", "*", 7, "Power"]), json!({ "power": true })] {
            assert_eq!(Rights::read(&odd), Rights::of(&[]), "{odd}");
        }
        assert!(Right::ALL.into_iter().all(|right| Rights::all().has(right)));
        assert!(!given.has(Right::Rebuild));
    }
}
