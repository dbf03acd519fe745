//! What a failed test says of its Berth: its guests, their networks and consoles, and the ends of its logs. Nobody can
//! look at a machine of CI afterwards.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use super::host;
use super::place::Place;

const TAIL_LINES: usize = 60;
const LINE_LIMIT_CHARS: usize = 400;
/// Of a VGA in text mode: 80 x 25 letters, two bytes each.
const TEXT_SCREEN: &str = "xp /4000xb 0xb8000";
/// Each look at the host: it may be what hangs.
const LOOK_LIMIT_S: &str = "20";

/// Reads only; says what it can't read. Blocks, for it is called where a panic unwinds.
pub fn of(place: &Place) -> String {
    let mut said = format!("\n==== {} in {}\n", place.instance, place.dir.display());
    let prefix = format!("{}-", place.instance);
    let all = virsh(place, &["list", "--all"]);
    let listed: Vec<&str> = all.lines().filter(|line| line.contains(&place.instance)).collect();
    section(&mut said, "virsh list --all", if listed.is_empty() { &all } else { "" });
    for line in listed {
        writeln!(said, "{line}").ok();
        let Some(name) = line.split_whitespace().find(|word| word.starts_with(&prefix)) else { continue };
        section(&mut said, &format!("{name}: state"), &virsh(place, &["domstate", "--reason", name]));
        section(&mut said, "interfaces, as its agent says", &virsh(place, &["domifaddr", name, "--source", "agent"]));
        // A guest that says nothing at all: where its processors are, what rings for them, and what stands on its screen.
        section(&mut said, "registers", &monitor(place, name, "info registers -a"));
        for processor in 0..2 {
            section(&mut said, "timer and interrupts", &monitor(place, name, &format!("info lapic {processor}")));
        }
        section(&mut said, "screen", &letters(&monitor(place, name, TEXT_SCREEN)));
        section(&mut said, "QEMU", &tail(Path::new(&format!("/var/log/libvirt/qemu/{name}.log"))));
    }
    for link in host::links(&place.instance) {
        section(&mut said, &format!("{link}: counters"), &look("ip", &["-s", "link", "show", &link]));
    }
    for log in host::files_with(&place.agent_dir().join("logs"), ".serial.log") {
        section(&mut said, &log, &tail(Path::new(&log)));
    }
    for log in ["control.log", "agent.log"] {
        section(&mut said, log, &tail(&place.dir.join(log)));
    }
    said
}

fn section(said: &mut String, title: &str, text: &str) {
    writeln!(said, "---- {title}\n{}", text.trim_end()).ok();
}

fn virsh(place: &Place, args: &[&str]) -> String {
    let mut all = vec!["-q", "-c", place.libvirt_uri.as_str()];
    all.extend(args);
    look("virsh", &all)
}

fn monitor(place: &Place, name: &str, command: &str) -> String {
    virsh(place, &["qemu-monitor-command", name, "--hmp", command])
}

/// The letters of a text screen as QEMU's `xp` prints its memory, 16 bytes in a line: each is a letter and its colour.
fn letters(dump: &str) -> String {
    let bytes = dump.lines().filter_map(|line| line.split_once(": ")).flat_map(|(_, words)| words.split_whitespace());
    let letter = |word: &str| u8::from_str_radix(word.trim_start_matches("0x"), 16).unwrap_or(b' ');
    let text: Vec<char> = bytes.step_by(2).map(|word| char::from(letter(word))).collect();
    let plain = |line: &[char]| line.iter().map(|&c| if c.is_ascii_graphic() { c } else { ' ' }).collect::<String>();
    text.chunks(80)
        .map(plain)
        .map(|line| line.trim_end().to_owned())
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn look(program: &str, args: &[&str]) -> String {
    match Command::new("timeout").arg(LOOK_LIMIT_S).arg(program).args(args).output() {
        Ok(output) => String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        Err(error) => format!("{program}: {error}"),
    }
}

/// The last lines without what moves a terminal's cursor.
fn tail(file: &Path) -> String {
    let text = match std::fs::read(file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return format!("{}: {error}", file.display()),
    };
    let plain = |line: &str| line.chars().filter(|c| !c.is_control()).take(LINE_LIMIT_CHARS).collect::<String>();
    let lines: Vec<String> = text.lines().map(plain).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
