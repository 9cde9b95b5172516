//! The `berth` command.
