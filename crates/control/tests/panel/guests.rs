//! Shares put straight into the database.

use berth_control::Error;
use berth_store::{
    server_share::{self, NewShare},
    user,
};

use crate::app::App;

/// An invitation that nobody accepted yet; its id.
pub async fn invitation(app: &App, server_id: i64, email: &str, rights: &[&str]) -> i64 {
    let new = NewShare {
        server_id,
        email: email.to_owned(),
        rights: rights.iter().map(|right| (*right).to_owned()).collect(),
        expires_at: i64::MAX,
        now: app.ctx.now(),
    };
    let invited = app.ctx.store.write_tx::<_, Error>(|tx| {
        let new = new.clone();
        Box::pin(async move { Ok(server_share::insert(tx, new).await?.id) })
    });
    invited.await.unwrap()
}

/// As if the guest had accepted one.
pub async fn share(app: &App, server_id: i64, email: &str, rights: &[&str]) {
    let guest = user::by_email(app.ctx.store.read(), email).await.unwrap().unwrap().id;
    let id = invitation(app, server_id, email, rights).await;
    let accepted = app
        .ctx
        .store
        .write_tx::<_, Error>(|tx| Box::pin(async move { Ok(server_share::accept(tx, id, guest, 1).await?) }));
    assert!(accepted.await.unwrap());
}
