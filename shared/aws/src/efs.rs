//! EFS: a tenant's directory.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_efs::Client;
use aws_sdk_efs::config::Builder;
use aws_sdk_efs::error::SdkError;
use aws_sdk_efs::operation::create_access_point::CreateAccessPointError;
use aws_sdk_efs::operation::delete_access_point::DeleteAccessPointError;
use aws_sdk_efs::types::{CreationInfo, PosixUser, RootDirectory, Tag};
use berth_core::definition::{AccessPoint, AccessPointId, FileSystemId};
use berth_core::pace::Bucket;
use berth_core::tenant::{Files, Generation, Outlook, ServiceName, TenantId};

use crate::error::CallError;
use crate::pace::{Pace, Repeat, Turn};
use crate::settings::{SettingsError, Variables};

/// Makes and deletes access points, all owned by one POSIX user.
#[derive(Clone, Debug)]
pub struct Efs {
    /// The SDK repeats no call, so that each attempt takes a token.
    client: Client,
    pace: Pace,
    uid: i64,
    gid: i64,
}

const CREATE: &str = "elasticfilesystem:CreateAccessPoint";

impl Efs {
    /// With the user that the variables name.
    pub fn new(config: &SdkConfig, variables: &Variables, pace: Pace) -> Result<Self, SettingsError> {
        let uid = i64::from(variables.parsed("BERTH_POSIX_UID", 1000_u32)?);
        let gid = i64::from(variables.parsed("BERTH_POSIX_GID", 1000_u32)?);
        Ok(Self {
            client: Client::from_conf(Builder::from(config).retry_config(RetryConfig::disabled()).build()),
            pace,
            uid,
            gid,
        })
    }

    /// The access point of a tenant's incarnation: made, or found if an earlier attempt has made it.
    pub async fn create(
        &self,
        turn: Turn<'_>,
        (tenant, incarnation): (&TenantId, Generation),
        file_system_id: &FileSystemId,
    ) -> Result<Files, CallError> {
        let path = format!("/tenants/{tenant}/g{incarnation}");
        let create = async || self.ask_for((tenant, incarnation), file_system_id, &path).await;
        let made = self
            .pace
            .call((Bucket::AccessPoints, 1), turn, Repeat::Harmless, create)
            .await?;
        let access_point_id = match made {
            Made::Now(id) => id,
            Made::Before(id) => {
                let adopt = async || self.adopt(id.clone(), file_system_id.as_str(), &path).await;
                let ask = (Bucket::AccessPoints, 1);
                self.pace.call(ask, turn, Repeat::Harmless, adopt).await?
            }
        };
        let access_point_id: AccessPointId = access_point_id
            .parse()
            .map_err(|error| CallError::incomplete(CREATE, &format!("{error}")))?;
        let place = AccessPoint {
            file_system_id: file_system_id.clone(),
            access_point_id,
        };
        Ok(Files { place, incarnation })
    }

    async fn ask_for(
        &self,
        (tenant, incarnation): (&TenantId, Generation),
        file_system_id: &FileSystemId,
        path: &str,
    ) -> Result<Made, CallError> {
        let owner = CreationInfo::builder()
            .owner_uid(self.uid)
            .owner_gid(self.gid)
            .permissions("0750")
            .build();
        let user = PosixUser::builder().uid(self.uid).gid(self.gid).build();
        let root = RootDirectory::builder()
            .path(path)
            .creation_info(owner.map_err(construction)?);
        let sent = self
            .client
            .create_access_point()
            .client_token(ServiceName::new(tenant.clone(), incarnation).token())
            .file_system_id(file_system_id.as_str())
            .posix_user(user.map_err(construction)?)
            .root_directory(root.build())
            .tags(tag("Name", tenant.as_str())?)
            .tags(tag("berth:tenant", tenant.as_str())?)
            .send()
            .await;
        match sent {
            Ok(made) => match made.access_point_id {
                Some(id) => Ok(Made::Now(id)),
                None => Err(CallError::incomplete(CREATE, "no id in the answer")),
            },
            Err(SdkError::ServiceError(context)) if context.err().is_access_point_already_exists() => {
                match context.into_err() {
                    CreateAccessPointError::AccessPointAlreadyExists(exists) => {
                        Ok(Made::Before(exists.access_point_id))
                    }
                    _ => Err(CallError::incomplete(CREATE, "no id in the refusal")),
                }
            }
            Err(error) => Err(CallError::of(CREATE, error)),
        }
    }

    /// An access point that an earlier attempt has made is taken over only if it is the same directory and user.
    async fn adopt(&self, id: String, file_system_id: &str, path: &str) -> Result<String, CallError> {
        const ACTION: &str = "elasticfilesystem:DescribeAccessPoints";
        let request = self.client.describe_access_points().access_point_id(&id);
        let output = request.send().await.map_err(|error| CallError::of(ACTION, error))?;
        let found = output.access_points.unwrap_or_default().into_iter().next();
        let found =
            found.ok_or_else(|| CallError::incomplete(ACTION, "an access point that exists is not described"))?;
        let same_path = found.root_directory.as_ref().and_then(|root| root.path.as_deref()) == Some(path);
        let same_user = found
            .posix_user
            .as_ref()
            .is_some_and(|user| (user.uid, user.gid) == (self.uid, self.gid));
        if same_path && same_user && found.file_system_id.as_deref() == Some(file_system_id) {
            return Ok(id);
        }
        Err(CallError {
            action: CREATE,
            code: "AccessPointAlreadyExists".to_owned(),
            message: format!("{id} has this tenant's token but another directory or user; delete it or give it back"),
            outlook: Outlook::Terminal,
        })
    }

    /// Deletes an access point; the directory and its files stay. One that is gone already is fine.
    pub async fn delete(&self, turn: Turn<'_>, id: &AccessPointId) -> Result<(), CallError> {
        const ACTION: &str = "elasticfilesystem:DeleteAccessPoint";
        let delete = async || match self
            .client
            .delete_access_point()
            .access_point_id(id.as_str())
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteAccessPointError::is_access_point_not_found) =>
            {
                Ok(())
            }
            Err(error) => Err(CallError::of(ACTION, error)),
        };
        self.pace
            .call((Bucket::AccessPoints, 1), turn, Repeat::Harmless, delete)
            .await
    }
}

/// An access point that is there.
enum Made {
    /// It was made now.
    Now(String),
    /// An earlier attempt has made it.
    Before(String),
}

fn tag(key: &str, value: &str) -> Result<Tag, CallError> {
    Tag::builder().key(key).value(value).build().map_err(construction)
}

fn construction(error: impl std::fmt::Display) -> CallError {
    CallError {
        action: CREATE,
        code: "Construction".to_owned(),
        message: error.to_string(),
        outlook: Outlook::Terminal,
    }
}
