//! Pictures that were drawn already: what looks the same for many readers is drawn once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::ReportError;
use super::view::Drawing;

/// So many are kept: those that many readers share come early, and the rest would fill the memory.
const MOST: usize = 256;

/// The hash of what a picture shows.
type Key = [u8; 32];

/// The pictures of one night, by what they show. Shared between threads.
#[derive(Default)]
pub(crate) struct Pictures(Mutex<HashMap<Key, Arc<[u8]>>>);

impl Pictures {
    /// The PNG of a drawing.
    pub(super) fn png(&self, drawing: &Drawing) -> Result<Vec<u8>, ReportError> {
        let key = Sha256::digest(drawing.svg.inline()).into();
        let known = |key: &Key| self.known().get(key).map(Arc::clone);
        if let Some(png) = known(&key) {
            return Ok(png.to_vec());
        }
        let png = drawing.png()?;
        let mut known = self.known();
        if known.len() < MOST {
            known.insert(key, Arc::from(png.as_slice()));
        }
        Ok(png)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<[u8]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
