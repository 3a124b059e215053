#!/usr/bin/env python3
"""Makes policies.jsonl.gz of the AWS-managed policies that the Python package moto carries. See PROVENANCE.md.

    pip install moto==5.2.1 && python3 make.py
"""

import base64
import gzip
import hashlib
import json
from pathlib import Path

from moto.iam.aws_managed_policies import aws_managed_policies_data

here = Path(__file__).resolve().parent
ORDER = ["Version", "Id", "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"]


def ordered(document):
    """Members in the order in which people write them."""
    if isinstance(document, list):
        return [ordered(item) for item in document]
    if not isinstance(document, dict):
        return document
    known = [key for key in ORDER if key in document]
    return {key: ordered(document[key]) if key == "Statement" else document[key] for key in known + sorted(set(document) - set(known))}


def line(path, name, created, updated, version, document, known):
    arn = f"arn:aws:iam::aws:policy{path}{name}"
    digest = base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()[:17]
    about = known.get(path + name, {})
    members = {"path": path, "name": name, "id": about.get("id", "ANPA" + digest), "created": created, "updated": updated,
               "version": version, "description": about.get("description"), "document": ordered(document)}
    return json.dumps(members, separators=(",", ":"))


known = json.loads((here / "known.json").read_text())
lines = [
    line(policy["Path"], name, policy["CreateDate"], policy["UpdateDate"], policy["DefaultVersionId"], policy["Document"], known)
    for name, policy in json.loads(aws_managed_policies_data).items()
]
for extra in json.loads((here / "more.json").read_text()):
    lines.append(line(*(extra[key] for key in ("path", "name", "created", "updated", "version", "document")), known))
text = "\n".join(sorted(lines, key=lambda text: json.loads(text)["name"].lower())) + "\n"
with open(here / "policies.jsonl.gz", "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
    packed.write(text.encode())
