//! The audit's example figures.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Rows, rows};

pub(super) fn tables() -> BTreeMap<&'static str, Rows> {
    BTreeMap::from([
        ("duplicates", duplicates()),
        (
            "faults",
            rows(
                json!([{"source": "marketo", "stream": "lead", "outcome": "missing",
                "message": "no file `lead.ndjson`", "last_good": "2026-11-18"}]),
            ),
        ),
        ("records", records()),
        ("rules", rules()),
        (
            "stages",
            rows(json!([
                {"stage": "known", "term": "Known"},
                {"stage": "mql", "term": "Marketing qualified lead"},
                {"stage": "sal", "term": "Sales accepted lead"},
                {"stage": "opportunity", "term": "Opportunity"},
            ])),
        ),
        ("sync", sync()),
        ("triggers", triggers()),
        ("values", values()),
    ])
}

fn values() -> Rows {
    rows(json!([
        {"source_table": "person_version", "field": "status", "value": "Working 2", "ever": 14,
            "now": 9, "first_on": "2026-11-02", "stages": null, "exits": null, "at_once": 0,
            "maps_to": "none", "fresh": true},
        {"source_table": "person_version", "field": "status", "value": "Accepted", "ever": 31,
            "now": 12, "first_on": "2026-03-01", "stages": "mql, sal", "exits": null,
            "at_once": 31, "maps_to": "several", "fresh": false},
        {"source_table": "person_version", "field": "status", "value": "Recycled", "ever": 228,
            "now": 144, "first_on": "2025-08-21", "stages": null, "exits": "recycle",
            "at_once": 0, "maps_to": "one", "fresh": false},
        {"source_table": "person_version", "field": "status", "value": null, "ever": 2200,
            "now": 931, "first_on": "2025-08-03", "stages": null, "exits": null, "at_once": 0,
            "maps_to": "none", "fresh": false},
        {"source_table": "opportunity_version", "field": "stage", "value": "Discovery",
            "ever": 232, "now": 20, "first_on": "2025-09-03", "stages": "opportunity",
            "exits": null, "at_once": 0, "maps_to": "one", "fresh": false},
    ]))
}

fn triggers() -> Rows {
    rows(json!([
        {"kind": "when", "stage": "known", "term": "Known", "event": null,
            "expression": "email is not null", "n": 1567, "n_28": 147, "n_before": 576,
            "last_on": "2026-11-19", "state": "fires", "ordered": 1440, "backwards": 288,
            "backwards_days": 1.5, "implied": 0},
        {"kind": "stamp", "stage": "mql", "term": "Marketing qualified lead", "event": null,
            "expression": "mql_at", "n": 751, "n_28": 0, "n_before": 315,
            "last_on": "2026-10-11", "state": "silent", "ordered": 0, "backwards": 0,
            "backwards_days": null, "implied": 109},
        {"kind": "on", "stage": "sal", "term": "Sales accepted lead", "event": "activity",
            "expression": "kind = 'meeting'", "n": 0, "n_28": 0, "n_before": 0, "last_on": null,
            "state": "never", "ordered": 0, "backwards": 0, "backwards_days": null,
            "implied": 5},
        {"kind": "recycle", "stage": "known", "term": "Known", "event": null,
            "expression": "status = 'Recycled'", "n": 258, "n_28": 21, "n_before": 111,
            "last_on": "2026-11-19", "state": "fires", "ordered": 0, "backwards": 0,
            "backwards_days": null, "implied": null},
    ]))
}

fn sync() -> Rows {
    rows(json!([
        {"source": "marketo", "other_source": "salesforce", "field": null, "both": 1465,
            "here_only": 927, "differ": null, "changes": 509, "arrived": 267,
            "minutes_p50": 8.9, "minutes_p90": 16888.1, "minutes_max": 106_130.6, "waiting": 242,
            "oldest_days": 89.4},
        {"source": "marketo", "other_source": "salesforce", "field": "lead_score", "both": 1268,
            "here_only": null, "differ": 6, "changes": 421, "arrived": 409, "minutes_p50": 4.2,
            "minutes_p90": 131.0, "minutes_max": 4320.0, "waiting": 12, "oldest_days": 3.2},
    ]))
}

fn records() -> Rows {
    rows(json!([
        {"kind": "differs", "field": "lead_score", "source": "marketo",
            "other_source": "salesforce", "n": 6, "oldest_days": 3.2,
            "examples": "1000017 / 00Q000000000017, 1000021 / 00Q000000000021"},
        {"kind": "missing", "field": null, "source": "salesforce", "other_source": "marketo",
            "n": 4, "oldest_days": null, "examples": "00Q000000000031"},
    ]))
}

fn duplicates() -> Rows {
    rows(json!([
        {"cause": "same_person", "stream": "salesforce.lead", "n": 26, "groups": 13,
            "examples": "salesforce.lead:00Q000000000044"},
        {"cause": "shared_address", "stream": "all streams", "n": 91, "groups": 21,
            "examples": "marketo.lead:1000051"},
    ]))
}

fn rules() -> Rows {
    rows(json!([
        {"kind": "evidence", "name": "ignored_reached", "n": 13312, "total": 20482},
        {"kind": "exclusion", "name": "internal", "n": 5, "total": 2499},
        {"kind": "identity", "name": "records_linked", "n": 1621, "total": 4325},
        {"kind": "waiting", "name": "evidence_waiting", "n": 3, "total": null},
    ]))
}
