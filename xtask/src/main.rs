//! Chores of the project: `cargo xtask tidy` keeps the rules of CONTRIBUTING.md that no compiler knows.

mod tidy;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => report(),
        _ => {
            eprintln!("usage: cargo xtask tidy");
            ExitCode::from(2)
        }
    }
}

fn report() -> ExitCode {
    let outcome = match tidy::check(workspace()) {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("tidy could not look: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", outcome.sizes);
    for mistake in &outcome.mistakes {
        println!("tidy: {mistake}");
    }
    if outcome.mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The folder above this crate's.
fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_tree_is_tidy() {
        let outcome = super::tidy::check(super::workspace()).unwrap();
        assert!(outcome.mistakes.is_empty(), "\n{}\n", outcome.mistakes.join("\n"));
    }
}
