//! The named things of an account: buckets, functions, instances, tables. Each account has its own, and a few of them are used
//! much more than the others.

use base::Timestamp;

use crate::random::{part, skewed, wide};
use crate::template::{Filling, Template};

/// Words that names are made of.
pub(crate) const WORDS: [&str; 48] = [
    "orders",
    "billing",
    "catalog",
    "search",
    "reports",
    "ingest",
    "events",
    "audit",
    "media",
    "images",
    "archive",
    "backup",
    "ledger",
    "payments",
    "customers",
    "sessions",
    "metrics",
    "traces",
    "exports",
    "invoices",
    "shipping",
    "stock",
    "pricing",
    "checkout",
    "mailer",
    "webhooks",
    "thumbs",
    "models",
    "features",
    "quality",
    "staging",
    "landing",
    "warehouse",
    "lookup",
    "portal",
    "gateway",
    "worker",
    "scheduler",
    "notify",
    "profile",
    "content",
    "assets",
    "static",
    "logs",
    "raw",
    "curated",
    "fraud",
    "partners",
];

macro_rules! pools {
    ($( $kind:ident $name:literal $count:literal $form:literal, )+) => {
        /// A sort of thing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Pool { $( $kind, )+ }

        /// How many there are, and how they are named.
        const FORMS: &[(usize, &str)] = &[ $( ($count, $form), )+ ];

        const KINDS: &[Pool] = &[ $( Pool::$kind, )+ ];

        impl Pool {
            pub(crate) fn parse(name: &str) -> Option<Pool> {
                match name {
                    $( $name => Some(Pool::$kind), )+
                    _ => None,
                }
            }

            fn at(self) -> usize {
                KINDS.iter().position(|kind| *kind == self).expect("all are listed")
            }
        }
    };
}

pools! {
    Bucket "bucket" 40 "%word%-%word:2%-%stage%-%account%",
    Key "key" 400 "%word%/%word:2%/%hex8%/part-%n5%.snappy.parquet",
    Function "function" 40 "%stage%-%word%-%word:2%",
    Instance "instance" 80 "i-0%hex16%",
    Volume "volume" 80 "vol-0%hex16%",
    Snapshot "snapshot" 80 "snap-0%hex16%",
    Group "sg" 30 "sg-0%hex16%",
    Vpc "vpc" 4 "vpc-0%hex16%",
    Subnet "subnet" 12 "subnet-0%hex16%",
    Endpoint "vpce" 6 "vpce-0%hex16%",
    Image "ami" 12 "ami-0%hex16%",
    Interface "eni" 80 "eni-0%hex16%",
    Table "table" 24 "%word%-%stage%",
    Queue "queue" 24 "%stage%-%word%-%word:2%",
    Topic "topic" 12 "%word%-%stage%-alerts",
    KmsKey "kms" 12 "%uuid%",
    Secret "secret" 24 "%stage%/%word%/%word:2%",
    Parameter "param" 60 "/%stage%/%word%/%word:2%",
    LogGroup "loggroup" 50 "/aws/lambda/%stage%-%word%-%word:2%",
    Stack "stack" 24 "%stage%-%word%-stack",
    Cluster "cluster" 6 "%word%-%stage%",
    Repository "repo" 20 "%word%/%word:2%",
    Service "svc" 24 "%word%-service",
    Alarm "alarm" 40 "%stage%-%word%-%word:2%-high",
    Rule "rule" 20 "%stage%-%word%-every-%n2%-minutes",
    Database "db" 12 "%stage%-%word%-db",
    Zone "zone" 6 "Z0%code18%",
    Distribution "dist" 6 "E%code13%",
    Certificate "cert" 8 "%uuid%",
    ScalingGroup "asg" 12 "%stage%-%word%-asg",
    Balancer "lb" 10 "app/%stage%-%word%/%hex16%",
    TargetGroup "tg" 16 "%stage%-%word%-tg/%hex16%",
    Machine "machine" 12 "%stage%-%word%-flow",
    Project "project" 12 "%word%-build",
    Stream "stream" 8 "%stage%-%word%-stream",
    GlueDatabase "gluedb" 6 "%word%_lake",
    GlueTable "gluetable" 40 "%word%_%word:2%",
    WorkGroup "workgroup" 4 "%word%-analysts",
    Policy "policy" 24 "%word%-%word:2%-policy",
    Api "api" 8 "%hex10%",
    Detector "detector" 1 "%hex32%",
    Address "office" 24 "203.0.113.%n2%",
}

impl Pool {
    /// Tells sorts apart in seeds.
    pub(crate) fn number(self) -> u64 {
        wide(self.at())
    }
}

/// The things of one account.
pub(crate) struct Pools(Vec<Vec<String>>);

impl Pools {
    /// The things of this account: the same ones for the same seed.
    pub(crate) fn new(seed: u64, account: &str) -> Pools {
        let of_kind = |(at, (count, form)): (usize, &(usize, &'static str))| {
            let template = Template::new(form);
            let seed = part(seed, wide(at));
            let named = (0..*count).map(|nth| {
                template.text(&Filling {
                    pools: None,
                    users: &[],
                    seed: part(seed, wide(nth)),
                    account,
                    region: "",
                    source: "",
                    operation: "",
                    arn: "",
                    caller: "",
                    time: Timestamp::EPOCH,
                    target: None,
                })
            });
            named.collect()
        };
        Pools(FORMS.iter().enumerate().map(of_kind).collect())
    }

    /// One of them, the first ones more often.
    pub(crate) fn pick(&self, pool: Pool, chance: u64) -> &str {
        let names = &self.0[pool.at()];
        &names[skewed(chance, names.len())]
    }

    /// The `nth` of them, counted round.
    pub(crate) fn nth(&self, pool: Pool, nth: usize) -> &str {
        let names = &self.0[pool.at()];
        &names[nth % names.len()]
    }
}
