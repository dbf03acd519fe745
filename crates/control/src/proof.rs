//! Which operations of the panel want to know again that it is still whoever logged in: what can't be undone, what gives
//! somebody a way in, and what shuts others out. Plain data: every request is held against it
//! (`http/panel/prove.rs`). An operation without a line is not served, and fails a test.
//!
//! The customer API is not concerned: its tokens are for programs, and are made with a proof.

use berth_store::{Micros, entity::session, entity::user};

use crate::clock::MINUTE;

/// How long a proof is fresh. A login by password, second factor or passkey is one, and so is one by the provider of staff
/// where it asked who it is.
pub const LIFE: Micros = 15 * MINUTE;

/// What an operation wants besides a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Nothing: it reads, or is undone as easily as it was done, or takes from oneself alone.
    Nothing,
    /// A fresh proof.
    Proof,
    /// It asks for the password, the code, a passkey or several of them in its own form, each time.
    Form,
}

use Wants::{Form, Nothing, Proof};

/// Method, path as in the URL table, and what it wants.
pub const OPERATIONS: &[(&str, &str, Wants)] = &[
    ("GET", "/billing", Nothing),
    ("GET", "/billing/ledger", Nothing),
    ("GET", "/billing/statement", Nothing),
    ("GET", "/billing/usage", Nothing),
    ("GET", "/identities", Nothing),
    // The next login there goes by the address again, perhaps another's.
    ("DELETE", "/identities/{id}", Proof),
    ("GET", "/invitations", Nothing),
    ("DELETE", "/invitations/{id}", Nothing),
    ("POST", "/invitations/{id}", Nothing),
    ("GET", "/keys", Nothing),
    ("POST", "/keys", Proof),
    ("DELETE", "/keys/{id}", Proof),
    ("PUT", "/language", Nothing),
    ("GET", "/passkeys", Nothing),
    ("POST", "/passkeys", Form),
    // What the one before proposed for the password and the code, in this session, within five minutes.
    ("PUT", "/passkeys", Form),
    ("DELETE", "/passkeys/{id}", Proof),
    ("PUT", "/passkeys/{id}", Nothing),
    ("PUT", "/password", Form),
    ("GET", "/second-factor", Nothing),
    ("POST", "/second-factor", Form),
    ("PUT", "/second-factor", Form),
    ("POST", "/second-factor/codes", Form),
    ("POST", "/second-factor/end", Form),
    ("GET", "/servers", Nothing),
    ("DELETE", "/servers/{uuid}", Proof),
    ("GET", "/servers/{uuid}", Nothing),
    ("DELETE", "/servers/{uuid}/access", Nothing),
    ("POST", "/servers/{uuid}/build", Proof),
    ("POST", "/servers/{uuid}/console", Nothing),
    ("PUT", "/servers/{uuid}/name", Nothing),
    ("POST", "/servers/{uuid}/password", Proof),
    ("POST", "/servers/{uuid}/power", Nothing),
    ("GET", "/servers/{uuid}/shares", Nothing),
    ("POST", "/servers/{uuid}/shares", Proof),
    ("DELETE", "/servers/{uuid}/shares/{id}", Nothing),
    // More rights than there were, perhaps.
    ("PUT", "/servers/{uuid}/shares/{id}", Proof),
    ("GET", "/servers/{uuid}/size", Nothing),
    ("PUT", "/servers/{uuid}/size", Nothing),
    ("GET", "/servers/{uuid}/templates", Nothing),
    ("DELETE", "/session", Nothing),
    ("GET", "/session", Nothing),
    ("POST", "/session/proof", Form),
    ("POST", "/session/proof/passkey", Form),
    ("PUT", "/session/proof/passkey", Form),
    ("POST", "/session/proof/sign-on", Nothing),
    ("GET", "/sessions", Nothing),
    ("DELETE", "/sessions/{id}", Proof),
    ("GET", "/shop", Nothing),
    ("POST", "/shop/servers", Nothing),
    ("GET", "/shop/templates", Nothing),
    ("GET", "/tokens", Nothing),
    ("POST", "/tokens", Proof),
    ("DELETE", "/tokens/{id}", Nothing),
];

/// What an operation wants; its path as in the URL table. `None` where there is no such operation.
pub fn wanted(method: &str, path: &str) -> Option<Wants> {
    let found = OPERATIONS.iter().find(|(known, at, _)| *known == method && *at == path);
    found.map(|(.., wants)| *wants)
}

/// Whether a session's proof still counts.
pub fn is_fresh(session: &session::Model, now: Micros) -> bool {
    session.proved_at.is_some_and(|at| now - at < LIFE)
}

/// What a user may prove it by besides the password or the code.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ways {
    pub passkey: bool,
    /// The provider of staff knows them.
    pub provider: bool,
}

/// By what a user proves it, any one of them, in the panel's words.
pub fn ways(user: &user::Model, others: Ways) -> Vec<&'static str> {
    let first = if user.two_factor_auth { "code" } else { "password" };
    let others = [("passkey", others.passkey), ("provider", others.provider)];
    std::iter::once(first).chain(others.into_iter().filter(|(_, is)| *is).map(|(way, _)| way)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_stand_in_order_and_once() {
        let keys: Vec<_> = OPERATIONS.iter().map(|(method, path, _)| (path, method)).collect();
        let wrong: Vec<_> = keys.windows(2).filter(|pair| pair[0] >= pair[1]).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!((wanted("POST", "/tokens"), wanted("PUT", "/tokens")), (Some(Proof), None));
    }

    #[test]
    fn what_only_reads_wants_nothing() {
        let wrong: Vec<_> =
            OPERATIONS.iter().filter(|(method, _, wants)| *method == "GET" && *wants != Nothing).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
