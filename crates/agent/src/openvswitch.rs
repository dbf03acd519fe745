//! Guests on a bridge of Open vSwitch: pure, for golden files.
//!
//! Packets that go from one port of Open vSwitch to another never come through the kernel's bridges, where the filters
//! are. A guest is therefore plugged into a small Linux bridge, and that one is joined to the switch by a port of it:
//!
//! ```text
//! tap ─┐                             filters, firewall, rates, counters: as on every bridge
//! tap ─┴─ <instance>-b… ── <instance>-p… ── the operator's bridge of Open vSwitch
//!         Linux bridge     its port: VLANs, isolation
//! ```
//!
//! Guests with the same VLANs share a join; isolated ones have joins of their own, whose ports are protected from each
//! other, as their taps are from each other within a join.
//!
//! Reference: ovs-vsctl(8); ovs-vswitchd.conf.db(5), table Port.

use std::collections::BTreeSet;

use berth_proto::InterfaceSpec;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::vlans::{self, PortVlan};

/// The key beside our ports in the switch's database that says whose they are; and the one that says what for.
const OWNER: &str = "berth";
const PURPOSE: &str = "berth-join";

/// What a group of guests' interfaces on one bridge of Open vSwitch have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Join {
    /// The operator's.
    pub bridge: String,
    vlans: BTreeSet<PortVlan>,
    isolated: bool,
}

/// A port of the switch as its database has it, as far as it is ours to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    pub name: String,
    purpose: String,
    mode: String,
    tag: Option<u32>,
    trunks: BTreeSet<u32>,
    protected: bool,
}

impl Join {
    /// Or a sentence, where the VLANs are not what they should be.
    pub fn of(interface: &InterfaceSpec) -> Result<Join, String> {
        let vlans = if interface.vlans.is_empty() { BTreeSet::new() } else { vlans::of_interface(&interface.vlans)? };
        Ok(Join { bridge: interface.bridge.clone(), vlans, isolated: interface.isolated })
    }

    /// The Linux bridge that guests are plugged into. No tap's name has a dash.
    pub fn plug(&self, instance: &str) -> String {
        format!("{instance}-b{}", self.digits())
    }

    /// The port of the switch that is a port of that bridge, too.
    pub fn port(&self, instance: &str) -> String {
        format!("{instance}-p{}", self.digits())
    }

    /// Eight of them: with the prefix a name has 15 characters, Linux' limit.
    fn digits(&self) -> String {
        hex::encode(Sha256::digest(self.purpose()))[..8].to_owned()
    }

    /// For people who look into the switch's database.
    fn purpose(&self) -> String {
        let vlan = |vlan: &PortVlan| match (vlan.untagged, vlan.pvid) {
            (true, _) => format!("{} untagged", vlan.id),
            (false, true) => format!("{} native", vlan.id),
            (false, false) => vlan.id.to_string(),
        };
        let vlans: Vec<String> = self.vlans.iter().map(vlan).collect();
        let vlans = if vlans.is_empty() { "no VLAN".to_owned() } else { format!("VLANs {}", vlans.join(" ")) };
        let isolated = if self.isolated { ", isolated" } else { "" };
        format!("guests of {}, {vlans}{isolated}", self.bridge)
    }

    /// What its port should be. One that has no VLAN passes no frame with a tag.
    pub fn wanted(&self, instance: &str) -> Port {
        let native = self.vlans.iter().find(|vlan| vlan.pvid);
        let tagged: BTreeSet<u32> = self.vlans.iter().filter(|vlan| !vlan.untagged).map(|vlan| vlan.id).collect();
        let (mode, tag) = match native {
            _ if self.vlans.is_empty() => ("access", Some(0)),
            Some(native) if tagged.is_empty() => ("access", Some(native.id)),
            Some(native) if native.untagged => ("native-untagged", Some(native.id)),
            Some(native) => ("native-tagged", Some(native.id)),
            None => ("trunk", None),
        };
        Port {
            name: self.port(instance),
            purpose: self.purpose(),
            mode: mode.to_owned(),
            tag,
            trunks: tagged,
            protected: self.isolated,
        }
    }
}

/// Arguments of `ovs-vsctl` that make the port what it should be, in one transaction; once more they change nothing.
pub fn add_port(instance: &str, bridge: &str, port: &Port) -> Vec<String> {
    let Port { name, purpose, mode, tag, trunks, protected } = port;
    let trunks: Vec<String> = trunks.iter().map(u32::to_string).collect();
    let tag = tag.map(|tag| tag.to_string()).unwrap_or_default();
    let columns = [
        format!("vlan_mode={mode}"),
        format!("tag=[{tag}]"),
        format!("trunks=[{}]", trunks.join(",")),
        format!("protected={protected}"),
        format!("external_ids:{OWNER}={instance}"),
        format!("external_ids:{PURPOSE}=\"{purpose}\""),
    ];
    let add = ["--", "--may-exist", "add-port", bridge, name, "--", "set", "Port", name];
    // The switch makes the device itself, anew after each boot, and gives it the bridge's MTU.
    let device = ["--", "set", "Interface", name, "type=internal"];
    let words = add.into_iter().map(str::to_owned).chain(columns).chain(device.into_iter().map(str::to_owned));
    words.collect()
}

/// Arguments that take a port away; what is not there is no error.
pub fn del_port(name: &str) -> Vec<String> {
    ["--", "--if-exists", "del-port", name].map(str::to_owned).into()
}

/// Arguments that show all ports of the instance.
pub fn find_ports(instance: &str) -> Vec<String> {
    let columns = "--columns=name,external_ids,vlan_mode,tag,trunks,protected";
    let owner = format!("external_ids:{OWNER}={instance}");
    ["--format=json", columns, "find", "Port", &owner].map(str::to_owned).into()
}

/// What [`find_ports`] shows; none where it is not understood.
pub fn read_ports(json: &[u8]) -> Option<Vec<Port>> {
    let table: Value = serde_json::from_slice(json).ok()?;
    table["data"].as_array()?.iter().map(read_port).collect()
}

fn read_port(row: &Value) -> Option<Port> {
    let [name, ids, mode, tag, trunks, protected] = row.as_array()?.as_slice() else { return None };
    let ids = ids[1].as_array()?;
    let purpose = ids.iter().find(|pair| pair[0] == PURPOSE).and_then(|pair| pair[1].as_str()).unwrap_or_default();
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    Some(Port {
        name: name.as_str()?.to_owned(),
        purpose: purpose.to_owned(),
        mode: mode.as_str().unwrap_or_default().to_owned(),
        tag: number(tag),
        // A set of one is shown as what is in it.
        trunks: number(trunks).map_or_else(
            || trunks[1].as_array().into_iter().flatten().filter_map(number).collect(),
            |one| BTreeSet::from([one]),
        ),
        protected: protected.as_bool()?,
    })
}

/// The bridge that an interface is plugged into: of the joined one's where its network's is of Open vSwitch.
pub fn plug(instance: &str, switches: &[String], interface: &InterfaceSpec) -> String {
    // VLANs that can't be were refused before.
    match Join::of(interface) {
        Ok(join) if switches.contains(&interface.bridge) => join.plug(instance),
        _ => interface.bridge.clone(),
    }
}

/// The Linux bridge of a port of ours, by its name.
pub fn plug_of(instance: &str, port: &str) -> Option<String> {
    let digits = port.strip_prefix(instance)?.strip_prefix("-p")?;
    Some(format!("{instance}-b{digits}"))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use berth_proto::InterfaceVlan;

    use super::*;

    fn vlan(id: u32, tagged: bool, native: bool) -> InterfaceVlan {
        InterfaceVlan { id, tagged, native }
    }

    fn interface(vlans: &[InterfaceVlan], isolated: bool) -> InterfaceSpec {
        InterfaceSpec { bridge: "ovsbr0".into(), vlans: vlans.to_vec(), isolated, ..Default::default() }
    }

    fn joins() -> [(&'static str, Join); 6] {
        let join = |vlans: &[InterfaceVlan], isolated| Join::of(&interface(vlans, isolated)).unwrap();
        [
            ("no VLAN", join(&[], false)),
            ("no VLAN, isolated", join(&[], true)),
            ("a VLAN", join(&[vlan(100, false, true)], false)),
            ("trunk", join(&[vlan(200, true, false), vlan(100, true, false)], false)),
            ("trunk, a native one without a tag", join(&[vlan(100, true, false), vlan(300, false, true)], false)),
            ("trunk, a native one with a tag", join(&[vlan(100, true, true)], true)),
        ]
    }

    #[test]
    fn golden_joins() {
        let mut text = String::new();
        for (name, join) in joins() {
            let _ = writeln!(text, "{name}: guests are plugged into {}", join.plug("berth"));
            let _ = writeln!(text, "  ovs-vsctl {}", add_port("berth", &join.bridge, &join.wanted("berth")).join(" "));
        }
        let _ = writeln!(text, "gone:\n  ovs-vsctl {}", del_port(&joins()[0].1.port("berth")).join(" "));
        let _ = writeln!(text, "look:\n  ovs-vsctl {}", find_ports("berth").join(" "));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn each_group_has_names_of_its_own_that_fit_and_are_no_taps() {
        let names: BTreeSet<String> =
            joins().iter().flat_map(|(_, join)| [join.plug("berth"), join.port("berth")]).collect();
        assert_eq!(names.len(), 12);
        for name in &names {
            assert!(name.len() == 15 && !name.starts_with(|c: char| c.is_ascii_digit()), "{name}");
            assert!(name.starts_with("berth-"), "a filter is for what begins with the prefix and a digit: {name}");
        }
        let join = &joins()[2].1;
        assert_eq!(plug_of("berth", &join.port("berth")), Some(join.plug("berth")));
        assert_eq!(plug_of("berth", "eth0"), None);
    }

    #[test]
    fn a_guest_is_plugged_into_the_joined_bridge_of_a_switch_and_into_any_other_itself() {
        let one = interface(&[], false);
        assert_eq!(plug("berth", &[], &one), "ovsbr0");
        assert_eq!(plug("berth", &["ovsbr0".into()], &one), Join::of(&one).unwrap().plug("berth"));
        assert!(Join::of(&interface(&[vlan(0, false, true)], false)).is_err());
    }

    #[test]
    fn what_the_switch_says_of_its_ports_is_read() {
        let json = br#"{"data":[
            ["berth-p1",["map",[["berth","berth"],["berth-join","x"]]],"native-untagged",300,["set",[100,200]],false],
            ["berth-p2",["map",[["berth","berth"]]],["set",[]],["set",[]],100,true]],"headings":["name"]}"#;
        let first = Port {
            name: "berth-p1".into(),
            purpose: "x".into(),
            mode: "native-untagged".into(),
            tag: Some(300),
            trunks: BTreeSet::from([100, 200]),
            protected: false,
        };
        let second = Port {
            name: "berth-p2".into(),
            purpose: String::new(),
            mode: String::new(),
            tag: None,
            trunks: BTreeSet::from([100]),
            protected: true,
        };
        assert_eq!(read_ports(json), Some(vec![first, second]));
        assert_eq!((read_ports(br#"{"data":[]}"#), read_ports(b"ovs-vsctl: x")), (Some(vec![]), None));
    }
}
