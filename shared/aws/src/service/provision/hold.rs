//! Holding a tenant that is busy.

use berth_core::api::{Code, HoldRequest, HoldView, Problem};
use berth_core::tenant::TenantId;

use super::{Context, read};
use crate::http::{Request, Response};
use crate::service::hold::{self, Held, Released};

/// `PUT /tenants/{id}/hold`
pub(super) async fn put(context: &Context, request: &Request, id: &TenantId) -> Result<Response, Problem> {
    let asked: HoldRequest = request.members(Code::InvalidHold)?;
    match hold::hold(&context.holds, id, &asked, &request.caller).await? {
        Held::Granted(hold) => {
            let (until, seconds) = (hold.until, hold.granted.as_secs());
            Ok(Response::json(200, &HoldView { until, seconds }))
        }
        Held::TooShort(why) => Err(Problem::new(Code::InvalidHold, why.to_string())),
        Held::NotRunning => Err(Problem::not_running(id)),
        Held::Absent => {
            read::find(context, id).await?;
            Err(Problem::not_running(id))
        }
    }
}

/// `DELETE /tenants/{id}/hold`: there is no hold afterwards, whether there was one or not.
pub(super) async fn delete(context: &Context, request: &Request, id: &TenantId) -> Result<Response, Problem> {
    match hold::release(&context.holds, id, &request.caller).await? {
        Released::Done => Ok(Response::empty(204)),
        Released::Absent => read::find(context, id).await.map(|_| Response::empty(204)),
    }
}
