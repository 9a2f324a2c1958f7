//! A folder of plugins: all its files whose names end in `.wasm`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::Plugins;
use crate::engine::plugin::{Inadmissible, Plugin, PluginEngine};
use crate::engine::sha256;

/// Between two looks at the folder.
const POLL: Duration = Duration::from_secs(1);

/// A folder, and the plugins that were found in it.
#[derive(Clone)]
pub struct PluginFolder {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    engine: PluginEngine,
    plugins: Plugins,
    /// Keeps two loads from running at the same time.
    loading: Mutex<()>,
}

/// What tells that a file has changed: its name, size and time. A link is followed, as mounted configuration needs it.
type Seen = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// Why a folder's plugins cannot be used. The texts are for an operator.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder or a file in it cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is no plugin that may be used.
    #[error("{} is not a plugin that can be used: {reason}", path.display())]
    Inadmissible {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: Inadmissible,
    },
    /// Two files are plugins of the same name.
    #[error("{} and another file are both a plugin named {name}", path.display())]
    Twice {
        /// The second of them.
        path: PathBuf,
        /// The name.
        name: String,
    },
}

impl PluginFolder {
    /// Loads all plugins of a folder.
    pub fn open(folder: PathBuf, engine: PluginEngine) -> Result<Self, LoadError> {
        let folder = Self {
            shared: Arc::new(Shared {
                folder,
                engine,
                plugins: Plugins::none(),
                loading: Mutex::default(),
            }),
        };
        folder.reload()?;
        Ok(folder)
    }

    /// The plugins that are in use; a reload replaces them.
    pub fn plugins(&self) -> Plugins {
        self.shared.plugins.clone()
    }

    /// Loads what has changed, and puts it in the place of what was there, all or nothing. Requests that are under way go on
    /// with what they have begun with. Takes as long as the compiler does.
    pub fn reload(&self) -> Result<(), LoadError> {
        let Shared {
            folder,
            engine,
            plugins,
            loading,
        } = &*self.shared;
        let _turn = loading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = plugins.all();
        let mut next = BTreeMap::new();
        for path in components(folder)? {
            let plugin = load(&path, engine, &before)?;
            let name = plugin.description().name.clone();
            if next.insert(name.clone(), plugin).is_some() {
                return Err(LoadError::Twice { path, name });
            }
        }
        let unchanged = |plugin: &Arc<Plugin>| before.iter().any(|other| Arc::ptr_eq(other, plugin));
        for plugin in next.values().filter(|plugin| !unchanged(plugin)) {
            let description = plugin.description();
            tracing::info!(
                plugin = description.name,
                version = description.version,
                sha256 = plugin.sha256(),
                imports = ?plugin.imports(),
                "a plugin was loaded"
            );
        }
        for gone in before
            .iter()
            .filter(|plugin| !next.contains_key(&plugin.description().name))
        {
            tracing::info!(plugin = gone.description().name, "a plugin was removed");
        }
        plugins.replace(next);
        Ok(())
    }

    /// Reloads whenever the folder has changed and has then been left alone for a moment, for ever. What cannot be used is
    /// logged, and what was there before stays in use.
    pub async fn watch(self) {
        let mut loaded = self.look();
        let mut last = loaded.clone();
        loop {
            tokio::time::sleep(POLL).await;
            let seen = self.look();
            let is_settled = seen == last;
            last = seen;
            if is_settled && last != loaded {
                loaded = last.clone();
                self.reload_in_background().await;
            }
        }
    }

    /// Reloads on a thread of its own, and logs what goes wrong.
    pub async fn reload_in_background(&self) {
        let folder = self.clone();
        let reloaded = tokio::task::spawn_blocking(move || folder.reload()).await;
        match reloaded {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the plugins that were there before stay in use"),
            Err(error) => tracing::error!(%error, "loading plugins failed; those that were there before stay in use"),
        }
    }

    fn look(&self) -> Option<Seen> {
        let components = components(&self.shared.folder).ok()?;
        let seen = components.into_iter().map(|path| {
            let found = fs::metadata(&path).ok();
            let bytes = found.as_ref().map_or(0, fs::Metadata::len);
            let modified = found.and_then(|found| found.modified().ok());
            (path, bytes, modified)
        });
        Some(seen.collect())
    }
}

/// A plugin, which need not be compiled if it is among those that are there already.
fn load(path: &Path, engine: &PluginEngine, before: &[Arc<Plugin>]) -> Result<Arc<Plugin>, LoadError> {
    let component = fs::read(path).map_err(|error| LoadError::Read {
        path: path.to_path_buf(),
        error,
    })?;
    let hash = sha256(&component);
    if let Some(plugin) = before.iter().find(|plugin| plugin.sha256() == hash) {
        return Ok(Arc::clone(plugin));
    }
    let plugin = engine.load(&component).map_err(|reason| LoadError::Inadmissible {
        path: path.to_path_buf(),
        reason,
    })?;
    Ok(Arc::new(plugin))
}

/// The files that should be plugins, in the order of their names.
fn components(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let failed = |error| LoadError::Read {
        path: folder.to_path_buf(),
        error,
    };
    let mut components = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            components.push(path);
        }
    }
    components.sort();
    Ok(components)
}
