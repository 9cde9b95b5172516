//! The JSON of a call, as it stands on the wire.
//!
//! The SDK's types know the members of its own version and drop the rest. What Berth must not lose (a task definition)
//! or reads leniently (a task) goes around them: the request body is replaced before it is signed, the response body is
//! kept before it is thrown away.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::Value;

use crate::error::CallError;

/// Keeps the body of the last response of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Keep(Arc<Mutex<Vec<u8>>>);

#[dyn_dispatch_hint]
impl Intercept for Keep {
    fn name(&self) -> &'static str {
        "Keep"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Ok(mut kept), Some(bytes)) = (self.0.lock(), context.response().body().bytes()) {
            bytes.clone_into(&mut kept);
        }
        Ok(())
    }
}

impl Keep {
    /// The response as JSON.
    pub(super) fn json(&self, action: &'static str) -> Result<Value, CallError> {
        let kept = self
            .0
            .lock()
            .map_err(|_| CallError::incomplete(action, "the response was not kept"))?;
        serde_json::from_slice(&kept).map_err(|error| CallError::incomplete(action, &error.to_string()))
    }
}
