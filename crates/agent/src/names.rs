//! The names that the agent gives to things on its host. All carry the instance's prefix, so that two agents, the
//! tests and an operator's own guests live side by side and each knows its own.

/// A tap's name is the prefix and a tag of ten digits, and Linux takes 15 characters.
pub const INSTANCE_LIMIT_CHARS: usize = 5;
/// Linux' IFNAMSIZ without its closing zero byte.
const INTERFACE_NAME_LIMIT_CHARS: usize = 15;

/// Whether the prefix can begin the name of an interface, a table and a domain: 1 to 5 of `a-z0-9`, a letter first.
pub fn instance_is_valid(instance: &str) -> bool {
    instance.len() <= INSTANCE_LIMIT_CHARS
        && instance.starts_with(|c: char| c.is_ascii_lowercase())
        && instance.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// The libvirt domain of a server.
pub fn domain(instance: &str, server_uuid: &str) -> String {
    format!("{instance}-{server_uuid}")
}

/// Domains that only try whether libvirt takes a definition; none of a server has such a name.
pub fn trial_prefix(instance: &str) -> String {
    format!("{instance}-trial-")
}

/// The UUID of such a domain: another one than the server's, whose domain may be there.
pub fn trial_uuid(server_uuid: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(format!("trial of {server_uuid}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// The server whose domain has this name, none where the domain is not of this instance.
pub fn server_of_domain<'a>(instance: &str, domain_name: &'a str) -> Option<&'a str> {
    domain_name.strip_prefix(instance)?.strip_prefix('-').filter(|uuid| uuid.len() == 36)
}

/// The tap of an interface, by the interface's tag.
pub fn tap(instance: &str, tag: &str) -> String {
    let mut name = format!("{instance}{tag}");
    // Tags are ten digits; a cut on a character's border keeps a wrong one from panicking.
    let mut end = name.len().min(INTERFACE_NAME_LIMIT_CHARS);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

/// What matches each tap of the instance, and nothing else that the agent makes: bridges are `<instance>0`.
pub fn tap_wildcard(instance: &str) -> String {
    format!("{instance}*")
}

/// The bridge that is made where the configuration names none.
pub fn default_bridge(instance: &str) -> String {
    format!("{instance}0")
}

/// The nftables table (bridge family) with the instance's anti-spoofing filters.
pub fn filter_table(instance: &str) -> String {
    format!("{instance}_filter")
}

/// The nftables table (inet family) with the instance's address translation.
pub fn nat_table(instance: &str) -> String {
    format!("{instance}_nat")
}

/// The nftables table (inet family) with the ports of the node that lead to guests.
pub fn forwards_table(instance: &str) -> String {
    format!("{instance}_forwards")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_their_limits_and_lead_back_to_the_server() {
        assert_eq!(tap("berth", "0123456789"), "berth0123456789");
        assert_eq!(tap("t3f", "0123456789"), "t3f0123456789");
        assert_eq!(tap("berth", "01234567890").len(), 15);
        let uuid = "0d5f0f6e-30f5-4e0a-9d84-6f3a9b0f0a11";
        assert_eq!(server_of_domain("berth", &domain("berth", uuid)), Some(uuid));
        assert_eq!(server_of_domain("t3f", &domain("berth", uuid)), None);
        assert_eq!(server_of_domain("berth", "berth-web"), None);
    }

    #[test]
    fn an_instance_prefix_is_short_and_plain() {
        for good in ["berth", "t3f", "a"] {
            assert!(instance_is_valid(good), "{good}");
        }
        for bad in ["", "berth2", "3tf", "a-b", "A", "ä", "a\"b", "*"] {
            assert!(!instance_is_valid(bad), "{bad}");
        }
    }
}
