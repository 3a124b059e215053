//! What a question asks: conditions, a time, what to divide by, how many. Reads words from left to right, each once.

use base::time::DAY_MS;
use base::{Timestamp, time::Civil};

use super::dimension::Dimension;
use super::sql::{done, mentioned, named, text};
use super::words::{Meaning, Word};

/// `top` without a number.
const TOP: u64 = 10;
/// A question cannot ask for more rows.
const LIMIT_MAX: u64 = 10_000;
/// A question cannot reach further back.
const BACK_MS_MAX: i64 = 100 * 366 * DAY_MS;

/// What was understood of a question.
#[derive(Debug, Default)]
pub struct Question {
    /// How many.
    pub count: bool,
    /// How many different ones of these.
    pub distinct: Option<Dimension>,
    /// Divided by these.
    pub groups: Vec<Dimension>,
    /// All of these hold, in SQL.
    pub conditions: Vec<String>,
    /// Rows of the answer.
    pub limit: Option<u64>,
    /// From when on, in milliseconds.
    pub from_ms: Option<i64>,
    /// Before when.
    pub to_ms: Option<i64>,
    /// Only groups of at least so many events.
    pub at_least: Option<u64>,
    /// Asks for events.
    pub lists: bool,
    /// Asks about signing in.
    pub login: bool,
    /// Failures are asked for.
    pub failed: bool,
    /// Successes are asked for.
    pub succeeded: bool,
    /// With or without multi-factor authentication.
    pub mfa: Option<bool>,
    /// What was not understood, as it was written.
    pub unknown: Vec<String>,
}

/// Where the reading is.
struct Reader<'a> {
    words: &'a [Word],
    at: usize,
    now_ms: i64,
    question: Question,
    /// `top`, `most`.
    top: bool,
    /// `latest`.
    newest: bool,
    who: bool,
    /// What is asked about, in order.
    subjects: Vec<Dimension>,
    /// The last noun, for verbs that come behind it; and whether it can still be one.
    noun: Option<&'static str>,
    /// A verb with what it was done to.
    acted: bool,
}

/// Reads a question, asked at this time.
pub fn read(words: &[Word], now_ms: i64) -> Question {
    let mut reader = Reader {
        words,
        at: 0,
        now_ms,
        question: Question::default(),
        top: false,
        newest: false,
        who: false,
        subjects: Vec::new(),
        noun: None,
        acted: false,
    };
    while let Some(word) = reader.words.get(reader.at) {
        reader.at += 1;
        reader.take(word);
    }
    reader.end()
}

impl<'a> Reader<'a> {
    fn take(&mut self, word: &'a Word) {
        match word.meaning {
            Meaning::Filler | Meaning::From | Meaning::Times => {}
            Meaning::Count => self.question.count = true,
            Meaning::Top => self.top = true,
            Meaning::Newest => self.newest = true,
            Meaning::Who => self.who = true,
            Meaning::All => self.question.lists = true,
            Meaning::By => self.by(),
            Meaning::Dim(dimension, single) => self.dimension(dimension, single),
            Meaning::Errors => {
                self.question.failed = true;
                self.noun = None;
                if self.top && !self.question.login {
                    self.subjects.push(Dimension::Error);
                }
            }
            Meaning::Denied => self.add(
                "(errorCode LIKE '%AccessDenied%' OR errorCode LIKE '%Unauthorized%' OR errorCode = 'Forbidden')".to_owned(),
            ),
            Meaning::Throttled => self.add(
                "(errorCode LIKE '%Throttl%' OR errorCode LIKE '%RequestLimitExceeded' OR errorCode = 'TooManyRequestsException')"
                    .to_owned(),
            ),
            Meaning::Successes => self.question.succeeded = true,
            Meaning::Login => self.question.login = true,
            Meaning::Mfa(with) => self.question.mfa = Some(with),
            Meaning::OldTls => self.add("tlsDetails.tlsVersion IN ('TLSv1', 'TLSv1.0', 'TLSv1.1')".to_owned()),
            Meaning::Only(sql) => self.add(sql.to_owned()),
            Meaning::Verb(verb) => self.verb(verb),
            Meaning::Noun(noun) => self.noun_alone(noun),
            Meaning::OfService(service) => self.add(format!("eventSource = '{service}.amazonaws.com'")),
            Meaning::Last => self.last(word),
            Meaning::This => self.this(),
            Meaning::Unit(ms) => self.unit(ms, word),
            Meaning::DayBefore(days) => {
                let from = self.midnight() - days * DAY_MS;
                self.time(Some(from), (days > 0).then_some(from + DAY_MS));
            }
            Meaning::Since => self.since(word),
            Meaning::Before => self.before(word),
            Meaning::To => self.to(word),
            Meaning::MoreThan => self.often(1, word),
            Meaning::AtLeast => self.often(0, word),
            Meaning::Number(number) => self.number(number, word),
            Meaning::Date(ms, lasts) => {
                let end = ms.saturating_add(lasts.max(60_000));
                self.time(Some(ms), Some(end));
            }
            Meaning::Ago | Meaning::Quoted | Meaning::Name => self.name(word),
            Meaning::TheAddress => self.add(format!("sourceIPAddress = {}", text(&word.text))),
            Meaning::TheArn => {
                let (arn, anywhere) = (text(&word.text), mentioned(&word.text));
                self.add(format!(
                    "(userIdentity.arn = {arn} OR userIdentity.sessionContext.sessionIssuer.arn = {arn} OR {anywhere})"
                ));
            }
            Meaning::TheKey => self.add(format!("userIdentity.accessKeyId = {}", text(&word.text))),
            Meaning::TheAccount => self.add(format!("recipientAccountId = {}", text(&word.text))),
            Meaning::TheRegion => self.add(format!("awsRegion = {}", text(&word.text))),
            Meaning::TheEvent => self.add(format!("eventName = {}", text(&word.text))),
            Meaning::TheService => self.add(format!("eventSource = {}", text(&word.text))),
        }
    }

    fn add(&mut self, condition: String) {
        if !self.question.conditions.contains(&condition) {
            self.question.conditions.push(condition);
        }
    }

    fn time(&mut self, from: Option<i64>, to: Option<i64>) {
        self.question.from_ms = from.or(self.question.from_ms);
        self.question.to_ms = to.or(self.question.to_ms);
    }

    /// The next word that says something, and how many words it is away.
    fn next(&self) -> Option<(&'a Word, usize)> {
        let rest = self.words.get(self.at..)?;
        rest.iter().enumerate().find(|(_, word)| word.meaning != Meaning::Filler).map(|(away, word)| (word, away))
    }

    /// Takes the next word that says something, if it is what is looked for.
    fn eat<T>(&mut self, read: impl Fn(&'a Word) -> Option<T>) -> Option<T> {
        let (word, away) = self.next()?;
        let found = read(word)?;
        self.at += away + 1;
        Some(found)
    }

    fn eat_name(&mut self) -> Option<String> {
        self.eat(|word| matches!(word.meaning, Meaning::Name | Meaning::Quoted).then(|| word.text.clone()))
    }

    fn eat_number(&mut self) -> Option<u64> {
        self.eat(|word| match word.meaning {
            Meaning::Number(number) => Some(number),
            _ => None,
        })
    }

    fn eat_unit(&mut self) -> Option<i64> {
        self.eat(unit_of)
    }

    fn by(&mut self) {
        if let Some(name) = self.eat_name() {
            self.add(Dimension::User.is(&name).expect("users have names"));
            return;
        }
        let unit = self.eat(|word| unit_of(word).and_then(dimension_of));
        let errors = |word: &Word| (word.meaning == Meaning::Errors).then_some(Dimension::Error);
        if let Some(dimension) = unit.or_else(|| self.eat(errors)) {
            self.question.groups.push(dimension);
            return;
        }
        let found = self.eat(|word| match word.meaning {
            Meaning::Dim(dimension, single) => Some((dimension, single)),
            _ => None,
        });
        let Some((dimension, _)) = found else { return };
        match self.named(dimension) {
            Some(condition) => self.add(condition),
            None => self.question.groups.push(dimension),
        }
        while let Some([and, next]) = self.words.get(self.at..self.at + 2)
            && and.text.eq_ignore_ascii_case("and")
            && let Meaning::Dim(dimension, _) = next.meaning
        {
            self.at += 2;
            self.question.groups.push(dimension);
        }
    }

    /// The condition that the dimension just read is what is named next, if something is.
    fn named(&mut self, dimension: Dimension) -> Option<String> {
        // The word right behind it: `user alice`, not `users that frobnicate`.
        let next = self.words.get(self.at)?;
        let condition = matches!(next.meaning, Meaning::Name | Meaning::Quoted).then(|| dimension.is(&next.text))??;
        self.at += 1;
        Some(condition)
    }

    fn dimension(&mut self, dimension: Dimension, single: bool) {
        let quoted = self.words.get(self.at).is_some_and(|next| next.meaning == Meaning::Quoted);
        if (single || quoted)
            && let Some(condition) = self.named(dimension)
        {
            self.noun = None;
            self.add(condition);
            return;
        }
        // `ip 10.0.0.1`, `region eu-west-1`: what follows says it all.
        let follows = self.words.get(self.at).map(|next| next.meaning);
        let said = matches!(
            follows,
            Some(
                Meaning::TheAddress
                    | Meaning::TheArn
                    | Meaning::TheKey
                    | Meaning::TheAccount
                    | Meaning::TheRegion
                    | Meaning::TheEvent
                    | Meaning::TheService
            )
        );
        if single && (said || self.words.get(self.at.wrapping_sub(2)).is_some_and(|before| is_literal(before.meaning)))
        {
            return;
        }
        self.noun = dimension.noun();
        if dimension == Dimension::Event && !self.top {
            self.question.lists = true;
            return;
        }
        self.subjects.push(dimension);
    }

    fn verb(&mut self, verb: &'static str) {
        // `stopped CloudTrail logging`: the service may stand in between.
        let service = match self.words.get(self.at..self.at + 2) {
            Some([service, noun]) if matches!(noun.meaning, Meaning::Noun(_)) => Some(service.meaning),
            _ => None,
        };
        if let Some(Meaning::OfService(service)) = service {
            self.at += 1;
            self.add(format!("eventSource = '{service}.amazonaws.com'"));
        }
        let noun = self.eat(|word| match word.meaning {
            Meaning::Noun(noun) => Some(noun),
            Meaning::Dim(dimension, _) => dimension.noun(),
            _ => None,
        });
        // `deleted buckets`, or `buckets deleted`.
        let behind = noun.is_none().then(|| self.noun.take()).flatten();
        let is_actor = behind == Some("User") && !self.passive();
        let behind = behind.filter(|_| !is_actor);
        if let Some(noun) = behind {
            self.subjects.retain(|dimension| dimension.noun() != Some(noun));
            self.question.conditions.retain(|condition| *condition != done_any(noun));
        }
        let noun = noun.or(behind);
        self.add(done(verb, noun.unwrap_or_default()));
        self.acted = true;
        let name = match self.words.get(self.at) {
            Some(word) if matches!(word.meaning, Meaning::Name | Meaning::Quoted) => {
                self.at += 1;
                Some(word.text.clone())
            }
            _ => None,
        };
        if let Some(name) = name {
            self.add(named(noun.unwrap_or_default(), &name));
        }
    }

    /// Whether the verb just read has something done to what stands before it: nothing or a time follows, or who did it.
    fn passive(&self) -> bool {
        self.next().is_none_or(|(word, _)| {
            matches!(
                word.meaning,
                Meaning::By
                    | Meaning::Last
                    | Meaning::This
                    | Meaning::DayBefore(_)
                    | Meaning::Since
                    | Meaning::Before
                    | Meaning::To
            )
        })
    }

    fn noun_alone(&mut self, noun: &'static str) {
        match self.words.get(self.at) {
            Some(word) if matches!(word.meaning, Meaning::Name | Meaning::Quoted) => {
                self.at += 1;
                self.add(named(noun, &word.text));
            }
            _ => self.add(done_any(noun)),
        }
        self.noun = Some(noun);
    }

    fn last(&mut self, word: &Word) {
        let number = self.eat_number();
        match (number, self.eat_unit()) {
            (number, Some(ms)) => self.back(number.unwrap_or(1), ms),
            (Some(number), None) => self.rows(number),
            (None, None) if self.next().is_some_and(|(next, _)| matches!(next.meaning, Meaning::Dim(..))) => {
                self.rows(1)
            }
            (None, None) => self.question.unknown.push(word.text.clone()),
        }
    }

    fn rows(&mut self, number: u64) {
        self.question.limit = Some(number.clamp(1, LIMIT_MAX));
    }

    fn back(&mut self, number: u64, unit_ms: i64) {
        self.time(Some(self.now_ms - length(number, unit_ms)), None);
    }

    fn this(&mut self) {
        let Some(ms) = self.eat_unit() else { return };
        let today = self.midnight();
        let civil = Timestamp::from_ms(self.now_ms).civil();
        let from = match dimension_of(ms) {
            Some(Dimension::Hour) => self.now_ms - self.now_ms.rem_euclid(3_600_000),
            Some(Dimension::Day) => today,
            // The first of January 1970 was a Thursday; weeks begin on Mondays.
            Some(Dimension::Week) => today - (today / DAY_MS + 3).rem_euclid(7) * DAY_MS,
            Some(Dimension::Month) => today - (i64::from(civil.day) - 1) * DAY_MS,
            _ if ms > 90 * DAY_MS => year_begin(&civil).unwrap_or(today),
            _ => self.now_ms - ms,
        };
        self.time(Some(from), None);
    }

    fn unit(&mut self, ms: i64, word: &Word) {
        // `hourly`, `daily`: else it stands for nothing by itself.
        match dimension_of(ms).filter(|_| word.text.to_ascii_lowercase().ends_with("ly")) {
            Some(dimension) => self.question.groups.push(dimension),
            None => self.question.unknown.push(word.text.clone()),
        }
    }

    fn midnight(&self) -> i64 {
        self.now_ms - self.now_ms.rem_euclid(DAY_MS)
    }

    /// A time that follows: its beginning and its end.
    fn moment(&mut self) -> Option<(i64, i64)> {
        let today = self.midnight();
        if let Some(found) = self.eat(|word| match word.meaning {
            Meaning::Date(ms, lasts) => Some((ms, ms.saturating_add(lasts))),
            Meaning::DayBefore(days) => Some((today - days * DAY_MS, today - (days - 1) * DAY_MS)),
            _ => None,
        }) {
            return Some(found);
        }
        let (number, ms) = match self.words.get(self.at..self.at + 3)? {
            [a, b, c] if c.meaning == Meaning::Ago => match (a.meaning, b.meaning) {
                (Meaning::Number(number), Meaning::Unit(ms)) => (number, ms),
                _ => return None,
            },
            _ => return None,
        };
        self.at += 3;
        let then = self.now_ms - length(number, ms);
        Some((then, then))
    }

    fn since(&mut self, word: &Word) {
        let begins = !word.text.to_ascii_lowercase().starts_with("after");
        match self.moment() {
            Some((from, end)) => self.time(Some(if begins { from } else { end }), None),
            None => {
                // `since last week`: the next words are the time.
                if !matches!(self.next(), Some((next, _)) if matches!(next.meaning, Meaning::Last | Meaning::This)) {
                    self.question.unknown.push(word.text.clone());
                }
            }
        }
    }

    fn before(&mut self, word: &Word) {
        match self.moment() {
            Some((from, end)) => {
                let inclusive = ["until", "till", "up to"].contains(&word.text.to_ascii_lowercase().as_str());
                self.time(None, Some(if inclusive { end } else { from }));
            }
            None => self.question.unknown.push(word.text.clone()),
        }
    }

    /// `between A and B`, `A to B`: whichever it is, the times that follow bound it.
    fn to(&mut self, word: &Word) {
        let between = word.text.eq_ignore_ascii_case("between");
        let Some((first, first_end)) = self.moment() else { return };
        match between.then(|| self.moment()).flatten() {
            Some((_, second_end)) => self.time(Some(first), Some(second_end)),
            None if between => self.time(Some(first), None),
            None => self.time(None, Some(first_end)),
        }
    }

    fn often(&mut self, more: u64, word: &Word) {
        match self.eat_number() {
            Some(number) => self.question.at_least = Some(number.saturating_add(more)),
            None => self.question.unknown.push(word.text.clone()),
        }
    }

    fn number(&mut self, number: u64, word: &Word) {
        let follows = |reader: &Self, at: usize| reader.words.get(reader.at + at).map(|word| word.meaning);
        match (follows(self, 0), follows(self, 1)) {
            (Some(Meaning::Unit(ms)), Some(Meaning::Ago)) => {
                self.at += 2;
                let back = length(number, ms);
                let begin = if ms >= DAY_MS { self.midnight() } else { self.now_ms };
                self.time(Some(begin - back), Some(begin - back + ms));
            }
            // `in 24 hours`.
            (Some(Meaning::Unit(ms)), _) => {
                self.at += 1;
                self.back(number, ms);
            }
            _ if self.top || self.newest => self.rows(number),
            (Some(Meaning::Dim(..) | Meaning::Newest | Meaning::Top | Meaning::Errors | Meaning::Login), _) => {
                self.rows(number)
            }
            _ => self.question.unknown.push(word.text.clone()),
        }
    }

    fn name(&mut self, word: &Word) {
        // `what did alice do`, `alice's calls`, `first 10`.
        let before = self.at.checked_sub(2).and_then(|at| self.words.get(at));
        let after = self.words.get(self.at);
        let is = |word: Option<&Word>, texts: &[&str]| {
            word.is_some_and(|word| texts.contains(&word.text.to_ascii_lowercase().as_str()))
        };
        let does = is(before, &["did", "has", "does"])
            && is(after, &["do", "done", "been", "call", "access", "delete", "create"]);
        let whose = after.is_some_and(|word| matches!(word.meaning, Meaning::Dim(Dimension::Event, false)))
            && before.is_some_and(|word| matches!(word.meaning, Meaning::Filler | Meaning::All));
        if is(Some(word), &["first"]) && matches!(after.map(|word| word.meaning), Some(Meaning::Number(_))) {
            self.newest = true;
        } else if does || word.meaning == Meaning::Quoted && whose {
            self.add(Dimension::User.is(&word.text).expect("users have names"));
            self.question.lists = true;
        } else if word.meaning == Meaning::Quoted {
            self.add(mentioned(&word.text));
        } else {
            self.question.unknown.push(word.text.clone());
        }
    }

    fn end(mut self) -> Question {
        let mut question = self.question;
        if question.count && question.groups.is_empty() && !self.top {
            // How many users, how many events.
            question.distinct = self.subjects.first().copied();
        } else {
            // `errors for each service`: what it is divided by comes first, what is counted after it.
            let more =
                self.subjects.drain(..).filter(|_| !(question.count && !question.groups.is_empty() && !self.top));
            for dimension in more.collect::<Vec<_>>() {
                if !question.groups.contains(&dimension) {
                    question.groups.push(dimension);
                }
            }
        }
        if self.who && question.groups.is_empty() && !question.count {
            if self.acted {
                question.lists = true;
            } else {
                question.groups.push(Dimension::User);
            }
        }
        if self.top && question.groups.is_empty() && !question.count {
            question.groups.push(Dimension::Event);
        }
        if self.newest {
            question.lists = true;
        }
        if self.top && question.limit.is_none() {
            question.limit = Some(TOP);
        }
        question.conditions.extend(
            question.groups.iter().filter_map(|dimension| dimension.is_there()).map(str::to_owned).collect::<Vec<_>>(),
        );
        question
    }
}

fn done_any(noun: &str) -> String {
    format!("eventName LIKE '%{noun}%'")
}

fn is_literal(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::TheRegion | Meaning::TheAccount | Meaning::TheService | Meaning::OfService(_) | Meaning::TheEvent
    ) || matches!(meaning, Meaning::Only(_))
}

/// The length of a unit of time, in milliseconds.
fn unit_of(word: &Word) -> Option<i64> {
    match word.meaning {
        Meaning::Unit(ms) => Some(ms),
        _ => None,
    }
}

/// So many units of time, as far as a question can reach back.
fn length(number: u64, unit_ms: i64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX).saturating_mul(unit_ms).min(BACK_MS_MAX)
}

/// Stretches of time that events can be divided by.
fn dimension_of(unit_ms: i64) -> Option<Dimension> {
    let days = unit_ms / DAY_MS;
    match (unit_ms, days) {
        (3_600_000, _) => Some(Dimension::Hour),
        (_, 1) => Some(Dimension::Day),
        (_, 7) => Some(Dimension::Week),
        (_, 30) => Some(Dimension::Month),
        _ => None,
    }
}

/// The first moment of a year.
fn year_begin(civil: &Civil) -> Option<i64> {
    Timestamp::parse_iso8601(&format!("{:04}-01-01T00:00:00Z", civil.year)).map(Timestamp::ms)
}
