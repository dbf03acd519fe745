//! No kind of job is without a test that repeats and kills each of its steps, on both databases.

use std::path::Path;

use berth_control::jobs::Kind;

use crate::{changes, filters, kinds, names, networks, selftest, suspend};

/// The path of a test; it is written out, and must be there.
macro_rules! test {
    ($module:ident, $name:ident) => {{
        let _ = $module::$name;
        (stringify!($module), stringify!($name))
    }};
}

/// A new kind does not compile until its test is named here.
fn proof(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Build => test!(kinds, t20_a_build_ends_once_whatever_step_is_repeated_or_killed),
        Kind::Power => test!(kinds, t20_power_actions_happen_once_whatever_is_repeated_or_killed),
        Kind::Delete => test!(kinds, t20_a_deletion_leaves_nothing_whatever_is_repeated_or_killed),
        Kind::Password => test!(kinds, t20_a_password_is_set_and_shown_whatever_is_repeated_or_killed),
        Kind::Ptr => test!(names, t20_a_name_is_written_once_whatever_is_repeated_or_killed),
        Kind::Apply => test!(changes, t20_changes_are_applied_once_whatever_step_is_repeated_or_killed),
        Kind::Suspend => test!(suspend, t20_a_suspension_and_its_end_happen_once_whatever_step_is_repeated_or_killed),
        Kind::Selftest => test!(selftest, t20_a_test_ends_once_whatever_is_repeated_or_killed),
        Kind::Media => test!(kinds, t20_a_disc_is_mounted_whatever_is_repeated_or_killed),
        Kind::Networks => test!(networks, t20_a_node_has_the_bridges_of_its_networks_whatever_is_repeated_or_killed),
        Kind::Filters => test!(filters, t20_filters_are_written_anew_whatever_is_repeated_or_killed),
    }
}

#[test]
fn every_kind_of_job_is_repeated_and_killed_on_both_databases() {
    for kind in Kind::ALL {
        let (module, name) = proof(kind);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/jobs/{module}.rs"));
        let source = std::fs::read_to_string(path).unwrap();
        let both = source.split("on_both_databases!(").nth(1).and_then(|rest| rest.split(");").next()).unwrap();
        assert!(both.contains(name), "{kind:?}: {name} is not run on both databases");
        let body = source.split(&format!("async fn {name}(")).nth(1).and_then(|rest| rest.split("\n}\n").next());
        let body = body.unwrap();
        // `each_step` looks whether the work is of the kind that it is called with.
        let by_the_helper = body.contains("each_step(") && body.contains(&format!("Kind::{kind:?},"));
        let is_nodes_own = matches!(kind, Kind::Selftest | Kind::Networks | Kind::Filters) && body.contains("in HARMS");
        assert!(by_the_helper || is_nodes_own, "{kind:?}: {name} harms no step of it");
    }
}
