//! What an administrator puts into a guest beside its template: discs, own XML, other hardware. One guest for all of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::berth::Berth;
use crate::support::disc::{self, BOOTED, TEXT_SECTOR};
use crate::support::host;
use crate::support::ssh::{Guest, key_pair};
use crate::support::wait::until;

const BOOT_LIMIT_S: u64 = 60;
const FIRST: &str = "the first disc of this test";
const SECOND: &str = "the second disc of this test";
/// Of the live definition, one of each section that the test writes and of the hardware that it asks for.
const OWN_PARTS: [&str; 8] = [
    "<sysinfo type='smbios'>",
    "<smbios mode='sysinfo'/>",
    "model='i6300esb'",
    "<pae/>",
    "<clock offset='localtime'>",
    "<emulator_quota>90000</emulator_quota>",
    "Nehalem",
    "machine='pc-i440fx-",
];

#[tokio::test(flavor = "multi_thread")]
async fn discs_own_xml_and_hardware_are_what_the_guest_has() {
    let berth = Berth::start(40).await;
    let (key, public) = key_pair(&berth.place.dir).await;
    let key_id = berth.add_key(&public).await;
    let id = berth.create_server().await;
    berth.build(id, "media.example.test", &[key_id]).await;
    let server = berth.built(id).await;
    let uuid = server["uuid"].as_str().expect("a UUID").to_owned();
    let address = server["network"]["interfaces"][0]["ipv4"][0]["address"].as_str().expect("an address");
    let guest = Guest::with_key(address, &key);
    guest.eventually("true").await;

    discs_go_in_and_out_of_a_running_guest(&berth, id, &guest).await;
    t17_own_xml_is_tried_before_it_is_kept(&berth, id, &uuid).await;
    own_xml_and_hardware_are_there_after_the_next_start(&berth, id, &uuid, &guest).await;
    a_guest_boots_from_a_disc(&berth, id, &uuid).await;
    berth.removed(id).await;
    berth.finish().await;
}

async fn done(berth: &Berth, answer: &Value) {
    let job = berth.api.job_end(answer["queueId"].as_i64().expect("a job")).await;
    assert_eq!(job["failed"], false, "{job}\n{}", berth.agent.log_tail());
}

/// A disc of the library with this text.
async fn add_disc(berth: &Berth, text: &str) -> i64 {
    let file = berth.place.dir.join("disc.iso");
    std::fs::write(&file, disc::bootable(text)).expect("the test's folder");
    let id = berth.api.post("/media/iso", &json!({"name": text})).await["id"].as_i64().expect("an id");
    berth.api.put_file(&format!("/media/iso/{id}/file"), &file).await;
    id
}

async fn mount(berth: &Berth, server: i64, iso: i64) {
    done(berth, &berth.api.post(&format!("/servers/{server}/media/iso"), &json!({"isoId": iso})).await).await;
    let drive = berth.api.get(&format!("/servers/{server}/media/iso")).await;
    assert_eq!((&drive["isoMounted"], &drive["isoId"]), (&json!(true), &json!(iso)));
}

async fn eject(berth: &Berth, server: i64) {
    let answer = berth.api.call(Method::DELETE, &format!("/servers/{server}/media/iso"), None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    done(berth, &answer.body["data"]).await;
}

/// What the guest reads from the drive: the seed is its first, the drive its second.
async fn read(guest: &Guest) -> Option<String> {
    let command = format!("dd if=/dev/sr1 bs=2048 skip={TEXT_SECTOR} count=1 2>/dev/null | tr -d '\\0'");
    let outcome = guest.attempt(&command).await;
    Some(outcome.stdout.trim().to_owned()).filter(|text| !text.is_empty())
}

async fn discs_go_in_and_out_of_a_running_guest(berth: &Berth, id: i64, guest: &Guest) {
    let boot_id = guest.run("cat /proc/sys/kernel/random/boot_id").await;
    assert_eq!(read(guest).await, None, "the drive is empty");
    let (first, second) = (add_disc(berth, FIRST).await, add_disc(berth, SECOND).await);
    mount(berth, id, first).await;
    let has = async |text: &str| {
        until("the guest reads the disc", 20, async || read(guest).await.filter(|found| found == text)).await
    };
    has(FIRST).await;
    let refused = berth.api.call(Method::DELETE, &format!("/media/iso/{first}"), None).await;
    assert!(refused.status == 422 && refused.body.to_string().contains(&id.to_string()), "{}", refused.body);
    mount(berth, id, second).await;
    has(SECOND).await;
    eject(berth, id).await;
    until("the drive is empty", 20, async || read(guest).await.is_none().then_some(())).await;
    assert_eq!(guest.run("cat /proc/sys/kernel/random/boot_id").await, boot_id, "the guest ran through all of it");
    assert!(!guest.attempt("dd if=/dev/zero of=/dev/sr1 count=1").await.ok, "a guest wrote on a disc");
    let removed = berth.api.call(Method::DELETE, &format!("/media/iso/{first}"), None).await;
    assert_eq!(removed.status, 204, "{}", removed.body);
}

async fn t17_own_xml_is_tried_before_it_is_kept(berth: &Berth, id: i64, uuid: &str) {
    let path = format!("/servers/{id}/customXML");
    for (body, words) in [
        // libvirt's own.
        (json!({"devices": "<watchdog model='nonsense' action='reset'/>", "devicesEnabled": true}), "Libvirt says"),
        (json!({"clock": "<clock offset='nowhere'/>", "clockEnabled": true}), "Libvirt says"),
        // The node's owner's.
        (json!({"domain": "<seclabel type='none'/>", "domainEnabled": true}), "custom_xml.elements"),
        (
            json!({"devices": "<rng model='virtio'><backend model='random'>/dev/vda</backend></rng>"}),
            "custom_xml.paths",
        ),
    ] {
        let answer = berth.api.call(Method::POST, &path, Some(&body)).await;
        assert!(answer.status == 422 && answer.body.to_string().contains(words), "{body}: {}", answer.body);
    }
    let kept = &berth.api.get(&format!("/servers/{id}")).await["customXML"];
    assert_eq!(kept["devices"], json!({"xml": "", "enabled": false}));
    let domains = host::domains(&berth.place).await;
    assert_eq!(domains, [format!("{}-{uuid}", berth.place.instance)], "a try left something behind");
}

async fn live_xml(berth: &Berth, uuid: &str) -> String {
    let domain = format!("{}-{uuid}", berth.place.instance);
    host::virsh(&berth.place.libvirt_uri, &["dumpxml", &domain]).await.expect("the domain")
}

/// Names of the changes that wait for a power change.
async fn waiting(berth: &Berth, id: i64) -> Vec<String> {
    let rows = berth.api.get(&format!("/servers/{id}")).await["tasks"]["actions"]["pending"].take();
    let rows = rows.as_array().expect("a list");
    rows.iter().map(|row| row["action"].as_str().expect("a text").to_owned()).collect()
}

async fn own_xml_and_hardware_are_there_after_the_next_start(berth: &Berth, id: i64, uuid: &str, guest: &Guest) {
    let own = json!({
        "devices": "<watchdog model='i6300esb' action='reset'/>", "devicesEnabled": true,
        "clock": "<clock offset='localtime'/>", "clockEnabled": true,
        "features": "<pae/>", "featuresEnabled": true,
        "cpuTune": "<emulator_period>100000</emulator_period><emulator_quota>90000</emulator_quota>",
        "cpuTuneEnabled": true,
        "os": "<smbios mode='sysinfo'/>", "osEnabled": true,
        "domain": "<sysinfo type='smbios'><system><entry name='product'>Made to order</entry></system></sysinfo>",
        "domainEnabled": true,
    });
    assert_eq!(waiting(berth, id).await, [""; 0]);
    let answer = berth.api.call(Method::POST, &format!("/servers/{id}/customXML"), Some(&own)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let wrong = json!({"machineType": "pc-q35-99.9"});
    let answer = berth.api.call(Method::PUT, &format!("/servers/{id}/hardware"), Some(&wrong)).await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    changes_wait(berth, id).await;
    let hardware = json!({"cpuType": "Nehalem", "machineType": "pc"});
    let answer = berth.api.call(Method::PUT, &format!("/servers/{id}/hardware"), Some(&hardware)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let before = live_xml(berth, uuid).await;
    for part in OWN_PARTS {
        assert!(!before.contains(part), "{part} before the next start: {before}");
    }
    changes_wait(berth, id).await;

    assert_eq!(berth.api.power(id, "restart").await["failed"], false, "{}", berth.agent.log_tail());
    assert_eq!(waiting(berth, id).await, [""; 0], "the start has applied it");
    guest.eventually("true").await;
    let xml = live_xml(berth, uuid).await;
    for part in OWN_PARTS {
        assert!(xml.contains(part), "{part} is not in {xml}");
    }
    let pci = guest.run("cat /sys/bus/pci/devices/*/device").await;
    for (device, name) in [("0x25ab", "i6300esb"), ("0x1237", "i440FX")] {
        assert!(pci.contains(device), "the guest sees no {name} among {pci}");
    }
    assert_eq!(guest.run("cat /sys/class/dmi/id/product_name").await, "Made to order");
    assert!(guest.run("cat /proc/cpuinfo").await.contains("Nehalem"));
    let shown = berth.api.get(&format!("/servers/{id}")).await;
    assert_eq!((&shown["cpu"]["type"], &shown["settings"]["machineType"]), (&json!("Nehalem"), &json!("pc")));
}

async fn changes_wait(berth: &Berth, id: i64) {
    let told = async || (waiting(berth, id).await == ["Change definition"]).then_some(());
    until("what the running guest lacks is a pending action", 20, told).await;
}

async fn a_guest_boots_from_a_disc(berth: &Berth, id: i64, uuid: &str) {
    let iso = add_disc(berth, "a third disc").await;
    mount(berth, id, iso).await;
    let off = json!({"featuresEnabled": false});
    let answer = berth.api.call(Method::POST, &format!("/servers/{id}/customXML"), Some(&off)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let order = json!({"bootOrder": ["cdrom", "hd"], "machineType": "inherit"});
    let answer = berth.api.call(Method::PUT, &format!("/servers/{id}/hardware"), Some(&order)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(berth.api.power(id, "poweroff").await["failed"], false);
    assert_eq!(berth.api.power(id, "boot").await["failed"], false);
    let log = berth.place.serial_log(uuid);
    until("the disc's program says that it was booted", BOOT_LIMIT_S, async || {
        String::from_utf8_lossy(&std::fs::read(&log).unwrap_or_default()).contains(BOOTED).then_some(())
    })
    .await;
    let xml = live_xml(berth, uuid).await;
    assert!(!xml.contains("<pae/>") && xml.contains("i6300esb"), "one piece is switched off: {xml}");
    assert!(xml.contains("machine='pc-q35-"), "the machine of before: {xml}");
    assert_eq!(berth.api.power(id, "poweroff").await["failed"], false);
}
