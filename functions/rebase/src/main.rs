//! The door of rebase: settings, clients, events.

use berth_aws::service::rebase::{Context, handle};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (config, variables) = berth_aws::start::start().await?;
    let context = Context::new(&config, &variables)?;
    run(service_fn(|event: LambdaEvent<_>| handle(&context, event))).await
}
