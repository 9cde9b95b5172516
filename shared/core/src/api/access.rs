//! Who asks, and what they may.
//!
//! API Gateway lets in whoever has signed with IAM or shows a valid token, and says who it is; what they may is decided
//! here, from its word alone. A caller that nothing is said of is nobody.

use super::{Code, Problem};
use crate::tenant::TenantId;

/// The scope of a token that may do everything.
pub const ADMIN: &str = "berth:admin";

/// The scope of a token that may use one tenant: the one of its claim [`TENANT_CLAIM`].
pub const TENANT: &str = "berth:tenant";

/// The claim that names the tenant of a token with the scope [`TENANT`].
pub const TENANT_CLAIM: &str = "tenant";

/// How much of a caller's name is kept: it goes into rows (RFC 7519 leaves a subject's length open).
const NAME_KEPT: usize = 256;

/// Somebody whom API Gateway has let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// May do everything: a machine that signed with IAM, or a token with the scope [`ADMIN`].
    Admin {
        /// Its name, for the row and the ledger.
        name: String,
    },
    /// May use one tenant.
    Tenant {
        /// Its name, for the row and the ledger.
        name: String,
        /// Which tenant.
        tenant: TenantId,
    },
}

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// That it is somebody.
    Anyone,
    /// That it is an admin, or that the tenant of the path is its own.
    OwnTenant,
    /// That it is an admin. Of a tenant's own routes that is what decides what it runs, and with whose secrets: a token that
    /// lies in a tenant's container must not be able to ask for another tenant's.
    Admin,
}

impl Caller {
    /// Whoever signed with IAM, by the ARN of the role or user.
    pub fn machine(arn: &str) -> Self {
        Self::Admin { name: kept(arn) }
    }

    /// Whoever shows a token, by its claims.
    ///
    /// `scope` is one text with spaces (RFC 8693, section 4.2); some issuers write `scp`, a list, which API Gateway passes on
    /// as `[a b]`.
    pub fn of_token<'a>(claim: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Problem> {
        let name = claim("sub").or_else(|| claim("client_id")).unwrap_or("token");
        let texts = [claim("scope"), claim("scp")];
        let separators = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | ',');
        let has = |wanted: &str| {
            let mut scopes = texts.into_iter().flatten().flat_map(|text| text.split(separators));
            scopes.any(|scope| scope == wanted)
        };
        if has(ADMIN) {
            return Ok(Self::Admin { name: kept(name) });
        }
        let tenant = claim(TENANT_CLAIM).and_then(|tenant| tenant.parse().ok());
        match tenant.filter(|_| has(TENANT)) {
            Some(tenant) => Ok(Self::Tenant {
                name: kept(name),
                tenant,
            }),
            None => Err(Problem::new(
                Code::Forbidden,
                format!("the token has neither the scope {ADMIN} nor the scope {TENANT} with a claim {TENANT_CLAIM:?}"),
            )),
        }
    }

    /// The name, for the row and the ledger.
    pub fn name(&self) -> &str {
        match self {
            Self::Admin { name } | Self::Tenant { name, .. } => name,
        }
    }

    /// Whether this caller may go there. `id` is the `{id}` of the path, which need not be one.
    ///
    /// The refusal is the same whether there is such a tenant or not: nothing was read to find out.
    pub fn may(&self, access: Access, id: &str) -> Result<(), Problem> {
        match (self, access) {
            (Self::Admin { .. }, _) | (Self::Tenant { .. }, Access::Anyone) => Ok(()),
            (Self::Tenant { tenant, .. }, Access::OwnTenant) if tenant.as_str() == id => Ok(()),
            (Self::Tenant { .. }, Access::OwnTenant) => Err(Problem::new(
                Code::Forbidden,
                "this token may use its own tenant only; use that tenant's token, or one with the scope berth:admin",
            )),
            (Self::Tenant { .. }, Access::Admin) => Err(Problem::new(
                Code::Forbidden,
                "this needs a token with the scope berth:admin, or a request that is signed with IAM",
            )),
        }
    }
}

fn kept(name: &str) -> String {
    name.chars().take(NAME_KEPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(claims: &[(&str, &'static str)]) -> Result<Caller, Problem> {
        Caller::of_token(|name| claims.iter().find(|(claim, _)| *claim == name).map(|(_, value)| *value))
    }

    fn tenant(id: &str) -> Caller {
        Caller::Tenant {
            name: "sub".to_owned(),
            tenant: id.parse().unwrap(),
        }
    }

    #[test]
    fn a_token_is_what_its_scopes_say() {
        let admin = Caller::Admin { name: "ann".to_owned() };
        assert_eq!(
            of(&[("sub", "ann"), ("scope", "openid berth:admin")]),
            Ok(admin.clone())
        );
        assert_eq!(of(&[("sub", "ann"), ("scp", "[openid berth:admin]")]), Ok(admin));
        assert_eq!(
            of(&[("sub", "sub"), ("scope", "berth:tenant"), ("tenant", "acme")]),
            Ok(tenant("acme"))
        );
        for nobody in [
            &[("sub", "x")][..],
            &[("sub", "x"), ("scope", "berth:tenant")],
            &[("sub", "x"), ("tenant", "acme")],
            &[("sub", "x"), ("scope", "berth:tenant"), ("tenant", "")],
            &[("sub", "x"), ("scope", "xberth:admin berth:administrator")],
        ] {
            assert_eq!(of(nobody).unwrap_err().code, Code::Forbidden, "{nobody:?}");
        }
    }

    #[test]
    fn s1_a_tenants_token_opens_its_own_tenant_and_no_fleet_route() {
        let acme = tenant("acme");
        assert_eq!(acme.may(Access::OwnTenant, "acme"), Ok(()));
        assert_eq!(acme.may(Access::Anyone, ""), Ok(()));
        for other in ["acme2", "Acme", "acm", "", "*", "acme/"] {
            assert_eq!(
                acme.may(Access::OwnTenant, other).unwrap_err().code,
                Code::Forbidden,
                "{other:?}"
            );
        }
        assert_eq!(acme.may(Access::Admin, "acme").unwrap_err().code, Code::Forbidden);
        let machine = Caller::machine("arn:aws:iam::123456789012:role/ci");
        for access in [Access::Anyone, Access::OwnTenant, Access::Admin] {
            assert_eq!(machine.may(access, "acme"), Ok(()));
        }
    }

    #[test]
    fn a_name_is_cut_to_what_a_row_can_take() {
        assert_eq!(Caller::machine(&"x".repeat(1000)).name().len(), 256);
    }
}
