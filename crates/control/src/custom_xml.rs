//! An administrator's own pieces of a server's libvirt definition, as they are kept in its row.

use berth_proto as proto;
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
