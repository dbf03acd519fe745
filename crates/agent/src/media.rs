//! The disc in a guest's drive: in the node's cache before the definition names it, and changed in a running guest.

use berth_proto::ServerSpec;
use quick_xml::{XmlVersion, events::Event, reader::Reader};

use crate::{
    agent::Agent,
    domain_xml::{self, DRIVE_TARGET},
    iso,
    libvirt::HostError,
    vm::VmError,
};

/// Refuses a disc that the node does not have: a guest could not be started with it.
pub fn ensure_disc_is_there(agent: &Agent, spec: &ServerSpec) -> Result<(), VmError> {
    if spec.iso_digest.is_empty() {
        return Ok(());
    }
    let digest = iso::parse_digest(&spec.iso_digest).map_err(|error| VmError::Refused(error.sentence))?;
    match iso::cached(&agent.paths, &digest) {
        Some(_) => Ok(()),
        None => Err(VmError::Refused(format!(
            "the ISO image {} is not in the node's cache; eject it, or mount it again",
            spec.iso_digest
        ))),
    }
}

/// Puts the disc into the running guest's drive, or takes it out; libvirt forces the tray open where the guest holds on
/// to the disc. A guest of an earlier definition, without a drive, gets one at its next start.
pub async fn ensure_disc(agent: &Agent, spec: &ServerSpec, live_xml: &str) -> Result<(), HostError> {
    let Some(found) = disc_in_drive(live_xml) else { return Ok(()) };
    let wanted = iso::parse_digest(&spec.iso_digest).ok().map(|digest| iso::path(&agent.paths, &digest));
    let wanted = wanted.map(|path| path.display().to_string()).unwrap_or_default();
    if found != wanted {
        let drive = domain_xml::drive_xml(spec, &agent.paths);
        agent.libvirt.change_disc(&agent.domain(&spec.server_uuid), drive).await?;
    }
    Ok(())
}

/// The file in the drive of a domain's XML, empty where there is none; nothing where the domain has no such drive.
fn disc_in_drive(xml: &str) -> Option<String> {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<String> = Vec::new();
    let mut file = String::new();
    loop {
        let (start, stays) = match reader.read_event().ok()? {
            Event::Eof => return None,
            Event::Start(start) => (start, true),
            Event::Empty(start) => (start, false),
            Event::End(_) => {
                open.pop();
                continue;
            }
            _ => continue,
        };
        let value = |name: &str| {
            let attribute = start.try_get_attribute(name).ok().flatten();
            attribute.and_then(|a| a.normalized_value(XmlVersion::Implicit1_0).ok().map(|v| v.into_owned()))
        };
        let name = start.local_name().as_ref().to_owned();
        match (open.last().map(String::as_str), name.as_str()) {
            (Some("devices"), "disk") => file.clear(),
            (Some("disk"), "source") => file = value("file").unwrap_or_default(),
            (Some("disk"), "target") if value("dev").as_deref() == Some(DRIVE_TARGET) => return Some(file),
            _ => {}
        }
        if stays {
            open.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disc_in_the_drive_is_found_among_the_other_disks() {
        let with = |drive: &str| {
            format!(
                "<domain><devices><disk device='disk'><source file='/d/volumes/a.qcow2'/><backingStore><source \
                 file='/d/t'/></backingStore><target dev='vda' bus='virtio'/></disk>{drive}<disk device='cdrom'>\
                 <source file='/d/seeds/x.iso'/><target dev='sda' bus='scsi'/></disk></devices></domain>"
            )
        };
        let full = "<disk device='cdrom'><source file='/d/isos/y.iso' index='3'/><target dev='sdb'/></disk>";
        assert_eq!(disc_in_drive(&with(full)).as_deref(), Some("/d/isos/y.iso"));
        let empty = "<disk device='cdrom'><target dev='sdb' tray='open'/></disk>";
        assert_eq!(disc_in_drive(&with(empty)).as_deref(), Some(""));
        assert_eq!(disc_in_drive(&with("")), None);
        assert_eq!(disc_in_drive("<domain"), None);
    }
}
