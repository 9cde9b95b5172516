//! A tenant as the API answers, as far as it is printed. Members that are not known here are left alone, so that an older
//! command works with a newer API.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::print::{Tone, short};

/// A tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) phase: String,
    #[serde(default)]
    pub(crate) settled: bool,
    pub(crate) intent: Intent,
    #[serde(default)]
    pub(crate) overlay: Value,
    #[serde(default)]
    pub(crate) overlay_version: u64,
    #[serde(default)]
    pub(crate) release: Release,
    pub(crate) definition_arn: Option<String>,
    pub(crate) bundle: Option<Bundle>,
    pub(crate) service_name: Option<String>,
    pub(crate) task_arn: Option<String>,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) last_activity: Option<Timestamp>,
    pub(crate) hold_until: Option<Timestamp>,
    pub(crate) stops_at: Option<Timestamp>,
    pub(crate) protected_until: Option<Timestamp>,
    pub(crate) wake_at: Option<Timestamp>,
    pub(crate) stopped: Option<Stopped>,
    pub(crate) last_error: Option<LastError>,
}

/// What it should be.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Intent {
    pub(crate) state: String,
    pub(crate) generation: u64,
    pub(crate) reason: String,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
}

/// The release that it runs, and the one that the fleet should.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Release {
    pub(crate) applied: Option<String>,
    pub(crate) promoted: Option<String>,
}

/// What it is given of its template.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Bundle {
    pub(crate) digest: String,
    pub(crate) kept: Option<String>,
}

/// Where it can be reached.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) address: String,
}

/// Why its last task ended.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stopped {
    pub(crate) reason: String,
    pub(crate) exit_code: Option<i64>,
    pub(crate) at: Timestamp,
    pub(crate) by: Option<String>,
}

/// What went wrong.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LastError {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) step: String,
    pub(crate) attempts: u32,
    pub(crate) at: Timestamp,
}

impl Tenant {
    /// Whether it has had a release, and not the one that the fleet should have.
    pub(crate) fn is_behind(&self) -> bool {
        self.release.applied.is_some() && self.release.applied != self.release.promoted
    }

    /// Its own size, or the base's.
    pub(crate) fn size(&self) -> Option<String> {
        let number = |name: &str| self.overlay.pointer(name).and_then(Value::as_u64);
        let (cpu, memory) = (number("/size/cpu")?, number("/size/memory")?);
        Some(size(cpu, memory))
    }

    /// Who wanted it so: the end of an ARN, or a plain name.
    pub(crate) fn by(&self) -> &str {
        short(&self.intent.by)
    }

    /// What somebody should know who only looks at it in passing.
    pub(crate) fn note(&self) -> Option<String> {
        if let Some(error) = &self.last_error {
            return Some(error.message.clone());
        }
        let ended = self.stopped.as_ref().filter(|stopped| stopped.by.is_none())?;
        let code = ended
            .exit_code
            .map(|code| format!(" (exit code {code})"))
            .unwrap_or_default();
        Some(format!("{}{code}", ended.reason))
    }

    /// The tone of its phase.
    pub(crate) fn tone(&self) -> Tone {
        super::phase_tone(&self.phase)
    }
}

/// A size in words: ECS counts 1,024 CPU units to a vCPU, and memory in MiB.
pub(crate) fn size(cpu: u64, memory: u64) -> String {
    format!("{} vCPU {} GB", thousandths(cpu), thousandths(memory))
}

/// So many 1,024ths, without needless zeros.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn thousandths(number: u64) -> String {
    let text = format!("{:.2}", number as f64 / 1_024.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_without_needless_zeros() {
        assert_eq!(size(256, 512), "0.25 vCPU 0.5 GB");
        assert_eq!(size(1_024, 3_072), "1 vCPU 3 GB");
    }
}
