//! What every operation's description has in common, said once: the token, the refusals and their shapes, a name of
//! its own.

use berth_api::{
    refusal::{Conflict, Invalid, Message, NotFound},
    v1::refusal::Locked,
};
use utoipa::{
    OpenApi as _,
    openapi::{
        Content, OpenApi, PathItem, Ref, RefOr, Response,
        path::{Operation, ParameterIn},
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

/// The head of the document, and the shapes of refusals.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Berth Global API",
        description = "What billing systems drive Berth with. Every operation takes a bearer token.",
        license(name = "Apache-2.0")
    ),
    servers((url = "/api/v1")),
    security(("bearer" = [])),
    components(schemas(Message, NotFound, Conflict, Invalid, Locked))
)]
struct Head;

pub fn head() -> OpenApi {
    Head::openapi()
}

const JSON: &str = "application/json";

/// Refusals that any operation may answer.
const COMMON: [(&str, &str); 5] = [
    ("401", "The token is missing, unknown, revoked or expired."),
    ("403", "The token lacks the ability that this takes, or may not be used from this address."),
    ("429", "Too many requests. `Retry-After` says after how many seconds the next one is answered."),
    ("500", "The control server failed; its log says why."),
    ("503", "The control server is too busy, or something that it needs is away."),
];
const INVALID: &str = "Which values are wrong, each with what is allowed.";

/// The document as it is served, from what the handlers' own descriptions say.
pub fn complete(mut document: OpenApi) -> OpenApi {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            name(operation);
            for (status, description) in COMMON {
                operation.responses.responses.insert(status.to_owned(), Response::new(description).into());
            }
            if operation.request_body.is_some() || has_query(operation) {
                let responses = &mut operation.responses.responses;
                responses.entry("422".to_owned()).or_insert_with(|| Response::new(INVALID).into());
            }
            for (status, response) in &mut operation.responses.responses {
                if let (Some(schema), RefOr::T(response)) = (refusal(status), response) {
                    let content = Content::new(Some(Ref::from_schema_name(schema)));
                    response.content.insert(JSON.to_owned(), content.into());
                }
            }
        }
    }
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_default().add_security_scheme("bearer", bearer);
    document
}

/// The schema of a refusal's body.
fn refusal(status: &str) -> Option<&'static str> {
    match status {
        "401" | "403" | "429" | "500" | "503" => Some("Message"),
        "404" => Some("NotFound"),
        "409" => Some("Conflict"),
        "422" => Some("Invalid"),
        "423" => Some("Locked"),
        _ => None,
    }
}

/// Handlers of different modules share names; programs that are generated from the document need different ones.
fn name(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next().map(|tag| tag.to_lowercase().replace(' ', "_"));
    if let (Some(tag), Some(id)) = (tag, &mut operation.operation_id) {
        *id = format!("{tag}_{id}");
    }
}

fn has_query(operation: &Operation) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|one| matches!(one, RefOr::T(one) if matches!(one.parameter_in, ParameterIn::Query)))
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}
