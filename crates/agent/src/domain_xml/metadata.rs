//! What Berth writes about itself into a domain's `<metadata>`, so that a lost ledger can be rebuilt from the host
//! and that a domain of somebody else is never taken for one of ours.

use berth_proto::{ServerSpec, spec_hash};
use quick_xml::XmlVersion;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::element::{Element, el};

/// The XML namespace of Berth's metadata; `virDomainGetMetadata` finds the element by it.
pub const NAMESPACE: &str = "urn:berth:server:1";

/// Whose server a domain is, and which specification it was defined from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    pub cluster_uuid: String,
    pub server_uuid: String,
    pub server_id: u64,
    pub cluster_epoch: u64,
    pub generation: u64,
    /// [`spec_hash`] of the specification.
    pub spec_hash: String,
}

impl Metadata {
    pub fn of(spec: &ServerSpec) -> Metadata {
        Metadata {
            cluster_uuid: spec.cluster_uuid.clone(),
            server_uuid: spec.server_uuid.clone(),
            server_id: spec.server_id,
            cluster_epoch: spec.cluster_epoch,
            generation: spec.generation,
            spec_hash: spec_hash(spec),
        }
    }

    /// `frame`, `vcpus` and `network` tell later what a guest was started with, see [`super::Running`].
    pub(super) fn element(&self, frame: &str, vcpus: u32, network: &str) -> Element {
        el("metadata").child(
            el("berth:server")
                .attr("xmlns:berth", NAMESPACE)
                .attr("cluster", &self.cluster_uuid)
                .attr("uuid", &self.server_uuid)
                .attr("id", self.server_id)
                .attr("epoch", self.cluster_epoch)
                .attr("generation", self.generation)
                .attr("hash", &self.spec_hash)
                .attr("frame", frame)
                .attr("vcpus", vcpus)
                .attr("network", network),
        )
    }
}

/// Reads the metadata of a domain's XML, or of the element alone; none where it is not a domain of Berth's.
pub fn parse_metadata(xml: &str) -> Option<Metadata> {
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return None,
            Event::Start(start) | Event::Empty(start) if start.local_name().as_ref() == "server" => {
                let value = |name: &str| {
                    let attribute = start.try_get_attribute(name).ok()??;
                    attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(|value| value.into_owned())
                };
                // libvirt keeps the prefix and the declaration on the element; other elements may be named alike.
                if !start.attributes().flatten().any(|a| a.value == NAMESPACE) {
                    continue;
                }
                return Some(Metadata {
                    cluster_uuid: value("cluster")?,
                    server_uuid: value("uuid")?,
                    server_id: value("id")?.parse().ok()?,
                    cluster_epoch: value("epoch")?.parse().ok()?,
                    generation: value("generation")?.parse().ok()?,
                    spec_hash: value("hash")?,
                });
            }
            _ => {}
        }
    }
}
