//! `cairn apply`: metric filters and alarms out of a pack, by the server's public operations. Whatever is there already as the pack has it
//! is left alone, so that applying a pack twice changes nothing.

mod pack;
mod plan;

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;

use crate::client::{Client, runtime};
use crate::commands::Failure;
use crate::config::{Config, Settings};
use crate::terminal::table::Table;
use crate::terminal::{Colours, Style, Terminal, print};
use pack::Pack;
use plan::{Done, Work};

/// What `cairn apply` can be told.
#[derive(Args)]
pub struct ApplyArgs {
    /// A pack: cis, security, critical, or a file of TOML. Without one, the packs are listed.
    #[arg(value_name = "PACK|FILE")]
    pack: Option<String>,
    /// The log group whose events are filtered. Without this, the one that trails of the region deliver to, if it is but one.
    #[arg(long, value_name = "NAME")]
    log_group: Option<String>,
    /// The topic that alarms tell. Without this, alarms that are there keep their actions and new ones have none.
    #[arg(long, value_name = "ARN")]
    topic: Option<String>,
    /// The region of log group and alarms.
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    region: String,
    /// Which edition, of packs that have several: 1.2 to 5.0 of cis.
    #[arg(long = "version", value_name = "EDITION")]
    edition: Option<String>,
    /// Only these filters of the pack, by their names.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,
    /// A parameter of the pack, with one value or several: --set home_regions=eu-central-1,eu-west-1
    #[arg(long = "set", value_name = "NAME=VALUE,…")]
    parameters: Vec<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Remove what the pack made, in all its editions.
    #[arg(long)]
    remove: bool,
    /// When to use colours.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Colours,
    #[command(flatten)]
    settings: Settings,
}

/// Exit code 0: everything is as the pack has it.
pub fn run(args: ApplyArgs) -> Result<ExitCode, Failure> {
    let terminal = Terminal::stdout(args.color);
    let Some(name) = &args.pack else {
        print(&list(&terminal)?)?;
        return Ok(ExitCode::SUCCESS);
    };
    let pack = Pack::load(name)?;
    let set = parameters(&args.parameters)?;
    let items = if args.remove { pack.all() } else { pack.items(args.edition.as_deref(), &set)? };
    let items = only(items, &args.only)?;
    let client = Client::new(&Config::load(args.settings)?)?;
    let done = runtime()?.block_on(async {
        let group = match args.log_group {
            Some(group) => group,
            None => plan::log_group(&client, &args.region).await?,
        };
        let work = Work {
            client: &client,
            region: &args.region,
            group: &group,
            topic: args.topic.as_deref(),
            prefix: &pack.prefix,
            dry_run: args.dry_run,
        };
        let done = if args.remove { work.remove(&items).await } else { work.apply(&items).await }?;
        Ok::<_, Failure>((group, done))
    });
    let (group, done) = done?;
    print(&show(&pack, &group, &done, args.dry_run, &terminal))?;
    Ok(ExitCode::SUCCESS)
}

/// `NAME=VALUE,VALUE`, several times over.
fn parameters(given: &[String]) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut set = BTreeMap::new();
    for text in given {
        let Some((name, values)) = text.split_once('=') else {
            return Err(format!("--set {text}: it must be NAME=VALUE or NAME=VALUE,VALUE").into());
        };
        set.insert(name.to_owned(), values.split(',').map(|value| value.trim().to_owned()).collect());
    }
    Ok(set)
}

fn only(items: Vec<pack::Item>, names: &[String]) -> Result<Vec<pack::Item>, Failure> {
    if names.is_empty() {
        return Ok(items);
    }
    if let Some(unknown) = names.iter().find(|name| items.iter().all(|item| item.short != **name)) {
        let known: Vec<&str> = items.iter().map(|item| &*item.short).collect();
        return Err(format!("--only {unknown}: the pack has no such filter. It has: {}", known.join(", ")).into());
    }
    Ok(items.into_iter().filter(|item| names.contains(&item.short)).collect())
}

fn list(terminal: &Terminal) -> Result<String, Failure> {
    let mut table = Table::new(&["PACK", ">FILTERS", "~WHAT"]);
    for (name, _) in pack::BUILT_IN {
        let pack = Pack::load(name)?;
        let count = pack.items(None, &BTreeMap::new())?.len();
        table.row(vec![
            (Style::Bold, (*name).to_owned()),
            (Style::Plain, count.to_string()),
            (Style::Plain, pack.about()),
        ]);
        for (parameter, about) in pack.parameters() {
            table.note(Style::Dim, format!("--set {parameter}=…: {about}"));
        }
    }
    Ok(table.render(terminal).join("\n") + "\n")
}

fn show(pack: &Pack, group: &str, done: &[Done], dry_run: bool, terminal: &Terminal) -> String {
    let mut table = Table::new(&["FILTER AND ALARM", "FILTER", "ALARM", "~WHAT"]);
    for line in done {
        let cell = |result: plan::Result| (result.style(), result.word(dry_run).to_owned());
        table.row(vec![
            (Style::Bold, line.name.clone()),
            cell(line.filter),
            cell(line.alarm),
            (Style::Plain, line.title.clone()),
        ]);
        if let Some(warning) = &line.warning {
            table.note(Style::Warning, warning.clone());
        }
    }
    let changed = done.iter().flat_map(|line| [line.filter, line.alarm]).filter(|result| result.changes()).count();
    let total = 2 * done.len();
    let verb = if dry_run { "would change" } else { "changed" };
    let mut lines = table.render(terminal);
    lines.push(format!("{}, log group {group}: {changed} of {total} {verb}", pack.title));
    lines.join("\n") + "\n"
}
