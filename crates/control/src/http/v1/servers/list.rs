//! Lists of servers.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use berth_api::{
    data::Data,
    page::Page,
    v1::server_list::{ServerLine, UserServer},
};
use berth_store::server::Filter;
use uuid::Uuid;

use super::{Door, convert, whole};
use crate::{
    Context, Error,
    actions::server_read,
    actor::Actor,
    http::{
        extract::{self, Query},
        page::PageRequest,
    },
};

/// What a search is cut to.
const SEARCH_CHARACTERS: usize = 200;

/// Retrieve servers, a page at a time.
#[utoipa::path(get, path = "/servers", tag = "Servers",
    params(
        ("type" = Option<String>, Query, description = "`simple` (the default) or `full`."),
        ("results" = Option<u64>, Query, description = "Rows of a page, 1 to 200; 20 by default."),
        ("page" = Option<u64>, Query, description = "From 1."),
        ("hypervisorId" = Option<i64>, Query, description = "Only those on this node; repeatable as `hypervisorId[]`."),
        ("user" = Option<i64>, Query, description = "Only those of this user."),
        ("uuid" = Option<Uuid>, Query, description = "Only the one with this UUID."),
        ("name" = Option<String>, Query, description = "Only those with this name."),
        ("search" = Option<String>, Query, description = "Part of the name, the host name or the whole UUID."),
    ),
    responses(
        (status = 200, description = "A page of servers.", body = Page<ServerLine>),
        (status = 422, description = "A value is out of range."),
    ))]
pub async fn list(
    State(ctx): State<Context>,
    actor: Actor,
    door: Door,
    query: Query,
    page: PageRequest,
) -> Result<Response, Error> {
    let filter = filter(&query)?;
    let (offset, results) = (page.offset(), page.results);
    match query.text("type").unwrap_or("simple") {
        "simple" => {
            let (rows, total) = server_read::lines(&ctx, &actor, &filter, offset, results).await?;
            Ok(Json(page.wrap(rows.into_iter().map(convert::line).collect(), total)).into_response())
        }
        "full" => {
            let (rows, total) = server_read::whole(&ctx, &actor, &filter, offset, results).await?;
            let convert = |details| whole(&ctx, &actor, door.clone(), details, false);
            let data = rows.into_iter().map(convert).collect::<Result<_, _>>()?;
            Ok(Json(page.wrap(data, total)).into_response())
        }
        _ => Err(Error::invalid("The type must be simple or full.")),
    }
}

fn filter(query: &Query) -> Result<Filter, Error> {
    let uuid = query.text("uuid").map(Uuid::parse_str).transpose();
    Ok(Filter {
        hypervisor_ids: query.numbers("hypervisorId")?,
        owner_id: query.number("user")?,
        seen_by: None,
        uuid: uuid.map_err(|_| Error::invalid("The uuid must be a UUID."))?,
        name: query.text("name").map(str::to_owned),
        search: query.text("search").map(|text| text.chars().take(SEARCH_CHARACTERS).collect()),
    })
}

/// Retrieve all servers of a user.
#[utoipa::path(get, path = "/servers/user/{userId}", tag = "Servers",
    params(("userId" = i64, Path, description = "A user's id.")),
    responses(
        (status = 200, description = "All of them.", body = Data<Vec<UserServer>>),
        (status = 404, description = "There is no such user."),
    ))]
pub async fn of_user(
    State(ctx): State<Context>,
    actor: Actor,
    door: Door,
    Path(id): Path<String>,
) -> Result<Json<Data<Vec<UserServer>>>, Error> {
    let servers = server_read::of_user(&ctx, &actor, extract::id(&id, "user")?).await?;
    let data = servers.into_iter().map(|details| {
        let live = ctx.live.server(details.server.uuid, ctx.now());
        convert::user_server(details, &door, live.as_ref())
    });
    Ok(Json(Data { data: data.collect() }))
}
