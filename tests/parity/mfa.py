"""Codes of a virtual MFA device, as a phone makes them. Source: RFC 6238."""

import base64
import hashlib
import hmac
import struct
import time

STEP = 30


def code(seed, step):
    """The code of a step, from the seed as the API shows it."""
    digest = hmac.new(base64.b32decode(seed), struct.pack(">q", step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def now():
    return int(time.time()) // STEP


class Phone:
    """A device of root. It has two codes that count right after it was enabled: each counts once."""

    def __init__(self, iam, name):
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
        self.serial, self.seed = made["SerialNumber"], made["Base32StringSeed"].decode()
        self.picture = made["QRCodePNG"]
        # Within one step, so that the codes are of the steps that are meant.
        if time.time() % STEP > STEP - 5:
            time.sleep(6)
        self.next = now()

    def enable(self, iam, user):
        """With the two codes before this moment's."""
        iam.enable_mfa_device(UserName=user, SerialNumber=self.serial, AuthenticationCode1=code(self.seed, self.next - 2),
                              AuthenticationCode2=code(self.seed, self.next - 1))
        return self

    def show(self):
        """What the header `x-amz-mfa` says, with a code that was not shown before."""
        while self.next > now() + 1:
            time.sleep(0.5)
        self.next = max(self.next, now())
        shown, self.next = code(self.seed, self.next), self.next + 1
        return f"{self.serial} {shown}"
