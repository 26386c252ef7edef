//! The declared columns of each canonical table, in the order in which they are published.

use super::Holds::{Bigint, Date, Double, Instant, Money, Text, Truth};
use super::Shape;

pub(in crate::funnel) const PERSON: Shape = Shape {
    table: "person_version",
    columns: &[
        ("stream", Text),
        ("record_id", Text),
        ("email", Text),
        ("name", Text),
        ("last_name", Text),
        ("company", Text),
        ("country", Text),
        ("region", Text),
        ("segment", Text),
        ("industry", Text),
        ("employees", Bigint),
        ("title", Text),
        ("lead_source", Text),
        ("channel", Text),
        ("status", Text),
        ("status_reason", Text),
        ("recycle_reason", Text),
        ("lifecycle_stage", Text),
        ("lead_score", Bigint),
        ("owner_id", Text),
        ("account_id", Text),
        ("is_customer", Truth),
        ("created_at", Instant),
        ("converted_to", Text),
        ("linked_to", Text),
        ("merged_into", Text),
        ("rank", Bigint),
        ("valid_from", Instant),
        ("seen_after", Instant),
        ("known_at", Instant),
        ("deleted", Truth),
        ("via", Text),
        ("censored", Truth),
        ("imported", Truth),
    ],
    required: &["stream", "record_id", "valid_from", "known_at", "deleted"],
};

pub(in crate::funnel) const OPPORTUNITY: Shape = Shape {
    table: "opportunity_version",
    columns: &[
        ("opportunity_id", Text),
        ("account_id", Text),
        ("name", Text),
        ("stage", Text),
        ("amount", Money),
        ("currency", Text),
        ("probability", Double),
        ("forecast_category", Text),
        ("type", Text),
        ("owner_id", Text),
        ("next_step", Text),
        ("term_months", Bigint),
        ("created_at", Instant),
        ("close_date", Date),
        ("is_closed", Truth),
        ("is_won", Truth),
        ("valid_from", Instant),
        ("seen_after", Instant),
        ("known_at", Instant),
        ("deleted", Truth),
        ("via", Text),
        ("censored", Truth),
        ("imported", Truth),
    ],
    required: &["opportunity_id", "valid_from", "known_at", "deleted"],
};

pub(in crate::funnel) const OPPORTUNITY_PERSON: Shape = Shape {
    table: "opportunity_person",
    columns: &[
        ("opportunity_id", Text),
        ("record_key", Text),
        ("role", Text),
        ("is_primary", Truth),
        ("converted", Truth),
        ("linked_at", Instant),
    ],
    required: &["opportunity_id", "record_key"],
};

pub(in crate::funnel) const ACTIVITY: Shape = Shape {
    table: "activity",
    columns: &[
        ("activity_id", Text),
        ("record_key", Text),
        ("opportunity_id", Text),
        ("kind", Text),
        ("direction", Text),
        ("automated", Truth),
        ("actor_id", Text),
        ("occurred_at", Instant),
        ("outcome", Text),
        ("known_at", Instant),
        ("imported", Truth),
    ],
    required: &[
        "activity_id",
        "record_key",
        "kind",
        "occurred_at",
        "known_at",
    ],
};

pub(in crate::funnel) const RESPONSE: Shape = Shape {
    table: "response",
    columns: &[
        ("response_id", Text),
        ("record_key", Text),
        ("campaign_id", Text),
        ("kind", Text),
        ("success", Truth),
        ("occurred_at", Instant),
        ("known_at", Instant),
        ("imported", Truth),
    ],
    required: &[
        "response_id",
        "record_key",
        "kind",
        "occurred_at",
        "known_at",
    ],
};

pub(in crate::funnel) const ACCOUNT: Shape = Shape {
    table: "account",
    columns: &[
        ("account_id", Text),
        ("name", Text),
        ("type", Text),
        ("industry", Text),
        ("employees", Bigint),
        ("country", Text),
        ("owner_id", Text),
        ("created_at", Instant),
    ],
    required: &["account_id"],
};

pub(in crate::funnel) const CAMPAIGN: Shape = Shape {
    table: "campaign",
    columns: &[
        ("campaign_id", Text),
        ("name", Text),
        ("kind", Text),
        ("status", Text),
        ("start_date", Date),
        ("cost", Money),
        ("created_at", Instant),
    ],
    required: &["campaign_id"],
};

pub(in crate::funnel) const CRM_USER: Shape = Shape {
    table: "crm_user",
    columns: &[
        ("user_id", Text),
        ("name", Text),
        ("email", Text),
        ("active", Truth),
        ("kind", Text),
        ("team", Text),
        ("manager_id", Text),
        ("region", Text),
        ("timezone", Text),
        ("created_at", Instant),
    ],
    required: &["user_id"],
};
