//! Words that do not belong into the tree: promises to do it later, and paths of somebody's machine.

use super::Source;

/// Cut in two, so that this file does not find itself.
const BANNED: [(&str, &str, &str); 7] = [
    ("TO", "DO", "do it now, or open an issue and leave the code as it is"),
    ("FIX", "ME", "fix it"),
    ("XX", "X:", "say what is meant"),
    ("/ho", "me/", "a path of one machine"),
    ("/Us", "ers/", "a path of one machine"),
    ("/wo", "rk/", "a path of one machine"),
    ("../sh", "ared", "a path outside of the project"),
];

pub fn check(sources: &[Source]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for source in sources.iter().filter(|source| source.path != "Cargo.lock") {
        for (number, line) in source.text.lines().enumerate() {
            for (head, tail, reason) in BANNED {
                let word = format!("{head}{tail}");
                if has_word(line, &word) {
                    mistakes.push(format!("{}:{}: {word}: {reason}", source.path, number + 1));
                }
            }
        }
    }
    mistakes
}

/// The word by itself; a path may begin anywhere.
fn has_word(line: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let letters = word.starts_with(|c: char| c.is_ascii_alphabetic());
        !letters || !(inside(line[..at].chars().next_back()) || inside(line[at + word.len()..].chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    #[test]
    fn a_promise_is_found_and_a_longer_word_is_none() {
        let promise = concat!("// TO", "DO: later\nlet mas", "to", "dont = 1;\n");
        assert_eq!(check(&[source("a.rs", promise)]).len(), 1);
        assert!(check(&[source("a.rs", concat!("AUTO", "DOC"))]).is_empty());
    }
}
