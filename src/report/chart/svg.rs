//! A small SVG builder: shapes and texts by class, escaped, with coordinates to one decimal.

use std::fmt::Write as _;

use super::Room;

/// The colours of a PNG: the page's light palette, without the page.
const STYLE: &str = "text{font-family:Roboto}\
.lab{font-size:14px;fill:#16202a}.val{font-size:14px;fill:#16202a}\
.ax{font-size:12px;fill:#56626e}.in{font-size:13px;fill:#ffffff}.on{font-size:13px;fill:#16202a}\
.bar{fill:#0f6b6b}.part{fill:#a9cfcb}.short{fill:#b3372c}.track{fill:#eaeef0}\
.halo{stroke:#ffffff;stroke-width:5}.tick{stroke:#16202a;stroke-width:2}.rule{stroke:#dde3e7;stroke-width:1}\
.h1,.h2,.h3,.h4,.h5{fill:#0f6b6b}.h1{fill-opacity:.1}.h2{fill-opacity:.24}.h3{fill-opacity:.4}.h4{fill-opacity:.58}.h5{fill-opacity:.92}\
.good{fill:#1b7339}.bad{fill:#b3372c}.mut{fill:#56626e}.area{fill:#d7e8e6}\
.spark{fill:none;stroke:#0f6b6b;stroke-width:1.8}.strong{stroke:#16202a;stroke-width:.35}";

/// A PNG has so many pixels for one of the size at which it is shown.
const PIXELS: f64 = 2.0;

#[derive(Debug, thiserror::Error)]
#[error("The chart `{id}` cannot be drawn: {message}")]
pub(crate) struct ChartError {
    id: String,
    message: String,
}

/// Where a text stands against its point.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing.
#[derive(Debug, Clone)]
pub(in crate::report) struct Svg {
    id: String,
    title: String,
    description: String,
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    /// `title` names the chart, `description` says what it shows to one who cannot see it.
    pub(super) fn new(name: &str, room: Room, title: &str, description: &str) -> Self {
        Self {
            id: format!("{name}-{}", room.suffix()),
            title: title.to_owned(),
            description: description.to_owned(),
            width: room.width(),
            height: 0.0,
            body: String::new(),
        }
    }

    pub(super) fn sized(mut self, width: f64, height: f64) -> Self {
        self.width = width;
        self.height = height;
        self
    }

    pub(super) fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
        self.add(format_args!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{:.1}" height="{height:.1}" rx="2"/>"#,
            width.max(0.0)
        ));
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(format_args!(
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let text = escaped(text);
        self.add(format_args!(
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}"{anchor}>{text}</text>"#
        ));
    }

    /// A triangle of the height of a digit that stands on or hangs from `y`, pointing up or down.
    pub(super) fn triangle(&mut self, class: &str, (x, y): (f64, f64), up: bool) {
        let (base, tip) = if up { (y, y - 8.0) } else { (y - 8.0, y) };
        self.path(
            class,
            &format!("M{x:.1} {base:.1}h9l-4.5 {:.1}z", tip - base),
        );
    }

    pub(super) fn path(&mut self, class: &str, d: &str) {
        self.add(format_args!(r#"<path class="{class}" d="{d}"/>"#));
    }

    pub(super) fn circle(&mut self, class: &str, (x, y): (f64, f64), r: f64) {
        self.add(format_args!(
            r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="{r:.1}"/>"#
        ));
    }

    fn add(&mut self, shape: std::fmt::Arguments<'_>) {
        self.body
            .write_fmt(shape)
            .expect("writing to a String does not fail");
    }

    /// What one sees who cannot see it.
    pub(in crate::report) fn alt(&self) -> String {
        format!("{}. {}", self.title, self.description)
    }

    /// Its size when it is shown `width` wide.
    pub(in crate::report) fn height_at(&self, width: f64) -> f64 {
        (self.height * width / self.width).round()
    }

    /// The drawing as it stands in a page, named and described.
    pub(in crate::report) fn inline(&self) -> String {
        let (id, title, description) = (&self.id, escaped(&self.title), escaped(&self.description));
        let (width, height, body) = (self.width, self.height, &self.body);
        format!(
            r#"<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{title}</title><desc id="{id}-d">{description}</desc>{body}</svg>"#
        )
    }

    /// The drawing as a PNG that is shown `width` wide.
    pub(in crate::report) fn png(&self, width: f64) -> Result<Vec<u8>, ChartError> {
        let (inner, height, body) = (self.width, self.height, &self.body);
        let alone = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {inner} {height}" width="{inner}" height="{height}"><style>{STYLE}</style><rect x="-9" y="-9" width="9999" height="9999" fill="#ffffff"/>{body}</svg>"##
        );
        let pixels = pixels(width * PIXELS);
        charts_rs::svg_to_png_with_size(&alone, Some(pixels), None).map_err(|error| ChartError {
            id: self.id.clone(),
            message: error.to_string(),
        })
    }
}

/// How wide `text` is at `size` in the embedded font; other fonts are up to a fifth wider.
pub(super) fn text_width(text: &str, size: f32) -> f64 {
    charts_rs::measure_text_width_family(charts_rs::DEFAULT_FONT_FAMILY, size, text)
        .map_or(0.0, |shape| f64::from(shape.width()))
}

fn escaped(text: &str) -> String {
    handlebars::html_escape(text)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a chart is some hundred pixels wide"
)]
fn pixels(width: f64) -> u32 {
    width.round().clamp(1.0, 8192.0) as u32
}
