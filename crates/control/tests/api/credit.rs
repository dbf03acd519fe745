//! Credit changes by two audited operations, and by the meter.

use berth_store::{entity::ledger_entry, testing::Database};
use sea_orm::{EntityTrait, PaginatorTrait};

use crate::{app::App, operations};

/// Of all operations there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t01_credit_is_changed_by_two_operations_alone() {
    let app = App::start(Database::sqlite()).await;
    let company = operations::company(&app).await;
    let booked = async || ledger_entry::Entity::find().count(app.ctx.store.read()).await.unwrap();
    let mut changing = Vec::new();
    for operation in operations::all().into_iter().filter(operations::Operation::changes) {
        let call = operations::example(&app, &company, &operation).await;
        let before = booked().await;
        let (status, answer) = call.send(&app, &app.token).await;
        assert!((200..300).contains(&status), "{}: {status} {answer}", operation.name());
        if booked().await != before {
            changing.push(operation.name());
        }
    }
    let wanted =
        ["DELETE /selfService/credit/{creditId}", "POST /selfService/credit/byUserExtRelationId/{extRelationId}"];
    changing.sort_unstable();
    assert_eq!(changing, wanted);
}
