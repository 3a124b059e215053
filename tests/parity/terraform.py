"""Terraform with the AWS provider from a folder: nothing is downloaded."""

import os
import shutil
from pathlib import Path

import pytest

from server import run

# Where providers lie: what is told, then Terraform's own places for them, then whatever a machine's image has put under /opt.
FOLDERS = [os.environ.get("CAIRN_TF_PLUGINS"), str(Path.home() / ".terraform.d/plugins"), "/usr/local/share/terraform/plugins",
           "/usr/share/terraform/plugins", *sorted(map(str, Path("/opt").glob("*")))]


def find():
    """(terraform, the folder with the provider), or the reason why there is none."""
    program = shutil.which("terraform")
    if not program:
        return None, "terraform is not on PATH"
    for folder in filter(None, FOLDERS):
        found = sorted(Path(folder).glob("*/hashicorp/aws/*"))
        if found:
            return (program, folder), found[-1].name
    return None, f"no folder of {', '.join(filter(None, FOLDERS))} has the AWS provider: set CAIRN_TF_PLUGINS"


def require():
    """Without Terraform its tests are skipped, but never in CI."""
    found, why = find()
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return found, why


PROVIDER = """
terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "{version}"
    }}
  }}
}}

provider "aws" {{
  region                      = "us-east-1"
  access_key                  = "{key}"
  secret_key                  = "{secret}"
  s3_use_path_style           = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = false
  max_retries                 = 1

  endpoints {{
    cloudtrail    = "{endpoint}"
    cloudwatch    = "{endpoint}"
    iam           = "{endpoint}"
    kms           = "{endpoint}"
    logs          = "{endpoint}"
    organizations = "{endpoint}"
    s3            = "{endpoint}"
    sns           = "{endpoint}"
    sqs           = "{endpoint}"
    sts           = "{endpoint}"
  }}
}}
"""


class Terraform:
    """A folder with a configuration, applied to a server."""

    def __init__(self, cairn, folder, text):
        (self.program, mirror), version = require()
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        rc = folder / "terraform.rc"
        rc.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path    = "{mirror}"\n    include = ["hashicorp/*"]\n  }}\n}}\n')
        provider = PROVIDER.format(version=version, key=cairn.key, secret=cairn.secret, endpoint=cairn.endpoint)
        (folder / "main.tf").write_text(provider + text)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TF_CLI_CONFIG_FILE": str(rc), "TF_IN_AUTOMATION": "1",
                    "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true"}
        self("init")

    def __call__(self, *words, check=True):
        return run([self.program, words[0], "-no-color", "-input=false", *words[1:]], self.env, check, cwd=self.folder, timeout=500)

    def apply(self, **variables):
        return self("apply", "-auto-approve", *self.given(variables))

    def nothing_to_do(self, **variables):
        """The plan after an apply has no changes."""
        done = self("plan", "-detailed-exitcode", *self.given(variables), check=False)
        assert done.code == 0, done

    def destroy(self, **variables):
        return self("destroy", "-auto-approve", *self.given(variables))

    @staticmethod
    def given(variables):
        return [word for name, value in variables.items() for word in ("-var", f"{name}={value}")]
