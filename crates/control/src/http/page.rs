//! The paginator of the Global API, which is Laravel's: the page's rows between links to its neighbours.

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{header, request::Parts},
};
use berth_api::page::{Link, Page};

use super::extract::Query;
use crate::{Context, Error};

pub const MAX_RESULTS: u64 = 200;
const DEFAULT_RESULTS: u64 = 20;
/// Pages linked on each side of the current one, as Laravel does it.
const ON_EACH_SIDE: u64 = 3;

/// Which page was asked for, and under which address.
#[derive(Debug)]
pub struct PageRequest {
    pub page: u64,
    pub results: u64,
    path: String,
    /// The rest of the query, encoded, without `page`.
    query: String,
}

impl FromRequestParts<Context> for PageRequest {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, ctx: &Context) -> Result<Self, Error> {
        let query = Query::from_request_parts(parts, ctx).await?;
        let results = query.number("results")?.unwrap_or(DEFAULT_RESULTS);
        let page = query.number("page")?.unwrap_or(1);
        if !(1..=MAX_RESULTS).contains(&results) {
            return Err(Error::invalid(format!("The results must be between 1 and {MAX_RESULTS}.")));
        }
        if !(1..=u64::from(u32::MAX)).contains(&page) {
            return Err(Error::invalid("The page must be at least 1."));
        }
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
        let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let mut rest = url::form_urlencoded::Serializer::new(String::new());
        rest.extend_pairs(pairs.filter(|(name, _)| name != "page"));
        Ok(PageRequest { page, results, path: format!("{}{}", base_url(ctx, parts), uri.path()), query: rest.finish() })
    }
}

/// `https://host` as the client wrote it, or the configured public address.
pub fn base_url(ctx: &Context, parts: &Parts) -> String {
    if let Some(url) = &ctx.config.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(axum::http::uri::Authority::as_str)).unwrap_or("localhost");
    format!("https://{host}")
}

/// Where this control server was asked, `https://host[:port]`.
pub struct BaseUrl(pub String);

impl FromRequestParts<Context> for BaseUrl {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, ctx: &Context) -> Result<Self, Error> {
        Ok(BaseUrl(base_url(ctx, parts)))
    }
}

impl PageRequest {
    pub fn offset(&self) -> u64 {
        (self.page - 1) * self.results
    }

    /// Wraps the page's rows; `total` counts the rows of all pages.
    pub fn wrap<T>(&self, data: Vec<T>, total: u64) -> Page<T> {
        let last_page = total.div_ceil(self.results).max(1);
        let shown = u64::try_from(data.len()).unwrap_or(u64::MAX);
        let previous = (self.page > 1).then(|| self.url(self.page - 1));
        let next = (self.page < last_page).then(|| self.url(self.page + 1));
        let mut links = vec![Link { url: previous.clone(), label: "&laquo; Previous".to_owned(), active: false }];
        links.extend(shown_pages(self.page, last_page).into_iter().map(|page| match page {
            Some(page) => Link { url: Some(self.url(page)), label: page.to_string(), active: page == self.page },
            None => Link { url: None, label: "...".to_owned(), active: false },
        }));
        links.push(Link { url: next.clone(), label: "Next &raquo;".to_owned(), active: false });
        Page {
            current_page: self.page,
            data,
            first_page_url: self.url(1),
            from: (shown > 0).then(|| self.offset() + 1),
            last_page,
            last_page_url: self.url(last_page),
            links,
            next_page_url: next,
            path: self.path.clone(),
            per_page: self.results,
            prev_page_url: previous,
            to: (shown > 0).then(|| self.offset() + shown),
            total,
        }
    }

    fn url(&self, page: u64) -> String {
        let separator = if self.query.is_empty() { "" } else { "&" };
        format!("{}?{}{separator}page={page}", self.path, self.query)
    }
}

/// The pages that are linked; `None` is a gap. Few pages are shown whole.
fn shown_pages(current: u64, last: u64) -> Vec<Option<u64>> {
    let near = ON_EACH_SIDE * 2 + 1;
    if last < ON_EACH_SIDE * 2 + 8 {
        return (1..=last).map(Some).collect();
    }
    let mut pages = Vec::new();
    let (from, to) = if current <= near {
        (1, near + ON_EACH_SIDE)
    } else if current > last - near {
        (last - near - ON_EACH_SIDE + 1, last)
    } else {
        (current - ON_EACH_SIDE, current + ON_EACH_SIDE)
    };
    if from > 1 {
        pages.extend([Some(1), Some(2), None]);
    }
    pages.extend((from..=to).map(Some));
    if to < last {
        pages.extend([None, Some(last - 1), Some(last)]);
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(page: u64, results: u64, query: &str) -> PageRequest {
        PageRequest { page, results, path: "https://h/api/v1/servers".to_owned(), query: query.to_owned() }
    }

    #[test]
    fn the_middle_page_links_to_both_neighbours_and_keeps_the_query() {
        let page = request(2, 20, "results=20").wrap(vec![0; 20], 45);
        assert_eq!((page.from, page.to, page.last_page), (Some(21), Some(40), 3));
        assert_eq!(page.prev_page_url.as_deref(), Some("https://h/api/v1/servers?results=20&page=1"));
        assert_eq!(page.next_page_url.as_deref(), Some("https://h/api/v1/servers?results=20&page=3"));
        assert_eq!(
            page.links.iter().map(|link| link.label.as_str()).collect::<Vec<_>>(),
            ["&laquo; Previous", "1", "2", "3", "Next &raquo;"]
        );
    }

    #[test]
    fn an_empty_list_is_one_page_from_nothing_to_nothing() {
        let page = request(1, 20, "").wrap(Vec::<u8>::new(), 0);
        assert_eq!((page.from, page.to, page.last_page, page.total), (None, None, 1, 0));
        assert_eq!(page.first_page_url, "https://h/api/v1/servers?page=1");
    }

    #[test]
    fn many_pages_are_shown_with_gaps() {
        assert_eq!(shown_pages(50, 100).iter().filter(|page| page.is_none()).count(), 2);
        assert!(shown_pages(1, 5000).len() < 20);
    }
}
