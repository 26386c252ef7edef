//! Renders reports: figures in, one self-contained HTML page and one mail out.

/// A report, rendered. Depends on the figures and the templates alone: no render time, no run id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rendered {
    pub(crate) report: String,
    pub(crate) subject: String,
    /// One self-contained HTML file, light and dark, no script.
    pub(crate) page: String,
    /// The mail's HTML part: tables and inline styles; refers to `images` by content id.
    pub(crate) mail_html: String,
    pub(crate) mail_text: String,
    pub(crate) images: Vec<Image>,
}

/// A chart for the mail, PNG at twice its shown size.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Image {
    pub(crate) content_id: String,
    pub(crate) png: Vec<u8>,
}
