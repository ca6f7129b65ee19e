//! `bedrock-vpc-batch submit`: drops files into a stack.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use super::check::{Checker, read_prices};
use super::error::CliError;
use super::find::Found;
use super::fixes::shell_word;
use super::following::{Ending, Following};
use super::names::Names;
use super::output::{print_aside, print_line};
use super::question::{ask, check_that_it_can_be_asked};
use super::routes::in_force;
use super::signals::Signals;
use super::stack::{Stack, StackArguments};
use super::standing::Standing;
use super::upload::Upload;
use crate::base::count::Counted;
use crate::base::text;
use crate::drop::identity::DropId;
use crate::drop::routes::Routes;
use crate::estimate::price::Dollars;
use crate::estimate::range::{Grouped, Range};

#[derive(Debug, clap::Args)]
pub(super) struct SubmitArguments {
    /// The JSONL files to drop.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The key of the drop, instead of the stack's prefix and the name of the file. If it ends with a slash, the name of the
    /// file follows.
    #[arg(long = "as", value_name = "KEY")]
    key: Option<String>,

    /// Follow the drops until they end.
    #[arg(long)]
    wait: bool,

    /// Drop the files without a question.
    #[arg(long, short)]
    yes: bool,

    /// Drop a file again of which it is not known whether an earlier command dropped it.
    #[arg(long)]
    again: bool,

    /// Apply the rules of what the model refuses to every record, as `check --every-record` does.
    #[arg(long)]
    every_record: bool,

    /// Prices instead of those that are shipped, as `check --prices` takes them.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    #[command(flatten)]
    stack: StackArguments,
}

/// Drops the files. Returns true if that is done, and if every record has an answer in case that is waited for.
pub(super) async fn submit(arguments: &SubmitArguments) -> Result<bool, CliError> {
    check_that_it_can_be_asked(arguments.yes, "drop the files")?;
    let mut signals = Signals::new().map_err(CliError::Start)?;
    let is_uploading = AtomicBool::new(false);
    let dropping = async {
        let stack = arguments.stack.open().await?;
        let files = keys(arguments, &stack.config()?.input_prefix)?;
        let dropping = Dropping {
            stack: &stack,
            prices: arguments.prices.as_deref(),
            every_record: arguments.every_record,
            yes: arguments.yes,
            again: arguments.again,
            retry_of: None,
            is_uploading: &is_uploading,
        };
        let dropped = dropping.drop_all(&files).await?;
        Ok::<_, CliError>((stack, dropped))
    };
    let (stack, dropped) = tokio::select! {
        biased;
        interrupt = signals.next() => {
            if is_uploading.load(Ordering::Relaxed) {
                print_aside("to go on, give the same command again within a day, without the files that are listed as dropped");
            }
            return Err(CliError::Interrupted(interrupt));
        }
        dropped = dropping => dropped?,
    };
    let Some(dropped) = dropped else { return Ok(false) };
    let ids: String = dropped.iter().map(|found| format!(" {}", short(&found.found.drop_id))).collect();
    let again = format!("bedrock-vpc-batch watch{ids}{}", arguments.stack.again());
    if !arguments.wait {
        print_aside(&format!("to follow: {again}"));
        return Ok(true);
    }
    let prices = read_prices(arguments.prices.as_deref())?;
    let following = Following { stack: &stack, prices: &prices, with_new: false, again };
    Ok(following.follow(dropped, &mut signals).await? == Ending::Answered)
}

/// The start of an id that is enough to find a drop.
pub(super) fn short(id: &DropId) -> String {
    id.as_str().chars().take(12).collect()
}

/// How files are dropped.
#[derive(Debug)]
pub(super) struct Dropping<'a> {
    pub(super) stack: &'a Stack,
    /// The file of prices, instead of those that are shipped.
    pub(super) prices: Option<&'a Path>,
    pub(super) every_record: bool,
    /// Whether nothing is asked.
    pub(super) yes: bool,
    /// Whether to drop a file even if an earlier command may have done so.
    pub(super) again: bool,
    /// Is set once an upload has started.
    pub(super) is_uploading: &'a AtomicBool,
    /// The drop of which they try some records again.
    pub(super) retry_of: Option<&'a DropId>,
}

impl Dropping<'_> {
    /// Checks the files, which have keys, asks, and uploads them. Returns the drops; `None` if nothing was dropped.
    pub(super) async fn drop_all(
        &self,
        files: &[(PathBuf, String)],
    ) -> Result<Option<Vec<Standing>>, CliError> {
        let Self { stack, .. } = *self;
        let routes = self.routes().await?;
        let mut checker =
            Checker::new(stack.config()?, routes, self.prices, &stack.region, self.every_record);
        let mut all = Vec::new();
        for (file, key) in files {
            all.extend(checker.check(file, key, self.name(file, key)).await?);
        }
        if all.len() < files.len() {
            print_aside("nothing was dropped");
            return Ok(None);
        }
        checker.warn();
        let records = all.iter().map(|valid| valid.records).sum();
        let costs: Option<Vec<Range>> = all.iter().map(|valid| valid.usd).collect();
        let cost = costs.map(|costs| costs.into_iter().fold(Range::default(), |sum, cost| sum + cost));
        let what = match files {
            [(_, key)] if self.retry_of.is_some() => text::line(key).to_string(),
            [(file, key)] => format!("{} as {}", shell_word(file), text::line(key)),
            _ => Counted(files.len() as u64, "file").to_string(),
        };
        if !self.yes && !ask(&question(&what, records, cost, &stack.name)).await? {
            print_aside("nothing was dropped");
            return Ok(None);
        }
        self.is_uploading.store(true, Ordering::Relaxed);
        let mut dropped = Vec::new();
        for ((path, key), valid) in files.iter().zip(&all) {
            let bar = bar(path, self.name(path, key));
            let upload = Upload {
                stack,
                path,
                key,
                again: self.again,
                retry_of: self.retry_of,
                estimate: valid.tokens,
            };
            let uploaded = upload.run(|bytes| bar.set_position(bytes)).await;
            bar.finish_and_clear();
            let drop_id = uploaded?.ok_or_else(|| {
                CliError::Denied(format!(
                    "{}: dropped, but its bucket has no versions, so nothing more is known",
                    text::line(key)
                ))
            })?;
            let line = format!("{drop_id} {}", text::line(key));
            dropped.push(Standing::unseen(key, Found::new(key, drop_id)));
            if let Err(error) = print_line(&line) {
                // The reader may be gone, and what was dropped goes on.
                for drop in &dropped {
                    print_aside(&format!("dropped: {} {}", drop.found.drop_id, text::line(&drop.key)));
                }
                return Err(error);
            }
        }
        Ok(Some(dropped))
    }

    /// The routes of the stack, as far as the user may see them.
    async fn routes(&self) -> Result<Routes, CliError> {
        match in_force(self.stack).await {
            Ok(in_force) => Ok(in_force.map(|in_force| in_force.routes).unwrap_or_default()),
            Err(CliError::Refused(_)) => {
                print_aside(
                    "the files are checked with the settings of the stack: you may not see whether it has routes for them",
                );
                Ok(Routes::default())
            }
            Err(error) => Err(error),
        }
    }

    /// What to call a file: the records of a retry are in one that its user does not see.
    fn name<'a>(&self, file: &'a Path, key: &'a str) -> &'a Path {
        if self.retry_of.is_some() { Path::new(key) } else { file }
    }
}

/// Each file, with its key.
fn keys(arguments: &SubmitArguments, prefix: &str) -> Result<Vec<(PathBuf, String)>, CliError> {
    let files = &arguments.files;
    for file in files {
        if let Some(why) = not_a_file(file) {
            return Err(CliError::Usage(format!("{}: {why}", text::line(file.display()))));
        }
    }
    let names = Names::new(files.iter().map(PathBuf::as_path), std::iter::empty());
    let key = |file: &PathBuf| match &arguments.key {
        None => format!("{prefix}{}", names.key(file)),
        Some(folder) if folder.ends_with('/') => format!("{folder}{}", names.key(file)),
        Some(key) => key.clone(),
    };
    let keyed: Vec<_> = files.iter().map(|file| (file.clone(), key(file))).collect();
    let mut seen = HashSet::new();
    match keyed.iter().find(|(_, key)| !seen.insert(key)) {
        None => Ok(keyed),
        Some((file, key)) => Err(CliError::Usage(format!(
            "{}: another file has the same key, {}: name each file once, and give --as only one file, or a key that ends with a \
             slash",
            text::line(file.display()),
            text::line(key)
        ))),
    }
}

/// Says why an argument cannot be dropped, if it is clear that it is not meant as the path of a file.
fn not_a_file(path: &Path) -> Option<&'static str> {
    match path.to_str()? {
        "-" => Some("submit drops files, not standard input: write it to a file first"),
        uri if uri.starts_with("s3://") => {
            Some("submit drops files of this machine: copy the object with aws s3 cp")
        }
        _ => path.is_dir().then_some("it is a folder: name the files in it"),
    }
}

fn question(what: &str, records: u64, cost: Option<Range>, stack: &str) -> String {
    let cost = cost.map(|cost| format!(" for {} USD", Dollars(cost))).unwrap_or_default();
    let noun = if records == 1 { "record" } else { "records" };
    format!("Drop {what} ({} {noun}) into {stack}{cost}?", Grouped(records))
}

/// The progress of the upload of a file that has a name, on standard error, and only on a terminal.
fn bar(path: &Path, name: &Path) -> ProgressBar {
    let bytes = path.metadata().map_or(0, |metadata| metadata.len());
    let style = ProgressStyle::with_template("{prefix}  {wide_bar} {bytes}/{total_bytes}");
    let bar = ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.with_prefix(text::name(name.display()).to_string())
}
