//! The numbers, in OpenMetrics. They are about the server and its sites, by the first host name of each. Labels come
//! from the configuration, but for the names of cookies that it does not list: the inventory holds few of them, and
//! none that looks like a person's.
//!
//! Times are histograms with bounds at the powers of two, like those of Prometheus's native histograms of schema 0.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use super::disks::Disks;
use super::process::Process;
use crate::cookies::{self, Counts, Snapshot, Verdict};
use crate::count::Times;
use crate::entry::{Outcome, Refusal};
use crate::journal::{Durability, OnDisk, Vitals};
use crate::policy::Mode;
use crate::proxy::{CLASSES, Site};
use crate::server::{Shared, View};

/// All of them, as a text.
///
/// # Errors
/// None that is known of: a text takes everything that is written.
pub(super) async fn page(view: &Arc<View>, disks: &Disks) -> Result<String, fmt::Error> {
    let edition = view.edition();
    let on_disk = disks.look(&edition.sites).await;
    let now = edition.clock.now();
    let sites = edition.sites.iter().zip(on_disk).map(|(site, on_disk)| Seen {
        site: Arc::clone(site),
        vitals: site.journal.vitals(now),
        cookies: site.in_force.tally.snapshot(),
        on_disk,
    });
    let numbers = Numbers {
        sites: sites.collect(),
        view: Arc::clone(view),
        edition,
    };
    let mut registry = Registry::with_prefix("townclerk");
    registry.register_collector(Box::new(numbers));
    let mut process = Registry::default();
    process.register_collector(Box::new(Process(view.started)));
    let mut page = String::new();
    text::encode_registry(&mut page, &process)?;
    text::encode(&mut page, &registry)?;
    Ok(page)
}

struct Numbers {
    view: Arc<View>,
    edition: Arc<Shared>,
    sites: Vec<Seen>,
}

/// A site at this moment.
struct Seen {
    site: Arc<Site>,
    vitals: Vitals,
    cookies: Snapshot,
    on_disk: Option<OnDisk>,
}

pub(super) type Label = (&'static str, String);

fn label(name: &'static str, value: impl ToString) -> Label {
    (name, value.to_string())
}

impl Seen {
    fn labels(&self) -> Vec<Label> {
        vec![label("site", &self.site.hosts[0])]
    }

    fn labels_and<const N: usize>(&self, more: [(&'static str, &str); N]) -> Vec<Label> {
        let more = more.map(|(name, value)| label(name, value));
        self.labels().into_iter().chain(more).collect()
    }
}

/// Each series with its number.
pub(super) type Series<T> = Vec<(Vec<Label>, T)>;

/// The page while it is written.
pub(super) struct Page<'a>(pub(super) DescriptorEncoder<'a>);

impl Page<'_> {
    pub(super) fn counter<T: EncodeCounterValue + Clone>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        series: &Series<T>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        for (labels, number) in series {
            let none = None::<&Exemplar<NoLabelSet, f64>>;
            match labels.as_slice() {
                [] => family.encode_counter(number, none)?,
                _ => family.encode_family(labels)?.encode_counter(number, none)?,
            }
        }
        Ok(())
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, unit: Option<&Unit>, series: &Series<f64>) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, number) in series {
            match labels.as_slice() {
                [] => family.encode_gauge(number)?,
                _ => family.encode_family(labels)?.encode_gauge(number)?,
            }
        }
        Ok(())
    }

    fn info(&mut self, name: &str, help: &str, series: &[Vec<Label>]) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Info)?;
        series.iter().try_for_each(|labels| family.encode_info(labels))
    }

    fn seconds(&mut self, name: &str, help: &str, series: &Series<Times>) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for (labels, times) in series {
            let buckets = times.by_bound();
            family.encode_family(labels)?.encode_histogram::<NoLabelSet>(
                times.seconds(),
                times.count(),
                &buckets,
                None,
            )?;
        }
        Ok(())
    }
}

/// One series without labels.
pub(super) fn one<T>(number: T) -> Series<T> {
    vec![(Vec::new(), number)]
}

impl Collector for Numbers {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.process(&mut page)?;
        self.exchanges(&mut page)?;
        self.cookies(&mut page)?;
        self.journals(&mut page)?;
        self.on_disk(&mut page)
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers").finish_non_exhaustive()
    }
}

impl Numbers {
    fn each<T>(&self, of: impl Fn(&Seen) -> T) -> Series<T> {
        self.sites.iter().map(|seen| (seen.labels(), of(seen))).collect()
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        let (view, shared) = (&self.view, &self.edition);
        let workers = &view.workers;
        let sum = |of: fn(&crate::server::Hands) -> u64| workers.iter().map(|hands| of(hands)).sum::<u64>();
        let build = vec![
            label("version", env!("CARGO_PKG_VERSION")),
            label("commit", crate::COMMIT.unwrap_or("unknown")),
        ];
        page.info("build", "Which townclerk this is.", &[build])?;
        page.gauge("workers", "Threads that serve.", None, &one(workers.len() as f64))?;
        let open = sum(|hands| hands.open.get()) as f64;
        page.gauge(
            "connections_open",
            "Visitors' connections, tunnels included.",
            None,
            &one(open),
        )?;
        let limit = shared.limits.connections as f64;
        page.gauge(
            "connections_limit",
            "As many connections may be open.",
            None,
            &one(limit),
        )?;
        let accepted = sum(|hands| hands.accepted.get());
        page.counter("connections_accepted", "Connections of visitors.", None, &one(accepted))?;
        let handshakes = [
            ("done", sum(|hands| hands.greeted.get())),
            ("failed", sum(|hands| hands.failed.get())),
            ("overdue", sum(|hands| hands.overdue.get())),
        ];
        let handshakes = handshakes.map(|(result, count)| (vec![label("result", result)], count));
        page.counter(
            "tls_handshakes",
            "TLS handshakes, by how they ended.",
            None,
            &handshakes.into(),
        )?;
        let open = shared.exchanges.open() as f64;
        page.gauge(
            "exchanges_open",
            "Exchanges under way, tunnels included.",
            None,
            &one(open),
        )?;
        let limit = shared.limits.exchanges as f64;
        page.gauge(
            "exchanges_limit",
            "As many exchanges may be under way.",
            None,
            &one(limit),
        )?;
        let reloads = [
            ("done", view.reloads().done.get()),
            ("refused", view.reloads().refused.get()),
        ];
        let reloads = reloads.map(|(result, count)| (vec![label("result", result)], count));
        let help = "How often the configuration was read again, by whether it came into use.";
        page.counter("reloads", help, None, &reloads.into())?;
        let ends = view.certificates().into_iter().map(|certificate| {
            let file = label("certificate", certificate.files.certificate.display());
            (vec![file], certificate.ends.as_duration().as_secs_f64())
        });
        let help = "When a certificate ends.";
        page.gauge("certificate_end_timestamp", help, Some(&Unit::Seconds), &ends.collect())?;
        let orders = [
            ("certified", view.orders.certified.get()),
            ("refused", view.orders.refused.get()),
            ("failed", view.orders.failed.get()),
        ];
        let orders = orders.map(|(result, count)| (vec![label("result", result)], count));
        let help = "Certificates that an authority was asked for ([acme]), by what came of it.";
        page.counter("certificate_orders", help, None, &orders.into())
    }

    fn exchanges(&self, page: &mut Page<'_>) -> fmt::Result {
        let mut series = Vec::new();
        for seen in &self.sites {
            for outcome in Outcome::ALL {
                let counts = seen.site.counts.of(outcome);
                for (class, count) in CLASSES.into_iter().zip(counts) {
                    if count > 0 || is_usual(outcome, class) {
                        let labels = [("outcome", outcome.name()), ("status", class)];
                        series.push((seen.labels_and(labels), count));
                    }
                }
            }
        }
        let help = "Exchanges that ended, by their outcome (`error.type` of entries) and the class of the status.";
        page.counter("exchanges", help, None, &series)?;
        let bytes = self.each(|seen| seen.site.counts.bytes());
        page.counter(
            "response_body",
            "Handed over to visitors' connections.",
            Some(&Unit::Bytes),
            &bytes,
        )?;
        let answers = self.each(|seen| seen.site.counts.answers());
        let help = "From a request's way to the CMS until the head of its answer, a connection included.";
        page.seconds("upstream_answer", help, &answers)?;
        let policies = self.sites.iter().map(|seen| {
            let policy = &seen.site.in_force.policy;
            let (version, effective) = (&policy.version, policy.effective.to_string());
            seen.labels_and([("version", version), ("effective", &effective)])
        });
        page.info(
            "policy",
            "Which policy is in force, and from when on it says so.",
            &policies.collect::<Vec<_>>(),
        )
    }

    fn cookies(&self, page: &mut Page<'_>) -> fmt::Result {
        let (mut cookies, mut names) = (Vec::new(), Vec::new());
        for seen in &self.sites {
            let mode = match seen.site.in_force.policy.cookies.mode {
                Mode::Enforce => "enforce",
                Mode::Observe => "observe",
            };
            let total = seen.cookies.total;
            for (direction, counts) in [("request", total.sent), ("response", total.set)] {
                let of = |verdict: Verdict| {
                    let labels = [("direction", direction), ("verdict", verdict.name()), ("mode", mode)];
                    (seen.labels_and(labels), Counts::of(counts, verdict))
                };
                cookies.extend(Verdict::ALL.map(of));
            }
            for (listed, seen_yet) in [(true, true), (true, false), (false, true)] {
                let traffic = |cookie: &&cookies::Seen| {
                    let is_seen = cookie.traffic.sent.sum() + cookie.traffic.set.sum() > 0;
                    cookie.declared == listed && is_seen == seen_yet
                };
                let count = seen.cookies.seen.iter().filter(traffic).count();
                let word = |yes| if yes { "yes" } else { "no" };
                let labels = [("listed", word(listed)), ("seen", word(seen_yet))];
                names.push((seen.labels_and(labels), count as f64));
            }
        }
        let help = "Cookies that browsers sent and the CMS set, by what became of them, or would have (observe).";
        page.counter("cookies", help, None, &cookies)?;
        let help =
            "Names of cookies, by whether the policy lists them and whether they were seen since it came into use.";
        page.gauge("cookie_names", help, None, &names)?;
        let named = self.sites.iter().flat_map(|seen| {
            let by_name = move |cookie| named(cookie).map(|(labels, count)| (seen.labels_and(labels), count));
            seen.cookies.seen.iter().flat_map(by_name)
        });
        let help = "The same, of those with a name of their own in the inventory. What no answer set is of scripts, or of \
                    earlier days.";
        page.counter("cookies_by_name", help, None, &named.collect())
    }

    fn journals(&self, page: &mut Page<'_>) -> fmt::Result {
        let failed = self.each(|seen| f64::from(u8::from(seen.vitals.status.failed)));
        page.gauge(
            "journal_failed",
            "1 while the journal's disk takes no entries.",
            None,
            &failed,
        )?;
        let waiting = self.each(|seen| seen.vitals.status.waiting as f64);
        let help = "Places taken in the journal's queue: open exchanges, and entries that are not durable.";
        page.gauge("journal_queue", help, None, &waiting)?;
        let places = self.each(|seen| seen.vitals.places as f64);
        page.gauge("journal_queue_limit", "Places in the journal's queue.", None, &places)?;
        let records = self.each(|seen| seen.vitals.status.records);
        let help = "Entries that are durable, those included that retention has removed.";
        page.counter("journal_records", help, None, &records)?;
        let lost = self.sites.iter().flat_map(|seen| {
            let vitals = &seen.vitals;
            let lost = [
                ("refused", vitals.refused),
                ("served", vitals.unrecorded),
                ("unsynced", vitals.unsynced),
                ("event", vitals.events),
            ];
            lost.map(|(what, count)| (seen.labels_and([("what", what)]), count))
        });
        let help = "What the journal could not take: exchanges refused, served without an entry, or answered before \
                    they were durable; and events.";
        page.counter("journal_unrecorded", help, None, &lost.collect())?;
        let syncs = self.sites.iter().flat_map(|seen| {
            let is_strict = seen.site.journal.durability() == Durability::Strict;
            let arrivals = is_strict.then_some(("arrivals", seen.vitals.arrival_syncs));
            let logs = [("access", seen.vitals.syncs)].into_iter().chain(arrivals);
            logs.map(|(log, times)| (seen.labels_and([("log", log)]), times))
        });
        page.seconds(
            "journal_sync",
            "What the disk took to make entries durable.",
            &syncs.collect(),
        )?;
        let signed = self.sites.iter().filter_map(|seen| {
            let at = seen.vitals.signed_at?.as_duration().as_secs_f64();
            Some((seen.labels(), at))
        });
        let help = "When something in the journal was last signed.";
        page.gauge(
            "journal_signed_timestamp",
            help,
            Some(&Unit::Seconds),
            &signed.collect(),
        )?;
        let unsigned = self.each(|seen| seen.vitals.unsigned.as_secs_f64());
        let help = "How long the oldest entry waits to be signed; 10 s are usual, and 0 where nothing waits.";
        page.gauge("journal_unsigned", help, Some(&Unit::Seconds), &unsigned)
    }

    fn on_disk(&self, page: &mut Page<'_>) -> fmt::Result {
        let (mut valid, mut sizes, mut left, mut all) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let answers = self.each(|seen| f64::from(u8::from(seen.on_disk.is_some())));
        for seen in &self.sites {
            let Some(on_disk) = &seen.on_disk else { continue };
            for (log, size) in &on_disk.checkpoints {
                let labels = seen.labels_and([("log", log.folder())]);
                valid.push((labels.clone(), f64::from(u8::from(size.is_some()))));
                sizes.extend(size.map(|size| (labels, size as f64)));
            }
            if let Some(space) = on_disk.space {
                left.push((seen.labels(), space.left as f64));
                all.push((seen.labels(), space.all as f64));
            }
        }
        page.gauge(
            "journal_disk_answers",
            "0 while the journal's disk does not answer.",
            None,
            &answers,
        )?;
        let help = "1 if the newest checkpoint is there and signed with the log's key.";
        page.gauge("journal_checkpoint_valid", help, None, &valid)?;
        page.gauge(
            "journal_checkpoint_size",
            "Records that the newest checkpoint is of.",
            None,
            &sizes,
        )?;
        let help = "What is left of the journal's file system for its user.";
        page.gauge("journal_disk_free", help, Some(&Unit::Bytes), &left)?;
        page.gauge(
            "journal_disk_size",
            "The journal's file system.",
            Some(&Unit::Bytes),
            &all,
        )
    }
}

/// What became of a cookie, as far as anything did.
fn named(cookie: &cookies::Seen) -> impl Iterator<Item = ([(&'static str, &str); 4], u64)> {
    let listed = if cookie.declared { "yes" } else { "no" };
    let ways = [("request", cookie.traffic.sent), ("response", cookie.traffic.set)];
    ways.into_iter().flat_map(move |(direction, counts)| {
        let of = move |verdict: Verdict| {
            let (name, verdict_name) = (cookie.name.as_str(), verdict.name());
            let labels = [
                ("name", name),
                ("listed", listed),
                ("direction", direction),
                ("verdict", verdict_name),
            ];
            (labels, Counts::of(counts, verdict))
        };
        Verdict::ALL.into_iter().map(of).filter(|&(_, count)| count > 0)
    })
}

/// Whether a series is there from the start: a rate does not see the first step of one that comes later.
fn is_usual(outcome: Outcome, class: &str) -> bool {
    match outcome {
        Outcome::Completed => matches!(class, "2xx" | "3xx" | "4xx" | "5xx"),
        Outcome::Upgraded => class == "1xx",
        Outcome::Refused(Refusal::Journal | Refusal::TooManyExchanges) | Outcome::Upstream(_) => class == "5xx",
        Outcome::Refused(_) => class == "4xx",
        Outcome::CutOff(_) => class == "2xx",
        Outcome::NotARequest(_) => class == "none",
    }
}
