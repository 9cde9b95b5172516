//! `TagResource`, `UntagResource` and `ListTagsForResource` of ECS.

use serde_json::json;

use crate::definition::store::Reference;
use crate::tags::{self, Tags};
use crate::wire::args::Args;
use crate::wire::error::{Answer, ApiError};
use crate::world::World;

impl World {
    pub(crate) fn tag_resource(&mut self, args: Args<'_>) -> Answer {
        let more = tags::read(args)?;
        tags::merge(self.tags_of(args)?, more)?;
        Ok(json!({}))
    }

    pub(crate) fn untag_resource(&mut self, args: Args<'_>) -> Answer {
        let tags = self.tags_of(args)?;
        for key in args.texts("tagKeys") {
            tags.remove(key);
        }
        Ok(json!({}))
    }

    pub(crate) fn list_tags(&mut self, args: Args<'_>) -> Answer {
        Ok(json!({"tags": tags::list(self.tags_of(args)?)}))
    }

    /// The tags of the resource that `resourceArn` names.
    fn tags_of(&mut self, args: Args<'_>) -> Result<&mut Tags, ApiError> {
        let arn = args.text("resourceArn").unwrap_or_default();
        let invalid = || ApiError::parameter(format!("Invalid resource ARN: {arn}"));
        let resource = self.config.ecs_resource(arn).ok_or_else(invalid)?;
        let (kind, name) = resource.split_once('/').ok_or_else(invalid)?;
        match kind {
            "cluster" => {
                let missing = || ApiError::new("ClusterNotFoundException", "Cluster not found.");
                self.clusters
                    .get_mut(name)
                    .filter(|cluster| cluster.active)
                    .map(|c| &mut c.tags)
                    .ok_or_else(missing)
            }
            "service" => {
                let missing = || ApiError::parameter("The specified service was not found.");
                let (cluster, _) = name.split_once('/').ok_or_else(invalid)?;
                let key = self
                    .service_of(cluster, arn)
                    .filter(|key| self.services.is_alive(*key))
                    .ok_or_else(missing)?;
                self.services
                    .get_mut(key)
                    .map(|service| &mut service.tags)
                    .ok_or_else(missing)
            }
            "task" => {
                let missing = || ApiError::parameter("The specified task was not found.");
                let (_, id) = name.rsplit_once('/').ok_or_else(invalid)?;
                let key = self.tasks.by_id(id).ok_or_else(missing)?;
                self.tasks.get_mut(key).map(|task| &mut task.tags).ok_or_else(missing)
            }
            "task-definition" => match Reference::read(arn, &self.config) {
                Some(Reference::Revision(id)) => {
                    let missing = || ApiError::parameter("The specified task definition was not found.");
                    self.definitions
                        .get_mut(&id)
                        .map(|revision| &mut revision.tags)
                        .ok_or_else(missing)
                }
                _ => Err(invalid()),
            },
            _ => Err(invalid()),
        }
    }
}
