//! The funnel: from histories to evidence, and from evidence to stage entries.

mod walk;

/// Why the funnel could not be computed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FunnelError {
    #[error(transparent)]
    Evidence(#[from] walk::EvidenceError),
}
