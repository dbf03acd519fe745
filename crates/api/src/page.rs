//! A page of a list, in the shape of Laravel's paginator.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Page<T> {
    /// From 1.
    pub current_page: u64,
    pub data: Vec<T>,
    pub first_page_url: String,
    /// Position of the first row of the page among all, from 1; null on an empty page.
    pub from: Option<u64>,
    pub last_page: u64,
    pub last_page_url: String,
    pub links: Vec<Link>,
    pub next_page_url: Option<String>,
    pub path: String,
    pub per_page: u64,
    pub prev_page_url: Option<String>,
    pub to: Option<u64>,
    pub total: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Link {
    pub url: Option<String>,
    pub label: String,
    pub active: bool,
}
