//! The funnel: from histories to evidence, and from evidence to stage entries.

mod walk;

/// Why the funnel could not be computed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FunnelError {
    #[error("Evidence column `{column}` is {found}, expected {expected}")]
    EvidenceColumn {
        column: &'static str,
        expected: &'static str,
        found: String,
    },
    #[error("Evidence of kind `{kind}` is not known")]
    EvidenceKind { kind: String },
    #[error("Evidence of stage {order} does not fit a funnel of {stages} stages")]
    EvidenceStage { order: i64, stages: usize },
    #[error("Evidence is not sorted by `person_id`")]
    EvidenceUnsorted,
}
