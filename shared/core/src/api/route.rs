//! The routes: every operation of the API, where it is, and who may.
//!
//! This table is the one place that a new operation is added in. What does it (`match` in the functions' `route`) and what
//! describes it (`openapi`) do not compile until they know it.

use super::{Access, Code, Problem};

macro_rules! operations {
    ($($(#[$doc:meta])+ $name:ident: $method:literal $path:literal, $door:ident, $access:ident;)+) => {
        /// What can be done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $($(#[$doc])+ $name,)+
        }

        impl Operation {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name: the `operationId` of the document that `openapi.json` is.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Where it is, and who may.
            pub const fn route(self) -> Route {
                match self {
                    $(Self::$name => Route {
                        method: $method,
                        path: $path,
                        door: Door::$door,
                        access: Access::$access,
                    },)+
                }
            }
        }
    };
}

operations! {
    /// A page of tenants.
    ListTenants: "GET" "/tenants", Provision, Admin;
    /// One tenant.
    GetTenant: "GET" "/tenants/{id}", Provision, OwnTenant;
    /// Create a tenant, or replace its overlay.
    PutTenant: "PUT" "/tenants/{id}", Provision, Admin;
    /// Change a tenant's overlay.
    PatchTenant: "PATCH" "/tenants/{id}", Provision, Admin;
    /// Delete a tenant.
    DeleteTenant: "DELETE" "/tenants/{id}", Provision, Admin;
    /// Have it run.
    Wake: "POST" "/tenants/{id}/wake", Provision, OwnTenant;
    /// Take back a wake that is booked.
    CancelWake: "DELETE" "/tenants/{id}/wake", Provision, OwnTenant;
    /// Have it stopped.
    Sleep: "POST" "/tenants/{id}/sleep", Provision, OwnTenant;
    /// Have it run anew.
    Restart: "POST" "/tenants/{id}/restart", Provision, OwnTenant;
    /// Try again what has failed.
    Retry: "POST" "/tenants/{id}/retry", Provision, OwnTenant;
    /// Move it to the fleet's release.
    UpdateTenant: "POST" "/tenants/{id}/update", Provision, OwnTenant;
    /// It has worked just now.
    Touch: "POST" "/tenants/{id}/activity", Activity, OwnTenant;
    /// Many have worked just now.
    TouchMany: "POST" "/activity", Activity, Admin;
    /// It is busy.
    PutHold: "PUT" "/tenants/{id}/hold", Provision, OwnTenant;
    /// It is not busy any more.
    DeleteHold: "DELETE" "/tenants/{id}/hold", Provision, OwnTenant;
    /// What was decided about it.
    History: "GET" "/tenants/{id}/history", Provision, OwnTenant;
    /// Why it is up or down, and what will change that.
    ExplainTenant: "GET" "/tenants/{id}/explain", Provision, OwnTenant;
    /// What a sweep would do now.
    PreviewSweep: "POST" "/sweeps", Provision, Admin;
    /// Let the next sweep stop as many as it finds idle.
    PutOverride: "PUT" "/sweeps/override", Provision, Admin;
    /// Take that back.
    DeleteOverride: "DELETE" "/sweeps/override", Provision, Admin;
    /// The fleet in numbers.
    GetFleet: "GET" "/fleet", Provision, Admin;
    /// What was released.
    ListReleases: "GET" "/releases", Provision, Admin;
    /// Have the fleet moved.
    StartRollout: "POST" "/rollouts", Provision, Admin;
    /// One rollout.
    GetRollout: "GET" "/rollouts/{id}", Provision, Admin;
    /// Hold a rollout.
    PauseRollout: "POST" "/rollouts/{id}/pause", Provision, Admin;
    /// Let it go on.
    ResumeRollout: "POST" "/rollouts/{id}/resume", Provision, Admin;
    /// End it where it is.
    AbortRollout: "POST" "/rollouts/{id}/abort", Provision, Admin;
    /// Put everybody back.
    RollBackRollout: "POST" "/rollouts/{id}/rollback", Provision, Admin;
    /// What reconcile could not deal with, and why.
    ListDeadLetters: "GET" "/dead-letters", Provision, Admin;
    /// Send that back to reconcile.
    Redrive: "POST" "/dead-letters/redrive", Provision, Admin;
    /// The description of all of this.
    OpenApi: "GET" "/openapi.json", Provision, Anyone;
}

/// The function that an operation is done by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// provision, which gets every request that no other function gets.
    Provision,
    /// activity.
    Activity,
}

/// Where an operation is, and who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method.
    pub method: &'static str,
    /// The path; its one parameter, if it has one, is `{id}`.
    pub path: &'static str,
    /// Who does it.
    pub door: Door,
    /// Who may.
    pub access: Access,
}

impl Operation {
    /// The operation of this method and path.
    pub fn find(method: &str, path: &str) -> Result<Found, Problem> {
        let here = |operation: &Self| Some((*operation, id_of(operation.route().path, path)?));
        let mut allowed = Vec::new();
        for (operation, id) in Self::ALL.iter().filter_map(here) {
            let route = operation.route();
            if route.method == method {
                let id = id.to_owned();
                return Ok(Found { operation, id });
            }
            allowed.push(route.method);
        }
        if allowed.is_empty() {
            let detail = format!("there is no {}; GET /openapi.json lists what there is", shown(path));
            return Err(Problem::new(Code::NoRoute, detail));
        }
        let allowed = allowed.join(", ");
        let detail = format!("{} takes {allowed}", shown(path));
        Err(Problem {
            allow: Some(allowed),
            ..Problem::new(Code::NoMethod, detail)
        })
    }
}

/// An operation, and what it is to be done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is to be done.
    pub operation: Operation,
    /// The `{id}` of the path as it came; empty if the route has none.
    pub id: String,
}

/// The `{id}` of a path that this pattern fits; empty if the pattern has none.
fn id_of<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let mut id = "";
    let mut parts = path.split('/');
    for expected in pattern.split('/') {
        let part = parts.next()?;
        if expected == "{id}" {
            id = part;
        } else if expected != part {
            return None;
        }
    }
    parts.next().is_none().then_some(id)
}

/// A path as it is repeated to whoever sent it, at a length that fits into a line.
fn shown(path: &str) -> String {
    path.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn check(method: &str, path: &str, operation: Operation, id: &str) {
        let found = Found {
            operation,
            id: id.to_owned(),
        };
        assert_eq!(Operation::find(method, path), Ok(found), "{method} {path}");
    }

    #[test]
    fn a_request_finds_its_operation() {
        check("GET", "/tenants", Operation::ListTenants, "");
        check("GET", "/tenants/acme", Operation::GetTenant, "acme");
        check("POST", "/tenants/acme/wake", Operation::Wake, "acme");
        check("PUT", "/tenants/a b/hold", Operation::PutHold, "a b");
        check("GET", "/tenants/", Operation::GetTenant, "");
    }

    #[test]
    fn another_path_is_not_found_and_another_method_is_told_which_there_are() {
        for path in [
            "",
            "/",
            "/tenants/acme/",
            "/tenants//wake/x",
            "tenants",
            "/Tenants",
            "/tenants/a/b/c",
        ] {
            assert_eq!(
                Operation::find("GET", path).unwrap_err().code,
                Code::NoRoute,
                "{path:?}"
            );
        }
        let refused = Operation::find("POST", "/tenants/acme").unwrap_err();
        assert_eq!(refused.code, Code::NoMethod);
        assert_eq!(refused.allow.as_deref(), Some("GET, PUT, PATCH, DELETE"));
    }

    #[test]
    fn each_operation_has_a_place_of_its_own() {
        let routes = Operation::ALL.iter().map(|operation| operation.route());
        let places: BTreeSet<_> = routes.map(|route| (route.method, route.path)).collect();
        assert_eq!(places.len(), Operation::ALL.len());
    }

    #[test]
    fn s1_only_what_is_a_tenants_own_is_open_to_its_token() {
        for route in Operation::ALL.iter().map(|operation| operation.route()) {
            let own = route.path.starts_with("/tenants/{id}");
            assert!(own || route.access != Access::OwnTenant, "{route:?}");
            assert!(
                own || route.access == Access::Admin || route.path == "/openapi.json",
                "{route:?}"
            );
        }
    }
}
