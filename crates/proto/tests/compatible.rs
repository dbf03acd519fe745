//! What was released stays as it was: every message, field, number, type and call of the words between control server
//! and agent. Additions are welcome, and come into the file when they are released.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it")]

use std::{collections::BTreeSet, fs, path::Path};

/// One line for each field, value and call.
fn words() -> BTreeSet<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = protox::compile(["berth/node/v1/node.proto"], [dir.join("proto")]).unwrap();
    let file = files.file.iter().find(|file| file.package() == "berth.node.v1").unwrap();
    let mut words = BTreeSet::new();
    for service in &file.service {
        for call in &service.method {
            let stream = |is: bool| if is { "stream " } else { "" };
            words.insert(format!(
                "call {}.{}({}{}) {}{}",
                service.name(),
                call.name(),
                stream(call.client_streaming()),
                call.input_type(),
                stream(call.server_streaming()),
                call.output_type()
            ));
        }
    }
    for message in &file.message_type {
        add_message(&mut words, "", message);
    }
    for one in &file.enum_type {
        add_enum(&mut words, "", one);
    }
    words
}

fn add_message(words: &mut BTreeSet<String>, within: &str, message: &prost_types::DescriptorProto) {
    let name = format!("{within}{}", message.name());
    for field in &message.field {
        let one_of = field.oneof_index.map_or(String::new(), |at| {
            let at = usize::try_from(at).unwrap();
            format!(" in {}", message.oneof_decl[at].name())
        });
        words.insert(format!(
            "field {name}.{} = {} {:?} {:?} {}{one_of}",
            field.name(),
            field.number(),
            field.label(),
            field.r#type(),
            field.type_name()
        ));
    }
    for inner in &message.nested_type {
        add_message(words, &format!("{name}."), inner);
    }
    for inner in &message.enum_type {
        add_enum(words, &format!("{name}."), inner);
    }
}

fn add_enum(words: &mut BTreeSet<String>, within: &str, one: &prost_types::EnumDescriptorProto) {
    for value in &one.value {
        words.insert(format!("value {within}{}.{} = {}", one.name(), value.name(), value.number()));
    }
}

#[test]
fn nothing_that_was_released_is_renumbered_retyped_or_removed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/0.1.txt");
    let now = words();
    assert!(now.len() > 150, "the description was read: {} words", now.len());
    if std::env::var_os("BERTH_REWRITE_PROTOCOL").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, now.iter().map(|word| format!("{word}\n")).collect::<String>()).unwrap();
    }
    let released = fs::read_to_string(&path).unwrap();
    let broken: Vec<&str> = released.lines().filter(|word| !now.contains(*word)).collect();
    assert!(broken.is_empty(), "agents of release 0.1 would not understand: {broken:#?}");
}
