"""Queries, each in Trino's spelling and in DuckDB's, and the records they are asked of. The same seed gives the same ones."""

import json
import random
from datetime import datetime, timedelta

REGIONS = ["us-east-1", "us-west-2", "eu-central-1", "ap-southeast-1"]
USERS = ["alice", "bob", "carol", "dave", "Élodie", "x_y%z"]
EVENTS = [
    ("s3.amazonaws.com", "GetObject", True),
    ("s3.amazonaws.com", "PutObject", False),
    ("s3.amazonaws.com", "DeleteBucket", False),
    ("ec2.amazonaws.com", "RunInstances", False),
    ("ec2.amazonaws.com", "DescribeInstances", True),
    ("iam.amazonaws.com", "CreateUser", False),
    ("sts.amazonaws.com", "AssumeRole", True),
    ("signin.amazonaws.com", "ConsoleLogin", False),
    ("kms.amazonaws.com", "Decrypt", True),
]
ERRORS = [None, None, None, None, "AccessDenied", "NoSuchKey", "Client.UnauthorizedOperation"]


def records(seed, count):
    """Records like CloudTrail's: members that are absent, null, empty."""
    rng = random.Random(seed)
    start = datetime(2024, 11, 3, 22, 15, 7)
    out = []
    for number in range(count):
        source, name, read_only = rng.choice(EVENTS)
        time = start + timedelta(seconds=rng.randrange(200 * 86400))
        millis = rng.choice([0, 0, 0, 250, 999])
        identity = {"type": rng.choice(["IAMUser", "IAMUser", "AssumedRole", "Root", "AWSService"])}
        if identity["type"] == "IAMUser":
            user = rng.choice(USERS)
            identity |= {"userName": user, "arn": f"arn:aws:iam::111122223333:user/{user}", "accountId": "111122223333"}
        elif identity["type"] == "AssumedRole":
            role = rng.choice(["deploy", "admin"])
            identity |= {
                "arn": f"arn:aws:sts::444455556666:assumed-role/{role}/s{rng.randrange(4)}",
                "accountId": "444455556666",
                "sessionContext": {
                    "sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::444455556666:role/{role}", "userName": role},
                    "attributes": {"mfaAuthenticated": rng.choice(["true", "false"])},
                },
            }
        record = {
            "eventVersion": "1.09",
            "userIdentity": identity,
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S") + (f".{millis:03}Z" if millis else "Z"),
            "eventSource": source,
            "eventName": name,
            "awsRegion": rng.choice(REGIONS),
            "sourceIPAddress": f"192.0.2.{rng.randrange(12)}",
            "userAgent": rng.choice(["aws-cli/2.15", "Boto3/1.34", "", None]),
            "requestID": f"R{number % 977:05}",
            "eventID": f"00000000-0000-4000-8000-{number:012}",
            "readOnly": read_only,
            "managementEvent": source != "s3.amazonaws.com",
            "recipientAccountId": rng.choice(["111122223333", "444455556666"]),
            "eventCategory": "Management",
        }
        error = rng.choice(ERRORS)
        if error:
            record |= {"errorCode": error, "errorMessage": f"{error}: no {rng.randrange(3)}"}
        if source == "s3.amazonaws.com":
            bucket = rng.choice(["logs", "data", "my-bucket"])
            record["requestParameters"] = {"bucketName": bucket, "size": rng.randrange(5000), "nested": {"key": f"k{rng.randrange(5)}"}}
            if rng.random() < 0.3:
                record["requestParameters"]["prefix"] = rng.choice(["", "a/b", None])
            record["resources"] = [{"type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"}]
            if name != "DeleteBucket":
                record["resources"].append({"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/k{rng.randrange(9)}"})
        elif rng.random() < 0.5:
            record["requestParameters"] = {"size": rng.randrange(100), "list": [rng.randrange(9) for _ in range(rng.randrange(4))]}
        elif rng.random() < 0.5:
            record["requestParameters"] = None
        if name == "ConsoleLogin":
            record["responseElements"] = {"ConsoleLogin": rng.choice(["Success", "Failure"])}
            record["tlsDetails"] = {"tlsVersion": rng.choice(["TLSv1.2", "TLSv1.3"])}
        out.append(record)
    return out


SCHEMA = {
    "eventversion": "VARCHAR",
    "useridentity": "STRUCT(type VARCHAR, username VARCHAR, arn VARCHAR, accountid VARCHAR, sessioncontext STRUCT("
    "sessionissuer STRUCT(type VARCHAR, arn VARCHAR, username VARCHAR), attributes STRUCT(mfaauthenticated VARCHAR)))",
    "eventtime": "TIMESTAMP",
    "eventsource": "VARCHAR",
    "eventname": "VARCHAR",
    "awsregion": "VARCHAR",
    "sourceipaddress": "VARCHAR",
    "useragent": "VARCHAR",
    "errorcode": "VARCHAR",
    "errormessage": "VARCHAR",
    "requestparameters": "JSON",
    "responseelements": "JSON",
    "requestid": "VARCHAR",
    "eventid": "VARCHAR",
    "readonly": "BOOLEAN",
    "managementevent": "BOOLEAN",
    "resources": "STRUCT(type VARCHAR, arn VARCHAR)[]",
    "recipientaccountid": "VARCHAR",
    "tlsdetails": "STRUCT(tlsversion VARCHAR)",
}


def lowered(value, path=()):
    """A record with the names of columns and their fields in lower case; parameters keep theirs."""
    if isinstance(value, dict) and path[:1] not in [("requestparameters",), ("responseelements",)]:
        return {key.lower(): lowered(below, path + (key.lower(),)) for key, below in value.items()}
    if isinstance(value, list) and path == ("resources",):
        return [lowered(below, path) for below in value]
    return value


def load(connection, rows, path):
    """The records as a table of DuckDB's."""
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(lowered(row)) + "\n")
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in SCHEMA.items())
    connection.execute(
        f"CREATE TABLE events AS SELECT * REPLACE (CASE WHEN requestparameters::VARCHAR = 'null' THEN NULL ELSE requestparameters END AS"
        f" requestparameters) FROM read_json('{path}', format = 'newline_delimited', columns = {{{columns}}})"
    )


def both(text):
    return text, text


class Generator:
    """Makes queries. Every expression is a pair: Trino's text and DuckDB's."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def pick(self, *choices):
        return self.rng.choice(choices)

    def made(self, template, *parts):
        return template[0].format(*(part[0] for part in parts)), template[1].format(*(part[1] for part in parts))

    # Values. `t` is the table's alias with its dot, or nothing.

    def column(self, t=""):
        name = self.pick(
            "eventname", "eventsource", "awsregion", "useragent", "errorcode", "errormessage", "sourceipaddress", "requestid",
            "useridentity.username", "useridentity.arn", "useridentity.type", "useridentity.sessioncontext.sessionissuer.username",
            "useridentity.sessioncontext.attributes.mfaauthenticated", "tlsdetails.tlsversion",
        )
        return both(t + name)

    def text(self, t="", depth=2):
        if depth == 0:
            return self.pick(self.column(t), self.column(t), both(self.pick("'a'", "''", "'AccessDenied'", "'Get'")))
        a, b = self.text(t, depth - 1), self.text(t, depth - 1)
        n, m = self.rng.randrange(1, 9), self.rng.randrange(0, 9)
        key = self.pick("bucketName", "size", "prefix", "absent")
        path = self.pick("$.bucketName", "$.size", "$.nested.key", "$.prefix", "$.absent.deep", "$.list[1]")
        kind = self.rng.randrange(19)
        same = [
            lambda: self.made(("lower({0})",) * 2, a),
            lambda: self.made(("upper({0})",) * 2, a),
            lambda: self.made(("({0} || {1})",) * 2, a, b),
            lambda: self.made(("coalesce({0}, {1})",) * 2, a, b),
            lambda: self.made(("nullif({0}, {1})",) * 2, a, b),
            lambda: self.made((f"substr({{0}}, {n}, {m})",) * 2, a),
            lambda: self.made(("replace({0}, 'a', 'bb')",) * 2, a),
            lambda: self.made(("reverse({0})",) * 2, a),
            lambda: self.made(("trim({0})",) * 2, a),
            lambda: self.made(("CASE WHEN {2} THEN {0} ELSE {1} END",) * 2, a, b, self.condition(t, depth - 1)),
            lambda: self.made((f"element_at({t}requestparameters, '{key}')", f"json_extract_string({t}requestparameters, '$.{key}')")),
            lambda: self.made((f"json_extract_scalar({t}requestparameters, '{path}')", f"json_extract_string({t}requestparameters, '{path}')")),
            lambda: self.made((f"regexp_extract({{0}}, '([a-z]+)', 1)", f"nullif(regexp_extract({{0}}, '([a-z]+)', 1), '')"), a),
            lambda: self.made((f"regexp_replace({{0}}, '[aeiou]+', '_')", f"regexp_replace({{0}}, '[aeiou]+', '_', 'g')"), a),
            lambda: self.made((f"element_at({t}resources, 1).arn", f"{t}resources[1].arn")),
            lambda: self.made((f"date_format({t}eventtime, '%Y-%m-%d %H:%i')", f"strftime({t}eventtime, '%Y-%m-%d %H:%M')")),
            lambda: self.made(("CAST({0} AS varchar)",) * 2, self.number(t, depth - 1)),
            lambda: self.made((f"element_at(split({{0}}, 'e'), {n})", f"CASE WHEN {{0}} IS NULL THEN NULL ELSE string_split({{0}}, 'e')[{n}] END"), a),
            lambda: self.made(("CAST({0} AS varchar)",) * 2, self.condition(t, depth - 1)),
        ]
        return same[kind]()

    def number(self, t="", depth=2):
        if depth == 0:
            return self.pick(both(str(self.rng.randrange(-5, 20))), both(f"length({t}eventname)"), both(f"length({t}errorcode)"))
        a, b = self.number(t, depth - 1), self.number(t, depth - 1)
        unit = self.pick("second", "minute", "hour", "day", "week", "month", "year")
        part = self.pick("year", "month", "day", "hour", "minute", "second", "quarter", "week", "day_of_week", "day_of_year")
        duck = {"week": "weekofyear", "day_of_week": "isodow", "day_of_year": "dayofyear"}.get(part, part)
        kind = self.rng.randrange(13)
        made = [
            lambda: self.made(("({0} + {1})",) * 2, a, b),
            lambda: self.made(("({0} - {1})",) * 2, a, b),
            lambda: self.made(("({0} * {1})",) * 2, a, b),
            lambda: self.made(("({0} % nullif({1}, 0))",) * 2, a, b),
            lambda: self.made(("({0} / nullif({1}, 0))", "({0} // nullif({1}, 0))"), a, b),
            lambda: self.made(("abs({0})",) * 2, a),
            lambda: self.made(("length({0})",) * 2, self.text(t, depth - 1)),
            lambda: self.made(("strpos({0}, 'e')",) * 2, self.text(t, depth - 1)),
            lambda: self.made((f"cardinality({t}resources)", f"len({t}resources)")),
            lambda: self.made((f"{part}({{0}})", f"{duck}({{0}})"), self.time(t, depth - 1)),
            lambda: self.made((f"date_diff('{unit}', {{0}}, {{1}})", f"date_sub('{unit}', {{0}}, {{1}})"), self.time(t, depth - 1), self.time(t, depth - 1)),
            lambda: self.made((f"TRY_CAST(json_extract_scalar({t}requestparameters, '$.size') AS bigint)", f"TRY_CAST(json_extract_string({t}requestparameters, '$.size') AS bigint)")),
            lambda: self.made(("coalesce({0}, {1})",) * 2, a, b),
        ]
        return made[kind]()

    def time(self, t="", depth=1):
        if depth == 0:
            return self.pick(both(f"{t}eventtime"), both(f"{t}eventtime"), both("TIMESTAMP '2025-01-31 23:59:30'"))
        unit = self.pick("minute", "hour", "day", "week", "month", "quarter", "year")
        step = self.pick("second", "minute", "hour", "day", "week", "month", "year")
        n = self.rng.randrange(-40, 40)
        return self.pick(
            self.made((f"date_trunc('{unit}', {{0}})", f"CAST(date_trunc('{unit}', {{0}}) AS TIMESTAMP)"), self.time(t, depth - 1)),
            self.made((f"date_add('{step}', {n}, {{0}})", f"({{0}} + {n} * INTERVAL 1 {step})"), self.time(t, depth - 1)),
        )

    def condition(self, t="", depth=2):
        if depth == 0:
            return self.pick(
                both(f"{t}readonly"), both(f"NOT {t}managementevent"), both(f"{t}errorcode IS NULL"), both(f"{t}useridentity.username IS NOT NULL"),
                both(f"{t}awsregion IN ('us-east-1', 'eu-central-1')"), both(f"{t}eventname = 'GetObject'"), both(f"{t}errorcode <> 'AccessDenied'"),
                both(f"{t}eventtime >= '2025-01-15'"), both(f"{t}eventtime BETWEEN '2024-12-24 18:00:00' AND '2025-02-01'"),
            )
        kind = self.rng.randrange(14)
        text, number, time = (lambda: self.text(t, depth - 1)), (lambda: self.number(t, depth - 1)), (lambda: self.time(t, depth - 1))
        compare = self.pick("=", "<>", "<", "<=", ">", ">=")
        pattern = self.pick("%e%", "Get%", "_e%t", "%s/___", "%x#_y#%z", "AccessDenied")
        regex = self.pick("^Get", "[0-9][0-9]$", "(a|e)c+", "user/[abc]")
        made = [
            lambda: self.made(("({0} AND {1})",) * 2, self.condition(t, depth - 1), self.condition(t, depth - 1)),
            lambda: self.made(("({0} OR {1})",) * 2, self.condition(t, depth - 1), self.condition(t, depth - 1)),
            lambda: self.made(("(NOT {0})",) * 2, self.condition(t, depth - 1)),
            lambda: self.made((f"({{0}} {compare} {{1}})",) * 2, text(), text()),
            lambda: self.made((f"({{0}} {compare} {{1}})",) * 2, number(), number()),
            lambda: self.made((f"({{0}} {compare} {{1}})",) * 2, time(), time()),
            lambda: self.made((f"({{0}} LIKE '{pattern}' ESCAPE '#')",) * 2, text()),
            lambda: self.made((f"regexp_like({{0}}, '{regex}')", f"regexp_matches({{0}}, '{regex}')"), text()),
            lambda: self.made(("({0} IS DISTINCT FROM {1})",) * 2, text(), text()),
            lambda: self.made(("({0} IN ('GetObject', 'alice', '2', {1}))",) * 2, text(), text()),
            lambda: self.made(("({0} BETWEEN {1} AND {2})",) * 2, number(), number(), number()),
            lambda: self.made((f"any_match({t}resources, r -> r.type = 'AWS::S3::Object')", f"(len(list_filter({t}resources, lambda r: r.type = 'AWS::S3::Object')) > 0)")),
            lambda: self.made((f"contains(transform({t}resources, r -> r.arn), 'arn:aws:s3:::logs')", f"list_contains(list_transform({t}resources, lambda r: r.arn), 'arn:aws:s3:::logs')")),
            lambda: self.made(("({0} IS NULL)",) * 2, self.pick(text(), number())),
        ]
        return made[kind]()

    def value(self, t="", depth=2):
        return getattr(self, self.pick("text", "text", "number", "condition", "time"))(t, depth if depth else 1)

    def aggregate(self, t=""):
        number, text = self.number(t, 1), self.text(t, 1)
        made = self.pick(
            lambda: both("count(*)"),
            lambda: self.made(("count({0})",) * 2, text),
            lambda: self.made(("count(DISTINCT {0})",) * 2, text),
            lambda: self.made(("sum({0})",) * 2, number),
            lambda: self.made(("avg({0})",) * 2, number),
            lambda: self.made(("min({0})",) * 2, self.value(t, 1)),
            lambda: self.made(("max({0})",) * 2, text),
            lambda: self.made(("max({0})",) * 2, self.time(t, 1)),
            lambda: self.made(("count_if({0})", "coalesce(count_if({0}), 0)"), self.condition(t, 1)),
            lambda: self.made(("bool_or({0})",) * 2, self.condition(t, 1)),
            lambda: self.made(("bool_and({0})",) * 2, self.condition(t, 1)),
            lambda: self.made(("count(*) FILTER (WHERE {0})",) * 2, self.condition(t, 1)),
            lambda: self.made((f"max_by({{0}}, {t}eventid)", f"arg_max_null({{0}}, {t}eventid)"), text),
            lambda: self.made((f"min_by({t}eventid, {t}eventid)", f"min({t}eventid)")),
            lambda: self.made((f"array_agg({{0}} ORDER BY {t}eventid)",) * 2, text),
            lambda: self.made((f"array_join(array_agg({t}eventname ORDER BY {t}eventid), ',')", f"array_to_string(array_agg({t}eventname ORDER BY {t}eventid), ',')")),
            lambda: self.made(("stddev({0})",) * 2, number),
            lambda: self.made(("cardinality(array_agg(DISTINCT {0}))", "len(array_agg(DISTINCT {0}))"), self.column(t)),
        )
        return made()

    # Queries: the two texts, and whether the order of rows is part of the answer.

    def query(self):
        kind = self.pick(
            self.rows, self.rows, self.groups, self.groups, self.groups, self.windows, self.join, self.semi, self.sets, self.unnest,
            self.with_, self.distinct, self.sets_of_groups, self.scalar,
        )
        return kind()

    def rows(self):
        values = [self.value() for _ in range(self.rng.randrange(1, 4))]
        where, limit = self.condition(), self.pick("", "LIMIT 25", "OFFSET 7 ROWS LIMIT 9")
        duck_limit = {"OFFSET 7 ROWS LIMIT 9": "LIMIT 9 OFFSET 7"}.get(limit, limit)
        descending = self.pick("", " DESC")
        first = self.column()
        trino = f"SELECT eventid, {', '.join(f'{value[0]} AS v{i}' for i, value in enumerate(values))} FROM events WHERE {where[0]} ORDER BY {first[0]}{descending}, eventid {limit}"
        duck = f"SELECT eventid, {', '.join(f'{value[1]} AS v{i}' for i, value in enumerate(values))} FROM events WHERE {where[1]} ORDER BY {first[1]}{descending} NULLS LAST, eventid {duck_limit}"
        return trino, duck, True

    def groups(self):
        keys = [self.pick(self.column, self.text, self.time)() if i else self.column() for i in range(self.rng.randrange(1, 3))]
        values = [self.aggregate() for _ in range(self.rng.randrange(1, 4))]
        where = self.pick(("", ""), self.made((" WHERE {0}",) * 2, self.condition()))
        having = self.pick(("", ""), both(f" HAVING count(*) > {self.rng.randrange(30)}"))
        by = ", ".join(str(i + 1) for i in range(len(keys)))
        texts = []
        for side in (0, 1):
            items = ", ".join(f"{item[side]} AS v{i}" for i, item in enumerate(keys + values))
            texts.append(f"SELECT {items} FROM events{where[side]} GROUP BY {by}{having[side]}")
        return texts[0], texts[1], False

    def windows(self):
        by = self.column()
        n = self.rng.randrange(1, 5)
        call = self.pick(
            both("row_number()"), both("rank()"), both("dense_rank()"), both(f"ntile({n})"), both("count(*)"), both("percent_rank()"),
            self.made((f"lag({{0}}, {n})",) * 2, self.text("", 1)), self.made((f"lead({{0}}, {n}, 'none')",) * 2, self.text("", 1)),
            self.made(("sum({0})",) * 2, self.number("", 1)), self.made(("first_value({0})",) * 2, self.column()),
            self.made(("last_value({0})",) * 2, self.column()), self.made(("max({0})",) * 2, self.number("", 1)),
        )
        frame = self.pick("", f" ROWS BETWEEN {n} PRECEDING AND CURRENT ROW", " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING")
        if any(call[0].startswith(name) for name in ("row_number", "rank", "dense", "ntile", "percent", "lag", "lead")):
            frame = ""
        where = self.condition("", 1)
        texts = [
            f"SELECT eventid, {call[side]} OVER (PARTITION BY {by[side]} ORDER BY eventtime, eventid{frame}) AS w FROM events WHERE {where[side]} ORDER BY eventid"
            for side in (0, 1)
        ]
        return texts[0], texts[1], True

    def join(self):
        kind = self.pick("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
        on = self.pick("a.requestid = b.requestid", "a.useridentity.username = b.useridentity.username AND a.awsregion = b.awsregion", "a.eventid = b.eventid")
        left, right = self.condition("", 1), self.condition("", 1)
        value, other = self.text("a.", 1), self.number("b.", 1)
        texts = [
            f"SELECT a.eventname, {value[side]} AS v, count(*) AS n, sum({other[side]}) AS s FROM (SELECT * FROM events WHERE {left[side]} AND requestid < 'R00300') a"
            f" {kind} (SELECT * FROM events WHERE {right[side]} AND requestid < 'R00200') b ON {on} GROUP BY 1, 2"
            for side in (0, 1)
        ]
        return texts[0], texts[1], False

    def semi(self):
        inner, outer, column = self.condition("b.", 1), self.condition("a.", 1), self.pick("errorcode", "requestid", "useridentity.username", "awsregion")
        test = self.pick(
            "a.{0} IN (SELECT b.{0} FROM events b WHERE {1})",
            "a.{0} NOT IN (SELECT b.{0} FROM events b WHERE {1} AND b.{0} IS NOT NULL)",
            "EXISTS (SELECT 1 FROM events b WHERE b.{0} = a.{0} AND b.eventid > a.eventid AND {1})",
            "NOT EXISTS (SELECT 1 FROM events b WHERE b.{0} = a.{0} AND b.eventname <> a.eventname AND {1})",
        )
        texts = [f"SELECT a.eventname, count(*) AS n FROM events a WHERE {outer[side]} AND {test.format(column, inner[side])} GROUP BY 1" for side in (0, 1)]
        return texts[0], texts[1], False

    def sets(self):
        op = self.pick("UNION", "UNION ALL", "INTERSECT", "EXCEPT")
        values = [self.column(), self.column()]
        a, b = self.condition(), self.condition()
        texts = [
            f"SELECT {values[0][side]} AS x, {values[1][side]} AS y FROM events WHERE {a[side]} {op} SELECT {values[0][side]}, {values[1][side]} FROM events WHERE {b[side]}"
            for side in (0, 1)
        ]
        return texts[0], texts[1], False

    def unnest(self):
        where, value = self.condition(), self.column()
        if self.rng.random() < 0.5:
            kept = self.pick("", " AND r.type = 'AWS::S3::Object'")
            texts = [f"SELECT r.arn, {value[side]} AS v, count(*) AS n FROM events CROSS JOIN UNNEST(resources) AS t(r) WHERE {where[side]}{kept} GROUP BY 1, 2" for side in (0, 1)]
            return texts[0], texts[1], False
        trino = f"SELECT x, count(*) AS n, max(eventid) AS last FROM events CROSS JOIN UNNEST(CAST(json_extract(requestparameters, '$.list') AS array(bigint))) AS t(x) WHERE {where[0]} GROUP BY x"
        duck = f"SELECT x, count(*) AS n, max(eventid) AS last FROM events CROSS JOIN UNNEST(CAST(json_extract(requestparameters, '$.list') AS bigint[])) AS t(x) WHERE {where[1]} GROUP BY x"
        return trino, duck, False

    def with_(self):
        key, value, where, outer = self.column(), self.aggregate(), self.condition(), self.rng.randrange(1, 40)
        texts = [
            f"WITH a AS (SELECT {key[side]} AS k, count(*) AS n, {value[side]} AS v FROM events WHERE {where[side]} GROUP BY 1), b AS (SELECT k, n FROM a WHERE n > {outer})"
            f" SELECT a.k, a.n, a.v, b.n AS m FROM a LEFT JOIN b ON a.k = b.k"
            for side in (0, 1)
        ]
        return texts[0], texts[1], False

    def distinct(self):
        values, where = [self.text("", 1), self.pick(self.condition, self.number)("", 1)], self.condition()
        texts = [f"SELECT DISTINCT {values[0][side]} AS x, {values[1][side]} AS y FROM events WHERE {where[side]}" for side in (0, 1)]
        return texts[0], texts[1], False

    def sets_of_groups(self):
        how = self.pick("ROLLUP (x, y)", "CUBE (x, y)", "GROUPING SETS ((x), (y), (), (x, y))", "GROUPING SETS ((x, y), (x))")
        x, y, value = self.column(), self.column(), self.pick("count(*)", "min(eventid)", "count(DISTINCT awsregion)")
        texts = [f"SELECT x, y, {value} AS v, grouping(x) AS g FROM (SELECT {x[side]} AS x, {y[side]} AS y, eventid, awsregion FROM events) t GROUP BY {how}" for side in (0, 1)]
        return texts[0], texts[1], False

    def scalar(self):
        value, where, inner = self.aggregate("b."), self.condition("a.", 1), self.condition("b.", 1)
        texts = [
            f"SELECT a.eventid, a.awsregion, (SELECT {value[side]} FROM events b WHERE {inner[side]}) AS v FROM events a WHERE {where[side]} AND a.requestid < 'R00100' ORDER BY a.eventid"
            for side in (0, 1)
        ]
        return texts[0], texts[1], True
