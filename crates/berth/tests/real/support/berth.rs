//! One test's Berth: a control server on SQLite and an agent, as processes of their own, with what a first sale needs.

use std::path::{Path, PathBuf};

use berth_control::config::Config;
use berth_control::{bootstrap, start};
use berth_store::StoreError;
use berth_store::selftest::{self, NewSelftest, StorageTest};
use reqwest::Method;
use serde_json::{Value, json};

use super::api::Api;
use super::diagnosis;
use super::emulator;
use super::host;
use super::os::{MICRO, Os};
use super::place::Place;
use super::private_libvirt::PrivateLibvirt;
use super::process::{Daemon, must};
use super::small_disk::SmallDisk;
use super::wait::until;

const READY_LIMIT_S: u64 = 30;
const REMOVAL_LIMIT_S: u64 = 60;
/// Two guests boot under emulation in it.
const SELFTEST_LIMIT_S: u64 = 180;
pub const MEMORY_MIB: u64 = MICRO.memory_mib;
pub const DISK_GIB: u64 = MICRO.disk_gib;
pub const CPU_CORES: u64 = 2;
pub const RESOLVER: &str = "192.0.2.53";
const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../templates");
/// Packages are downloaded the first time.
const RECIPE_LIMIT_S: u64 = 600;

/// Ids of what a server is created from.
#[derive(Clone, Debug, Default)]
pub struct Goods {
    pub group: i64,
    pub package: i64,
    pub template: i64,
    pub hypervisor: i64,
    pub user: i64,
}

pub struct Berth {
    pub place: Place,
    pub api: Api,
    pub control: Daemon,
    pub agent: Daemon,
    pub goods: Goods,
}

impl Berth {
    /// Starts everything and waits until servers can be created. The node counts as one that has passed its self-test,
    /// which boots guests of its own.
    pub async fn start(slot: u8) -> Self {
        Self::start_at(swept(slot).await).await
    }

    /// The same in a place that the test has prepared.
    pub async fn start_at(place: Place) -> Self {
        Self::joined(place, true).await
    }

    /// The same with the self-test that every node takes when it joins.
    pub async fn start_self_tested(slot: u8) -> Self {
        let berth = Self::joined(swept(slot).await, false).await;
        berth.self_tested().await;
        berth
    }

    async fn joined(place: Place, vouched_for: bool) -> Self {
        std::fs::create_dir_all(place.control_dir()).expect("the test's folder");
        std::fs::create_dir_all(place.agent_dir()).expect("the test's folder");
        let token = first_token(&place).await;
        let config = write_control_config(&place);
        let control = Daemon::start(&["control", "--config", text(&config)], &place.dir.join("control.log"));
        let api = Api::new(&place.control_url(), &token);
        ready(&api, &control).await;
        let group = add_group(&api).await;
        let config = write_agent_config(&place);
        enrol(&place, &api, group, &config).await;
        if vouched_for {
            vouch_for_node(&place, &api).await;
        }
        let agent = Daemon::start(&["agent", "run", "--config", text(&config)], &place.dir.join("agent.log"));
        let mut berth = Self { place, api, control, agent, goods: Goods { group, ..Goods::default() } };
        berth.goods.hypervisor = berth.hypervisor_ready().await;
        berth.stock().await;
        berth
    }

    /// Starts the control server again after a crash, and waits until it answers.
    pub async fn control_again(&mut self) {
        self.control.restart();
        ready(&self.api, &self.control).await;
    }

    async fn hypervisor_ready(&mut self) -> i64 {
        let api = self.api.clone();
        until("the node is connected", READY_LIMIT_S, async || {
            assert!(!self.agent.has_ended(), "the agent ended:\n{}", self.agent.log_tail());
            let answer = api.call(Method::GET, "/compute/hypervisors", None).await;
            let node = &answer.body["data"][0];
            (node["commissioned"] == 3).then(|| node["id"].as_i64()).flatten()
        })
        .await
    }

    /// Addresses, a package, the template and a customer.
    async fn stock(&mut self) {
        add_blocks(&self.api, &self.place, self.goods.hypervisor).await;
        self.goods.package = add_package(&self.api).await;
        self.goods.template = add_template(&self.api, MICRO.recipe, false).await;
        let user = json!({"name": "Customer", "email": "customer@example.test", "extRelationId": 1});
        self.goods.user = self.api.post("/users", &user).await["id"].as_i64().expect("an id");
    }

    /// Servers are placed on the node from here on.
    async fn self_tested(&self) {
        let storage = format!("/compute/hypervisors/{}/storage", self.goods.hypervisor);
        until("the node's own folder has passed its self-test", SELFTEST_LIMIT_S, async || {
            let points = self.api.get(&storage).await;
            let test = &points[0]["selftest"];
            assert_ne!(test["passed"], false, "{test}");
            (test["passed"] == true).then_some(())
        })
        .await;
    }

    /// A public key of the customer's; its id.
    pub async fn add_key(&self, public: &str) -> i64 {
        let body = json!({"userId": self.goods.user, "name": "laptop", "publicKey": public});
        self.api.post("/ssh_keys", &body).await["id"].as_i64().expect("an id")
    }

    /// A new server of the customer's, not built yet.
    pub async fn create_server(&self) -> i64 {
        self.create_server_for(&MICRO).await
    }

    /// The same, as large as an operating system needs.
    pub async fn create_server_for(&self, os: &Os) -> i64 {
        let goods = &self.goods;
        let body = json!({
            "packageId": goods.package, "userId": goods.user, "hypervisorId": goods.group, "ipv4": 1,
            "memory": os.memory_mib, "storage": os.disk_gib,
        });
        self.api.post("/servers", &body).await["id"].as_i64().expect("an id")
    }

    /// A template of an operating system, made where it is missing.
    pub async fn template_of(&self, os: &Os) -> i64 {
        if os.recipe == MICRO.recipe { self.goods.template } else { add_template(&self.api, os.recipe, false).await }
    }

    /// The same image as a template whose servers boot by UEFI.
    pub async fn uefi_template_of(&self, os: &Os) -> i64 {
        add_template(&self.api, os.recipe, true).await
    }

    /// What the newest job of a server says: its row of the queue.
    pub async fn newest_job(&self, server: i64) -> Value {
        let jobs = self.api.get(&format!("/queue?serverId={server}")).await;
        let job = jobs[0]["id"].as_i64().expect("a job of this server");
        self.api.get(&format!("/queue/{job}")).await
    }

    /// Waits until the newest job of a server tells a trouble, still running or failed; its sentence.
    pub async fn trouble(&self, server: i64, limit_s: u64) -> String {
        until(&format!("a trouble of server {server}"), limit_s, async || {
            let job = self.newest_job(server).await;
            job["errors"]["exception"]["message"].as_str().map(str::to_owned)
        })
        .await
    }

    /// Accepts a build; the server as the answer shows it.
    pub async fn build(&self, server: i64, hostname: &str, keys: &[i64]) -> Value {
        self.build_from(server, self.goods.template, hostname, keys).await
    }

    /// The same from another template.
    pub async fn build_from(&self, server: i64, template: i64, hostname: &str, keys: &[i64]) -> Value {
        let body = json!({
            "operatingSystemId": template, "name": hostname, "hostname": hostname,
            "sshKeys": keys, "vnc": true, "ipv6": true, "email": false,
        });
        self.api.post(&format!("/servers/{server}/build"), &body).await
    }

    /// A built server that is up.
    pub async fn built(&self, server: i64) -> Value {
        let ended = self.api.build_end(server).await;
        assert_eq!(ended["state"], "complete", "{}\n{}", self.control.log_tail(), self.agent.log_tail());
        if emulator::lost_a_timer(&self.place, ended["uuid"].as_str().expect("a uuid")) {
            eprintln!("The emulator forgot a timer of server {server}, which starts again.");
            for action in ["poweroff", "boot"] {
                assert_eq!(self.api.power(server, action).await["failed"], false, "{}", self.control.log_tail());
            }
        }
        ended
    }

    /// Deletes a server and waits until nothing of it is left.
    pub async fn removed(&self, server: i64) {
        self.api.delete_server(server).await;
        until(&format!("server {server} is removed"), REMOVAL_LIMIT_S, async || {
            let jobs = self.api.get("/queue").await;
            let ended = |job: &Value| job["serverId"] != server || !job["finished"].is_null();
            jobs.as_array().expect("a list").iter().all(ended).then_some(())
        })
        .await;
    }

    /// As [`Berth::finish`] where the guests' libvirt is the test's own.
    pub async fn finish_with(mut self, libvirt: PrivateLibvirt) {
        self.stop_daemons().await;
        assert_eq!(host::domains(&self.place).await, Vec::<String>::new(), "domains left");
        libvirt.stop().await;
        self.place.libvirt_uri = host::SYSTEM.to_owned();
        self.finish().await;
    }

    /// As [`Berth::finish`] where the node's storage is the test's own.
    pub async fn finish_on(mut self, storage: SmallDisk) {
        self.stop_daemons().await;
        storage.remove().await;
        self.finish().await;
    }

    async fn stop_daemons(&mut self) {
        self.control.stop().await;
        self.agent.stop().await;
    }

    /// Stops both, removes what is theirs on the host, and proves that nothing stayed.
    pub async fn finish(mut self) {
        self.stop_daemons().await;
        host::sweep(&self.place).await;
        host::assert_clean(&self.place).await;
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", diagnosis::of(&self.place));
            // Its guests would take the processors from the tests that follow; the next run of this one removes the rest.
            host::stop_guests(&self.place);
        }
    }
}

/// A test's own place, without what an earlier run left.
async fn swept(slot: u8) -> Place {
    let place = Place::slot(slot);
    host::ensure_libvirt().await;
    host::sweep(&place).await;
    place
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// As `berth up` makes it at its first start: before the control server runs, for a token can only be made with one.
async fn first_token(place: &Place) -> String {
    let config = Config { data_dir: place.control_dir(), ..Config::default() };
    let context = start::start(config).await.expect("the control server's data");
    let admin = bootstrap::first_admin(&context, "admin@example.test").await.expect("the first administrator");
    admin.expect("a fresh database").token
}

fn write_control_config(place: &Place) -> PathBuf {
    let file = place.dir.join("control.toml");
    let config = format!(
        "listen = \"127.0.0.1:{}\"\ndata_dir = \"{}\"\nallowed_private_hosts = [\"127.0.0.1\"]\n",
        place.control_port,
        place.control_dir().display(),
    );
    std::fs::write(&file, config).expect("the control server's configuration");
    file
}

fn write_agent_config(place: &Place) -> PathBuf {
    let file = place.dir.join("agent.toml");
    let config = format!(
        r#"instance = "{}"
data_dir = "{}"
listen = "127.0.0.1:{}"
libvirt_uri = "{}"
accelerator = "qemu"
disk_mode = "linked"

[[network]]
bridge = "{}"
ipv4_cidr = "{}"
ipv6_cidr = "{}"
nat = false
managed = true
"#,
        place.instance,
        place.agent_dir().display(),
        place.agent_port,
        place.libvirt_uri,
        place.bridge,
        place.ipv4_cidr(),
        place.ipv6_cidr(),
    );
    let storages = place.storages.iter();
    let listed =
        storages.map(|(kind, path)| format!("\n[[storage]]\nkind = \"{kind}\"\npath = \"{}\"\n", path.display()));
    let config = config + &listed.collect::<String>();
    std::fs::write(&file, config).expect("the agent's configuration");
    file
}

async fn ready(api: &Api, control: &Daemon) {
    until("the control server is ready", READY_LIMIT_S, async || {
        let answer = api.try_call(Method::GET, "/readyz", None).await;
        answer.filter(|a| a.status == 200).map(|_| ())
    })
    .await;
    assert!(!control.log().contains("panicked"), "{}", control.log_tail());
}

async fn add_group(api: &Api) -> i64 {
    let body = json!({"name": "Test", "description": "Test", "default": true});
    api.post("/compute/hypervisors/groups", &body).await["id"].as_i64().expect("an id")
}

async fn enrol(place: &Place, api: &Api, group: i64, config: &Path) {
    let token = api.post("/compute/hypervisors/enrolmentTokens", &json!({"groupId": group, "name": "test"})).await;
    let token = token["token"].as_str().expect("a token");
    let address = format!("127.0.0.1:{}", place.agent_port);
    let args = [
        "agent",
        "enrol",
        "--config",
        text(config),
        "--control",
        &place.control_url(),
        "--token",
        token,
        "--address",
        &address,
    ];
    must(env!("CARGO_BIN_EXE_berth"), &args, 30).await;
}

/// What a self-test would have found, in place of the one that the node's joining queued.
async fn vouch_for_node(place: &Place, api: &Api) {
    let queue = api.get("/queue").await;
    let job_id = queue[0]["id"].as_i64().expect("the self-test waits for its node");
    api.post(&format!("/queue/{job_id}/cancel"), &json!({})).await;
    let nodes = api.get("/compute/hypervisors").await;
    let hypervisor_id = nodes[0]["id"].as_i64().expect("the node has joined");
    let config = Config { data_dir: place.control_dir(), ..Config::default() };
    let context = start::start(config).await.expect("the control server's data");
    let folder = StorageTest {
        kind: selftest::DIRECTORY.to_owned(),
        location: String::new(),
        passed: true,
        detail: "A test vouches for it.".to_owned(),
    };
    let now = context.clock.now();
    let result = NewSelftest { hypervisor_id, job_id, passed: true, checks: json!([]), storage: vec![folder], now };
    let recorded = context.store.write_tx::<_, StoreError>(|tx| Box::pin(selftest::record(tx, result.clone())));
    recorded.await.expect("the result is kept");
}

async fn add_blocks(api: &Api, place: &Place, hypervisor: i64) {
    let (first, last) = place.ipv4_range();
    let block = json!({
        "name": "Test v4", "family": 4, "gateway": place.ipv4_gateway(), "prefixLen": 24,
        "resolver1": RESOLVER, "first": first, "last": last, "hypervisorIds": [hypervisor],
    });
    api.post("/connectivity/ipblocks", &block).await;
    let block = json!({
        "name": "Test v6", "family": 6, "gateway": place.ipv6_gateway(), "prefixLen": 48,
        "sourcePrefix": place.ipv6_prefix(), "subnetPrefixLen": 64, "hypervisorIds": [hypervisor],
    });
    api.post("/connectivity/ipblocks", &block).await;
}

async fn add_package(api: &Api) -> i64 {
    let body = json!({
        "name": "Small", "memory": MEMORY_MIB, "primaryStorage": DISK_GIB, "cpuCores": CPU_CORES, "traffic": 0,
    });
    api.post("/packages", &body).await["id"].as_i64().expect("an id")
}

/// Built once on this machine, handed over to each control server.
async fn add_template(api: &Api, recipe: &str, uefi: bool) -> i64 {
    let slug = if uefi { format!("{recipe}-uefi") } else { recipe.to_owned() };
    let body = json!({"slug": slug, "name": slug, "version": "1", "category": "Test", "uefi": uefi});
    let id = api.post("/media/templates", &body).await["id"].as_i64().expect("an id");
    api.put_file(&format!("/media/templates/{id}/image"), &image_of(recipe).await.path).await;
    id
}

/// A template whose image nodes download themselves.
pub async fn add_published_template(api: &Api, slug: &str, digest: &str, url: &str) -> i64 {
    let body = json!({
        "slug": slug, "name": slug, "version": "1", "category": "Test", "imageDigest": digest, "imageUrl": url,
    });
    api.post("/media/templates", &body).await["id"].as_i64().expect("an id")
}

/// An image with its digest as templates carry it.
pub struct Image {
    pub path: PathBuf,
    pub digest: String,
}

pub async fn micro() -> Image {
    image_of(MICRO.recipe).await
}

async fn image_of(recipe: &str) -> Image {
    let args = ["template", "build", recipe, "--json", "--recipes", RECIPES];
    let built = must(env!("CARGO_BIN_EXE_berth"), &args, RECIPE_LIMIT_S).await;
    let built: Value = serde_json::from_str(&built).expect("JSON");
    let field = |name: &str| built[name].as_str().unwrap_or_else(|| panic!("no {name} in {built}")).to_owned();
    Image { path: field("path").into(), digest: field("digest") }
}
