//! What went wrong elsewhere has a test here, by its number: `tNN_...`. docs/threats.md tells the stories.

use super::Source;

/// Whose feature exists. A row comes in here with the first commit of its feature.
const WITH_FEATURE: [(u8, &str); 23] = [
    (1, "operations without a token"),
    (2, "text of customers reaches the host or a template"),
    (3, "another customer's things by changing a number"),
    (4, "a file name made from a request"),
    (5, "logins that can be guessed"),
    (6, "fetches of private addresses"),
    (7, "another's second factor removed"),
    (8, "names and secrets where they do not belong"),
    (9, "fields that nobody may set"),
    (10, "images that read other files"),
    (11, "raw disks taken for another format"),
    (12, "old data, and sizes without bound"),
    (14, "spoofed packets"),
    (15, "consoles opened by other sites"),
    (16, "QEMU without its sandbox, legacy devices, nested virtualisation"),
    (17, "XML by customers, and an administrator's own"),
    (18, "one address given twice"),
    (19, "an older state applied over a newer one"),
    (20, "jobs that never end"),
    (21, "operations that a restart loses"),
    (24, "guests that stop without the control server"),
    (26, "servers that nobody knows the place of"),
    (27, "full disks, downloads cut off"),
];

pub fn check(sources: &[Source]) -> Vec<String> {
    let covered: Vec<u8> = sources.iter().filter(|source| source.is_rust()).flat_map(|s| numbers(&s.text)).collect();
    let lacking = WITH_FEATURE.iter().filter(|(number, _)| !covered.contains(number));
    lacking.map(|(number, story)| format!("no test is named t{number:02}_...: {story}")).collect()
}

/// Of all functions whose name begins with `tNN_`, and of more such marks that follow.
fn numbers(text: &str) -> Vec<u8> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("fn t") {
        let mut name = &text[at + 3..];
        while let Some(digits) = name.strip_prefix('t').and_then(|rest| rest.get(..3)) {
            let Some(number) = digits.strip_suffix('_').and_then(|two| two.parse().ok()) else { break };
            found.push(number);
            name = &name[4..];
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_test_may_cover_two_rows() {
        assert_eq!(
            numbers("    fn t08_t17_hostile() {}\nasync fn t20_x() {}\nfn tidy() {}\nfn t5_x() {}"),
            [8, 17, 20]
        );
    }
}
