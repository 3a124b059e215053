"""Places that are followed: what comes into a bucket is imported by itself, late files too, once, whatever is killed; damaged files are told."""

import gzip
import json
import time

from server import ACCOUNT, until
from test_lake_queries import over, rows, start


def key(number, folder="AWSLogs", day="01"):
    name = f"{ACCOUNT}_CloudTrail_us-east-1_202501{day}T0000Z_{number:016}.json.gz"
    return f"{folder}/{ACCOUNT}/CloudTrail/us-east-1/2025/01/{day}/{name}"


def log_file(*ids, **more):
    records = [{"eventID": one, "eventTime": "2025-01-01T00:00:00Z", "eventName": "Followed", "eventSource": "app.example.com", **more} for one in ids]
    return gzip.compress(json.dumps({"Records": records}).encode())


def kept(cairn, place="events"):
    query = start(cairn, f"SELECT eventID FROM {place} WHERE eventName = 'Followed'")
    assert over(cairn, query)["QueryStatus"] == "FINISHED"
    return sorted(row["eventID"] for row in rows(cairn, query))


def status(cairn):
    return {one["Place"]: one for one in json.loads(cairn.cairn("status", "--json", check=False).out)["Follows"]}


def test_a_bucket_is_followed(new_cairn):
    cairn = new_cairn(env={"CAIRN_FOLLOW": "s3://followed/AWSLogs/", "CAIRN_FOLLOW_INTERVAL": "1s"})
    place = "s3://followed/AWSLogs/=events"
    # There is no such bucket yet: that is told, and no end.
    failing = until(lambda: status(cairn)[place].get("Failure"), "the absent bucket is told")
    assert "no bucket followed" in failing
    assert "no bucket followed" in cairn.cairn("status", check=False).out
    s3 = cairn.client("s3")
    s3.create_bucket(Bucket="followed")
    s3.put_object(Bucket="followed", Key=key(5), Body=log_file("a", "b"))
    until(lambda: kept(cairn) == ["a", "b"], "the first file is imported")
    # A file that sorts before it, and another that repeats a record and brings an own one of the same event ID.
    s3.put_object(Bucket="followed", Key=key(1), Body=log_file("late"))
    s3.put_object(Bucket="followed", Key=key(9), Body=log_file("a", "c"))
    s3.put_object(Bucket="followed", Key=key(10), Body=log_file("a", awsRegion="eu-west-1"))
    s3.put_object(Bucket="followed", Key=key(1, "elsewhere"), Body=log_file("not asked for"))
    expected = ["a", "a", "b", "c", "late"]
    until(lambda: kept(cairn) == expected, "late files are imported")
    # One is damaged, others go on, and it is taken once it is whole.
    s3.put_object(Bucket="followed", Key=key(2), Body=log_file("whole")[:-9])
    s3.put_object(Bucket="followed", Key=key(11), Body=log_file("after"))
    until(lambda: kept(cairn) == sorted([*expected, "after"]), "a damaged file stops nothing")
    damaged = until(lambda: (shown := status(cairn)[place])["FilesFailed"] == 1 and shown, "the damaged file is told")
    assert key(2) in damaged["Failures"][0] and damaged["Files"] == 6 and damaged.get("Failure") is None
    assert "1 file damaged" in cairn.cairn("status", check=False).out
    # Said once, however often it is tried.
    s3.put_object(Bucket="followed", Key=key(12), Body=log_file("later"))
    until(lambda: status(cairn)[place]["Files"] == 7, "another round is over")
    assert kept(cairn) == sorted([*expected, "after", "later"])
    said = cairn.log.read_text().count("a log file cannot be imported")
    assert said == 1, f"it is said {said} times"
    s3.put_object(Bucket="followed", Key=key(2), Body=log_file("whole"))
    expected = sorted([*expected, "after", "later", "whole"])
    until(lambda: kept(cairn) == expected, "the file that is whole now is imported")
    assert until(lambda: status(cairn)[place]["FilesFailed"] == 0, "nothing is damaged any more")
    # After a restart nothing is read again, and what came meanwhile is found.
    cairn.restart()
    s3 = cairn.client("s3")
    s3.put_object(Bucket="followed", Key=key(3), Body=log_file("restarted"))
    expected = sorted([*expected, "restarted"])
    until(lambda: kept(cairn) == expected, "a file that comes after a restart is imported")
    shown = status(cairn)[place]
    assert (shown["FilesImported"], shown["RecordsKept"], shown["Files"]) == (1, 1, 8)


def test_sigkill_loses_and_repeats_nothing(new_cairn):
    cairn = new_cairn(env={"CAIRN_FOLLOW": "s3://followed", "CAIRN_FOLLOW_INTERVAL": "1s"})
    cairn.client("s3").create_bucket(Bucket="followed")
    expected = []
    for round_, pause in enumerate((0.1, 0.9, 1.1, 0.5)):
        for number in range(30):
            # Each day's files sort before those of the round before.
            ids = [f"{round_}-{number}-{n}" for n in range(5)]
            cairn.client("s3").put_object(Bucket="followed", Key=key(number, day=f"{20 - round_:02}"), Body=log_file(*ids))
            expected += ids
        # Not a wait for something: the moment of the kill.
        time.sleep(pause)
        cairn.kill()
        cairn.start()
    until(lambda: kept(cairn) == sorted(expected), "everything is imported, once")


def test_an_event_data_store_is_filled(new_cairn):
    cairn = new_cairn()
    arn = cairn.client("cloudtrail").create_event_data_store(Name="followed", RetentionPeriod=3653)["EventDataStoreArn"]
    store = arn.split("/")[1]
    cairn.client("s3").create_bucket(Bucket="followed")
    cairn.client("s3").put_object(Bucket="followed", Key="p/" + key(1), Body=log_file("of-the-store"))
    cairn.settings |= {"CAIRN_FOLLOW": f"s3://followed/p/={store}, s3://followed/q/=00000000-0000-4000-8000-000000000000", "CAIRN_FOLLOW_INTERVAL": "1s"}
    cairn.restart()
    until(lambda: kept(cairn, store) == ["of-the-store"], "the store is filled")
    assert kept(cairn) == []
    assert "there is no event store 00000000" in until(lambda: status(cairn)["s3://followed/q/=00000000-0000-4000-8000-000000000000"].get("Failure"), "told")
    token = (cairn.data / "metrics-token").read_text().strip()
    _, _, figures = cairn.get("/metrics", {"authorization": f"Bearer {token}"})
    assert f'cairn_follow_imported_files_total{{place="s3://followed/p/={store}"}} 1' in figures.decode(), figures.decode()


def test_a_wrong_setting_is_refused(cairn):
    done = cairn.cairn("serve", "--follow", "logs", check=False)
    assert done.code == 1 and "s3://BUCKET" in done.err
