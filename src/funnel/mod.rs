//! funnel
