//! `UpdateService`.
//!
//! Source: `UpdateServiceRequest`: each member says whether it triggers a new service deployment.

use super::ServiceStatus;
use super::actions::{body_of, desired_count};
use super::deployment::Beginning;
use crate::task::run::check_exec;
use crate::wire::args::Args;
use crate::wire::error::{Answer, ApiError};
use crate::wire::object;
use crate::world::World;

impl World {
    pub(crate) fn update_service(&mut self, args: Args<'_>) -> Answer {
        let cluster = self.cluster_of(args)?;
        let missing = || ApiError::new("ServiceNotFoundException", "Service not found.");
        let key = self
            .service_of(&cluster, args.text("service").unwrap_or_default())
            .ok_or_else(missing)?;
        let service = self.services.get(key).ok_or_else(missing)?;
        if service.status != ServiceStatus::Active {
            return Err(ApiError::new("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        let desired = desired_count(args)?.unwrap_or(service.desired);
        let settings = service.settings.updated(args)?;
        let primary = service.primary().ok_or_else(missing)?;
        // A revision that the service already uses may be INACTIVE: the service can still scale.
        let definition = match args.named("taskDefinition") {
            Some(given) if self.definitions.find(given, &self.config).as_ref() == Some(&primary.definition) => {
                primary.definition.clone()
            }
            Some(given) => self.definitions.usable(given, &self.config)?,
            None => primary.definition.clone(),
        };
        let body = body_of(self.definitions.get(&definition));
        let placement = primary.placement.updated(args, &body)?;
        check_exec(settings.flag("enableExecuteCommand"), &body)?;
        let changed = definition != primary.definition
            || placement.network != primary.placement.network
            || placement.platform_version != primary.placement.platform_version
            || settings.needs_deployment(&service.settings);
        let forced = args.flag("forceNewDeployment") == Some(true);
        self.keep_past_of_service(key);
        if let Some(service) = self.services.get_mut(key) {
            if service.desired != desired {
                service.steady = false;
            }
            service.desired = desired;
            service.settings = settings;
        }
        if changed || forced {
            self.begin_deployment(key, definition, placement, Beginning::Request);
        } else if let Some(primary) = self.services.get_mut(key).and_then(|service| service.primary_mut()) {
            primary.placement = placement;
            primary.updated = self.now;
        }
        self.poke_service(key);
        Ok(object([("service", self.show_service_with_tags(key))]))
    }
}
