"""A cairn server of one's own, and the clients that talk to it: the AWS CLI, boto3 and raw signed HTTP."""

import http.client
import json
import os
import secrets
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import boto3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
CAIRN = os.environ.get("CAIRN_BIN", str(Path(__file__).resolve().parents[2] / "target/debug/cairn"))
AWS = str(Path(sys.executable).with_name("aws"))
# Generous, because a busy machine is no defect; what never happens still fails.
DEADLINE = 60


class Failed(AssertionError):
    """A command ended otherwise than it had to."""


class Done:
    """How a command ended."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"$ {shlex.join(self.argv)}\nexit {self.code}\nstdout: {self.out}\nstderr: {self.err}"


def until(check, what, seconds=DEADLINE):
    """Polls until `check` gives something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def error_of(call, *args, **kwargs):
    """Calls and returns (code, HTTP status, message) of the refusal that must come."""
    try:
        answer = call(*args, **kwargs)
    except ClientError as error:
        response = error.response
        return response["Error"].get("Code"), response["ResponseMetadata"]["HTTPStatusCode"], response["Error"].get("Message")
    raise Failed(f"was to be refused, but answered {answer}")


class Server:
    """One `cairn serve` on its own folder and port."""

    def __init__(self, folder, delivery="1h", digest="1h", env=None, ca=None):
        """`ca`: the certificates that clients are to trust, if the server's settings make it speak TLS."""
        self.ca = ca and str(ca)
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.home = self.folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "server.log"
        self.key = "AKIA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
        self.secret = secrets.token_urlsafe(30)
        self.settings = {
            "CAIRN_LISTEN": "127.0.0.1:0",
            "CAIRN_DATA_DIR": str(self.data),
            "CAIRN_ROOT_ACCESS_KEY_ID": self.key,
            "CAIRN_ROOT_SECRET_ACCESS_KEY": self.secret,
            "CAIRN_DELIVERY_INTERVAL": delivery,
            "CAIRN_DIGEST_INTERVAL": digest,
            **(env or {}),
        }
        self.process = None
        self.endpoint = None
        self._clients = {}

    # The process.

    def base_env(self):
        return {"PATH": f"{Path(sys.executable).parent}:{Path(CAIRN).parent}:{os.environ['PATH']}", "HOME": str(self.home), "LANG": "C.UTF-8"}

    def spawn(self, *args, **kwargs):
        return subprocess.Popen([CAIRN, "serve", *args], env={**self.base_env(), **self.settings}, **kwargs)

    def start(self):
        endpoint = self.data / "endpoint"
        endpoint.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = self.spawn(stdout=log, stderr=log)

        def ready():
            if self.process.poll() is not None:
                raise Failed(f"cairn ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
            if not endpoint.exists() or not (text := endpoint.read_text().strip()):
                return False
            self.endpoint = text
            return self.get("/readyz")[0] == 200

        until(ready, "the server is ready")
        self._clients.clear()
        return self

    def stop(self):
        """Asks it to stop, and waits until it did."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        self.check_log()
        return code

    def kill(self):
        self.process.kill()
        self.process.wait(DEADLINE)

    def restart(self):
        assert self.stop() == 0
        return self.start()

    def check_log(self):
        text = self.log.read_text(errors="replace")
        assert "panicked" not in text, text[text.index("panicked") - 500:][:3000]

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def host(self):
        return self.endpoint.split("://")[1]

    # The cairn command.

    def cairn(self, *args, check=True, env=None):
        return run([CAIRN, *args], {**self.base_env(), **self.settings, **(env or {})}, check)

    def flush(self):
        """Everything recorded so far is in log files and digests."""
        return self.cairn("flush")

    # Plain HTTP.

    def get(self, path, headers=None):
        return self.http("GET", path, headers=headers)

    def http(self, method, path, body=None, headers=None):
        """One request as it is given; returns status, headers (lower case) and body."""
        if self.endpoint.startswith("https:"):
            context = ssl.create_default_context(cafile=self.ca)
            connection = http.client.HTTPSConnection(self.host, timeout=DEADLINE, context=context)
        else:
            connection = http.client.HTTPConnection(self.host, timeout=DEADLINE)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        except ConnectionError:
            return 0, {}, b""
        finally:
            connection.close()

    def signed(self, method, path, body=b"", headers=None, service="s3", region="us-east-1", key=None, secret=None, alter=None):
        """One request signed by botocore; `alter(request)` may change it after it was signed."""
        request = AWSRequest(method, self.endpoint + path, data=body, headers={"host": self.host, **(headers or {})})
        signer = S3SigV4Auth if service == "s3" else SigV4Auth
        auth = signer(Credentials(key or self.key, secret or self.secret), service, region)
        if given := (headers or {}).get("x-amz-content-sha256"):
            auth.payload = lambda _: given
        auth.add_auth(request)
        if alter:
            alter(request)
        headers = {name: value for name, value in request.headers.items()}
        return self.http(request.method, request.url.removeprefix(self.endpoint), request.data, headers)

    def json_call(self, target, body, service, version="1.1", **kwargs):
        headers = {"x-amz-target": target, "content-type": f"application/x-amz-json-{version}"}
        return self.signed("POST", "/", json.dumps(body).encode(), headers, service, **kwargs)

    # boto3.

    def client(self, service, region="us-east-1", key=None, secret=None, endpoint=None, **config):
        at = (service, region, key, secret, endpoint, repr(config))
        if at not in self._clients:
            session = boto3.session.Session(key or self.key, secret or self.secret, region_name=region)
            config.setdefault("retries", {"total_max_attempts": 1, "mode": "standard"})
            if service == "s3":
                # Presigned URLs would be of Signature Version 2 otherwise.
                config.setdefault("signature_version", "s3v4")
                config.setdefault("s3", {"addressing_style": "path"})
            self._clients[at] = session.client(service, endpoint_url=endpoint or self.endpoint, config=Config(**config),
                                                  verify=self.ca)
        return self._clients[at]

    def user(self, name, admin=False):
        """A new IAM user; returns its key id and secret."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if admin:
            iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    # The AWS CLI.

    def aws_env(self, key=None, secret=None, region="us-east-1"):
        return {
            **self.base_env(),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key or self.key,
            "AWS_SECRET_ACCESS_KEY": secret or self.secret,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
            **({"AWS_CA_BUNDLE": self.ca} if self.ca else {}),
        }

    def aws(self, command, check=True, key=None, secret=None, region="us-east-1", stdin=None, cwd=None):
        """Runs `aws …`; a string is split as a shell would."""
        argv = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
        return run([AWS, *argv], self.aws_env(key, secret, region), check, stdin, cwd)

    def sh(self, script, check=True, cwd=None, env=None, **aws):
        """Runs shell lines as a user would type them, the AWS tools pointing at the server."""
        return run(["bash", "-c", script], {**self.aws_env(**aws), **(env or {})}, check, cwd=cwd)

    # Trails.

    def bucket_for_trails(self, name, region="us-east-1", prefix=""):
        """A bucket that CloudTrail may write to."""
        s3 = self.client("s3", region)
        if region == "us-east-1":
            s3.create_bucket(Bucket=name)
        else:
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(trail_policy(name)))
        return name

    def trail(self, name, bucket, region="us-east-1", start=True, **settings):
        """A trail with log file validation, logging; returns its ARN."""
        cloudtrail = self.client("cloudtrail", region)
        settings.setdefault("EnableLogFileValidation", True)
        arn = cloudtrail.create_trail(Name=name, S3BucketName=bucket, **settings)["TrailARN"]
        if start:
            cloudtrail.start_logging(Name=name)
        return arn


def trail_policy(bucket, write=True):
    statements = [{
        "Sid": "AWSCloudTrailAclCheck", "Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}",
    }, {
        "Sid": "AWSCloudTrailWrite", "Effect": "Allow" if write else "Deny", "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
    }]
    return {"Version": "2012-10-17", "Statement": statements}


def run(argv, env, check=True, stdin=None, cwd=None, timeout=240):
    done = subprocess.run(argv, env=env, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, text=True, timeout=timeout)
    result = Done(argv, done.returncode, done.stdout, done.stderr)
    if check and result.code != 0:
        raise Failed(repr(result))
    return result


def fetch(url, method="GET", body=None, headers=None):
    """Opens a (presigned) URL; returns status and body."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def quote(text):
    return urllib.parse.quote(text, safe="")


def free(folder):
    shutil.rmtree(folder, ignore_errors=True)
