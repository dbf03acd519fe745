//! What a build is asked to make, checked as far as that needs no database.

use berth_api::v1::server_input::BuildServer;

/// Of what people call their server.
const NAME_CHARACTERS: usize = 63;
/// RFC 1123.
const HOSTNAME_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;
/// Keys that one build puts into a server.
pub const KEYS: usize = 64;
const USER_DATA_BYTES: usize = 64 << 10;
/// Values of `swap` in MB and in GB, with what they are in MiB.
const SWAP: [(f64, i64); 12] = [
    (0.0, 0),
    (256.0, 256),
    (512.0, 512),
    (768.0, 768),
    (1.0, 1024),
    (1.5, 1536),
    (2.0, 2048),
    (3.0, 3072),
    (4.0, 4096),
    (5.0, 5120),
    (6.0, 6144),
    (8.0, 8192),
];

#[derive(Clone, Debug, PartialEq)]
pub struct BuildOrder {
    pub template_id: i64,
    /// `None` leaves it as it is, as the next.
    pub name: Option<String>,
    pub hostname: Option<String>,
    /// Without repetitions, in the order given.
    pub ssh_keys: Vec<i64>,
    pub vnc: Option<bool>,
    pub ipv6: Option<bool>,
    pub email: bool,
    pub swap_mib: i64,
    pub user_data: String,
}

impl BuildOrder {
    pub fn check(input: BuildServer) -> Result<Self, Vec<String>> {
        let BuildServer { operating_system_id, name, hostname, ssh_keys, vnc, ipv6, email, swap, user_data } = input;
        let mut errors = Vec::new();
        if operating_system_id.is_none() {
            errors.push("The operatingSystemId field is required.".to_owned());
        }
        let name = name.filter(|name| !name.is_empty());
        if name.as_deref().is_some_and(|name| !is_name(name)) {
            errors.push(format!("The name must be up to {NAME_CHARACTERS} printable characters."));
        }
        let hostname = hostname.filter(|name| !name.is_empty());
        if hostname.as_deref().is_some_and(|name| !is_hostname(name)) {
            errors.push("The hostname must be a host name: letters, digits and hyphens between dots.".to_owned());
        }
        if ssh_keys.len() > KEYS {
            errors.push(format!("The sshKeys must be at most {KEYS}."));
        }
        let swap_mib = swap_mib(swap);
        if swap_mib.is_none() {
            errors.push("The swap must be 256, 512, 768 (MB) or 1, 1.5, 2, 3, 4, 5, 6, 8 (GB).".to_owned());
        }
        let user_data = user_data.unwrap_or_default();
        if let Err(error) = check_user_data(&user_data) {
            errors.push(error);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut keys = Vec::new();
        for key in ssh_keys {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(Self {
            template_id: operating_system_id.unwrap_or_default(),
            name,
            hostname: hostname.map(|name| name.to_ascii_lowercase()),
            ssh_keys: keys,
            vnc,
            ipv6,
            email: email.unwrap_or(false),
            swap_mib: swap_mib.unwrap_or_default(),
            user_data,
        })
    }
}

/// Printable: no control characters, no line and paragraph separators, nothing that turns the direction of text.
pub fn is_name(name: &str) -> bool {
    let printable = |c: char| {
        !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    !name.trim().is_empty() && name.chars().count() <= NAME_CHARACTERS && name.chars().all(printable)
}

/// A host name of RFC 1123, with or without a domain.
pub fn is_hostname(name: &str) -> bool {
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        (1..=LABEL_BYTES).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-')
    };
    let last_is_no_number = |name: &str| !name.rsplit('.').next().unwrap_or("").bytes().all(|b| b.is_ascii_digit());
    name.len() <= HOSTNAME_BYTES && name.split('.').all(is_label) && last_is_no_number(name)
}

#[expect(clippy::float_cmp, reason = "a value of the list or not")]
fn swap_mib(swap: Option<f64>) -> Option<i64> {
    let asked = swap.unwrap_or(0.0);
    SWAP.iter().find(|(value, _)| *value == asked).map(|(_, mib)| *mib)
}

/// Cloud-config is a YAML mapping; that it parses is for the node to say, which merges it.
fn check_user_data(text: &str) -> Result<(), String> {
    if text.len() > USER_DATA_BYTES {
        return Err(format!("The userData must be at most {USER_DATA_BYTES} bytes."));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("The userData must be text.".to_owned());
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let is_mapping = |line: &str| {
        let key = line.split_once(':').map(|(key, _)| key).unwrap_or_default();
        !key.is_empty() && !key.starts_with(['-', '[', '{', '!', '&', '*', '|', '>', '%', '@', ' ', '\t'])
    };
    match lines.next() {
        Some(line) if !is_mapping(line) => Err("The userData must be a YAML mapping (cloud-config).".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn build() -> BuildServer {
        BuildServer { operating_system_id: Some(1), ..Default::default() }
    }

    #[test]
    fn hostile_host_names_are_refused() {
        for good in ["a", "server1", "server1.domain.com", "xn--bcher-kva.example", "1a.b-c.d9"] {
            assert!(is_hostname(good), "{good}");
        }
        let long = "a".repeat(64);
        let longer = ["a"; 200].join(".");
        let huge = "a".repeat(1 << 20);
        let bad = [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "a b",
            "a\nb",
            "a\n",
            "a\0",
            "a;reboot",
            "$(reboot)",
            "`id`",
            "a: b",
            "- a",
            "{a: b}",
            "<name/>",
            "a&amp;",
            "\"a\"",
            "../a",
            "a/b",
            "ä.example",
            "127.0.0.1",
            "1",
            &long,
            &longer,
            &huge,
        ];
        for name in bad {
            assert!(!is_hostname(name), "{:?}", &name[..name.len().min(40)]);
            assert!(
                name.is_empty()
                    || BuildOrder::check(BuildServer { hostname: Some(name.to_owned()), ..build() }).is_err()
            );
        }
    }

    #[test]
    fn names_are_printable() {
        for good in ["server 1", "Übung", "日本", "a'b\"c<d>&"] {
            assert!(is_name(good), "{good}");
        }
        let huge = "a".repeat(1 << 20);
        for bad in ["", "  ", "a\nb", "a\tb", "a\0b", "a\u{1b}[0m", "a\u{202e}b", "a\u{2028}b", &"a".repeat(64), &huge]
        {
            assert!(!is_name(bad));
        }
    }

    #[test]
    fn swap_has_eleven_sizes_and_none() {
        let sizes = [256.0, 512.0, 768.0, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0];
        let mib = [256, 512, 768, 1024, 1536, 2048, 3072, 4096, 5120, 6144, 8192];
        assert_eq!(sizes.map(|size| swap_mib(Some(size))), mib.map(Some));
        assert_eq!((swap_mib(None), swap_mib(Some(7.0)), swap_mib(Some(-1.0))), (Some(0), None, None));
        assert_eq!(swap_mib(Some(f64::NAN)), None);
    }

    #[test]
    fn user_data_is_a_mapping_of_bounded_size() {
        for good in ["", "#cloud-config\n", "#cloud-config\nruncmd:\n  - echo hi\n", "packages: [vim]"] {
            assert!(check_user_data(good).is_ok(), "{good}");
        }
        let huge = format!("a: {}", "b".repeat(USER_DATA_BYTES));
        for bad in ["- a", "#!/bin/sh\nreboot", "just text", "[a]", "{a: b}", "a: \0", huge.as_str()] {
            assert!(check_user_data(bad).is_err(), "{:?}", &bad[..bad.len().min(40)]);
        }
    }

    proptest! {
        #[test]
        fn what_passes_as_a_host_name_holds_no_special_character(name in "\\PC{0,40}") {
            if is_hostname(&name) {
                prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.'));
            }
        }
    }
}
