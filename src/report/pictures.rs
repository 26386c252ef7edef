//! Pictures that were drawn already: what looks the same for many readers is drawn once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::ReportError;
use super::view::Drawing;

/// The pictures of one night, by what they show. Shared between threads.
#[derive(Default)]
pub(crate) struct Pictures(Mutex<HashMap<String, Arc<[u8]>>>);

impl Pictures {
    /// The PNG of a drawing.
    pub(super) fn png(&self, drawing: &Drawing) -> Result<Vec<u8>, ReportError> {
        let key = drawing.svg.inline();
        let known = |key: &str| self.known().get(key).map(Arc::clone);
        if let Some(png) = known(&key) {
            return Ok(png.to_vec());
        }
        let png = drawing.png()?;
        self.known().insert(key, Arc::from(png.as_slice()));
        Ok(png)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<[u8]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
