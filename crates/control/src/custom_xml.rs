//! An administrator's own pieces of a server's libvirt definition, as they are kept in its row.

use berth_proto as proto;
use quick_xml::{XmlVersion, events::Event, reader::Reader};
use serde::{Deserialize, Serialize};

/// One section's piece and its switch.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Piece {
    pub xml: String,
    pub enabled: bool,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Pieces {
    pub domain: Piece,
    pub os: Piece,
    pub devices: Piece,
    pub features: Piece,
    pub clock: Piece,
    pub cpu_tune: Piece,
}

impl Pieces {
    /// Of the row's column; what can't be read counts as none.
    pub fn of(column: &serde_json::Value) -> Self {
        serde_json::from_value(column.clone()).unwrap_or_default()
    }

    /// With the API's names.
    pub fn named(&self) -> [(&'static str, &Piece); 6] {
        let Pieces { domain, os, devices, features, clock, cpu_tune } = self;
        [
            ("domain", domain),
            ("os", os),
            ("devices", devices),
            ("features", features),
            ("clock", clock),
            ("cpuTune", cpu_tune),
        ]
    }

    /// What the node gets: those that are switched on. None where there is nothing.
    pub fn spec(&self) -> Option<proto::CustomXml> {
        let on = |piece: &Piece| if piece.enabled { piece.xml.clone() } else { String::new() };
        self.chosen(on)
    }

    /// All of them, also those that are switched off, for the node to judge.
    pub fn all(&self) -> Option<proto::CustomXml> {
        self.chosen(|piece| piece.xml.clone())
    }

    /// Whether the guest's firmware offers a menu of what to boot: only own pieces can ask for one.
    pub fn boot_menu(&self) -> bool {
        self.os.enabled && has_boot_menu(&self.os.xml)
    }

    fn chosen(&self, text: impl Fn(&Piece) -> String) -> Option<proto::CustomXml> {
        let chosen = proto::CustomXml {
            domain: text(&self.domain),
            os: text(&self.os),
            devices: text(&self.devices),
            features: text(&self.features),
            clock: text(&self.clock),
            cpu_tune: text(&self.cpu_tune),
        };
        (chosen != proto::CustomXml::default()).then_some(chosen)
    }
}

/// `<bootmenu enable="yes"/>`, of which libvirt takes one. What is no XML was refused before.
fn has_boot_menu(xml: &str) -> bool {
    let mut reader = Reader::from_str(xml);
    let mut is_on = false;
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            Event::Start(start) | Event::Empty(start) if start.name().as_ref() == "bootmenu" => {
                let enable = start.try_get_attribute("enable").ok().flatten();
                let value = enable.and_then(|of| of.normalized_value(XmlVersion::Implicit1_0).ok().map(|v| v == "yes"));
                is_on = value == Some(true);
            }
            _ => {}
        }
    }
    is_on
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_is_offered_where_an_own_piece_switches_it_on() {
        for (xml, wanted) in [
            ("", false),
            ("<bootmenu enable='yes'/>", true),
            ("<os><bios useserial='yes'/><bootmenu timeout=\"3000\" enable=\"yes\"></bootmenu></os>", true),
            ("<bootmenu enable='no'/>", false),
            ("<bootmenu/>", false),
            ("<!-- <bootmenu enable='yes'/> --><bios useserial='yes'/>", false),
            ("<bootmenu enable='yes'", false),
        ] {
            let of = |enabled| Pieces { os: Piece { xml: xml.to_owned(), enabled }, ..Pieces::default() };
            assert_eq!((of(true).boot_menu(), of(false).boot_menu()), (wanted, false), "{xml}");
            let elsewhere = Pieces { devices: Piece { xml: xml.to_owned(), enabled: true }, ..Pieces::default() };
            assert!(!elsewhere.boot_menu(), "{xml}");
        }
    }
}
