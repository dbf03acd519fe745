//! An administrator's own pieces of a domain's definition: read by us, judged by what the node's owner accepts, and
//! merged into the generated tree, never as text.
//!
//! A piece is the children of one section (`domain`, `os`, `devices`, `features`, `clock`, `cputune`), with or without
//! the section's own element around them, or `<xml>` as some clients send. There is no DTD and there are no entities
//! but the five of XML, so that nothing expands and nothing is fetched (libvirt CVE-2025-12748 is about less).

use std::path::{Component, Path, PathBuf};

use berth_proto::CustomXml;
use quick_xml::{
    XmlVersion,
    events::{BytesStart, Event},
    reader::Reader,
};
use serde::{Deserialize, Serialize};

use super::element::Element;

/// Of each piece.
const PIECE_LIMIT_BYTES: usize = 64 << 10;
const ELEMENTS_LIMIT: usize = 500;
const DEPTH_LIMIT: usize = 12;
const QEMU_NAMESPACE: &str = "http://libvirt.org/schemas/domain/qemu/1.0";

/// What the node's owner accepts, in `agent.toml`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Elements that are accepted besides those that can't reach beyond the guest: `devices/hostdev`.
    pub elements: Vec<String>,
    /// Files, devices and folders of the host that may be named, with all below them.
    pub paths: Vec<PathBuf>,
    /// `qemu:commandline` and what else is of libvirt's namespace for QEMU.
    pub qemu_namespace: bool,
}

/// A part of the definition that pieces are for.
struct Section {
    element: &'static str,
    /// Children that can't reach beyond the guest, its memory and its processors. None: all.
    accepted: Option<&'static [&'static str]>,
}

const DOMAIN: Section = Section {
    element: "domain",
    // What says whose guest it is, how large it is, and what confines it is not here.
    accepted: Some(&[
        "cpu",
        "memoryBacking",
        "memtune",
        "numatune",
        "blkiotune",
        "iothreads",
        "iothreadids",
        "pm",
        "on_poweroff",
        "on_reboot",
        "on_crash",
        "on_lockfailure",
        "perf",
        "sysinfo",
        "genid",
    ]),
};
const OS: Section = Section { element: "os", accepted: Some(&["bootmenu", "bios", "smbios", "type"]) };
const DEVICES: Section = Section {
    element: "devices",
    // No disks, interfaces, consoles or host devices: those have owners, filters and limits of their own. And nothing
    // legacy, by which guests of the past escaped.
    accepted: Some(&["iommu", "memballoon", "panic", "rng", "video", "watchdog"]),
};
const FEATURES: Section = Section { element: "features", accepted: None };
const CLOCK: Section = Section { element: "clock", accepted: None };
const CPU_TUNE: Section = Section { element: "cputune", accepted: None };

/// In a guest at most once, so that one's own takes the generated one's place.
const SINGLE_DEVICES: [&str; 5] = ["memballoon", "video", "iommu", "vsock", "audio"];

fn pieces(custom: &CustomXml) -> [(&'static Section, &str); 6] {
    let CustomXml { domain, os, devices, features, clock, cpu_tune } = custom;
    [(&DOMAIN, domain), (&OS, os), (&DEVICES, devices), (&FEATURES, features), (&CLOCK, clock), (&CPU_TUNE, cpu_tune)]
}

/// Why this node does not take the pieces, as a sentence.
pub(super) fn check(custom: &CustomXml, policy: &Policy) -> Result<(), String> {
    for (section, text) in pieces(custom) {
        let say = |why: String| format!("the custom XML of {}: {why}", section.element);
        let piece = parse(text, section.element).map_err(say)?;
        piece.child_elements().iter().try_for_each(|child| accept_child(section, child, policy)).map_err(say)?;
        accept(&piece, policy).map_err(say)?;
    }
    Ok(())
}

fn accept_child(section: &Section, child: &Element, policy: &Policy) -> Result<(), String> {
    let name = format!("{}/{}", section.element, child.name());
    let by_owner = policy.elements.contains(&name) || child.name().contains(':') && policy.qemu_namespace;
    if by_owner || section.accepted.is_none_or(|accepted| accepted.contains(&child.name())) {
        return Ok(());
    }
    Err(format!(
        "<{}> is not accepted here; the node's owner can list \"{name}\" in its custom_xml.elements",
        child.name()
    ))
}

/// What is accepted anywhere: names of the host, and namespaces.
fn accept(element: &Element, policy: &Policy) -> Result<(), String> {
    let is_foreign = |name: &str| name.contains(':') || name == "xmlns";
    let names = std::iter::once(element.name()).chain(element.attributes().map(|(name, _)| name));
    if let Some(name) = names.into_iter().find(|name| is_foreign(name))
        && !(policy.qemu_namespace && (name.starts_with("qemu:") || name == "xmlns:qemu"))
    {
        return Err(format!("{name} is of a namespace that the node's owner does not accept"));
    }
    for value in element.attributes().map(|(_, value)| value).chain(element.text_value()) {
        accept_value(value, policy)?;
    }
    element.child_elements().iter().try_for_each(|child| accept(child, policy))
}

/// Whatever looks like a place on the host or elsewhere has to be listed.
fn accept_value(value: &str, policy: &Policy) -> Result<(), String> {
    if value == QEMU_NAMESPACE {
        return Ok(());
    }
    let value = value.trim();
    let path = Path::new(value);
    let is_place = value.starts_with('/') || value.contains("://") || value.contains("..") || value.starts_with("~");
    let climbs = path.components().any(|part| part == Component::ParentDir);
    if !is_place || !climbs && policy.paths.iter().any(|allowed| path.starts_with(allowed)) {
        return Ok(());
    }
    Err(format!("{value} is not one of the paths that the node's owner accepts (custom_xml.paths)"))
}

/// The definition with the pieces in it. Pieces that can't be read were refused before.
pub(super) fn merge(mut domain: Element, custom: &CustomXml) -> Element {
    for (section, text) in pieces(custom) {
        let Ok(piece) = parse(text, section.element) else { continue };
        let (attributes, children) = piece.into_parts();
        let target = if section.element == DOMAIN.element {
            &mut domain
        } else {
            if attributes.is_empty() && children.is_empty() {
                continue;
            }
            domain.child_mut(section.element)
        };
        for (name, value) in attributes {
            target.set_attribute(name, value);
        }
        target.take_in(children, |generated, own| replaces(section, generated, own));
    }
    domain
}

/// Whether an own element takes the place of a generated one. Timers, features of a processor and the like differ by
/// their names.
fn replaces(section: &Section, generated: &Element, own: &Element) -> bool {
    if generated.name() != own.name() {
        return false;
    }
    if section.element == DEVICES.element {
        return SINGLE_DEVICES.contains(&own.name());
    }
    ["name", "vcpu", "vcpus"].iter().all(|key| generated.attribute(key) == own.attribute(key))
}

/// The piece as the section's element; an empty text is an empty piece.
fn parse(text: &str, section: &'static str) -> Result<Element, String> {
    if text.len() > PIECE_LIMIT_BYTES {
        return Err(format!("it is larger than {} KiB", PIECE_LIMIT_BYTES >> 10));
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    // The section itself is at the bottom, and what is open above it.
    let mut open = vec![Element::named(section.to_owned())];
    let mut count = 0;
    loop {
        let event = reader.read_event().map_err(|error| format!("it is not well-formed: {error}"))?;
        match event {
            Event::Eof if open.len() == 1 => break,
            Event::Eof => return Err("it ends within an element".to_owned()),
            Event::Start(start) => {
                open.push(element(&start)?);
                count += 1;
            }
            Event::Empty(start) => {
                let element = element(&start)?;
                count += 1;
                top(&mut open).push(element);
            }
            Event::End(_) => {
                let Some(closed) = open.pop().filter(|_| !open.is_empty()) else {
                    return Err("it closes what it did not open".to_owned());
                };
                top(&mut open).push(closed);
            }
            Event::Text(piece) => add_text(top(&mut open), &piece.xml10_content())?,
            Event::CData(piece) => add_text(top(&mut open), &piece.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character,
                    Ok(None) => predefined(&reference.into_inner())?,
                    Err(error) => return Err(format!("it is not well-formed: {error}")),
                };
                add_text(top(&mut open), character.encode_utf8(&mut [0; 4]))?;
            }
            Event::Comment(_) => {}
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {
                return Err("declarations, processing instructions and document types are not accepted".to_owned());
            }
        }
        if count > ELEMENTS_LIMIT || open.len() > DEPTH_LIMIT {
            return Err(format!(
                "it has more than {ELEMENTS_LIMIT} elements, or more than {DEPTH_LIMIT} within another"
            ));
        }
    }
    let mut piece = open.swap_remove(0);
    if piece.text_value().is_some() {
        return Err("there is text outside of elements".to_owned());
    }
    // The section's own element around it is the section.
    if let [only] = piece.child_elements()
        && (only.name() == section || only.name() == "xml")
    {
        let text = only.text_value().is_some();
        let (attributes, children) = piece.into_parts().1.swap_remove(0).into_parts();
        if text {
            return Err("there is text where elements belong".to_owned());
        }
        piece = Element::whole(section.to_owned(), attributes, children);
    }
    Ok(piece)
}

fn top(open: &mut [Element]) -> &mut Element {
    let last = open.len() - 1;
    &mut open[last]
}

fn element(start: &BytesStart) -> Result<Element, String> {
    let mut element = Element::named(start.name().as_ref().to_owned());
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("it is not well-formed: {error}"))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| format!("it is not well-formed: {error}"))?;
        element.set_attribute(attribute.key.as_ref().to_owned(), value.into_owned());
    }
    Ok(element)
}

fn add_text(element: &mut Element, text: &str) -> Result<(), String> {
    if text.trim().is_empty() && element.text_value().is_none() {
        return Ok(());
    }
    element.add_text(text);
    Ok(())
}

/// The entities that XML itself has.
fn predefined(name: &str) -> Result<char, String> {
    match name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        name => Err(format!("the entity {name} is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(section: &str, text: &str) -> CustomXml {
        let mut custom = CustomXml::default();
        let slot = match section {
            "domain" => &mut custom.domain,
            "os" => &mut custom.os,
            "devices" => &mut custom.devices,
            "features" => &mut custom.features,
            "clock" => &mut custom.clock,
            _ => &mut custom.cpu_tune,
        };
        text.clone_into(slot);
        custom
    }

    fn refusal(section: &str, text: &str) -> String {
        check(&with(section, text), &Policy::default()).unwrap_err()
    }

    #[test]
    fn t17_nothing_expands_nothing_is_fetched_and_sizes_are_bounded() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><hyperv>&b;</hyperv>";
        let deep = "<a>".repeat(50) + &"</a>".repeat(50);
        let many = "<a/>".repeat(600);
        let huge = format!("<a b='{}'/>", "c".repeat(70_000));
        for (text, word) in [
            (bomb, "document types"),
            ("<!DOCTYPE x SYSTEM 'file:///etc/passwd'><a/>", "document types"),
            ("<a>&xxe;</a>", "entity xxe"),
            ("<?xml version='1.0'?><a/>", "declarations"),
            ("<?php echo 1 ?><a/>", "processing instructions"),
            ("<a>", "ends within"),
            ("</a>", "not well-formed"),
            ("<a></b>", "not well-formed"),
            ("<a b='1' b='2'/>", "not well-formed"),
            ("text", "text outside"),
            ("<features>text</features>", "text where"),
            (&deep, "within another"),
            (&many, "elements"),
            (&huge, "larger than"),
        ] {
            let said = refusal("features", text);
            assert!(said.contains(word), "{}: {said}", &text[..text.len().min(60)]);
        }
    }

    #[test]
    fn t17_what_reaches_beyond_the_guest_is_for_the_nodes_owner_to_accept() {
        for (section, text) in [
            ("domain", "<name>another</name>"),
            ("domain", "<uuid>0d5f0f6e-30f5-4e0a-9d84-6f3a9b0f0a11</uuid>"),
            ("domain", "<memory unit='GiB'>900</memory>"),
            ("domain", "<seclabel type='none'/>"),
            ("domain", "<metadata/>"),
            ("domain", "<devices><hostdev/></devices>"),
            ("domain", "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'/>"),
            ("domain", "<commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'/>"),
            ("os", "<kernel>/etc/shadow</kernel>"),
            ("os", "<loader>/tmp/x.fd</loader>"),
            ("os", "<boot dev='hd' file='/etc/shadow'/>"),
            ("devices", "<disk type='file'><source file='/etc/shadow'/></disk>"),
            ("devices", "<disk type='network'><source protocol='nbd'/></disk>"),
            ("devices", "<hostdev mode='subsystem' type='pci'/>"),
            ("devices", "<interface type='bridge'><source bridge='br9'/></interface>"),
            ("devices", "<graphics type='vnc' listen='0.0.0.0'/>"),
            ("devices", "<filesystem/>"),
            ("devices", "<emulator>/bin/sh</emulator>"),
            ("devices", "<rng model='virtio'><backend model='random'>/dev/sda</backend></rng>"),
            ("devices", "<rng model='virtio'><backend model='egd'><source path='../../x'/></backend></rng>"),
            ("devices", "<rng><backend>nbd://10.0.0.1/</backend></rng>"),
            ("features", "<acpi x='/etc/passwd'/>"),
        ] {
            refusal(section, text);
        }
        let policy =
            Policy { elements: vec!["devices/hostdev".into()], paths: vec!["/dev/hwrng".into()], qemu_namespace: true };
        for (section, text) in [
            ("devices", "<hostdev mode='subsystem' type='pci' managed='yes'/>"),
            ("devices", "<rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>"),
            (
                "domain",
                "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:commandline><qemu:arg \
                 value='-S'/></qemu:commandline></domain>",
            ),
        ] {
            check(&with(section, text), &policy).unwrap();
            refusal(section, text);
        }
        let climbing = "<rng><backend>/dev/hwrng/../sda</backend></rng>";
        assert!(check(&with("devices", climbing), &policy).unwrap_err().contains("paths"));
    }

    #[test]
    fn a_piece_comes_with_or_without_its_section_around_it() {
        for text in ["<pae/>", "<features><pae/></features>", "<xml><pae/></xml>", "  <pae></pae>\n<!-- c -->"] {
            let piece = parse(text, "features").unwrap();
            assert_eq!(piece.child_elements().iter().map(Element::name).collect::<Vec<_>>(), ["pae"], "{text}");
        }
        for text in ["", "  ", "<xml/>", "<features/>"] {
            assert!(parse(text, "features").unwrap().child_elements().is_empty(), "{text}");
        }
        let text = parse("<a>1 &lt; &#50;<![CDATA[ & 3]]></a>", "features").unwrap();
        assert_eq!(text.child_elements()[0].text_value(), Some("1 < 2 & 3"));
    }
}
