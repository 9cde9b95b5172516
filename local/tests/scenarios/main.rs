//! Scenarios of the design against the whole system: the functions' own code, the tables and queues of the template, and the
//! simulated ECS and EFS, on virtual time. Each is named after its id.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail, in its helpers as well"
)]
#![allow(clippy::too_many_lines, reason = "most of them are the table of calls")]
#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes its texts so")]

mod api;
mod bill;
mod calls;
mod crashes;
mod definitions;
mod events;
mod poison;
mod rollouts;
#[allow(
    dead_code,
    reason = "a stand offers what scenarios need, and not each of them needs all of it"
)]
mod stand;
mod steps;
mod stops;
mod templates;
