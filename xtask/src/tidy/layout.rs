//! What belongs where: every module says why it exists, and programs of the host are run in few files.

use super::Source;

/// Where processes are started, and why there.
const RUNS_PROGRAMS: [(&str, &str); 4] = [
    ("crates/agent/src/cmd.rs", "the one runner: argument vectors, time limits, bounded output"),
    ("crates/berth/src/cmd/up/children.rs", "the control server and the agent below `berth up`"),
    ("crates/berth/src/cmd/server/ssh.rs", "`berth server ssh` becomes the system's ssh"),
    ("crates/store/src/testing/cluster.rs", "the PostgreSQL of tests; not compiled into what is shipped"),
];

pub fn check(sources: &[Source]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        // `tests.rs` beside a module is that module's.
        if !source.text.starts_with("//!") && !source.path.ends_with("/tests.rs") {
            mistakes.push(format!("{}: begin with `//!` and say why the module exists", source.path));
        }
        let may_run = RUNS_PROGRAMS.iter().any(|(path, _)| *path == source.path);
        if source.is_shipped() && !may_run && runs_programs(shipped_part(&source.text)) {
            mistakes.push(format!("{}: programs are run by berth_agent::cmd only", source.path));
        }
    }
    mistakes
}

fn runs_programs(text: &str) -> bool {
    ["process::Command", "Command::new("].iter().any(|sign| text.contains(sign))
}

/// Without the unit tests at the end of the file.
fn shipped_part(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    #[test]
    fn a_module_without_its_reason_and_a_stray_program_are_found() {
        let sources = [
            source("crates/control/src/a.rs", "use std::process::Command;\n"),
            source("crates/agent/src/cmd.rs", "//! Runs.\nuse std::process::Command;\n"),
            source("crates/agent/src/b.rs", "//! B.\n#[cfg(test)]\nmod tests { use std::process::Command; }\n"),
        ];
        let mistakes = check(&sources);
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        assert!(mistakes.iter().all(|mistake| mistake.starts_with("crates/control/src/a.rs")));
    }
}
