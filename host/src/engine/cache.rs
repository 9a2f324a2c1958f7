//! Compiled code on disk, so that a command need not compile the component each time it starts.
//!
//! Whoever can write what is kept there can have any code run. So it is kept in a folder that belongs to the user and that
//! nobody else may even read; wherever that is in doubt nothing is kept, and the component is compiled.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use wasmtime::{Cache, CacheConfig};

const OWNER_ONLY: u32 = 0o700;
const OTHERS: u32 = 0o077;

/// The cache of the user that the process runs as: `automation-kv` in `$XDG_CACHE_HOME` or `$HOME/.cache`; none if that is no
/// place to trust. wasmtime keeps apart what was compiled by other versions, with other settings and of other components.
pub(super) fn of_user() -> Option<Cache> {
    let folder = folder(|name| std::env::var_os(name).map(PathBuf::from))?;
    open(&folder)
}

fn folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| variable(name).filter(|folder| folder.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("automation-kv"))
}

/// A cache in a folder; none if that is no place to trust.
pub(super) fn open(folder: &Path) -> Option<Cache> {
    let mut there = folder.ancestors().skip(1).filter(|folder| folder.exists());
    if !there.all(is_safe) {
        return None;
    }
    let made = DirBuilder::new().recursive(true).mode(OWNER_ONLY).create(folder);
    if made.is_err() || !is_private(folder) {
        return None;
    }
    let mut config = CacheConfig::new();
    config.with_directory(folder);
    Cache::new(config).ok()
}

/// Whether nobody else can put another folder in the place of one that is in this one.
fn is_safe(folder: &Path) -> bool {
    const ROOT: u32 = 0;
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let user = rustix::process::geteuid().as_raw();
    fs::metadata(folder).is_ok_and(|found| {
        let is_closed = found.mode() & WRITABLE_BY_OTHERS == 0 || found.mode() & STICKY != 0;
        is_closed && [user, ROOT].contains(&found.uid())
    })
}

fn is_private(folder: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    // A link could be turned round later.
    fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir() && found.uid() == user && found.mode() & OTHERS == 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn the_cache_is_where_caches_are() {
        let with = |variables: &[(&str, &str)]| {
            let variables = variables.to_vec();
            folder(move |name| {
                let found = variables.iter().find(|(own, _)| *own == name);
                found.map(|(_, value)| PathBuf::from(value))
            })
        };
        assert_eq!(
            with(&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")]),
            Some("/c/automation-kv".into())
        );
        assert_eq!(
            with(&[("XDG_CACHE_HOME", "relative"), ("HOME", "/h")]),
            Some("/h/.cache/automation-kv".into())
        );
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[("HOME", "")]), None);
    }

    #[test]
    fn a_folder_that_others_may_enter_is_not_trusted() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("caches/automation-kv");
        assert!(open(&folder).is_some());
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, OWNER_ONLY);
        let link = parent.path().join("link");
        symlink(&folder, &link).unwrap();
        assert!(open(&link).is_none());
        for mode in [0o750, 0o701, 0o777] {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
            assert!(open(&folder).is_none(), "{mode:o}");
        }
    }
}
