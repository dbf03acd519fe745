//! The least that a server can do to answer `GET /servers/{id}`: the same queries, in the same order, behind a handler
//! that does nothing with the rows, over the same TLS.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::get,
};
use axum_server::{Handle, tls_rustls::RustlsConfig};
use berth_control::{
    Context,
    http::{self, auth},
};
use berth_store::{api_token, server_details};

pub async fn serve(ctx: &Context, token: &str) -> SocketAddr {
    let (certificate, key) = http::certificate_files(&ctx.config).unwrap();
    let tls = RustlsConfig::from_pem_file(certificate, key).await.unwrap();
    let state = (ctx.clone(), auth::hash_token(token));
    let router = Router::new().route("/api/v1/servers/{id}", get(retrieve)).with_state(state);
    let handle = Handle::new();
    let server = axum_server::bind_rustls("127.0.0.1:0".parse().unwrap(), tls).handle(handle.clone());
    tokio::spawn(server.serve(router.into_make_service()));
    handle.listening().await.unwrap()
}

async fn retrieve(State((ctx, hash)): State<(Context, String)>, Path(id): Path<i64>) -> Json<i64> {
    let db = ctx.store.read();
    let token = api_token::by_hash(db, &hash).await.unwrap().unwrap();
    let details = server_details::by_id(db, id).await.unwrap().unwrap();
    Json(details.server.id + token.id)
}
