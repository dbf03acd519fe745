//! A company whose only node is a simulated one, reached over mutual TLS as every node is.

use berth_agent::{
    identity::{Identity, Names},
    sim::SimNode,
};
use berth_control::{
    Error,
    clock::{Clock, SystemClock},
    config::Config,
    nodes::image_file_name,
};
use berth_store::{
    entity::{hypervisor, job},
    testing::Database,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use crate::{
    app::App,
    rows::{self, Company},
};

pub struct World {
    pub app: App,
    pub company: Company,
    pub node: SimNode,
}

impl World {
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, |config| config).await
    }

    /// With settings of the test's own.
    pub async fn start_with(database: Database, settings: impl FnOnce(Config) -> Config) -> Self {
        // Tests make and remove servers on a clock that stands still, so addresses do not rest.
        let app = App::start_with(database, |config| settings(Config { address_rest_s: 0, ..config })).await;
        Self::of(app, 1).await
    }

    /// With another node beside the first.
    pub async fn start_with_second(database: Database) -> (Self, SimNode) {
        let app = App::start_with(database, |config| Config { address_rest_s: 0, ..config }).await;
        let world = Self::of(app, 2).await;
        let hypervisor = world.company.hypervisors[1];
        let second = SimNode::start(&identity(&world.app, hypervisor).await).await.unwrap();
        world.is_at(hypervisor, &second).await;
        (world, second)
    }

    async fn of(app: App, hypervisors: usize) -> Self {
        let company = rows::company(&app, hypervisors, 10).await;
        let node = SimNode::start(&identity(&app, company.hypervisors[0]).await).await.unwrap();
        let image = app.ctx.config.templates_dir().join(image_file_name(&format!("sha256:{}", "0".repeat(64))));
        std::fs::write(image, vec![7; 3 << 20]).unwrap();
        let world = World { app, company, node };
        world.moved(0).await;
        world
    }

    /// The hypervisor's row says where the node is now.
    pub async fn moved(&self, hypervisor: usize) {
        self.is_at(self.company.hypervisors[hypervisor], &self.node).await;
    }

    async fn is_at(&self, id: i64, node: &SimNode) {
        let port = i32::from(node.address.port());
        let moved = self.app.ctx.store.write_tx::<_, Error>(|tx| {
            Box::pin(async move {
                let row =
                    hypervisor::ActiveModel { ip: Set("127.0.0.1".to_owned()), port: Set(port), ..Default::default() };
                hypervisor::Entity::update_many()
                    .set(row)
                    .filter(hypervisor::Column::Id.eq(id))
                    .exec(tx)
                    .await
                    .unwrap();
                Ok(())
            })
        });
        moved.await.unwrap();
    }

    pub async fn uuid(&self, server: i64) -> String {
        let row = berth_store::server::by_id_even_deleting(self.app.ctx.store.read(), server).await.unwrap();
        row.unwrap().uuid.to_string()
    }

    /// What a job is like now.
    pub async fn job(&self, id: i64) -> job::Model {
        rows::job(&self.app, id).await
    }

    /// The oldest job of a server that has not ended.
    pub async fn unfinished(&self, server: i64) -> Option<job::Model> {
        let filter = berth_store::job::Filter { server_id: Some(server), ..Default::default() };
        let (jobs, _) = berth_store::job::page(self.app.ctx.store.read(), &filter, 0, 100).await.unwrap();
        jobs.into_iter().rev().find(|job| job.finished_at.is_none())
    }

    /// The runner of a job is dead: its lease is over.
    pub async fn end_leases(&self) {
        let ended = self.app.ctx.store.write_tx::<_, Error>(|tx| {
            Box::pin(async move {
                let row = job::ActiveModel { lease_until: Set(Some(1)), ..Default::default() };
                job::Entity::update_many().set(row).filter(job::Column::State.eq("running")).exec(tx).await.unwrap();
                Ok(())
            })
        });
        ended.await.unwrap();
    }
}

/// A certificate of the cluster's authority, as enrolment would have given it.
pub async fn identity(app: &App, hypervisor: i64) -> Identity {
    let row = berth_store::hypervisor::by_id(app.ctx.store.read(), hypervisor).await.unwrap().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let signed = app.ctx.pki.sign_node(&request, row.uuid, app.ctx.rng.as_ref(), machine_time_us()).unwrap();
    Identity {
        certificate_pem: signed.pem,
        key_pem: key.serialize_pem(),
        authority_pem: app.ctx.pki.authority_pem.clone(),
        names: Names {
            node_uuid: row.uuid.to_string(),
            cluster_uuid: app.ctx.cluster.uuid.to_string(),
            control_url: String::new(),
        },
    }
}

/// Microseconds since 1970. Certificates are checked by the machine's clock, not by the test's.
pub fn machine_time_us() -> i64 {
    SystemClock.now()
}
