//! How often one may ask. Counted in memory by each control server for itself: a limit is there to keep one client
//! from taking what others need, not to bill by.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use berth_store::Micros;

use crate::{Error, clock::SECOND};

/// A client may save up what it did not ask for so long.
const BURST: Micros = 10 * SECOND;
/// Clients that are remembered. Past it, those whose bursts are whole again are forgotten, and if that is not enough,
/// all of them.
const CLIENTS: usize = 100_000;

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// A token's id.
    Token(i64),
    /// The id of a customer, of all of whose own tokens together.
    Customer(i64),
    /// Of those without a good token.
    Address(IpAddr),
}

impl Client {
    /// Who has an IPv6 address has the 64 bits behind its network too.
    pub fn of_address(address: IpAddr) -> Self {
        Client::Address(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            address => address,
        })
    }
}

/// For each client the time at which all that it asked for is paid off (the generic cell rate algorithm).
#[derive(Default)]
pub struct Limits(Mutex<HashMap<Client, Micros>>);

impl Limits {
    /// Counts one request; an error says when the next one is answered. Nothing is limited where `per_second` is 0.
    pub fn take(&self, client: Client, per_second: u32, now: Micros) -> Result<(), Error> {
        if per_second == 0 {
            return Ok(());
        }
        let price = (SECOND / i64::from(per_second)).max(1);
        let mut paid_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let after = paid_at.get(&client).map_or(now, |at| (*at).max(now)) + price;
        let over = after - now - BURST;
        if over > 0 {
            let seconds = (over + SECOND - 1) / SECOND;
            return Err(Error::TooMany { retry_after_s: seconds.unsigned_abs() });
        }
        if paid_at.len() >= CLIENTS && !paid_at.contains_key(&client) {
            paid_at.retain(|_, at| *at > now);
            if paid_at.len() >= CLIENTS {
                paid_at.clear();
            }
        }
        paid_at.insert(client, after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JANE: Client = Client::Token(1);

    #[test]
    fn a_burst_passes_then_the_rate_and_one_client_does_not_count_for_another() {
        let (limits, mut now) = (Limits::default(), 1_000 * SECOND);
        let passed = |now| (0..100).filter(|_| limits.take(JANE, 5, now).is_ok()).count();
        assert_eq!(passed(now), 50, "ten seconds' worth at once");
        let Err(Error::TooMany { retry_after_s }) = limits.take(JANE, 5, now) else { panic!("passed") };
        assert_eq!(retry_after_s, 1);
        assert!(limits.take(Client::Token(2), 5, now).is_ok());
        now += SECOND;
        assert_eq!(passed(now), 5);
        now += 3_600 * SECOND;
        assert_eq!(passed(now), 50, "no more is saved up than that");
        assert!((0..1_000).all(|_| limits.take(JANE, 0, now).is_ok()), "0 limits nothing");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let of = |text: &str| Client::of_address(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn no_more_clients_are_remembered_than_there_is_room_for() {
        let limits = Limits::default();
        for id in 0..150_000 {
            limits.take(Client::Token(id), 1, SECOND).unwrap();
        }
        assert!(limits.0.lock().unwrap().len() <= CLIENTS);
    }
}
