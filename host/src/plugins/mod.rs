//! The plugins that a service calls, and the folder that they come from.

mod folder;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::engine::plugin::Plugin;

pub use folder::{LoadError, PluginFolder};

type ByName = BTreeMap<String, Arc<Plugin>>;

/// The plugins in use, by their names. Cheap to clone; all clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Plugins {
    current: Arc<RwLock<Arc<ByName>>>,
}

impl Plugins {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// The plugin with a name. Whoever has it goes on with it, even if another one takes its place.
    pub fn get(&self, name: &str) -> Option<Arc<Plugin>> {
        self.current().get(name).cloned()
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> Vec<Arc<Plugin>> {
        self.current().values().cloned().collect()
    }

    /// Puts others in their place, at once.
    fn replace(&self, plugins: ByName) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plugins);
    }

    fn current(&self) -> Arc<ByName> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}
