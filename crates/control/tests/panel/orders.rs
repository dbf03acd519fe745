//! A customer's order makes a server and its build in one transaction, or nothing.

use berth_api::v1::{self_service::OrderServer, server_input::BuildServer};
use berth_control::{
    Error,
    actions::{self_service::purchase, server_build::NewBuild},
    actor::Actor,
    self_service::meter,
};
use berth_store::{
    entity::{
        address_history, audit_entry, ipv4_address, ipv6_subnet, job, ledger_entry, metered_server, metered_span,
        server, server_disk, server_interface, server_ssh_key, template,
    },
    server_details::ServerDetails,
    testing::Database,
    user,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::json;

use crate::{
    app::App,
    browser::{give_password, logged_in},
    rows::{self, Company},
    self_serving::{Customer, package, pass_minutes},
    shop,
};

berth_store::on_both_databases!(
    an_order_whose_build_is_refused_leaves_nothing,
    an_order_makes_a_server_and_its_build_at_once,
    orders_that_come_at_once_are_made_or_refused_each_by_itself,
    what_no_node_can_change_is_told_alone,
    an_ordered_server_is_metered_from_its_order_on_under_its_name,
);

/// What an order makes, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Made {
    servers: u64,
    disks: u64,
    interfaces: u64,
    keys: u64,
    ipv4: u64,
    ipv6: u64,
    /// Addresses that are or were somebody's.
    history: u64,
    metered: u64,
    spans: u64,
    ledger: u64,
    jobs: u64,
    audited: u64,
}

impl Made {
    async fn by_now(app: &App) -> Self {
        let db = app.ctx.store.read();
        let held = ipv4_address::Entity::find().filter(ipv4_address::Column::InterfaceId.is_not_null());
        Self {
            servers: server::Entity::find().count(db).await.unwrap(),
            disks: server_disk::Entity::find().count(db).await.unwrap(),
            interfaces: server_interface::Entity::find().count(db).await.unwrap(),
            keys: server_ssh_key::Entity::find().count(db).await.unwrap(),
            ipv4: held.count(db).await.unwrap(),
            ipv6: ipv6_subnet::Entity::find().count(db).await.unwrap(),
            history: address_history::Entity::find().count(db).await.unwrap(),
            metered: metered_server::Entity::find().count(db).await.unwrap(),
            spans: metered_span::Entity::find().count(db).await.unwrap(),
            ledger: ledger_entry::Entity::find().count(db).await.unwrap(),
            jobs: job::Entity::find().count(db).await.unwrap(),
            audited: audit_entry::Entity::find().count(db).await.unwrap(),
        }
    }
}

/// Jane, who pays in advance for a size of 1 token an hour, which is answered too.
async fn jane(app: &App, company: &Company, tokens: i64) -> (Customer, i64) {
    let size = package(app, "S", 512, 5, "730").await;
    let jane = Customer::hourly(app, company, 7, &[size], true).await;
    give_password(app, jane.id).await;
    if tokens > 0 {
        jane.credit(app, json!(tokens)).await;
    }
    (jane, size)
}

/// What Jane orders, without what is looked at before the transaction: the build is the first that says no.
async fn order(
    app: &App,
    (jane, size): (Customer, i64),
    company: &Company,
    build: BuildServer,
) -> Result<ServerDetails, Error> {
    let actor = Actor::owner(jane.id, None, None);
    let owner = user::by_id(app.ctx.store.read(), jane.id).await?.unwrap();
    let order = OrderServer { package_id: Some(size), hypervisor_id: Some(company.group), ..OrderServer::default() };
    let build = NewBuild::new(&app.ctx, &actor, build).await?;
    purchase::create_for(&app.ctx, &actor, &owner, order, Some(build)).await
}

fn build_of(template: i64) -> BuildServer {
    BuildServer { operating_system_id: Some(template), name: Some("web".to_owned()), ..BuildServer::default() }
}

async fn change_template(app: &App, id: i64, row: template::ActiveModel) {
    let changed = app.ctx.store.write_tx::<_, Error>(|tx| {
        let row = row.clone();
        Box::pin(async move {
            let own = template::Column::Id.eq(id);
            template::Entity::update_many().set(row).filter(own).exec(tx).await.unwrap();
            Ok(())
        })
    });
    changed.await.unwrap();
}

async fn refused(app: &App, by: (Customer, i64), company: &Company, build: BuildServer, names: &str) {
    let before = Made::by_now(app).await;
    match order(app, by, company, build).await {
        Err(Error::Invalid(errors)) => assert!(errors.len() == 1 && errors[0].contains(names), "{names}: {errors:?}"),
        other => panic!("{names}: {other:?}"),
    }
    assert_eq!(Made::by_now(app).await, before, "{names}");
}

async fn an_order_whose_build_is_refused_leaves_nothing(database: Database) {
    let app = App::start(database).await;
    // Two nodes: none of these refusals is for another node to take back.
    let company = rows::company(&app, 2, 10).await;
    let by = jane(&app, &company, 10).await;
    let template = company.template;
    let good = || build_of(template);
    refused(&app, by, &company, BuildServer { hostname: Some("no host".to_owned()), ..good() }, "hostname").await;
    refused(&app, by, &company, build_of(999), "Invalid or disabled operating system").await;
    refused(&app, by, &company, BuildServer { ssh_keys: vec![company.key], ..good() }, "Invalid SSH key").await;
    refused(&app, by, &company, BuildServer { swap: Some(7.0), ..good() }, "swap").await;

    let too_large = template::ActiveModel { image_virtual_bytes: Set(6 << 30), ..Default::default() };
    change_template(&app, template, too_large).await;
    refused(&app, by, &company, good(), "needs a disk of 6 GB").await;
    let as_it_was = template::ActiveModel { image_virtual_bytes: Set(1 << 30), ..Default::default() };
    change_template(&app, template, as_it_was).await;

    let path = format!("/media/templates/{template}");
    assert_eq!(app.put(&path, json!({ "packageIds": [company.package] })).await.0, 200);
    refused(&app, by, &company, good(), "not offered to the server's package").await;
    // In the panel nothing is offered now, so that there too the order itself says why.
    let mut browser = logged_in(&app, "jane7@doe.test").await;
    let before = Made::by_now(&app).await;
    let answer = browser.call("POST", "/shop/servers", Some(shop::order(&company, by.1))).await;
    let sentence = "The operating system template is not offered to the server's package.";
    assert_eq!((answer.status, &answer.body["errors"]), (422, &json!([sentence])));
    assert_eq!(Made::by_now(&app).await, before);
    assert_eq!(by.0.balance(&app).await, 10);
    assert_eq!(app.put(&path, json!({ "packageIds": [] })).await.0, 200);

    let answer = browser.call("POST", "/shop/servers", Some(shop::order(&company, by.1))).await;
    assert_eq!(answer.status, 201, "what was refused is in nobody's way: {}", answer.body);
}

async fn an_order_makes_a_server_and_its_build_at_once(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let (jane, size) = jane(&app, &company, 10).await;
    let mut browser = logged_in(&app, "jane7@doe.test").await;
    let before = Made::by_now(&app).await;
    let answer = browser.call("POST", "/shop/servers", Some(shop::order(&company, size))).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let after = Made::by_now(&app).await;
    let wanted = Made {
        servers: before.servers + 1,
        disks: before.disks + 1,
        interfaces: before.interfaces + 1,
        ipv4: before.ipv4 + 1,
        ipv6: before.ipv6 + 1,
        history: before.history + 2,
        metered: before.metered + 1,
        spans: before.spans + 1,
        jobs: before.jobs + 1,
        audited: before.audited + 2,
        ..before
    };
    assert_eq!(after, wanted);
    let db = app.ctx.store.read();
    let row = server::Entity::find().one(db).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.name.as_str(), row.template_id), ("queued", "web", Some(company.template)));
    let password = app.ctx.open("servers", "password_enc", row.uuid, &row.password_enc).unwrap();
    assert_eq!(answer.body["data"]["password"], password);
    let entries = audit_entry::Entity::find().filter(audit_entry::Column::SubjectKind.eq("server"));
    let entries = entries.order_by_asc(audit_entry::Column::Id).all(db).await.unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|one| (one.action.as_str(), one.subject_id, one.user_id, one.request_id.is_some()))
        .collect();
    let by_jane = |action| (action, Some(row.id), Some(jane.id), true);
    assert_eq!(told, [by_jane("create_server"), by_jane("build_server")]);
    assert_eq!(entries[0].request_id, entries[1].request_id);
    let queued = job::Entity::find().filter(job::Column::ServerId.eq(row.id)).one(db).await.unwrap().unwrap();
    assert_eq!(queued.payload["requestId"], json!(entries[1].request_id), "whoever wrote the batch");
}

async fn orders_that_come_at_once_are_made_or_refused_each_by_itself(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let by = jane(&app, &company, 10).await;
    let before = Made::by_now(&app).await;
    let good = || order(&app, by, &company, build_of(company.template));
    let bad = || {
        let build = BuildServer { ssh_keys: vec![company.key], ..build_of(company.template) };
        order(&app, by, &company, build)
    };
    let (first, second, third, fourth) = tokio::join!(good(), bad(), good(), bad());
    assert!(first.is_ok() && third.is_ok(), "{first:?} {third:?}");
    for one in [second, fourth] {
        assert!(matches!(&one, Err(Error::Invalid(errors)) if errors[0].contains("SSH key")), "{one:?}");
    }
    let after = Made::by_now(&app).await;
    let more = |of: fn(&Made) -> u64| of(&after) - of(&before);
    assert_eq!((more(|made| made.servers), more(|made| made.jobs), more(|made| made.metered)), (2, 2, 2));
    assert_eq!((more(|made| made.ipv4), more(|made| made.audited)), (2, 4));
}

async fn what_no_node_can_change_is_told_alone(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 3, 10).await;
    let closed = format!("/compute/hypervisors/{}", company.hypervisors[0]);
    assert_eq!(app.put(&closed, json!({ "enabled": false })).await.0, 200);
    let (_, size) = jane(&app, &company, 0).await;
    let mut browser = logged_in(&app, "jane7@doe.test").await;
    let answer = browser.call("POST", "/shop/servers", Some(shop::order(&company, size))).await;
    let sentence = "The user's credit of 0.000000 tokens does not pay the first hour.";
    assert_eq!((answer.status, &answer.body["errors"]), (422, &json!([sentence])));
}

/// Nothing builds it here: no runner is there.
async fn an_ordered_server_is_metered_from_its_order_on_under_its_name(database: Database) {
    let app = App::start(database).await;
    let company = rows::company(&app, 1, 10).await;
    let (jane, size) = jane(&app, &company, 10).await;
    let mut browser = logged_in(&app, "jane7@doe.test").await;
    let order = shop::order(&company, size);
    let mut uuids = Vec::new();
    for _ in 0..2 {
        let answer = browser.call("POST", "/shop/servers", Some(order.clone())).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        uuids.push(answer.body["data"]["uuid"].clone());
    }
    // The second is gone before the meter has looked at it once.
    pass_minutes(&app, 1);
    let gone = format!("/servers/{}", uuids[1].as_str().unwrap());
    assert_eq!(browser.call("DELETE", &gone, None).await.status, 204);
    pass_minutes(&app, 60);
    meter::run(&app.ctx).await.unwrap();
    let bill = browser.get("/billing/usage").await.body["data"].clone();
    let mut told: Vec<_> = bill["servers"].as_array().unwrap().clone();
    told.sort_by_key(|one| uuids.iter().position(|uuid| *uuid == one["uuid"]));
    let told: Vec<_> = told.iter().map(|one| (&one["uuid"], &one["name"], &one["hours"])).collect();
    let one_hour = (json!("web"), json!(1));
    assert_eq!(told, [(&uuids[0], &one_hour.0, &one_hour.1), (&uuids[1], &one_hour.0, &one_hour.1)]);
    assert_eq!(jane.balance(&app).await, 8);
}
