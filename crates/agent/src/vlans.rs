//! Which VLANs the port of a guest's interface has on its bridge, as words of bridge(8): pure, for golden files.
//!
//! A bridge that knows VLANs keeps a frame in the one of the port by which it came. An interface without any stays in the
//! bridge's own VLAN 1, as all do on a bridge that knows none.

use std::collections::BTreeSet;

use berth_proto::InterfaceVlan;

/// What 802.1Q has room for.
pub const IDS: std::ops::RangeInclusive<u32> = 1..=4094;
/// Of ports that nobody gave any.
const DEFAULT: u32 = 1;

/// One VLAN of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortVlan {
    pub id: u32,
    /// Frames that come without a tag are of it.
    pub pvid: bool,
    /// Frames of it leave without a tag.
    pub untagged: bool,
}

/// Of an interface; a sentence where they are not what they should be.
pub fn of_interface(vlans: &[InterfaceVlan]) -> Result<BTreeSet<PortVlan>, String> {
    if vlans.is_empty() {
        return Ok(BTreeSet::from([PortVlan { id: DEFAULT, pvid: true, untagged: true }]));
    }
    if let Some(wrong) = vlans.iter().find(|vlan| !IDS.contains(&vlan.id)) {
        return Err(format!("{} is not a VLAN: {} to {} are", wrong.id, IDS.start(), IDS.end()));
    }
    if vlans.iter().filter(|vlan| vlan.native).count() > 1 {
        return Err("one VLAN at most is that of frames without a tag".to_owned());
    }
    if vlans.iter().any(|vlan| !vlan.tagged && !vlan.native) {
        return Err("a VLAN whose frames have no tag is that of frames without a tag".to_owned());
    }
    let ids: BTreeSet<u32> = vlans.iter().map(|vlan| vlan.id).collect();
    if ids.len() < vlans.len() {
        return Err("a VLAN is named twice".to_owned());
    }
    Ok(vlans.iter().map(|vlan| PortVlan { id: vlan.id, pvid: vlan.native, untagged: !vlan.tagged }).collect())
}

/// Arguments of `bridge`, one call each, that turn what a port has into what it should have; what goes goes first, for a
/// port has one VLAN of frames without a tag.
pub fn commands(port: &str, now: &BTreeSet<PortVlan>, wanted: &BTreeSet<PortVlan>) -> Vec<Vec<String>> {
    let words = |verb: &str, vlan: &PortVlan| -> Vec<String> {
        let id = vlan.id.to_string();
        ["vlan", verb, "dev", port, "vid", &id].map(str::to_owned).into()
    };
    let kept: BTreeSet<u32> = wanted.iter().map(|vlan| vlan.id).collect();
    let gone = now.iter().filter(|vlan| !kept.contains(&vlan.id)).map(|vlan| words("del", vlan));
    let new = wanted.difference(now).map(|vlan| {
        let mut words = words("add", vlan);
        words.extend(vlan.pvid.then(|| "pvid".to_owned()));
        words.extend(vlan.untagged.then(|| "untagged".to_owned()));
        words
    });
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vlan(id: u32, tagged: bool, native: bool) -> InterfaceVlan {
        InterfaceVlan { id, tagged, native }
    }

    #[test]
    fn golden_ports() {
        let port = |vlans: &[InterfaceVlan]| of_interface(vlans).unwrap();
        let (none, access) = (port(&[]), port(&[vlan(100, false, true)]));
        let trunk = port(&[vlan(100, true, false), vlan(200, true, false), vlan(300, false, true)]);
        let tagged = port(&[vlan(100, true, true), vlan(200, true, false)]);
        let mut text = String::new();
        for (name, now, wanted) in [
            ("access", &none, &access),
            ("access to trunk", &access, &trunk),
            ("trunk to native tagged", &trunk, &tagged),
            ("back to none", &tagged, &none),
            ("nothing to do", &none, &none),
        ] {
            text += &format!("{name}:\n");
            for command in commands("berth0000000001", now, wanted) {
                text += &format!("  bridge {}\n", command.join(" "));
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_a_port_can_not_have_is_refused() {
        for wrong in [
            vec![vlan(0, false, true)],
            vec![vlan(4095, true, false)],
            vec![vlan(7, false, false)],
            vec![vlan(7, true, true), vlan(8, false, true)],
            vec![vlan(7, true, false), vlan(7, true, false)],
        ] {
            assert!(of_interface(&wrong).is_err(), "{wrong:?}");
        }
    }
}
