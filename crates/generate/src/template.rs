//! Text with places to fill in, `%bucket%`, `%hex17%`, `%uuid:2%`: read once, written many times. What a place gets follows from
//! the seed of the record and the place's name, so that a name means the same thing wherever it stands in one record.

use base::Timestamp;

use crate::people::Target;
use crate::pools::{Pool, Pools, WORDS};
use crate::random::{below, index, part, skewed, wide};

/// What stands in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Account,
    Region,
    Source,
    Operation,
    /// The caller's ARN.
    Arn,
    /// The caller's name.
    Caller,
    /// A user of the account.
    User,
    /// One of the account's named things; the number tells several of one record apart.
    Pool(Pool, u64),
    Word(u64),
    /// `dev`, `stage`, `prod`.
    Stage(u64),
    Hex(usize, u64),
    /// Capital letters and digits.
    Code(usize, u64),
    Base64(usize, u64),
    Uuid(u64),
    /// A number of so many digits.
    Number(usize, u64),
    /// The event's time, this many seconds later.
    Time(i64),
    /// As CloudTrail writes times inside of responses: `Nov 22, 2026 5:28:03 AM`.
    LongTime(i64),
    Epoch,
    Day,
    Host,
    TargetRole,
    TargetArn,
    TargetId,
    TargetKey,
    TargetSession,
}

enum Piece {
    Text(Box<str>),
    Place(Place),
}

/// See the module.
pub(crate) struct Template(Vec<Piece>);

/// What places are filled from.
pub(crate) struct Filling<'a> {
    pub(crate) pools: Option<&'a Pools>,
    pub(crate) users: &'a [String],
    pub(crate) seed: u64,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) source: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) arn: &'a str,
    pub(crate) caller: &'a str,
    pub(crate) time: Timestamp,
    pub(crate) target: Option<&'a Target>,
}

const STAGES: [&str; 3] = ["prod", "stage", "dev"];
const HEX: &[u8; 16] = b"0123456789abcdef";
const CODE: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Place {
    fn parse(name: &str) -> Place {
        let (name, which) = name.split_once(':').unwrap_or((name, "1"));
        let which = which.parse::<u64>().expect("templates are constants, and a test reads them all");
        let long = |prefix: &str| name.strip_prefix(prefix).and_then(|len| len.parse::<usize>().ok());
        let seconds = || i64::try_from(which - 1).expect("a small number");
        match name {
            "account" => Place::Account,
            "region" => Place::Region,
            "source" => Place::Source,
            "operation" => Place::Operation,
            "arn" => Place::Arn,
            "caller" => Place::Caller,
            "user" => Place::User,
            "word" => Place::Word(which),
            "stage" => Place::Stage(which),
            "uuid" => Place::Uuid(which),
            "time" => Place::Time(seconds()),
            "longtime" => Place::LongTime(seconds()),
            "epoch" => Place::Epoch,
            "day" => Place::Day,
            "host" => Place::Host,
            "target_role" => Place::TargetRole,
            "target_arn" => Place::TargetArn,
            "target_id" => Place::TargetId,
            "target_key" => Place::TargetKey,
            "target_session" => Place::TargetSession,
            _ => {
                let found = long("hex").map(|len| Place::Hex(len, which));
                let found = found.or_else(|| long("code").map(|len| Place::Code(len, which)));
                let found = found.or_else(|| long("base").map(|len| Place::Base64(len, which)));
                let found = found.or_else(|| long("n").map(|len| Place::Number(len, which)));
                let found = found.or_else(|| Pool::parse(name).map(|pool| Place::Pool(pool, which)));
                found.unwrap_or_else(|| panic!("templates are constants, and this one names {name}"))
            }
        }
    }
}

impl Template {
    /// Reads a template. The text is ours.
    pub(crate) fn new(text: &str) -> Template {
        let pieces = text.split('%').enumerate().filter(|(_, piece)| !piece.is_empty());
        Template(
            pieces
                .map(
                    |(at, piece)| {
                        if at % 2 == 0 { Piece::Text(piece.into()) } else { Piece::Place(Place::parse(piece)) }
                    },
                )
                .collect(),
        )
    }

    /// Appends the text.
    pub(crate) fn write(&self, with: &Filling<'_>, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Place(place) => fill(*place, with, out),
            }
        }
    }

    /// The text.
    pub(crate) fn text(&self, with: &Filling<'_>) -> String {
        let mut out = String::new();
        self.write(with, &mut out);
        out
    }
}

fn fill(place: Place, with: &Filling<'_>, out: &mut String) {
    let target = |read: fn(&Target) -> &str| with.target.map_or("", read);
    match place {
        Place::Account => out.push_str(with.account),
        Place::Region => out.push_str(with.region),
        Place::Source => out.push_str(with.source),
        Place::Operation => out.push_str(with.operation),
        Place::Arn => out.push_str(with.arn),
        Place::Caller => out.push_str(with.caller),
        Place::User => out.push_str(&with.users[skewed(part(with.seed, 11), with.users.len())]),
        Place::Pool(pool, which) => {
            let pools = with.pools.expect("names of things are made without naming things");
            out.push_str(pools.pick(pool, part(with.seed, pool.number() * 16 + which)));
        }
        Place::Word(which) => out.push_str(WORDS[index(part(with.seed, 1_000 + which), WORDS.len())]),
        Place::Stage(which) => out.push_str(STAGES[index(part(with.seed, 1_100 + which), STAGES.len())]),
        Place::Hex(len, which) => letters(out, part(with.seed, 1_200 + which), len, HEX),
        Place::Code(len, which) => letters(out, part(with.seed, 1_300 + which), len, CODE),
        Place::Base64(len, which) => letters(out, part(with.seed, 1_400 + which), len, BASE64),
        Place::Uuid(which) => uuid(out, part(with.seed, 1_500 + which)),
        Place::Number(len, which) => number(out, part(with.seed, 1_600 + which), len),
        Place::Time(seconds) => out.push_str(&with.time.plus_ms(seconds * 1_000).iso8601_secs()),
        Place::LongTime(seconds) => long_time(out, with.time.plus_ms(seconds * 1_000)),
        Place::Epoch => out.push_str(&with.time.ms().to_string()),
        Place::Day => out.push_str(&with.time.ymd_path()),
        Place::Host => {
            out.push_str(with.source);
            out.push('.');
            out.push_str(with.region);
            out.push_str(".amazonaws.com");
        }
        Place::TargetRole => out.push_str(target(|target| &target.role_arn)),
        Place::TargetArn => out.push_str(target(|target| &target.arn)),
        Place::TargetId => out.push_str(target(|target| &target.principal_id)),
        Place::TargetKey => out.push_str(target(|target| &target.access_key_id)),
        Place::TargetSession => out.push_str(target(|target| &target.session)),
    }
}

/// Appends `len` letters of an alphabet, whose length is a power of two of at most 64.
pub(crate) fn letters(out: &mut String, seed: u64, len: usize, alphabet: &[u8]) {
    let bits = alphabet.len().trailing_zeros();
    let each = usize::try_from(64 / bits).expect("at most 64");
    let mask = wide(alphabet.len()) - 1;
    let mut chance = seed;
    for at in 0..len {
        if at > 0 && at % each == 0 {
            chance = part(seed, wide(at));
        }
        let letter = usize::try_from(chance & mask).expect("below the length of the alphabet");
        out.push(char::from(alphabet[letter]));
        chance >>= bits;
    }
}

/// Appends an identifier of AWS, as `AKIA` and 16 letters.
pub(crate) fn code(out: &mut String, seed: u64, len: usize) {
    letters(out, seed, len, CODE);
}

/// Appends a version 4 UUID.
pub(crate) fn uuid(out: &mut String, seed: u64) {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    bytes[8..].copy_from_slice(&part(seed, 2).to_be_bytes());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

fn number(out: &mut String, seed: u64, len: usize) {
    let lowest = 10_u64.pow(u32::try_from(len - 1).expect("a few digits"));
    out.push_str(&(lowest + below(seed, lowest * 9)).to_string());
}

fn long_time(out: &mut String, time: Timestamp) {
    let civil = time.civil();
    let month = &civil.month_name()[..3];
    let (half, hour) = (if civil.hour < 12 { "AM" } else { "PM" }, (civil.hour + 11) % 12 + 1);
    out.push_str(&format!(
        "{month} {}, {} {hour}:{:02}:{:02} {half}",
        civil.day, civil.year, civil.minute, civil.second
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &'static str) -> String {
        let with = Filling {
            pools: None,
            users: &["ann".to_owned()],
            seed: 7,
            account: "123456789012",
            region: "eu-central-1",
            source: "s3",
            operation: "GetObject",
            arn: "arn",
            caller: "ann",
            time: Timestamp::from_secs(1_789_000_000),
            target: None,
        };
        Template::new(text).text(&with)
    }

    #[test]
    fn places_are_filled_and_the_same_name_is_the_same_thing() {
        assert_eq!(filled("a%account%b%user%"), "a123456789012bann");
        assert_eq!(filled("%host%"), "s3.eu-central-1.amazonaws.com");
        assert_eq!(filled("%hex17%").len(), 17);
        assert_eq!(filled("%n4%").len(), 4);
        assert_eq!(filled("%hex40%"), filled("%hex40%"));
        assert_ne!(filled("%hex40%"), filled("%hex40:2%"));
        assert_eq!(
            filled("%time%,%time:3601%,%longtime%"),
            "2026-09-10T00:26:40Z,2026-09-10T01:26:40Z,Sep 10, 2026 12:26:40 AM"
        );
        let uuid = filled("%uuid%");
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
    }
}
