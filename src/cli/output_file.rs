//! A file that a command writes because the user has named it.
//!
//! It takes the place of another file only if the user says so, and never that of one that is being read. It appears under its
//! name when it is complete, with the permissions that any new file of the user has. Until then, it is beside its place, and
//! nobody else can read it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::{CliError, with_path};
use crate::base::text;

/// Fails if a file must not be written. `inputs` are files that are read, with the options that name them.
pub(super) fn check_output(
    out: &Path,
    is_forced: bool,
    inputs: &[(&str, Option<&Path>)],
) -> Result<(), CliError> {
    let shown = text::line(out.display());
    let wrong = |what: String| Err(CliError::Usage(format!("-o {shown}: {what}")));
    if out.to_str().is_some_and(|out| out.starts_with("s3://")) {
        return wrong("it is in S3: name a file of this machine, and copy it with aws s3 cp".to_owned());
    }
    for (option, input) in inputs {
        if input.is_some_and(|input| is_same_file(out, input)) {
            return wrong(format!("it is the file of {option}, which is still read: choose another name"));
        }
    }
    match fs::metadata(out) {
        Ok(metadata) if metadata.is_dir() => {
            let file = out.join("records.jsonl");
            wrong(format!("it is a folder: name a file in it, such as {}", text::line(file.display())))
        }
        Ok(metadata) if !metadata.is_file() => {
            wrong("it is not a regular file: name one, or a new one".to_owned())
        }
        Ok(_) if !is_forced => wrong("it exists: add --force to overwrite it".to_owned()),
        Ok(_) => Ok(()),
        Err(_) => {
            let folder = if shown.to_string().ends_with('/') { Some(out) } else { out.parent() };
            match folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
                Some(folder) => wrong(format!("there is no folder {}", text::line(folder.display()))),
                None => Ok(()),
            }
        }
    }
}

/// Whether two paths lead to the same file, whatever links are on the way.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    id(one).is_some_and(|found| id(other) == Some(found))
}

/// A file that is not complete. It is deleted when this value is dropped, unless it has got its name.
#[derive(Debug)]
pub(super) struct Unfinished {
    path: PathBuf,
    /// Those that the file has in the end.
    permissions: Permissions,
    is_kept: bool,
}

impl Unfinished {
    /// Creates it in the folder of OUT, so that it can be renamed. Its name is one that a watched folder ignores.
    pub(super) fn create(out: &Path) -> io::Result<(Self, File)> {
        let path = beside(out, &format!("{}.part", std::process::id()));
        let create = || {
            let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
            // Only a file that was created without a mode tells which one new files get.
            let permissions = file.metadata()?.permissions();
            file.set_permissions(Permissions::from_mode(0o600))?;
            Ok((file, permissions))
        };
        let (file, permissions) = create().map_err(|error| with_path(&path, error))?;
        Ok((Self { path, permissions, is_kept: false }, file))
    }

    /// Gives it the name of OUT.
    pub(super) fn finish(mut self, out: &Path, is_forced: bool) -> io::Result<()> {
        fs::set_permissions(&self.path, self.permissions.clone())?;
        if !is_forced {
            // Unlike a rename, this fails if somebody has taken the name meanwhile. The first name is removed later.
            match fs::hard_link(&self.path, out) {
                // Some file systems have no links.
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !out.exists() => {}
                result => return result,
            }
        }
        fs::rename(&self.path, out)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_kept {
            // If this fails, there is nowhere left to report it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Returns the path of something that is not complete, beside what it becomes.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}
