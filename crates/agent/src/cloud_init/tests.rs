use berth_proto::*;
use proptest::prelude::*;

use super::*;

fn spec() -> ServerSpec {
    ServerSpec {
        server_uuid: "0d5f0f6e-30f5-4e0a-9d84-6f3a9b0f0a11".into(),
        interfaces: vec![InterfaceSpec {
            mac: "52:54:00:AA:BB:01".into(),
            guest_name: "eth0".into(),
            ipv4: vec![Ipv4Address { address: "10.7.0.2".into(), prefix_len: 24, gateway: "10.7.0.1".into() }],
            ipv6: vec![Ipv6Subnet {
                subnet: "fd00:7::".into(),
                prefix_len: 64,
                address: "fd00:7::2".into(),
                gateway: "fd00:7::1".into(),
                routed: false,
            }],
            resolvers: vec!["10.7.0.1".into(), "2001:db8::53".into()],
            ..Default::default()
        }],
        seed: Some(GuestSeed {
            instance_id: "i-1".into(),
            hostname: "web".into(),
            fqdn: "web.example.com".into(),
            root_password_hash: "$6$0123456789abcdef$abc./".into(),
            ssh_keys: vec!["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA someone@example.com".into()],
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn golden(spec: &ServerSpec) -> String {
    let SeedFiles { meta_data, user_data, network_config } = seed_files(spec).unwrap();
    format!("--- meta-data\n{meta_data}--- user-data\n{user_data}--- network-config\n{network_config}")
}

fn parsed(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}

#[test]
fn the_hash_of_the_network_tells_what_a_guest_reads_at_its_start() {
    let spec = spec();
    let (hash, one) = (network_hash(&spec), &spec.interfaces[0]);
    assert!(!hash.is_empty());
    for (interface, is_same) in [
        (InterfaceSpec { mtu: 1400, ..one.clone() }, true),
        (InterfaceSpec { whitelist: vec!["192.0.2.0/24".into()], ip_filter: true, ..one.clone() }, true),
        (InterfaceSpec { link_down: true, in_average_kbs: 9, ..one.clone() }, true),
        (InterfaceSpec { ipv4: Vec::new(), ..one.clone() }, false),
        (InterfaceSpec { ipv6: Vec::new(), ..one.clone() }, false),
        (InterfaceSpec { resolvers: Vec::new(), ..one.clone() }, false),
        (InterfaceSpec { mac: "52:54:00:AA:BB:02".into(), ..one.clone() }, false),
    ] {
        let other = ServerSpec { interfaces: vec![interface], ..spec.clone() };
        assert_eq!(network_hash(&other) == hash, is_same, "{other:?}");
    }
    assert_eq!(network_hash(&ServerSpec { seed: None, ..spec.clone() }), "");
    assert_eq!(network_hash(&ServerSpec { os_type: "windows".into(), ..spec.clone() }), "");
}

#[test]
fn golden_with_keys() {
    insta::assert_snapshot!(golden(&spec()));
}

#[test]
fn golden_with_password_swap_and_time_zone() {
    let mut spec = spec();
    let seed = spec.seed.as_mut().unwrap();
    seed.ssh_keys.clear();
    (seed.ssh_password_login, seed.swap_mib, seed.timezone) = (true, 512, "Europe/Prague".into());
    insta::assert_snapshot!(golden(&spec));
}

#[test]
fn golden_windows() {
    let mut spec = spec();
    spec.os_type = "windows".into();
    spec.interfaces.push(InterfaceSpec {
        mac: "52:54:00:AA:BB:02".into(),
        guest_name: "eth1".into(),
        ..Default::default()
    });
    let seed = spec.seed.as_mut().unwrap();
    seed.root_password_hash.clear();
    seed.administrator_password = "Secret: 'x' \"y\"".into();
    (seed.timezone, seed.swap_mib) = ("Europe/Prague".into(), 512);
    seed.user_data = "#cloud-config\nruncmd:\n  - powershell -c hi\nusers:\n  - name: jane\n".into();
    let made = golden(&spec);
    assert!(!made.contains("root") && !made.contains("sshd"), "nothing of Linux is in it: {made}");
    insta::assert_snapshot!(made);
}

#[test]
fn golden_two_interfaces_and_gateways_outside() {
    let mut spec = spec();
    spec.interfaces[0].mtu = 1400;
    spec.interfaces[0].ipv4[0] =
        Ipv4Address { address: "192.0.2.9".into(), prefix_len: 32, gateway: "198.51.100.1".into() };
    spec.interfaces[0].ipv6[0].gateway = "fe80::1".into();
    spec.interfaces.push(InterfaceSpec {
        mac: "52:54:00:aa:bb:02".into(),
        guest_name: "eth1".into(),
        ipv4: vec![
            Ipv4Address { address: "10.9.0.2".into(), prefix_len: 16, gateway: "10.9.0.1".into() },
            Ipv4Address { address: "10.9.0.3".into(), prefix_len: 16, gateway: String::new() },
        ],
        ..Default::default()
    });
    insta::assert_snapshot!(golden(&spec));
}

#[test]
fn golden_merged_under_ours() {
    let mut spec = spec();
    spec.seed.as_mut().unwrap().user_data = "#cloud-config\nhostname: stolen\nssh_pwauth: true\n\
        packages: [htop]\nruncmd:\n  - [echo, \"{{ hostname }}\"]\nusers:\n  - name: ops\n    sudo: null\n\
        locale: cs_CZ.UTF-8\n"
        .into();
    insta::assert_snapshot!(golden(&spec));
}

#[test]
fn user_data_that_cannot_be_merged_is_refused_with_a_sentence() {
    for (user_data, word) in [
        ("#!/bin/sh\nreboot", "not a cloud-config"),
        ("a: [", "not YAML"),
        ("- a\n- b", "not a mapping"),
        (&"a".repeat(70 << 10), "larger than 64 KiB"),
    ] {
        let mut spec = spec();
        spec.seed.as_mut().unwrap().user_data = user_data.into();
        let error = seed_files(&spec).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

/// Each line names the one before nine times: a few hundred bytes that would fill the memory.
#[test]
fn t02_a_cloud_config_that_grows_without_end_is_refused_after_a_bounded_number_of_nodes() {
    let mut bomb = String::from("a0: &a0 [x, x]\n");
    for n in 1..30 {
        let before = format!("*a{}, ", n - 1).repeat(9);
        bomb.push_str(&format!("a{n}: &a{n} [{before}x]\n"));
    }
    let mut spec = spec();
    spec.seed.as_mut().unwrap().user_data = bomb;
    let error = seed_files(&spec).unwrap_err().to_string();
    assert!(error.contains("not YAML") && error.contains("budget breached: Nodes"), "{error}");
}

#[test]
fn addresses_that_are_none_are_refused() {
    for wrong in ["", "10.0.0.1\n", "10.0.0.1/24", "x"] {
        let mut spec = spec();
        spec.interfaces[0].ipv4[0].gateway = wrong.into();
        assert_eq!(seed_files(&spec).is_ok(), wrong.is_empty(), "{wrong:?}");
    }
    let mut spec = spec();
    spec.interfaces[0].ipv4[0].prefix_len = 33;
    assert!(seed_files(&spec).is_err());
}

/// Text that looks like YAML, shell or a template.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~\n\r\t]{0,40}",
        Just("no".to_owned()),
        Just("1:20".to_owned()),
        Just("x\"\nruncmd: [reboot]\n#".to_owned()),
        Just("{{ ds.meta_data }} ${jinja} $(id)".to_owned()),
        Just("a\u{85}b\u{2028}c\u{feff}d\u{7f}e\u{0}f\u{1F600}".to_owned()),
    ]
}

proptest! {
    #[test]
    fn t02_any_text_comes_back_as_it_was_and_adds_nothing(
        hostname in hostile(), key in hostile(), hash in hostile(), zone in hostile()
    ) {
        let mut spec = spec();
        let plain_keys: Vec<String> = own_config(spec.seed.as_ref().unwrap()).keys().cloned().collect();
        let seed = spec.seed.as_mut().unwrap();
        (seed.hostname, seed.root_password_hash, seed.timezone) = (hostname.clone(), hash.clone(), zone.clone());
        seed.ssh_keys = vec![key.clone()];
        let files = seed_files(&spec).unwrap();
        let user = parsed(&files.user_data);
        prop_assert_eq!(&user["hostname"], &json!(hostname));
        prop_assert_eq!(&user["ssh_authorized_keys"], &json!([key]));
        if !hash.is_empty() {
            prop_assert_eq!(&user["users"][0]["hashed_passwd"], &json!(hash));
            prop_assert_eq!(&user["chpasswd"]["users"][0]["password"], &json!(hash));
        }
        for found in user.as_object().unwrap().keys() {
            prop_assert!(plain_keys.contains(found) || found == "timezone", "{}", found);
        }
        prop_assert_eq!(&parsed(&files.meta_data)["local-hostname"], &json!(hostname));
        prop_assert!(files.user_data.starts_with("#cloud-config\n") && !files.user_data.contains('\r'));
    }
}
