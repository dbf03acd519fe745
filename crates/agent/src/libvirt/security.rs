//! What confines guests besides their own users, as libvirt's capabilities tell it
//! (<https://libvirt.org/formatcaps.html>).

use quick_xml::{events::Event, reader::Reader};

/// Ownership of files and processes, which every guest has, and no driver at all.
const UNCONFINING: [&str; 2] = ["dac", "none"];

/// The driver's name, "none" where none is in force. Text that is no XML reads as a host without one.
pub fn driver(capabilities: &str) -> String {
    let mut reader = Reader::from_str(capabilities);
    // Names of the open elements.
    let mut path: Vec<String> = Vec::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Eof => break,
            Event::Start(start) => path.push(start.local_name().as_ref().to_owned()),
            Event::End(_) => {
                path.pop();
            }
            Event::Text(text) if path.join("/") == "capabilities/host/secmodel/model" => {
                let model = text.trim();
                if !model.is_empty() && !UNCONFINING.contains(&model) {
                    return model.to_owned();
                }
            }
            _ => {}
        }
    }
    "none".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As libvirt 9.0 tells them, shortened.
    fn capabilities(models: &[&str]) -> String {
        let models: String =
            models.iter().map(|model| format!("<secmodel><model>{model}</model><doi>0</doi></secmodel>")).collect();
        let guest = "<guest><os_type>hvm</os_type><model>selinux</model></guest>";
        format!("<capabilities><host><cpu><model>EPYC</model></cpu>{models}</host>{guest}</capabilities>")
    }

    #[test]
    fn what_confines_guests_is_told_from_what_only_owns_their_files() {
        for (models, wanted) in [
            (&["apparmor", "dac"][..], "apparmor"),
            (&["dac", "selinux"], "selinux"),
            (&["none", "dac"], "none"),
            (&["dac"], "none"),
            (&[], "none"),
        ] {
            assert_eq!(driver(&capabilities(models)), wanted, "{models:?}");
        }
        for text in ["", "no XML", "<capabilities><host><secmodel>", "<host><secmodel><model>selinux</model>"] {
            assert_eq!(driver(text), "none", "{text}");
        }
    }
}
