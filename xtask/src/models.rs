//! `xtask models`: derives `models/*.json.gz` from botocore's service models, with our patches, and writes their index.
//!
//! The same input gives the same bytes. Nothing that a protocol needs is trimmed: only prose, and rules for clients.

mod json;
mod patch;
mod source;
mod trim;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};

use crate::Failure;
use json::Json;

pub const HELP: &str = "models [--from DIR] [--check] [--index]
    Derives models/*.json.gz from botocore, applies models/patches/, writes models/index.json and models/PROVENANCE.md.
    --from DIR  take the models from this botocore/data folder instead of the pinned package
    --check     write nothing; fail if what is in models/ differs
    --index     only write the index again (after a change of a hand-written models/*.json)";

/// The services whose models we embed, by their folder names in botocore.
const SERVICES: &[&str] = &[
    "athena",
    "ce",
    "cloudtrail",
    "cloudtrail-data",
    "cloudwatch",
    "config",
    "dynamodb",
    "ec2",
    "ecs",
    "events",
    "guardduty",
    "iam",
    "kms",
    "lambda",
    "logs",
    "organizations",
    "rds",
    "s3",
    "secretsmanager",
    "securityhub",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "sts",
];

struct Options {
    from: Option<PathBuf>,
    check: bool,
    index_only: bool,
}

/// Runs the task.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let mut options = Options { from: None, check: false, index_only: false };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--from" => options.from = Some(args.next().ok_or("--from needs a folder")?.into()),
            "--check" => options.check = true,
            "--index" => options.index_only = true,
            other => return Err(format!("unknown option {other}\n{HELP}").into()),
        }
    }
    let folder = crate::workspace().join("models");
    let mut output = Output { folder: folder.clone(), check: options.check, differing: Vec::new() };
    if !options.index_only {
        derive(&options, &mut output)?;
    }
    let index = index(&folder)?;
    output.file("index.json", index.pretty().as_bytes())?;
    if output.differing.is_empty() {
        return Ok(());
    }
    Err(format!("not as derived: {} (run `make models`)", output.differing.join(", ")).into())
}

fn derive(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let (source, _temporary) = source::open(options.from.as_deref())?;
    let mut rows = Vec::new();
    let (mut plain_total, mut packed_total) = (0, 0);
    for service in SERVICES {
        let place = |failure: Failure| format!("{service}: {failure}");
        let (api_version, bytes) = source::service_model(&source, service).map_err(place)?;
        let mut model = trim::model(serde_json::from_slice(&bytes)?);
        let patches = patch::read(&output.folder.join("patches").join(format!("{service}.json"))).map_err(place)?;
        for patch in &patches {
            patch.apply(&mut model).map_err(place)?;
        }
        let operations = model.get("operations").map_or(0, Json::len);
        let plain = model.compact();
        let packed = output.gzip(&format!("{service}.json.gz"), plain.as_bytes())?;
        plain_total += plain.len();
        packed_total += packed;
        rows.push(format!("| {service} | {api_version} | {operations} | {} | {packed} |", patches.len()));
    }
    let total = format!("{} models, {plain_total} bytes, packed {packed_total}", SERVICES.len());
    println!("{total}");
    output.file("PROVENANCE.md", source::provenance(&rows, &total).as_bytes())
}

/// Where results go: the folder, or a comparison with it.
struct Output {
    folder: PathBuf,
    check: bool,
    differing: Vec<String>,
}

impl Output {
    fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.folder.join(name);
        if !self.check {
            return Ok(fs::write(path, bytes)?);
        }
        if fs::read(path).ok().as_deref() != Some(bytes) {
            self.differing.push(name.to_owned());
        }
        Ok(())
    }

    /// Packs without a name or a time, so that equal content gives equal bytes. A check compares the content, because
    /// another release of the compressor may pack the same content otherwise. Returns the packed size.
    fn gzip(&mut self, name: &str, content: &[u8]) -> Result<usize, Failure> {
        if self.check {
            if unpack(&self.folder.join(name)).ok().as_deref() != Some(content) {
                self.differing.push(name.to_owned());
            }
            return Ok(usize::try_from(fs::metadata(self.folder.join(name)).map_or(0, |file| file.len()))?);
        }
        let mut packer = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
        packer.write_all(content)?;
        let packed = packer.finish()?;
        self.file(name, &packed)?;
        Ok(packed.len())
    }
}

fn unpack(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    GzDecoder::new(fs::File::open(path)?).read_to_end(&mut content)?;
    Ok(content)
}

/// What routing needs to know of each model without reading it.
fn index(folder: &Path) -> Result<Json, Failure> {
    let mut services = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (name, bytes) = match (file, file.strip_suffix(".json.gz"), file.strip_suffix(".json")) {
            ("index.json", ..) => continue,
            (_, Some(name), _) => (name, unpack(&path)?),
            (_, _, Some(name)) => (name, fs::read(&path)?),
            _ => continue,
        };
        let model: Json = serde_json::from_slice(&bytes).map_err(|error| format!("{file}: {error}"))?;
        services.push((name.to_owned(), index_entry(name, &model).ok_or_else(|| format!("{file}: no metadata"))?));
    }
    services.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(Json::Array(services.into_iter().map(|(_, entry)| entry).collect()))
}

fn index_entry(name: &str, model: &Json) -> Option<Json> {
    let metadata = model.get("metadata")?;
    let mut protocols = vec![metadata.get("protocol")?.clone()];
    if let Some(Json::Array(more)) = metadata.get("protocols") {
        protocols.extend(more.iter().filter(|word| *word != &protocols[0]).cloned().collect::<Vec<_>>());
    }
    let endpoint_prefix = metadata.get("endpointPrefix")?;
    let mut entry = vec![
        ("name".to_owned(), Json::String(name.to_owned())),
        ("protocols".to_owned(), Json::Array(protocols)),
        ("apiVersion".to_owned(), metadata.get("apiVersion")?.clone()),
        ("endpointPrefix".to_owned(), endpoint_prefix.clone()),
        ("signingName".to_owned(), metadata.get("signingName").unwrap_or(endpoint_prefix).clone()),
    ];
    for key in ["targetPrefix", "globalRegion"] {
        entry.extend(metadata.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    Some(Json::Object(entry))
}
