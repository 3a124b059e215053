"""The real `aws cloudtrail validate-logs`, and what it says."""

import datetime
import re

HOUR = datetime.timedelta(hours=1)


class Verdict:
    """What validate-logs found."""

    def __init__(self, done):
        self.done, self.code, self.out = done, done.code, done.out + done.err

    def counts(self, kind):
        """(valid, all) of `digest` or `log`."""
        found = re.search(rf"^(\d+)/(\d+) {kind} files valid", self.out, re.M)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def all_valid(self):
        digests, files = self.counts("digest"), self.counts("log")
        assert self.code == 0 and "INVALID" not in self.out, self.done
        assert digests[0] == digests[1] > 0 and files[0] == files[1], self.done
        return digests[1], files[1]

    def __repr__(self):
        return repr(self.done)


def validate(cairn, arn, region="us-east-1", since=HOUR, **more):
    """Over all that there is in a region, from an hour ago to an hour from now. Without --region the CLI takes the trail's home."""
    now = datetime.datetime.now(datetime.timezone.utc)
    form = "%Y-%m-%dT%H:%M:%SZ"
    words = ["cloudtrail", "validate-logs", "--trail-arn", arn, "--start-time", (now - since).strftime(form),
             "--end-time", (now + HOUR).strftime(form), "--verbose", "--region", region]
    for name, value in more.items():
        words += [f"--{name.replace('_', '-')}", value]
    return Verdict(cairn.aws(words, check=False, region=region))
