//! Towards nothing.

use super::*;

#[test]
fn p5_a_tenant_made_anew_while_the_old_one_drains_gets_a_service_of_its_own() {
    let mut model = settled(Replacing::Strict);
    model.intend(Wanted::Deleted, Reason::Delete);
    model.pass();
    model.intend(Wanted::Running, Reason::Provision);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Running);
    assert_eq!(model.tenant.service().to_string(), "t-acme-g3");
    assert!(matches!(model.services[0].1, Service::Inactive), "the old one is gone");
}

#[test]
fn p6_a_delete_leaves_nothing() {
    let mut model = settled(Replacing::Strict);
    model.intend(Wanted::Deleted, Reason::Delete);
    model.settle();
    assert_eq!(phase(&model.tenant), Phase::Deleted);
    assert!(model.registered.is_empty() && model.tenant.made.access_point.is_none());
    assert_eq!(model.alive(), 0);
}
