"""DuckDB's side of the search figures: loads log files into its own table, then answers questions that come as lines of JSON.

The first argument is the folder of log files, the second the database file. Standard output has one line of JSON for the load, then
one for each question: how long it took, how many rows there were, and the rows as texts (the first 100,000).
"""

import json
import os
import resource
import sys
import time

import duckdb

# The time was taken before rows become texts.
SHOWN_MAX = 100_000
ISSUER = "STRUCT(type VARCHAR, principalId VARCHAR, arn VARCHAR, accountId VARCHAR, userName VARCHAR)"
SESSION = (
    f"STRUCT(sessionIssuer {ISSUER}, webIdFederationData JSON,"
    " attributes STRUCT(creationDate TIMESTAMP, mfaAuthenticated VARCHAR), sourceIdentity VARCHAR)"
)
COLUMNS = {
    "eventVersion": "VARCHAR",
    "userIdentity": "STRUCT(type VARCHAR, principalId VARCHAR, arn VARCHAR, accountId VARCHAR, accessKeyId VARCHAR,"
    f" userName VARCHAR, sessionContext {SESSION}, invokedBy VARCHAR, identityProvider VARCHAR)",
    "eventTime": "TIMESTAMP",
    "eventSource": "VARCHAR",
    "eventName": "VARCHAR",
    "awsRegion": "VARCHAR",
    "sourceIPAddress": "VARCHAR",
    "userAgent": "VARCHAR",
    "errorCode": "VARCHAR",
    "errorMessage": "VARCHAR",
    "requestParameters": "JSON",
    "responseElements": "JSON",
    "additionalEventData": "JSON",
    "requestID": "VARCHAR",
    "eventID": "VARCHAR",
    "readOnly": "BOOLEAN",
    "resources": "STRUCT(accountId VARCHAR, type VARCHAR, ARN VARCHAR)[]",
    "eventType": "VARCHAR",
    "apiVersion": "VARCHAR",
    "managementEvent": "BOOLEAN",
    "recipientAccountId": "VARCHAR",
    "sharedEventID": "VARCHAR",
    "vpcEndpointId": "VARCHAR",
    "serviceEventDetails": "JSON",
    "eventCategory": "VARCHAR",
    "tlsDetails": "STRUCT(tlsVersion VARCHAR, cipherSuite VARCHAR, clientProvidedHostHeader VARCHAR)",
    "sessionCredentialFromConsole": "VARCHAR",
}


def say(value):
    print(json.dumps(value), flush=True)


def main():
    folder, database = sys.argv[1:3]
    connection = duckdb.connect(database)
    threads = len(os.sched_getaffinity(0))
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    record = "STRUCT(" + ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items()) + ")"
    if not connection.execute("SELECT count(*) FROM information_schema.tables WHERE table_name = 'events'").fetchone()[0]:
        began = time.perf_counter()
        connection.execute(
            "CREATE TABLE events AS SELECT r.* FROM (SELECT unnest(Records) AS r FROM read_json("
            f"'{folder}/AWSLogs/*/CloudTrail/**/*.json.gz', columns = {{'Records': '{record}[]'}},"
            " maximum_object_size = 268435456))"
        )
        connection.execute("CHECKPOINT")
        took = time.perf_counter() - began
    else:
        took = 0.0
    rows = connection.execute("SELECT count(*) FROM events").fetchone()[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    say({"seconds": took, "rows": rows, "bytes": os.path.getsize(database), "peak_mib": peak / 1024, "version": duckdb.__version__})
    for line in sys.stdin:
        question = json.loads(line)
        began = time.perf_counter()
        found = connection.execute(question["sql"]).fetchall()
        took = time.perf_counter() - began
        shown = [[None if value is None else str(value) for value in row] for row in found[:SHOWN_MAX]]
        say({"ms": took * 1e3, "rows": len(found), "shown": shown})


main()
