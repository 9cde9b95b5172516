//! Task sizes.
//!
//! Source: `RegisterTaskDefinitionRequest` `cpu` and `memory`; Amazon ECS Developer Guide, "Task CPU and memory" (the
//! Fargate table, 32 vCPU included).

use crate::wire::error::ApiError;

/// A task's size: CPU units (1024 are one vCPU) and MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) cpu: u64,
    pub(crate) memory: u64,
}

/// Fargate's table: CPU units, least and most MiB, and the step between.
const TABLE: [(u64, u64, u64, u64); 8] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
    (32_768, 61_440, 249_856, 4096),
];

impl Size {
    /// The Fargate size of these texts, which may be in units (`512`, `1024`) or in vCPU and GB (`.5 vCPU`, `1 GB`).
    pub(crate) fn fargate(cpu: Option<&str>, memory: Option<&str>) -> Result<Self, ApiError> {
        let missing =
            |what: &str| ApiError::client(format!("Fargate requires that '{what}' be defined at the task level."));
        let invalid = |what: &str| ApiError::client(format!("Invalid '{what}' setting for task."));
        let cpu = units(cpu.ok_or_else(|| missing("cpu"))?, "vcpu").ok_or_else(|| invalid("cpu"))?;
        let memory = units(memory.ok_or_else(|| missing("memory"))?, "gb").ok_or_else(|| invalid("memory"))?;
        let size = Self { cpu, memory };
        if size.is_fargate() {
            return Ok(size);
        }
        Err(ApiError::client(format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. \
             See the Amazon ECS documentation for the valid values."
        )))
    }

    fn is_fargate(self) -> bool {
        let row = TABLE.iter().find(|(cpu, ..)| *cpu == self.cpu);
        row.is_some_and(|(cpu, least, most, step)| {
            let on_step = (self.memory.saturating_sub(*least)).is_multiple_of(*step);
            // A quarter of a vCPU comes with 512, 1024 or 2048 MiB, but not with 1536.
            let gap = *cpu == 256 && self.memory == 1536;
            (*least..=*most).contains(&self.memory) && on_step && !gap
        })
    }
}

/// The whole number of units in `text`: as it stands, or 1024 times a number that is followed by `big`.
pub(crate) fn units(text: &str, big: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let Some(number) = text.strip_suffix(big) else {
        return text.parse().ok();
    };
    let units = number.trim().parse::<f64>().ok()? * 1024.0;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole, positive and small"
    )]
    (units.fract() == 0.0 && (0.0..1e9).contains(&units)).then_some(units as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(cpu: &str, memory: &str) -> bool {
        Size::fargate(Some(cpu), Some(memory)).is_ok()
    }

    #[test]
    fn each_row_has_its_least_its_most_and_its_step() {
        for (cpu, least, most, step) in TABLE {
            let accepts = |memory: u64| accepts(&cpu.to_string(), &memory.to_string());
            assert!(accepts(least) && accepts(most), "{cpu}");
            assert!(!accepts(least - step.min(least / 2)) && !accepts(most + step), "{cpu}");
            assert!(!accepts(least + step / 2), "{cpu}");
        }
        assert!(accepts("256", "1024") && !accepts("256", "1536"));
        assert!(!accepts("300", "1024") && !accepts("128", "512"));
    }

    #[test]
    fn vcpus_and_gigabytes_are_units() {
        assert_eq!(
            Size::fargate(Some(".25 vCPU"), Some("0.5GB")),
            Ok(Size { cpu: 256, memory: 512 })
        );
        assert_eq!(
            Size::fargate(Some("1vcpu"), Some("2 GB")),
            Ok(Size {
                cpu: 1024,
                memory: 2048
            })
        );
        for wrong in ["", "one", "-256", "0.3 vCPU", "256.0"] {
            assert!(!accepts(wrong, "512"), "{wrong:?}");
        }
    }

    #[test]
    fn both_are_needed() {
        assert!(Size::fargate(None, Some("512")).is_err());
        assert!(Size::fargate(Some("256"), None).is_err());
    }
}
