//! A task's network interface.
//!
//! Source: Amazon ECS Developer Guide, "Amazon ECS task networking options for Fargate": each task has its own
//! interface with a primary private address in one of its subnets; Attachment.status.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dice::Dice;
use crate::wire::object;

/// The elastic network interface of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interface {
    pub(crate) attachment: String,
    pub(crate) subnet: String,
    pub(crate) status: InterfaceStatus,
    /// What is known once the interface exists.
    pub(crate) made: Option<Made>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InterfaceStatus {
    #[default]
    PreCreated,
    Attached,
    Deleted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) mac: String,
    pub(crate) address: Address,
}

/// A private IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Address(u32);

impl Address {
    pub(crate) fn text(self) -> String {
        let [_, b, c, d] = self.0.to_be_bytes();
        format!("10.{b}.{c}.{d}")
    }
}

/// The addresses of 10.0.0.0/8. One that was given back is given out again first, as in a small subnet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Addresses {
    given: u32,
    back: BTreeSet<Address>,
}

impl Addresses {
    fn take(&mut self) -> Address {
        self.back.pop_first().unwrap_or_else(|| {
            self.given += 1;
            // The first addresses of a subnet are reserved.
            Address(self.given + 9)
        })
    }

    pub(crate) fn give_back(&mut self, address: Address) {
        self.back.insert(address);
    }
}

impl Interface {
    /// The interface of a new task in one of these subnets.
    pub(crate) fn new(subnet: String, dice: &mut Dice) -> Self {
        Self {
            attachment: dice.uuid(),
            subnet,
            status: InterfaceStatus::PreCreated,
            made: None,
        }
    }

    pub(crate) fn attach(&mut self, addresses: &mut Addresses, dice: &mut Dice) {
        let mac = dice.hex(10);
        let pairs: Vec<&str> = mac
            .as_bytes()
            .chunks(2)
            .filter_map(|pair| std::str::from_utf8(pair).ok())
            .collect();
        self.made = Some(Made {
            id: format!("eni-0{}", dice.hex(16)),
            mac: format!("0a:{}", pairs.join(":")),
            address: addresses.take(),
        });
        self.status = InterfaceStatus::Attached;
    }

    /// The address, once it is known.
    pub(crate) fn address(&self) -> Option<String> {
        self.made.as_ref().map(|made| made.address.text())
    }

    /// The attachment, whose type is `ElasticNetworkInterface` in replies and `eni` in events.
    pub(crate) fn show(&self, kind: &str) -> Value {
        let detail = |name: &str, value: &str| object([("name", name.into()), ("value", value.into())]);
        let mut details = vec![detail("subnetId", &self.subnet)];
        if let Some(made) = &self.made {
            let address = made.address.text();
            let host = format!("ip-{}.ec2.internal", address.replace('.', "-"));
            details.push(detail("networkInterfaceId", &made.id));
            details.push(detail("macAddress", &made.mac));
            details.push(detail("privateDnsName", &host));
            details.push(detail("privateIPv4Address", &address));
        }
        let status = match self.status {
            InterfaceStatus::PreCreated => "PRECREATED",
            InterfaceStatus::Attached => "ATTACHED",
            InterfaceStatus::Deleted => "DELETED",
        };
        object([
            ("id", self.attachment.as_str().into()),
            ("type", kind.into()),
            ("status", status.into()),
            ("details", Value::Array(details)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_addresses_differ_and_a_freed_one_is_used_again() {
        let mut addresses = Addresses::default();
        let (a, b) = (addresses.take(), addresses.take());
        assert_ne!(a, b);
        addresses.give_back(a);
        assert_eq!(addresses.take(), a);
        assert_eq!(a.text(), "10.0.0.10");
    }
}
