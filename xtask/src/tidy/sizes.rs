//! How long files and functions are. Long ones are told; those above the hard limit need a reason here.

use super::Source;

const FILE_TOLD_LINES: usize = 400;
const FILE_LIMIT_LINES: usize = 500;
const FUNCTION_TOLD_LINES: usize = 70;
const FUNCTION_LIMIT_LINES: usize = 100;

/// `path` or `path::function`, and why it is as long as it is.
const EXCUSED: [(&str, &str); 2] = [
    ("crates/control/src/http/v1/servers/convert/mod.rs::server", "the largest answer, one field a line"),
    ("crates/store/src/migration/m0001_first.rs", "the whole schema, read from top to bottom in one place"),
];

struct Function {
    name: String,
    lines: usize,
}

pub fn check(sources: &[Source]) -> Vec<String> {
    let mut mistakes = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let lines = source.text.lines().count();
        if lines > FILE_LIMIT_LINES && !excused(&source.path) {
            mistakes.push(format!("{}: {lines} lines, at most {FILE_LIMIT_LINES}", source.path));
        }
        for Function { name, lines } in functions(&source.text) {
            let place = format!("{}::{name}", source.path);
            if lines > FUNCTION_LIMIT_LINES && !excused(&place) && !excused(&source.path) {
                mistakes.push(format!("{place}: {lines} lines, at most {FUNCTION_LIMIT_LINES}"));
            }
        }
    }
    mistakes
}

fn excused(place: &str) -> bool {
    EXCUSED.iter().any(|(known, _)| *known == place)
}

/// Medians, and what is longer than one would like.
pub fn report(sources: &[Source]) -> String {
    let rust: Vec<&Source> = sources.iter().filter(|source| source.is_rust()).collect();
    let files = rust.iter().map(|source| source.text.lines().count()).collect();
    let functions_of = |source: &&Source| functions(&source.text);
    let all: Vec<usize> = rust.iter().flat_map(functions_of).map(|function| function.lines).collect();
    let mut lines = vec![format!(
        "{} files of Rust, median {} lines; {} functions, median {} lines",
        rust.len(),
        median(files),
        all.len(),
        median(all.clone())
    )];
    for source in &rust {
        let length = source.text.lines().count();
        if length > FILE_TOLD_LINES {
            lines.push(format!("  long file      {length:>5}  {}", source.path));
        }
        for Function { name, lines: length } in functions(&source.text) {
            if length > FUNCTION_TOLD_LINES {
                lines.push(format!("  long function  {length:>5}  {}::{name}", source.path));
            }
        }
    }
    lines.join("\n")
}

fn median(mut numbers: Vec<usize>) -> usize {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

/// Relies on rustfmt: a function ends at the first line that is a brace at the function's own indentation.
fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let end = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
        let length = lines[at..].iter().position(|line| *line == end);
        // One that fits on its line has no such end; what is found then belongs to something else.
        if !line.trim_end().ends_with('}')
            && !line.trim_end().ends_with(';')
            && let Some(length) = length
        {
            found.push(Function { name, lines: length + 1 });
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "fn")?;
    let before = |word: &str| word.starts_with("pub") || matches!(word, "async" | "const" | "unsafe" | "extern");
    if !words[..at].iter().all(|word| before(word)) && !words[..at].join(" ").starts_with("pub(") {
        return None;
    }
    let name = words.get(at + 1)?;
    Some(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_length_is_counted_to_its_own_brace() {
        let text = "pub async fn outer() {\n    if x {\n    }\n    fn inner() {\n        1\n    }\n}\nfn short() -> u8 { 1 }\n";
        let found: Vec<(String, usize)> = functions(text).into_iter().map(|f| (f.name, f.lines)).collect();
        assert_eq!(found, [("outer".to_owned(), 7), ("inner".to_owned(), 3)]);
    }
}
