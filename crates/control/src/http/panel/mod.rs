//! The panel's own API, `/panel/api`: the whole URL table. A session's cookie only, never a bearer token; and each
//! request that changes something repeats the session's secret in a header, which no other site's page can.
//! Dangerous ones want a fresh proof that it is still whoever logged in ([`crate::proof`]).

mod account;
pub mod assets;
mod billing;
mod convert;
mod factor;
mod keys;
mod passkeys;
mod prove;
mod reach;
mod servers;
mod session;
mod shares;
mod shop;
pub mod sign_on;
pub mod sso;
mod tokens;

use axum::{Json, Router, middleware, routing::get};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Context, Error};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Berth panel API",
        description = "What the panel's web application asks for. It changes with the application; programs use the Global API.",
        license(name = "Apache-2.0")
    ),
    servers((url = "/panel/api"))
)]
struct Head;

/// Operations of those who are logged in, one line each.
fn operations() -> OpenApiRouter<Context> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(account::retrieve, account::log_out))
        .routes(routes!(prove::prove))
        .routes(routes!(prove::challenge, prove::prove_with_passkey))
        .routes(routes!(sign_on::begin_proof))
        .routes(routes!(account::sessions))
        .routes(routes!(account::end_session))
        .routes(routes!(account::change_password))
        .routes(routes!(account::choose_language))
        .routes(routes!(factor::retrieve, factor::propose, factor::confirm))
        .routes(routes!(factor::end))
        .routes(routes!(factor::renew_codes))
        .routes(routes!(passkeys::list, passkeys::propose, passkeys::add))
        .routes(routes!(passkeys::rename, passkeys::remove))
        .routes(routes!(sign_on::identities))
        .routes(routes!(sign_on::forget))
        .routes(routes!(keys::list, keys::add))
        .routes(routes!(keys::remove))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(servers::list))
        .routes(routes!(servers::retrieve, shop::delete))
        .routes(routes!(servers::power))
        .routes(routes!(servers::reset_password))
        .routes(routes!(servers::rename))
        .routes(routes!(servers::templates))
        .routes(routes!(servers::build))
        .routes(routes!(servers::open_console))
        .routes(routes!(shares::list, shares::invite))
        .routes(routes!(shares::change, shares::end))
        .routes(routes!(shares::leave))
        .routes(routes!(shares::invitations))
        .routes(routes!(shares::accept, shares::decline))
        .routes(routes!(shop::shop))
        .routes(routes!(shop::templates))
        .routes(routes!(shop::create))
        .routes(routes!(shop::sizes, shop::resize))
        .routes(routes!(billing::billing))
        .routes(routes!(billing::bill))
        .routes(routes!(billing::ledger))
        .routes(routes!(billing::statement))
}

/// Operations of those who are not.
fn strangers() -> OpenApiRouter<Context> {
    OpenApiRouter::new()
        .routes(routes!(account::log_in))
        .routes(routes!(sso::show_code))
        .routes(routes!(passkeys::login, passkeys::challenge, passkeys::log_in))
        .routes(routes!(sign_on::retrieve, sign_on::begin))
        .routes(routes!(account::forgot_password, account::set_forgotten_password))
}

/// What is served to those who are logged in: method and path, as [`crate::proof::OPERATIONS`] has them.
pub fn served() -> Vec<(String, String)> {
    let document = serde_json::to_value(operations().split_for_parts().1).unwrap_or_default();
    let paths = document["paths"].as_object().into_iter().flatten();
    let methods = |(path, item): (&String, &serde_json::Value)| {
        let names = item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase());
        names.map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    paths.flat_map(methods).collect()
}

/// The OpenAPI 3.1 document, generated from the handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = operations().split_for_parts().1;
    document.merge(strangers().split_for_parts().1);
    document
}

pub fn router(ctx: &Context) -> Router<Context> {
    let (operations, _) = operations().split_for_parts();
    let (strangers, _) = strangers().split_for_parts();
    let document = openapi();
    let document = get(move || async move { Json(document) });
    let with_session = operations
        .fallback(|| async { Error::NotFound("operation") })
        .layer(middleware::from_fn_with_state(ctx.clone(), prove::require))
        .layer(middleware::from_fn_with_state(ctx.clone(), session::authenticate));
    Router::new()
        .route("/openapi.json", document)
        .merge(strangers.layer(middleware::from_fn_with_state(ctx.clone(), session::same_site)))
        .merge(with_session)
        .layer(middleware::from_fn(super::body::limited))
        .layer(super::time_limit())
}
