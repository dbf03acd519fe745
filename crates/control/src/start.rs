//! Start of the control server: the master key, the database and the facts of the installation.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};

use anyhow::Context as _;
use berth_store::{Store, StoreError, seal::Sealer, setting};
use uuid::Uuid;

use crate::{
    Cluster, Context,
    clock::{Clock, SystemClock},
    config::Config,
    live::Live,
    mail::Mailer,
    nodes::Nodes,
    oidc::Provider,
    pki::Pki,
    random::{OsRng, Rng},
};

/// Makes what every part gets: reads or makes the master key, connects and migrates, names the installation.
pub async fn start(config: Config) -> anyhow::Result<Context> {
    start_with(config, Arc::new(SystemClock), Arc::new(OsRng)).await
}

/// The same with a clock and randomness of the caller's.
pub async fn start_with(config: Config, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> anyhow::Result<Context> {
    let oidc = Provider::of(&config)?.map(Arc::new);
    for dir in [config.templates_dir(), config.isos_dir()] {
        fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    }
    let sealer = Sealer::new(&master_keys(&config.data_dir.join("master.keys"), rng.as_ref())?);
    let store = Store::connect(&config.database_url()).await.context("connecting to the database")?;
    let cluster = name_installation(&store, rng.as_ref(), clock.now()).await?;
    // Certificates are checked by the machines' clocks, so their times come from this machine's, never a test's.
    let pki = Pki::load_or_create(&config.data_dir.join("pki"), cluster.uuid, rng.as_ref(), SystemClock.now())?;
    let started_at = clock.now();
    let mailer = Mailer::of(&config)?.map(Arc::new);
    Ok(Context {
        store,
        sealer,
        clock,
        rng,
        config: Arc::new(config),
        live: Arc::new(Live::default()),
        nodes: Arc::new(Nodes::new(pki.control.clone())),
        pki: Arc::new(pki),
        capacity: Arc::default(),
        creates: Arc::default(),
        hashing: Arc::default(),
        limits: Arc::default(),
        started_at,
        mailer,
        oidc,
        program: Arc::default(),
        readiness: Arc::default(),
        streams: Arc::default(),
        nudge: Arc::default(),
        ended: Arc::default(),
        cluster,
    })
}

/// One key a line, `<id> <64 hex digits>`, newest first: what seals secrets, kept outside the database.
fn master_keys(path: &Path, rng: &dyn Rng) -> anyhow::Result<Vec<(String, [u8; 32])>> {
    if !path.exists() {
        let line = format!("k1 {}\n", hex::encode(rng.bytes::<32>()));
        write_private(path, line.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
    }
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let keys = text.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let (id, digits) = line.trim().split_once(' ').context("a line is '<id> <64 hex digits>'")?;
        let mut key = [0; 32];
        hex::decode_to_slice(digits.trim(), &mut key).context("a key is 64 hex digits")?;
        Ok((id.to_owned(), key))
    });
    let keys: Vec<_> = keys.collect::<anyhow::Result<_>>().with_context(|| format!("in {}", path.display()))?;
    anyhow::ensure!(!keys.is_empty(), "{} holds no key", path.display());
    Ok(keys)
}

/// Writes a file that only its owner reads, whole or not at all.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension("part");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)
}

async fn name_installation(store: &Store, rng: &dyn Rng, now: i64) -> anyhow::Result<Cluster> {
    let fresh = rng.uuid().to_string();
    let (uuid, epoch) = store
        .write_tx::<_, StoreError>(|tx| {
            let fresh = fresh.clone();
            Box::pin(async move {
                let uuid = setting::get_or_insert(tx, "cluster_uuid", &fresh, now).await?;
                let epoch = setting::get_or_insert(tx, "cluster_epoch", "1", now).await?;
                Ok((uuid, epoch))
            })
        })
        .await?;
    Ok(Cluster { uuid: Uuid::parse_str(&uuid)?, epoch: epoch.parse()? })
}
