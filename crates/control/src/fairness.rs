//! When sustained use of processors leads to a throttle, and when that ends: pure.

use berth_store::{Micros, entity::package_fairness::Model as Policy};

use crate::clock::MINUTE;

/// What a server used lately, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub over_since: Option<Micros>,
    pub throttled_until: Option<Micros>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Stays,
    /// To this percent of its processors' time.
    Throttle(i32),
    Lift,
}

/// `used_percent` is of all the server's processors' time since the last look; none where nobody knows, which breaks a
/// run of use: a server that was off did not use anything.
pub fn judge(
    policy: Option<&Policy>,
    standing: Standing,
    used_percent: Option<f64>,
    now: Micros,
) -> (Standing, Verdict) {
    let policy = policy.filter(|policy| policy.share_percent > 0);
    let free = Standing::default();
    if let Some(until) = standing.throttled_until {
        // What it uses under its throttle says nothing.
        return if policy.is_none() || now >= until { (free, Verdict::Lift) } else { (standing, Verdict::Stays) };
    }
    let is_over = |policy: &&Policy| used_percent.is_some_and(|used| used > f64::from(policy.share_percent));
    let Some(policy) = policy.filter(is_over) else { return (free, Verdict::Stays) };
    let since = standing.over_since.unwrap_or(now);
    if now - since < i64::from(policy.after_minutes) * MINUTE {
        return (Standing { over_since: Some(since), throttled_until: None }, Verdict::Stays);
    }
    let until = now + i64::from(policy.throttle_minutes) * MINUTE;
    (Standing { over_since: None, throttled_until: Some(until) }, Verdict::Throttle(policy.throttle_percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(share_percent: i32) -> Policy {
        Policy {
            package_id: 1,
            share_percent,
            after_minutes: 10,
            throttle_percent: 30,
            throttle_minutes: 60,
            updated_at: 0,
        }
    }

    #[test]
    fn use_without_a_break_is_throttled_and_let_go_by_itself() {
        let (policy, mut standing) = (policy(80), Standing::default());
        let mut at = |minute: i64, used: Option<f64>| {
            let (then, verdict) = judge(Some(&policy), standing, used, minute * MINUTE);
            standing = then;
            verdict
        };
        for minute in 0..10 {
            assert_eq!(at(minute, Some(95.0)), Verdict::Stays, "{minute}");
        }
        assert_eq!(at(10, Some(80.0)), Verdict::Stays, "its share is its own: the run is broken");
        for minute in 11..21 {
            assert_eq!(at(minute, Some(81.0)), Verdict::Stays, "{minute}");
        }
        assert_eq!(at(21, Some(81.0)), Verdict::Throttle(30));
        for minute in 22..81 {
            assert_eq!(at(minute, Some(30.0)), Verdict::Stays, "{minute}");
        }
        assert_eq!(at(81, Some(30.0)), Verdict::Lift);
        assert_eq!(standing, Standing::default());
    }

    #[test]
    fn a_server_that_nobody_knows_of_is_not_over_and_one_without_a_policy_is_let_go() {
        let over = Standing { over_since: Some(0), throttled_until: None };
        assert_eq!(judge(Some(&policy(80)), over, None, 99 * MINUTE), (Standing::default(), Verdict::Stays));
        let throttled = Standing { over_since: None, throttled_until: Some(99 * MINUTE) };
        assert_eq!(judge(Some(&policy(0)), throttled, Some(1.0), MINUTE), (Standing::default(), Verdict::Lift));
        assert_eq!(judge(None, throttled, None, MINUTE), (Standing::default(), Verdict::Lift));
        assert_eq!(judge(Some(&policy(80)), throttled, None, MINUTE), (throttled, Verdict::Stays), "away, not free");
    }
}
