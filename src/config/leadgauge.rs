//! `leadgauge.yaml`: the company, where its data comes from and lies, what is measured and who is told.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use url::Url;

use super::reader::Reader;
use super::yaml::Node;
use super::{
    Delivery, Metrics, Report, Retention, Source, delivery, industry, privacy, report, source,
};
use crate::fs::Location;
use crate::problem::{Problem, nearest};

pub(super) struct Leadgauge {
    pub(super) company: String,
    pub(super) time_zone: TimeZone,
    pub(super) warehouse: Location,
    pub(super) queries: PathBuf,
    pub(super) templates: PathBuf,
    pub(super) sources: Vec<Source>,
    pub(super) metrics: Metrics,
    pub(super) reports: Vec<Report>,
    pub(super) delivery: Delivery,
    pub(super) retention: Retention,
}

/// Nights whose derived tables stay as files unless told otherwise.
const DERIVED_DAYS: u32 = 31;

/// What `stage_entry` keeps of a person, frozen at entry.
pub(super) const DIMENSIONS: [&str; 6] = [
    "lead_source",
    "channel",
    "segment",
    "region",
    "owner_id",
    "campaign_id",
];

pub(super) fn read(reader: &Reader<'_>, root: &Node, folder: &Path) -> Option<Leadgauge> {
    let [
        company,
        time_zone,
        warehouse,
        queries,
        templates,
        sources,
        metrics,
        reports,
        delivery,
        retention,
    ] = reader.fields(
        root,
        "leadgauge.yaml",
        [
            "company",
            "time_zone",
            "warehouse",
            "queries",
            "templates",
            "sources",
            "metrics",
            "reports",
            "delivery",
            "retention",
        ],
    )?;
    let path = |node: &Node| reader.text(node).map(|text| folder.join(text));
    let company = company.required(|node| reader.text(node));
    let time_zone = time_zone.required(|node| zone(reader, node));
    let warehouse = warehouse.required(|node| location(reader, node, folder));
    let queries = queries.or(folder.join("../queries"), path);
    let templates = templates.or(folder.join("../templates"), path);
    let sources = sources.required(|node| source::read(reader, node, folder));
    let metrics = metrics.required(|node| read_metrics(reader, node));
    let delivery = delivery.required(|node| delivery::read(reader, node, folder));
    // Where the section is wrong, its channels are not known.
    let channels = delivery
        .as_ref()
        .map(|delivery| delivery.channels.as_slice());
    let reports = reports.required(|node| report::read(reader, node, channels));
    let kept = Retention {
        derived_days: DERIVED_DAYS,
        archive_days: None,
        quarantine_days: None,
    };
    let retention = retention.or(kept, |node| read_retention(reader, node));
    if let (Some(reports), Some(delivery)) = (&reports, &delivery) {
        privacy::tell_strangers(reader, reports, &delivery.privacy);
    }
    Some(Leadgauge {
        company: company?,
        time_zone: time_zone?,
        warehouse: warehouse?,
        queries: queries?,
        templates: templates?,
        sources: sources?,
        metrics: metrics?,
        reports: reports?,
        delivery: delivery?,
        retention: retention?,
    })
}

fn read_retention(reader: &Reader<'_>, node: &Node) -> Option<Retention> {
    let [derived, archive, quarantine] =
        reader.fields(node, "`retention`", ["derived", "archive", "quarantine"])?;
    let days = |node: &Node| reader.days(node);
    let derived = derived.or(DERIVED_DAYS, days);
    let archive = archive.optional(days);
    let quarantine = quarantine.optional(days);
    Some(Retention {
        derived_days: derived?,
        archive_days: archive?,
        quarantine_days: quarantine?,
    })
}

fn read_metrics(reader: &Reader<'_>, node: &Node) -> Option<Metrics> {
    let [dimensions, horizon_days, baseline, floor, averages] = reader.fields(
        node,
        "`metrics`",
        [
            "dimensions",
            "horizon_days",
            "baseline",
            "floor",
            "industry_averages",
        ],
    )?;
    let dimensions = dimensions.or(Vec::new(), |list| {
        reader.tell_repeated(list.items().iter().filter_map(Node::named), "dimension");
        reader.list(list, |item| reader.one_of(item, "dimension", &DIMENSIONS))
    });
    let horizon_days = horizon_days.optional(|node| reader.whole(node, 1..=3660));
    let baseline = baseline.optional(|node| reader.label(node));
    let floor = floor.or(30, |node| reader.whole(node, 1..=1_000_000));
    let averages = averages.or(Vec::new(), |node| industry::read(reader, node));
    Some(Metrics {
        dimensions: dimensions?,
        horizon_days: horizon_days?,
        baseline: baseline?,
        floor: floor?,
        industry_averages: averages?,
    })
}

/// A zone by its IANA name.
pub(super) fn zone(reader: &Reader<'_>, node: &Node) -> Option<TimeZone> {
    let name = reader.text(node)?;
    let found = TimeZone::get(&name).ok();
    found.or_else(|| {
        let known: Vec<String> = jiff::tz::db()
            .available()
            .map(|zone| zone.to_string())
            .collect();
        let fix = match nearest(&name, known.iter().map(String::as_str)) {
            Some(near) => format!("Did you mean `{near}`?"),
            None => "Write an IANA name, as `America/New_York`".to_owned(),
        };
        reader.refuse(node, format!("`{name}` is no time zone"), &fix)
    })
}

/// A folder, relative to that of the file, or a store's URL. Credentials have no place in it.
pub(super) fn location(reader: &Reader<'_>, node: &Node, folder: &Path) -> Option<Location> {
    let text = reader.text(node)?;
    let url = Url::parse(&text).ok().filter(|_| text.contains("://"));
    if url.is_some_and(|url| url.password().is_some() || url.query().is_some()) {
        let problem = Problem::new("A location holds a secret").at(node.place.clone().unseen());
        let fix = "Write the URL alone; credentials come from the cloud's environment variables";
        reader.tell_problem(problem.fix(fix));
        return None;
    }
    Location::parse(&text, folder).map_or_else(
        |what| {
            let fix = "Write a folder, or a URL that begins with `s3://`, `gs://` or `az://`";
            reader.refuse(node, what, fix)
        },
        Some,
    )
}
