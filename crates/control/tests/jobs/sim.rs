//! A company whose only node is a simulated one, reached over mutual TLS as every node is.

use berth_agent::{
    identity::{Identity, Names},
    sim::SimNode,
};
use berth_control::{Error, nodes::image_file_name};
use berth_store::entity::{hypervisor, job};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use crate::{
    app::App,
    database::Database,
    rows::{self, Company},
};

pub struct World {
    pub app: App,
    pub company: Company,
    pub node: SimNode,
}

impl World {
    pub async fn start(database: Database) -> Self {
        let app = App::start(database).await;
        let company = rows::company(&app, 1, 10).await;
        let node = SimNode::start(&identity(&app, company.hypervisors[0]).await).await.unwrap();
        let (id, port) = (company.hypervisors[0], i32::from(node.address.port()));
        let moved = app.ctx.store.write_tx::<_, Error>(|tx| {
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
        let image = app.ctx.config.templates_dir().join(image_file_name(&format!("sha256:{}", "0".repeat(64))));
        std::fs::write(image, vec![7; 3 << 20]).unwrap();
        World { app, company, node }
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
        let filter = berth_store::job::Filter { server_id: Some(server), state: None };
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
async fn identity(app: &App, hypervisor: i64) -> Identity {
    let row = berth_store::hypervisor::by_id(app.ctx.store.read(), hypervisor).await.unwrap().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let now =
        chrono::DateTime::<chrono::Utc>::from(std::time::UNIX_EPOCH.checked_add(uptime()).unwrap()).timestamp_micros();
    let signed = app.ctx.pki.sign_node(&request, row.uuid, app.ctx.rng.as_ref(), now).unwrap();
    Identity {
        certificate_pem: signed.pem,
        key_pem: key.serialize_pem(),
        authority_pem: app.ctx.pki.authority_pem.clone(),
        names: Names { node_uuid: row.uuid.to_string(), cluster_uuid: app.ctx.cluster.uuid.to_string() },
    }
}

/// Certificates are checked by the machine's clock, not by the test's.
fn uptime() -> std::time::Duration {
    let file = tempfile::NamedTempFile::new().unwrap();
    let made = file.as_file().metadata().unwrap().modified().unwrap();
    made.duration_since(std::time::UNIX_EPOCH).unwrap()
}
