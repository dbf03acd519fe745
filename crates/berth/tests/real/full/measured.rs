//! Limits of processors, disks and network as they are felt: measured over some seconds on a running guest, changed while
//! it works, and taken back.

use std::time::Duration;

use berth_proto::{DiskLimits, DiskSpec, ServerSpec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use crate::live::{Scene, scene};
use crate::support::host;
use crate::support::wait::until;

/// How long a rate is measured.
const WINDOW: Duration = Duration::from_secs(6);
const LIMIT_S: u64 = 60;
const VOLUME: &str = "5ec0de00-0000-4000-8000-000000000003";

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_felt_as_they_were_set() {
    let mut scene = scene(21).await;
    processors_are_throttled_within_15_percent(&mut scene).await;
    disks_are_limited_within_20_percent(&mut scene).await;
    the_network_is_limited_within_10_percent(&mut scene).await;
    scene.berth.finish().await;
}

pub fn assert_near(what: &str, measured: f64, wanted: f64, tolerance: f64) {
    println!("{what}: {measured:.1} of {wanted:.1}");
    let apart = (measured / wanted - 1.0).abs();
    assert!(apart <= tolerance, "{what}: {measured:.1} where {wanted:.1} was set");
}

/// A counter's growth each second, after a second in which what was saved up is spent.
pub async fn rate(counter: impl AsyncFn() -> f64) -> f64 {
    sleep(Duration::from_secs(1)).await;
    let (begun, before) = (Instant::now(), counter().await);
    sleep(WINDOW).await;
    (counter().await - before) / begun.elapsed().as_secs_f64()
}

/// What runs in the guest until [`stop`].
async fn run_on(scene: &Scene, command: &str) {
    let script = format!("(while :; do {command}; done) </dev/null >/dev/null 2>&1 & echo $! >>/tmp/loops");
    scene.guest.run(&script).await;
}

async fn stop(scene: &Scene) {
    scene.guest.run("for p in $(cat /tmp/loops); do kill $p; done; rm /tmp/loops; killall dd nc; true").await;
}

/// For how long a guest's processors have run, of what `virsh domstats --vcpu` says.
pub fn processor_seconds(domstats: &str) -> f64 {
    let times = domstats.lines().filter_map(|line| {
        let (name, value) = line.trim().split_once('=')?;
        (name.starts_with("vcpu.") && name.ends_with(".time")).then(|| value.parse::<f64>().ok())?
    });
    times.sum::<f64>() / 1e9
}

async fn processors_are_throttled_within_15_percent(scene: &mut Scene) {
    for _ in 0..scene.driver.spec.vcpus {
        run_on(scene, ":").await;
    }
    let cpu_s = async |scene: &Scene| processor_seconds(&scene.virsh(&["domstats", "--vcpu", &scene.domain]).await);
    let processors = f64::from(scene.driver.spec.vcpus);
    for percent in [40, 25] {
        assert_eq!(scene.driver.apply(|spec| spec.cpu_throttle_percent = percent).await, [""; 0]);
        let measured = rate(async || cpu_s(scene).await).await;
        assert_near("processors", measured, processors * f64::from(percent) / 100.0, 0.15);
    }
    assert_eq!(scene.driver.apply(|spec| spec.cpu_throttle_percent = 0).await, [""; 0]);
    assert!(rate(async || cpu_s(scene).await).await > processors * 0.4, "the throttle of 25 % is taken back");
    stop(scene).await;
}

async fn disks_are_limited_within_20_percent(scene: &mut Scene) {
    let disk =
        DiskSpec { volume_uuid: VOLUME.into(), index: 2, capacity_gib: 1, format: "raw".into(), ..DiskSpec::default() };
    assert_eq!(scene.driver.apply(|spec| spec.disks.push(disk)).await, [""; 0]);
    let there = async || scene.guest.attempt("test -e /dev/vdb").await.ok.then_some(());
    until("the guest sees the disk", LIMIT_S, there).await;
    let none = DiskLimits::default();
    let cases = [
        (
            "rd_bytes",
            "dd if=/dev/vdb of=/dev/null bs=64k count=512 iflag=direct",
            DiskLimits { read_bytes_s: 3 << 20, ..none },
            f64::from(3 << 20),
        ),
        (
            "wr_bytes",
            "dd if=/dev/zero of=/dev/vdb bs=64k count=512 oflag=direct",
            DiskLimits { write_bytes_s: 2 << 20, ..none },
            f64::from(2 << 20),
        ),
        (
            "rd_req",
            "dd if=/dev/vdb of=/dev/null bs=4k count=4096 iflag=direct",
            DiskLimits { read_iops: 60, ..none },
            60.0,
        ),
        (
            "wr_req",
            "dd if=/dev/zero of=/dev/vdb bs=4k count=4096 oflag=direct",
            DiskLimits { write_iops: 40, ..none },
            40.0,
        ),
    ];
    for (figure, work, limits, wanted) in cases {
        assert_eq!(scene.driver.apply(|spec| spec.disks[1].limits = None).await, [""; 0]);
        run_on(scene, work).await;
        let free = rate(async || disk_figure(scene, figure).await).await;
        assert!(free > wanted * 1.5, "{figure}: without a limit {free:.1}, so that {wanted:.1} limits nothing");
        assert_eq!(scene.driver.apply(|spec| spec.disks[1].limits = Some(limits)).await, [""; 0]);
        let measured = rate(async || disk_figure(scene, figure).await).await;
        assert_near(figure, measured, wanted, 0.20);
        stop(scene).await;
    }
}

/// One figure of libvirt's lines `vdb rd_bytes 1234`.
async fn disk_figure(scene: &Scene, figure: &str) -> f64 {
    let said = scene.virsh(&["domblkstat", &scene.domain, "vdb"]).await;
    let line = said.lines().find(|line| line.split(' ').nth(1) == Some(figure)).expect("a figure");
    line.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number")
}

async fn the_network_is_limited_within_10_percent(scene: &mut Scene) {
    let speed = |spec: &mut ServerSpec, in_kbs: u32, out_kbs: u32| {
        (spec.interfaces[0].in_average_kbs, spec.interfaces[0].out_average_kbs) = (in_kbs, out_kbs);
    };
    for kbs in [300, 1500] {
        let wanted = f64::from(kbs) * 1024.0;
        assert_eq!(scene.driver.apply(|spec| speed(spec, kbs, 0)).await, [""; 0]);
        let measured = towards_the_guest(scene).await;
        assert_near("towards the guest", measured, wanted, 0.10);
        assert_eq!(scene.driver.apply(|spec| speed(spec, 0, kbs)).await, [""; 0]);
        let measured = from_the_guest(scene).await;
        assert_near("from the guest", measured, wanted, 0.10);
    }
    assert_eq!(scene.driver.apply(|spec| speed(spec, 0, 0)).await, [""; 0]);
    assert!(from_the_guest(scene).await > 2.0 * 1500.0 * 1024.0, "without a limit it is faster");
}

/// Bytes each second that reach the guest's interface, of a connection that sends all it can.
async fn towards_the_guest(scene: &Scene) -> f64 {
    let listener = TcpListener::bind((scene.berth.place.ipv4_gateway(), 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    run_on(scene, &format!("nc {} {port} >/dev/null", scene.berth.place.ipv4_gateway())).await;
    let (mut stream, _) =
        timeout(Duration::from_secs(LIMIT_S), listener.accept()).await.expect("in time").expect("a guest");
    let sender = tokio::spawn(async move {
        let zeros = vec![0; 64 << 10];
        while stream.write_all(&zeros).await.is_ok() {}
    });
    let measured = rate(async || {
        let tap = host::links(&scene.berth.place.instance).into_iter().find(|l| *l != scene.berth.place.bridge);
        interface_figure(&tap.expect("a tap"), "tx_bytes")
    })
    .await;
    sender.abort();
    stop(scene).await;
    measured
}

/// Bytes each second that get past the guest's filter to the host.
async fn from_the_guest(scene: &Scene) -> f64 {
    let listener = TcpListener::bind((scene.berth.place.ipv4_gateway(), 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    run_on(scene, &format!("nc {} {port} </dev/zero", scene.berth.place.ipv4_gateway())).await;
    let (mut stream, _) =
        timeout(Duration::from_secs(LIMIT_S), listener.accept()).await.expect("in time").expect("a guest");
    let reader = tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    });
    let measured = rate(async || interface_figure(&scene.berth.place.bridge, "rx_bytes")).await;
    reader.abort();
    stop(scene).await;
    measured
}

fn interface_figure(name: &str, figure: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/statistics/{figure}")).expect("an interface");
    text.trim().parse().expect("a number")
}
