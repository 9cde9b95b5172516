//! `GET /fleet`: the whole fleet at a glance.

use berth_core::api::{Census, Problem};

use super::Context;
use crate::http::Response;

/// Counts everyone. It reads the whole table, page by page: for people and dashboards, not for a loop.
pub(super) async fn show(context: &Context) -> Result<Response, Problem> {
    let pointer = context.releases.pointer().await?;
    let mut census = Census::new(pointer, context.clock.now());
    let mut after = None;
    loop {
        let page = context.tenants.page(after.as_ref()).await?;
        page.rows.iter().for_each(|tenant| census.count(tenant));
        after = page.last;
        if after.is_none() {
            return Ok(Response::json(200, &census.view()));
        }
    }
}
