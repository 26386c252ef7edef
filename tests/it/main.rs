//! Everything that is tested through the front door: the executable is run, its exit code, output
//! and files are looked at. Nothing here names the library, so this binary links none of it.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, says when it is skipped, and writes its own fixtures"
)]

/// Imports point one way, and each wall stands.
mod architecture;
/// The files that go with mails, and the archive that keeps them.
mod attachments;
/// What is said of exports and a warehouse that are wrong.
mod bad_files;
/// What is said of a deployment that is wrong.
mod bad_input;
/// What is frozen, shown and compared with.
mod baseline;
/// Help, exit codes, and the commands about a published warehouse.
mod cli;
/// A run that is killed, doubled or out of room loses nothing.
mod crash;
/// A definition that changes over time.
mod definitions;
/// Messages listed, tried again and sent again; who hears of trouble.
mod deliver;
/// The Delta logs, through which other tools read the tables.
mod delta;
/// The demo against the truth of its own simulation.
mod demo;
/// Numbers for tests of random companies.
mod dice;
/// A person taken out of everything that is kept, and the proof of it.
mod erase;
/// The definition as a contract.
mod funnel;
mod funnel_sql;
mod funnel_walk;
/// What is judged before it is recorded, and what is kept of what is refused.
mod gates;
/// Reports that wait for their data or have nothing to say, and days that nobody was mailed.
mod held;
/// A server that takes posts.
mod http_server;
/// A service desk's log replayed night by night, its states as stages.
mod incident;
/// What comes late, and what is asked of long ago.
mod late;
/// Each mail arrives once, whatever the server does.
mod mail;
/// What a night makes visible, and what is left when it fails.
mod mal;
/// A pipeline of opportunities without leads.
mod maven;
mod nightly;
/// A marketing funnel of real leads and deals.
mod olist;
/// A report of one's own, as the README shows it.
mod own_report;
/// Each channel gets its post once, whatever the server does.
mod posts;
/// Who gets which rows of a report.
mod recipients;
/// Nothing of others, over random companies and scopes.
mod recipients_random;
/// What changed since it was told, and why.
mod restate;
mod restate_causes;
/// Random nights, of which every change has a cause.
mod restate_random;
/// Mail goes encrypted, and the password to nobody else.
mod secure_mail;
/// A deployment small enough to run in a second.
mod small;
/// A mail server that follows a script.
mod smtp_server;
/// Questions to the warehouse, in every form.
mod sql;
/// An object store that fails by a script.
mod store_proxy;
/// Nights in object stores.
mod stores;
/// Running a deployment in a folder of its own.
mod subtleties;
mod support;
/// Looking after a warehouse: everything read, files merged, files deleted.
mod truth;
mod upkeep;
