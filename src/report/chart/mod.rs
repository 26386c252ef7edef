//! Charts: drawn by hand as SVG for the page, which styles them by class in light and dark; the
//! same drawing, with fixed colours and the one embedded font, becomes the mail's PNG.
//!
//! Same input, same bytes. Direction is a shape as well as a colour, every mark has its number
//! beside it, and no chart needs a legend.

mod bridge;
mod bullets;
mod cohorts;
mod funnel;
mod svg;
mod trend;
mod weeks;

pub(super) use bridge::{Step, StepKind, bridge};
pub(super) use bullets::{Bullet, bullets};
pub(super) use cohorts::{Cohort, Square, cohorts};
pub(super) use funnel::{Bar, funnel};
pub(super) use svg::{ChartError, Svg};
pub(super) use trend::{mean, trend};
pub(super) use weeks::{Quarter, Week, WeekState, quarter, weeks};

/// The room a chart is drawn for, in pixels at the size at which its text is 12 to 14 high.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// The page's column on a desk.
    Wide,
    /// The page's column on a phone.
    Narrow,
    /// A mail, where a picture is 520 wide on a desk and shrinks to some 290 on a phone.
    Mail,
}

impl Room {
    pub(super) fn width(self) -> f64 {
        match self {
            Self::Wide => 752.0,
            Self::Narrow => 328.0,
            Self::Mail => 440.0,
        }
    }

    /// The end of a drawing's id, so that ids are unique in a page that holds each chart twice.
    fn suffix(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Narrow => "narrow",
            Self::Mail => "mail",
        }
    }
}
