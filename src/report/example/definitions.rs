//! The reference card's example figures.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Rows, rows};

pub(super) fn tables() -> BTreeMap<&'static str, Rows> {
    BTreeMap::from([
        (
            "definition",
            rows(
                json!([{"definition": "2026-q4", "effective_from": "2026-10-01",
                "hash": "9f2c41d07be35a8812c0ffee9f2c41d07be35a8812c0ffee9f2c41d07be35a88",
                "skipped_stages": "reached_or_passed", "deleted": "stay", "after_close_to": "known",
                "after_close_term": "Known", "quiet_days": 30}]),
            ),
        ),
        (
            "former",
            rows(json!([
                {"stage": "mql", "term": "Hot lead", "words": "Marketing thinks it is hot.",
                    "definition": "2025-q1", "effective_from": "2025-01-01", "gone": false},
                {"stage": "tel", "term": "Teleprospect", "words": "Called once.",
                    "definition": "2025-q1", "effective_from": "2025-01-01", "gone": true},
            ])),
        ),
        ("rules", rules()),
        (
            "stages",
            rows(json!([
                {"stage": "known", "term": "Known", "words": "We hold an e-mail address.",
                    "required_fields": "", "stage_order": 1, "stock": 18204,
                    "entered_28": 1840, "since": "2025-01-01"},
                {"stage": "mql", "term": "Marketing qualified lead",
                    "words": "Marketing judged the score and the fit sufficient.",
                    "required_fields": "email, company, title", "stage_order": 2, "stock": 188,
                    "entered_28": 214, "since": "2026-10-01"},
                {"stage": "closed", "term": "Closed", "words": "Won or lost.",
                    "required_fields": "", "stage_order": 3, "stock": null, "entered_28": 4,
                    "since": "2025-01-01"},
            ])),
        ),
    ])
}

fn rules() -> Rows {
    rows(json!([
        {"kind": "when", "stage": "known", "term": "Known", "name": null, "event": null,
            "expression": "email is not null", "at": null, "won": null, "reason": null},
        {"kind": "stamp", "stage": "mql", "term": "Marketing qualified lead", "name": null,
            "event": null, "expression": "mql_at", "at": null, "won": null, "reason": null},
        {"kind": "on", "stage": "mql", "term": "Marketing qualified lead", "name": null,
            "event": "response", "expression": "kind = 'form' and person.email is not null",
            "at": null, "won": null, "reason": null},
        {"kind": "on", "stage": "closed", "term": "Closed", "name": null,
            "event": "opportunity", "expression": "upper(stage) like 'CLOSED%'",
            "at": "close_date", "won": "is_won", "reason": null},
        {"kind": "recycle", "stage": "known", "term": "Known", "name": null, "event": null,
            "expression": "status = 'Recycled'", "at": null, "won": null,
            "reason": "recycle_reason"},
        {"kind": "exclude", "stage": null, "term": null, "name": "internal", "event": null,
            "expression": "email like '%@acme.example'", "at": null, "won": null,
            "reason": null},
    ]))
}
