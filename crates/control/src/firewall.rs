//! Rules of firewalls: what callers write becomes what the database holds, and that what callers and nodes read. Pure.

use std::net::IpAddr;

use berth_api::v1::firewall::{FirewallRule, RuleInput};
use berth_proto as proto;
use berth_store::{entity::firewall_rule::Model, firewall::Rule};
use ipnet::IpNet;

/// Ports and ranges of one rule; the node takes as many.
const MOST_PORTS: usize = 32;
const DEFAULT_PRIORITY: i64 = 1_000;
const MOST_PRIORITY: i64 = 10_000;

const ICMP: i32 = 1;
const TCP: i32 = 6;
const UDP: i32 = 17;
const ICMPV6: i32 = 58;

/// A rule from what a caller wrote; every mistake is a sentence.
pub fn parse(input: &RuleInput) -> Result<Rule, Vec<String>> {
    let mut errors = Vec::new();
    let inbound = word(&mut errors, "direction", input.direction.as_deref(), [("in", true), ("out", false)]);
    let actions = [("allow", true), ("deny", false), ("accept", true), ("drop", false)];
    let accept = word(&mut errors, "action", input.action.as_deref(), actions);
    let source = network(&mut errors, "sourceAddress", input.source_address.as_deref());
    let destination = network(&mut errors, "destinationAddress", input.destination_address.as_deref());
    let of = |net: &Option<IpNet>| net.as_ref().map(|net| if net.addr().is_ipv4() { 4 } else { 6 });
    let family = input.ip_type.or_else(|| of(&source)).or_else(|| of(&destination)).unwrap_or(4);
    if family != 4 && family != 6 {
        errors.push("The ipType must be 4 or 6.".to_owned());
    }
    for (field, net) in [("sourceAddress", &source), ("destinationAddress", &destination)] {
        if of(net).is_some_and(|its| its != family) {
            errors.push(format!("The {field} must be an IPv{family} address or network, as the ipType says."));
        }
    }
    let protocol = protocol(&mut errors, input.protocol.as_deref(), family);
    let source_ports = ports(&mut errors, "sourcePort", input.source_port.as_deref());
    let destination_ports = ports(&mut errors, "destinationPort", input.destination_port.as_deref());
    let has_ports = !source_ports.is_empty() || !destination_ports.is_empty();
    if has_ports && protocol != TCP && protocol != UDP {
        errors.push("The protocol must be tcp or udp where there are ports.".to_owned());
    }
    let priority = input.priority.unwrap_or(DEFAULT_PRIORITY);
    if !(0..=MOST_PRIORITY).contains(&priority) {
        errors.push(format!("The priority must be between 0 and {MOST_PRIORITY}."));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let text = |net: Option<IpNet>| net.map(|net| net.trunc().to_string()).unwrap_or_default();
    Ok(Rule {
        priority: i32::try_from(priority).unwrap_or_default(),
        inbound,
        accept,
        family: i32::try_from(family).unwrap_or(4),
        protocol,
        source: text(source),
        destination: text(destination),
        source_ports,
        destination_ports,
    })
}

fn word<const N: usize>(errors: &mut Vec<String>, field: &str, text: Option<&str>, words: [(&str, bool); N]) -> bool {
    let text = text.map(|text| text.trim().to_ascii_lowercase()).unwrap_or_default();
    match words.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => *value,
        None => {
            errors.push(format!("The {field} must be {} or {}.", words[0].0, words[1].0));
            false
        }
    }
}

fn network(errors: &mut Vec<String>, field: &str, text: Option<&str>) -> Option<IpNet> {
    let text = text.map(str::trim).filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("any"))?;
    let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    if parsed.is_none() {
        errors.push(format!("The {field} must be an IP address or a network such as 192.0.2.0/24."));
    }
    parsed
}

fn protocol(errors: &mut Vec<String>, text: Option<&str>, family: i64) -> i32 {
    let text = text.map(|text| text.trim().to_ascii_lowercase()).unwrap_or_default();
    match text.as_str() {
        "" | "any" | "all" => 0,
        "tcp" => TCP,
        "udp" => UDP,
        "icmp" | "icmpv6" if family == 6 => ICMPV6,
        "icmp" => ICMP,
        number => match number.parse::<u8>() {
            Ok(number) => number.into(),
            Err(_) => {
                errors.push("The protocol must be tcp, udp, icmp, any or a number from 0 to 255.".to_owned());
                0
            }
        },
    }
}

/// As it is kept: single ports and ranges by commas, without spaces.
fn ports(errors: &mut Vec<String>, field: &str, text: Option<&str>) -> String {
    let text = text.map(str::trim).filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("any"));
    let Some(text) = text else { return String::new() };
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let parsed: Option<Vec<(u16, u16)>> = parts.iter().map(|part| range(part)).collect();
    match parsed.filter(|parsed| parsed.len() <= MOST_PORTS) {
        Some(parsed) => {
            let shown = |(first, last): &(u16, u16)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            };
            parsed.iter().map(shown).collect::<Vec<_>>().join(",")
        }
        None => {
            errors.push(format!(
                "The {field} must be at most {MOST_PORTS} ports or ranges from 0 to 65535, as in 22,8000-8080."
            ));
            String::new()
        }
    }
}

fn range(part: &str) -> Option<(u16, u16)> {
    let (first, last) = part.split_once(['-', ':']).unwrap_or((part, part));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some((first, last))
}

/// As the API shows it.
pub fn shown(row: Model) -> FirewallRule {
    let Model {
        id,
        ruleset_id: _,
        interface_id: _,
        priority,
        inbound,
        accept,
        family,
        protocol,
        source,
        destination,
        source_ports,
        destination_ports,
        created_at: _,
    } = row;
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    FirewallRule {
        id,
        priority,
        direction: if inbound { "in" } else { "out" }.to_owned(),
        action: if accept { "allow" } else { "deny" }.to_owned(),
        protocol: match protocol {
            0 => "any".to_owned(),
            TCP => "tcp".to_owned(),
            UDP => "udp".to_owned(),
            ICMP | ICMPV6 => "icmp".to_owned(),
            number => number.to_string(),
        },
        ip_type: family,
        source_address: some(source),
        source_port: some(source_ports),
        destination_address: some(destination),
        destination_port: some(destination_ports),
    }
}

/// What a row says, for a copy of it.
pub fn rule_of(row: &Model) -> Rule {
    Rule {
        priority: row.priority,
        inbound: row.inbound,
        accept: row.accept,
        family: row.family,
        protocol: row.protocol,
        source: row.source.clone(),
        destination: row.destination.clone(),
        source_ports: row.source_ports.clone(),
        destination_ports: row.destination_ports.clone(),
    }
}

/// As the node takes it.
pub fn of_spec(rows: &[Model]) -> proto::Firewall {
    let rule = |row: &Model| proto::FirewallRule {
        inbound: row.inbound,
        accept: row.accept,
        family: row.family.unsigned_abs(),
        protocol: row.protocol.unsigned_abs(),
        source: row.source.clone(),
        destination: row.destination.clone(),
        source_ports: port_ranges(&row.source_ports),
        destination_ports: port_ranges(&row.destination_ports),
    };
    proto::Firewall { rules: rows.iter().map(rule).collect() }
}

fn port_ranges(text: &str) -> Vec<proto::PortRange> {
    let ranges = text.split(',').filter_map(range);
    ranges.map(|(first, last)| proto::PortRange { first: first.into(), last: last.into() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(json: serde_json::Value) -> RuleInput {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_rule_is_read_kept_and_shown_again() {
        let rule = parse(&input(serde_json::json!({
            "direction": "IN", "action": "allow", "protocol": "tcp", "sourceAddress": "192.0.2.7/24",
            "destinationPort": " 22, 8000-8080 ", "priority": "5",
        })))
        .unwrap();
        assert_eq!((rule.family, rule.protocol, rule.source.as_str()), (4, TCP, "192.0.2.0/24"));
        assert_eq!(rule.destination_ports, "22,8000-8080");
        let six = parse(&input(serde_json::json!({ "direction": "out", "action": "deny", "protocol": "icmp",
            "destinationAddress": "2001:db8::1" })))
        .unwrap();
        assert_eq!((six.family, six.protocol, six.destination.as_str()), (6, ICMPV6, "2001:db8::1/128"));
        assert_eq!(port_ranges("22,8000-8080").len(), 2);
        assert_eq!(port_ranges("").len(), 0);
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let wrong = parse(&input(serde_json::json!({
            "direction": "up", "action": "perhaps", "protocol": "tcpp", "ipType": 5, "sourceAddress": "here",
            "destinationPort": "90-80", "priority": 10_001,
        })));
        let text = wrong.unwrap_err().join(" ");
        for field in ["direction", "action", "protocol", "ipType", "sourceAddress", "destinationPort", "priority"] {
            assert!(text.contains(field), "{field}: {text}");
        }
        let base = serde_json::json!({ "direction": "in", "action": "deny" });
        for (field, value) in [
            ("destinationPort", "80"),
            ("sourceAddress", "0.0.0.0/0; accept"),
            ("protocol", "256"),
            ("destinationPort", "65536"),
        ] {
            let mut body = base.clone();
            body[field] = value.into();
            assert!(parse(&input(body)).is_err(), "{field} {value}");
        }
        let mut both = base;
        both["ipType"] = 4.into();
        both["sourceAddress"] = "2001:db8::/32".into();
        assert!(parse(&input(both)).is_err());
    }
}
