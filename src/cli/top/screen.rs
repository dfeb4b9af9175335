//! What is on the screen, whatever its size: what matters most comes first, the list takes what is left.

use jiff::{SignedDuration, Timestamp};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline};

use super::super::table::short;
use super::feed::{Feed, Health};
use super::list::{List, Order, Panel, Row};
use super::ranks::Sums;
use super::tally::{CLASSES, Slot};
use super::words::Words;
use crate::report::{number, share, size, time};

/// The heads of lines, in letters.
const HEAD: u16 = 13;
/// Where there is less, they are left out.
const NARROW: u16 = 50;
/// Something that is not signed after so long is worth a look: it is due every ten seconds.
const LATE: SignedDuration = SignedDuration::from_secs(60);
/// Trouble is shown for so long.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// Of a disk, in percent: less is worth a look.
const LITTLE: u64 = 10;

/// What is shown.
pub(super) struct View<'a> {
    pub(super) feed: &'a Feed,
    /// Which of how many sites.
    pub(super) place: (usize, usize),
    pub(super) now: Timestamp,
    pub(super) paused: bool,
    pub(super) panel: Panel,
    pub(super) order: Order,
    pub(super) help: bool,
    pub(super) words: &'static Words,
    pub(super) look: Look,
}

/// Whether there are colours; what is bold or turned round is so in any case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) coloured: bool,
}

impl Look {
    fn in_colour(self, colour: Color) -> Style {
        match self.coloured {
            true => Style::new().fg(colour),
            false => Style::new(),
        }
    }

    fn bad(self) -> Style {
        self.in_colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    fn odd(self) -> Style {
        self.in_colour(Color::Yellow)
    }

    fn good(self) -> Style {
        self.in_colour(Color::Green)
    }

    fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }
}

/// A line of several parts, with two spaces between them.
#[derive(Default)]
struct Parts(Vec<Span<'static>>);

impl Parts {
    fn add(&mut self, text: String, style: Style) {
        if !self.0.is_empty() {
            self.0.push(Span::raw("  "));
        }
        self.0.push(Span::styled(text, style));
    }

    fn plain(&mut self, text: String) {
        self.add(text, Style::new());
    }
}

impl View<'_> {
    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        // The least height at which each has its place.
        let from = |least: u16, lines: u16| Constraint::Length(if area.height >= least { lines } else { 0 });
        let chart = match area.height {
            0..17 => 0,
            17..22 => 1,
            22..30 => 3,
            _ => 6,
        };
        let [
            title,
            rates,
            chart,
            answers,
            load,
            time,
            journal,
            event,
            gap,
            list,
            keys,
        ] = Layout::vertical([
            from(1, 1),
            from(2, 1),
            from(0, chart),
            from(3, 1),
            from(10, 1),
            from(11, 1),
            from(8, 1),
            from(9, 1),
            from(20, 1),
            Constraint::Min(0),
            from(7, 1),
        ])
        .areas(area);
        let all = self.feed.tally.all();
        self.title(frame, title);
        self.line(frame, rates, self.words.rates, self.rates());
        self.chart(frame, chart);
        self.line(frame, answers, self.words.answers, self.answers(&all));
        self.line(frame, load, self.words.load, self.load(&all));
        self.line(frame, time, self.words.time, self.times(&all));
        self.line(frame, journal, self.words.journal, self.journal(area.width));
        self.event(frame, event);
        frame.render_widget(Line::default(), gap);
        match self.help {
            true => self.help(frame, list),
            false => self.list(frame, list),
        }
        frame.render_widget(Line::styled(format!(" {}", self.words.keys), self.look.quiet()), keys);
    }

    fn title(&self, frame: &mut Frame<'_>, area: Rect) {
        let words = self.words;
        let (place, sites) = self.place;
        let place = if sites > 1 {
            format!(" {}/{sites}", place + 1)
        } else {
            String::new()
        };
        let ahead = self.feed.ahead().map(|bytes| (words.reading)(&size(bytes, words.lang)));
        let state = match ahead {
            Some(reading) => reading,
            None if self.paused => words.paused.to_owned(),
            None => words.live.to_owned(),
        };
        let left = match area.width {
            0..NARROW => format!(" {}{place}", self.feed.name),
            _ => format!(" townclerk top  {}{place}", self.feed.name),
        };
        let right = match area.width {
            0..NARROW => String::new(),
            _ => format!("{} UTC  {state} ", self.now.strftime("%F %T")),
        };
        let room = usize::from(area.width);
        let left = short(&left, room.saturating_sub(right.chars().count() + 1));
        let right = short(&right, room);
        let between = room.saturating_sub(left.chars().count() + right.chars().count());
        let text = format!("{left}{}{right}", " ".repeat(between));
        let style = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        frame.render_widget(Line::styled(text, style), area);
    }

    /// A line with its head, where there is room for one.
    fn line(&self, frame: &mut Frame<'_>, area: Rect, head: &'static str, Parts(parts): Parts) {
        let mut spans = vec![Span::raw(" ")];
        if area.width >= NARROW {
            let width = usize::from(HEAD) - 1;
            spans.push(Span::styled(format!("{head:width$}"), self.look.quiet()));
        }
        spans.extend(parts);
        frame.render_widget(Line::from(spans), area);
    }

    fn rates(&self) -> Parts {
        let now = self.now.as_second();
        let spans = [5, 60, 900].into_iter().zip(self.words.spans);
        let mut parts = Parts::default();
        for (seconds, name) in spans {
            let rate = self.rate(self.feed.tally.rate(now, seconds));
            let style = match seconds {
                5 => Style::new().add_modifier(Modifier::BOLD),
                _ => Style::new(),
            };
            parts.add(format!("{rate} {name}"), style);
        }
        parts
    }

    fn rate(&self, rate: f64) -> String {
        match rate < 10.0 {
            true => self.words.decimal(rate),
            false => number(rate.round() as u64, self.words.lang),
        }
    }

    /// The last quarter of an hour, with the height and the length of its chart on the left.
    fn chart(&self, frame: &mut Frame<'_>, area: Rect) {
        let [head, bars] = Layout::horizontal([Constraint::Length(HEAD), Constraint::Min(0)]).areas(area);
        let (parts, seconds) = self.feed.tally.history(self.now.as_second(), bars.width);
        let most = parts.iter().copied().max().unwrap_or_default();
        let rate = self.rate(most as f64 / seconds as f64);
        let mut lines = vec![Line::from(format!(" {}", (self.words.most)(&rate)))];
        if area.height > 1 {
            lines.resize(usize::from(area.height) - 1, Line::default());
            lines.push(Line::from(format!(" {}", self.words.ago)));
        }
        frame.render_widget(Paragraph::new(lines).style(self.look.quiet()), head);
        let bar = self.look.in_colour(Color::Cyan);
        let chart = Sparkline::default().data(&parts).max(most.max(1)).style(bar);
        frame.render_widget(chart, bars);
    }

    fn answers(&self, all: &Slot) -> Parts {
        let mut parts = Parts::default();
        for (class, &count) in all.classes.iter().enumerate() {
            let is_none = class + 1 == CLASSES;
            if count == 0 && (class == 0 || is_none) {
                continue;
            }
            let name = match is_none {
                true => self.words.unanswered.to_owned(),
                false => format!("{}xx", class + 1),
            };
            let style = match class {
                _ if count == 0 => self.look.quiet(),
                1 => self.look.good(),
                3 => self.look.odd(),
                4 | 5 => self.look.bad(),
                _ => Style::new(),
            };
            parts.add(format!("{name} {}", number(count, self.words.lang)), style);
        }
        parts
    }

    fn load(&self, all: &Slot) -> Parts {
        let Words {
            lang, requests, robots, ..
        } = *self.words;
        let mut parts = Parts::default();
        parts.plain(format!("{} {requests}", number(all.requests, lang)));
        parts.plain(size(all.bytes, lang));
        parts.plain(format!("{} {robots}", share(all.robots, all.requests, lang)));
        parts
    }

    fn times(&self, all: &Slot) -> Parts {
        let words = self.words;
        let mut parts = Parts::default();
        let Some(longest) = all.longest else {
            parts.add(words.no_times.to_owned(), self.look.quiet());
            return parts;
        };
        let longest = longest.max(all.times.within(0.99));
        for (name, milliseconds) in [
            (words.half, all.times.within(0.5)),
            (words.most_of_them, all.times.within(0.99)),
            (words.longest, longest),
        ] {
            parts.plain(format!("{name} {}", time(milliseconds, words.lang)));
        }
        parts
    }

    fn journal(&self, width: u16) -> Parts {
        let words = self.words;
        let Health { at, glance, last, .. } = &self.feed.health;
        let mut parts = Parts::default();
        let Some((segment, records)) = at else {
            parts.add(words.silence.to_owned(), self.look.quiet());
            return parts;
        };
        parts.plain(format!("{} {}", number(*records, words.lang), words.records));
        let signed = glance.signed.unwrap_or_default();
        let is_late = |since: Timestamp| self.now.duration_since(since) > LATE;
        if signed < *records {
            // The checkpoint is as old as the last pause: what counts is how long something has been waiting.
            let is_bad = glance.signed_at.is_none_or(is_late) && last.is_none_or(is_late);
            let style = if is_bad { self.look.bad() } else { Style::new() };
            parts.add((words.unsigned)(&number(records - signed, words.lang)), style);
        }
        if let Some(signed_at) = glance.signed_at {
            parts.plain((words.signed)(&ago(self.now.duration_since(signed_at))));
        }
        if let Some(space) = glance.space {
            let left = space.left.saturating_mul(100) / space.all.max(1);
            let style = if left < LITTLE { self.look.bad() } else { Style::new() };
            parts.add((words.disk)(&share(space.left, space.all, words.lang)), style);
        }
        if width >= 120 {
            parts.add((words.in_segment)(&segment.to_string()), self.look.quiet());
        }
        parts
    }

    fn event(&self, frame: &mut Frame<'_>, area: Rect) {
        let Health { event, trouble, .. } = &self.feed.health;
        let mut parts = Parts::default();
        let fresh = trouble
            .as_ref()
            .filter(|trouble| self.now.duration_since(trouble.time) < FRESH);
        let (head, told, style) = match (fresh, event) {
            (Some(trouble), _) => (self.words.trouble, trouble, self.look.bad()),
            (None, Some(event)) => (self.words.event, event, Style::new()),
            (None, None) => return,
        };
        parts.add(format!("{} {}", told.time.strftime("%T"), told.what), style);
        self.line(frame, area, head, parts);
    }

    fn help(&self, frame: &mut Frame<'_>, area: Rect) {
        let lines: Vec<_> = self
            .words
            .help
            .iter()
            .map(|line| Line::from(format!(" {line}")))
            .collect();
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn list(&self, frame: &mut Frame<'_>, area: Rect) {
        let [tabs, heads, rows] = Layout::vertical([
            Constraint::Length(u16::from(area.height >= 5)),
            Constraint::Length(u16::from(area.height >= 3)),
            Constraint::Min(0),
        ])
        .areas(area);
        self.tabs(frame, tabs);
        let columns = Columns::of(area.width);
        let heads_text = columns.heads(self.words, self.words.panels[self.panel as usize]);
        frame.render_widget(Line::styled(heads_text, self.look.quiet()), heads);
        let room = usize::from(rows.height);
        let mut list = List::of(&self.feed.tally, self.panel, self.order, room, self.words);
        if list.others.requests > 0 && room > 3 {
            list.fold(self.words.others);
        }
        let mut lines: Vec<_> = list.rows.iter().map(|row| self.row(&columns, row)).collect();
        if lines.is_empty() {
            lines.push(Line::styled(format!(" {}", self.words.nothing), self.look.quiet()));
        }
        frame.render_widget(Paragraph::new(lines), rows);
    }

    fn tabs(&self, frame: &mut Frame<'_>, area: Rect) {
        let mut parts = Parts::default();
        for (panel, number) in Panel::ALL.into_iter().zip(1..) {
            let name = format!("{number} {}", self.words.panels[panel as usize]);
            match panel == self.panel {
                true => parts.add(format!("[{name}]"), Style::new().add_modifier(Modifier::BOLD)),
                false => parts.add(name, self.look.quiet()),
            }
        }
        parts.plain(format!("  {}", self.words.orders[self.order as usize]));
        let mut spans = vec![Span::raw(" ")];
        spans.extend(parts.0);
        frame.render_widget(Line::from(spans), area);
    }

    fn row(&self, columns: &Columns, Row { name, sums }: &Row) -> Line<'static> {
        let style = match (sums.errors, sums.requests) {
            (0, _) => Style::new(),
            (errors, requests) if errors * 2 >= requests => self.look.bad(),
            _ => self.look.odd(),
        };
        Line::styled(columns.row(sums, name, self.words), style)
    }
}

/// The columns that there is room for.
struct Columns {
    shown: usize,
    width: usize,
}

/// How wide a column of numbers is, with its space.
const COLUMN: usize = 9;

impl Columns {
    fn of(width: u16) -> Self {
        let shown = match width {
            0..30 => 1,
            30..NARROW => 2,
            NARROW..70 => 3,
            _ => 5,
        };
        Self {
            shown,
            width: width.into(),
        }
    }

    fn heads(&self, words: &Words, name: &str) -> String {
        self.line(words.columns.map(str::to_owned), name)
    }

    fn row(&self, sums: &Sums, name: &str, words: &Words) -> String {
        let milliseconds = |value: Option<u64>| value.map_or_else(String::new, |value| time(value, words.lang));
        let longest = (sums.timed > 0).then_some(sums.longest);
        let cells = [
            number(sums.requests, words.lang),
            number(sums.errors, words.lang),
            size(sums.bytes, words.lang),
            milliseconds(sums.mean()),
            milliseconds(longest),
        ];
        self.line(cells, name)
    }

    fn line(&self, cells: [String; 5], name: &str) -> String {
        let numbers = cells.iter().take(self.shown);
        let mut line: String = numbers.map(|cell| format!("{cell:>COLUMN$}")).collect();
        let room = self.width.saturating_sub(self.shown * COLUMN + 2);
        line.push_str("  ");
        line.push_str(&short(name, room));
        line
    }
}

/// How long ago, in the largest unit that fits.
fn ago(passed: SignedDuration) -> String {
    match passed.as_secs().max(0) {
        seconds @ 0..120 => format!("{seconds}\u{a0}s"),
        seconds @ 120..7_200 => format!("{}\u{a0}min", seconds / 60),
        seconds => format!("{}\u{a0}h", seconds / 3_600),
    }
}
