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

async fn own_xml_and_hardware_are_there_after_the_next_start(berth: &Berth, id: i64, uuid: &str, guest: &Guest) {
    let own = json!({
        "devices": "<watchdog model='i6300esb' action='reset'/>", "devicesEnabled": true,
        "clock": "<clock offset='localtime'/>", "clockEnabled": true,
        "features": "<pae/>", "featuresEnabled": false,
    });
    let answer = berth.api.call(Method::POST, &format!("/servers/{id}/customXML"), Some(&own)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let wrong = json!({"machineType": "pc-q35-99.9"});
    let answer = berth.api.call(Method::PUT, &format!("/servers/{id}/hardware"), Some(&wrong)).await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    let hardware = json!({"cpuType": "Nehalem"});
    let answer = berth.api.call(Method::PUT, &format!("/servers/{id}/hardware"), Some(&hardware)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let before = live_xml(berth, uuid).await;
    assert!(!before.contains("i6300esb"), "not before the next start: {before}");

    assert_eq!(berth.api.power(id, "restart").await["failed"], false, "{}", berth.agent.log_tail());
    guest.eventually("true").await;
    let xml = live_xml(berth, uuid).await;
    for part in ["model='i6300esb'", "<clock offset='localtime'>", "Nehalem"] {
        assert!(xml.contains(part), "{part} is not in {xml}");
    }
    assert!(!xml.contains("<pae/>"), "what is switched off is in {xml}");
    let pci = guest.run("cat /sys/bus/pci/devices/*/device").await;
    assert!(pci.contains("0x25ab"), "the guest sees no i6300esb among {pci}");
    assert!(guest.run("cat /proc/cpuinfo").await.contains("Nehalem"));
    let shown = berth.api.get(&format!("/servers/{id}")).await;
    assert_eq!(shown["cpu"]["type"], "Nehalem");
}

async fn a_guest_boots_from_a_disc(berth: &Berth, id: i64, uuid: &str) {
    let iso = add_disc(berth, "a third disc").await;
    mount(berth, id, iso).await;
    let order = json!({"bootOrder": ["cdrom", "hd"]});
    let answer = berth.api.call(Method::PUT, &format!("/servers/{id}/hardware"), Some(&order)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(berth.api.power(id, "poweroff").await["failed"], false);
    assert_eq!(berth.api.power(id, "boot").await["failed"], false);
    let log = berth.place.agent_dir().join("logs").join(format!("{uuid}.serial.log"));
    until("the disc's program says that it was booted", BOOT_LIMIT_S, async || {
        String::from_utf8_lossy(&std::fs::read(&log).unwrap_or_default()).contains(BOOTED).then_some(())
    })
    .await;
    assert_eq!(berth.api.power(id, "poweroff").await["failed"], false);
}
