//! Finds the results of many records at once, in bounded memory: some hundred thousand ids are looked for in each pass over
//! the files.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use super::folder::{ResultFile, Results, each_line};
use crate::answers::line::{LineReader, ResultLine};
use crate::cli::error::{CliError, path_error};
use crate::record::key::RecordMap;

/// How many records are matched at a time. Their ids and places take about 100 MB.
pub(super) const MAX_RECORDS: usize = 1_000_000;

/// How many files are open at a time.
const MAX_OPEN_FILES: usize = 64;

/// Some records of the user's file, in order, and where their results are.
#[derive(Debug)]
pub(super) struct Matching<'a> {
    results: &'a Results,
    files: &'a [ResultFile],
    by_id: RecordMap<u32>,
    places: Vec<Option<Place>>,
    open: HashMap<u32, File>,
    line: Vec<u8>,
}

/// Where a line is.
#[derive(Debug, Clone, Copy)]
struct Place {
    file: u32,
    bytes: u32,
    start: u64,
}

impl<'a> Matching<'a> {
    /// Looks for results in these files.
    pub(super) fn new(results: &'a Results, files: &'a [ResultFile]) -> Self {
        Self {
            results,
            files,
            by_id: RecordMap::with_capacity(0),
            places: Vec::new(),
            open: HashMap::new(),
            line: Vec::new(),
        }
    }

    /// Adds a record, and returns its index. The same id has the same index.
    pub(super) fn add(&mut self, record_id: &str) -> u32 {
        let key = self.results.summary.drop_id.record_hasher().key_of(record_id);
        let next = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        if self.by_id.add(key, next) {
            self.places.push(None);
            return next;
        }
        self.by_id.get(key).copied().unwrap_or(next)
    }

    /// Returns how many records there are with different ids.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Reads all files, and remembers where the records are. `found` is called with the number of each line that is one of
    /// them, counted from 0 over all files. If two lines have an id, the first one counts.
    pub(super) fn find(&mut self, mut found: impl FnMut(u64)) -> Result<(), CliError> {
        let hasher = self.results.summary.drop_id.record_hasher();
        let mut number = 0;
        for (index, file) in (0_u32..).zip(self.files) {
            let mut reader = LineReader::new(file.kind);
            let path = self.results.path(file);
            each_line(&path, |line| {
                let json = String::from_utf8_lossy(line.bytes);
                let (id, _) = reader.identify(&json).map_err(|fault| {
                    CliError::Unreadable(path.display().to_string(), format!("line {}: {fault}", line.number))
                })?;
                let at = self.by_id.get(hasher.key_of(&id)).copied();
                let place = at.and_then(|at| self.places.get_mut(usize::try_from(at).ok()?));
                if let Some(place) = place.filter(|place| place.is_none()) {
                    let bytes = u32::try_from(line.bytes.len()).unwrap_or(u32::MAX);
                    *place = Some(Place { file: index, bytes, start: line.byte });
                    found(number);
                }
                number += 1;
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Calls `each` with the result of a record, if there is one.
    pub(super) fn with_result<T>(
        &mut self,
        index: u32,
        each: impl FnOnce(Option<&ResultLine<'_>>) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let place = usize::try_from(index).ok().and_then(|index| self.places.get(index).copied().flatten());
        let Some(Place { file, bytes, start }) = place else { return each(None) };
        let found = usize::try_from(file).ok().and_then(|index| self.files.get(index));
        let Some(found) = found else { return each(None) };
        let failed = |error| path_error(&self.results.path(found), error);
        if !self.open.contains_key(&file) {
            if self.open.len() >= MAX_OPEN_FILES {
                self.open.clear();
            }
            self.open.insert(file, File::open(self.results.path(found)).map_err(failed)?);
        }
        self.line.clear();
        self.line.resize(usize::try_from(bytes).unwrap_or_default(), 0);
        if let Some(opened) = self.open.get(&file) {
            opened.read_exact_at(&mut self.line, start).map_err(failed)?;
        }
        let json = String::from_utf8_lossy(&self.line);
        let line = LineReader::new(found.kind).read(&json);
        let line = line.map_err(|fault| {
            CliError::Unreadable(self.results.path(found).display().to_string(), fault.to_string())
        })?;
        each(Some(&line))
    }

    /// Forgets the records, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.by_id.clear();
        self.places.clear();
    }
}
