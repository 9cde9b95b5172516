//! How much CPU and memory a task has.

use std::fmt;
use std::str::FromStr;

/// A task size that Fargate offers: CPU units (1024 to a vCPU) and memory in MiB.
///
/// Source: Amazon ECS Developer Guide, "Task size"; the pairs up to 16 vCPU are also in the model, member
/// `RegisterTaskDefinitionRequest.memory`. Sizes of 8 vCPU and more need Linux and platform version 1.4.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    cpu: u32,
    memory: u32,
}

/// Why a pair is not a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSize {
    /// Fargate has no such number of CPU units.
    #[error("{cpu} CPU units are not a Fargate size: use 256, 512, 1024, 2048, 4096, 8192, 16384 or 32768")]
    Cpu {
        /// What was asked for.
        cpu: u32,
    },
    /// Fargate has no such memory for this number of CPU units.
    #[error("{memory} MiB of memory do not go with {cpu} CPU units on Fargate: use {choice}")]
    Memory {
        /// What was asked for.
        cpu: u32,
        /// What was asked for, in MiB.
        memory: u32,
        /// What goes with that CPU.
        choice: MemoryChoice,
    },
    /// Not of the form `cpu/memory`.
    #[error("a size is <CPU units>/<MiB>, for example 512/2048")]
    Form,
}

/// The memory that Fargate offers with one number of CPU units, in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryChoice {
    /// One of these.
    OneOf(&'static [u32]),
    /// From the least to the most, in steps.
    Steps {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
        /// From one to the next.
        step: u32,
    },
}

use MemoryChoice::{OneOf, Steps};

const TABLE: [(u32, MemoryChoice); 8] = [
    (256, OneOf(&[512, 1024, 2048])),
    (512, steps(1024, 4096, 1024)),
    (1024, steps(2048, 8192, 1024)),
    (2048, steps(4096, 16_384, 1024)),
    (4096, steps(8192, 30_720, 1024)),
    (8192, steps(16_384, 61_440, 4096)),
    (16_384, steps(32_768, 122_880, 8192)),
    (32_768, OneOf(&[61_440, 122_880, 249_856])),
];

const fn steps(least: u32, most: u32, step: u32) -> MemoryChoice {
    Steps { least, most, step }
}

impl MemoryChoice {
    fn has(self, memory: u32) -> bool {
        match self {
            OneOf(values) => values.contains(&memory),
            Steps { least, most, step } => (least..=most).contains(&memory) && (memory - least).is_multiple_of(step),
        }
    }
}

impl fmt::Display for MemoryChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OneOf(values) => {
                let values: Vec<_> = values.iter().map(u32::to_string).collect();
                write!(f, "one of {}", values.join(", "))
            }
            Steps { least, most, step } => write!(f, "{least} to {most} in steps of {step}"),
        }
    }
}

impl Size {
    /// The CPU units that Fargate offers, and the memory that goes with each.
    pub fn choices() -> impl Iterator<Item = (u32, MemoryChoice)> {
        TABLE.into_iter()
    }

    /// The size of these CPU units and this many MiB.
    pub fn new(cpu: u32, memory: u32) -> Result<Self, InvalidSize> {
        let row = TABLE.iter().find(|(units, _)| *units == cpu);
        let (_, choice) = row.ok_or(InvalidSize::Cpu { cpu })?;
        if choice.has(memory) {
            Ok(Self { cpu, memory })
        } else {
            let choice = *choice;
            Err(InvalidSize::Memory { cpu, memory, choice })
        }
    }

    /// CPU units, 1024 to a vCPU.
    pub fn cpu(self) -> u32 {
        self.cpu
    }

    /// Memory in MiB.
    pub fn memory(self) -> u32 {
        self.memory
    }
}

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let (cpu, memory) = text.split_once('/').ok_or(InvalidSize::Form)?;
        let number = |part: &str| part.parse().map_err(|_| InvalidSize::Form);
        Self::new(number(cpu)?, number(memory)?)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cpu, self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_and_the_most_memory_of_each_cpu_are_sizes_and_one_step_beyond_is_not() {
        let rows = [
            (256, 512, 2048, 1024),
            (512, 1024, 4096, 1024),
            (1024, 2048, 8192, 1024),
            (2048, 4096, 16_384, 1024),
            (4096, 8192, 30_720, 1024),
            (8192, 16_384, 61_440, 4096),
            (16_384, 32_768, 122_880, 8192),
            (32_768, 61_440, 249_856, 4096),
        ];
        for (cpu, least, most, step) in rows {
            for memory in [least, most] {
                assert_eq!(format!("{cpu}/{memory}").parse(), Size::new(cpu, memory));
                assert!(Size::new(cpu, memory).is_ok(), "{cpu}/{memory}");
            }
            let beyond = [
                least.saturating_sub(step),
                least - 1,
                least + 1,
                most - 1,
                most + 1,
                most + step,
            ];
            for memory in beyond {
                assert!(Size::new(cpu, memory).is_err(), "{cpu}/{memory}");
            }
        }
        for cpu in [0, 255, 257, 1536, 65_536] {
            assert_eq!(Size::new(cpu, 2048), Err(InvalidSize::Cpu { cpu }));
        }
    }

    #[test]
    fn a_size_has_as_many_pairs_as_the_page_lists() {
        let pairs = (0..=250_000)
            .step_by(512)
            .flat_map(|memory| TABLE.map(|(cpu, _)| Size::new(cpu, memory)));
        // 3 + 4 + 7 + 13 + 23 + 12 + 12 + 3, counted on the page.
        assert_eq!(pairs.flatten().count(), 77);
    }

    #[test]
    fn a_wrong_pair_says_what_would_be_right() {
        let message = |text: &str| text.parse::<Size>().unwrap_err().to_string();
        assert!(message("256/4096").ends_with("use one of 512, 1024, 2048"));
        assert!(message("8192/18432").ends_with("use 16384 to 61440 in steps of 4096"));
        assert!(message("300/512").contains("300 CPU units are not a Fargate size"));
        assert!(message("512").contains("<CPU units>/<MiB>"));
    }
}
