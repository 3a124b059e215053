"""A browser as tests of pages use it."""

import http.client
import http.cookies
import json
import re
import urllib.parse

import boto3

from server import ACCOUNT

SIGN_IN = "/.cairn/signin"


class Browser:
    """Keeps cookies, sends forms as they are on the page, and follows no redirection by itself."""

    def __init__(self, server):
        self.server, self.cookies, self.page, self.path = server, {}, "", SIGN_IN

    def send(self, method, path, body=None, headers=None):
        headers = {"user-agent": "parity browser", "accept": "text/html", **(headers or {})}
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection(self.server.host, timeout=60)
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        self.page, self.path, self.headers = response.read().decode(), path, response.headers
        for line in response.headers.get_all("set-cookie") or []:
            assert "HttpOnly" in line and "SameSite=Strict" in line, line
            for name, cookie in http.cookies.SimpleCookie(line).items():
                if cookie["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = cookie.value
        connection.close()
        return response.status

    def get(self, path=SIGN_IN):
        return self.send("GET", path)

    def submit(self, action=None, **fields):
        """Sends the form of the page (with this action) with these fields filled in."""
        forms = re.findall(r'<form method="post" action="([^"]+)">(.*?)</form>', self.page, re.S)
        action, body = next(form for form in forms if action in (None, form[0]))
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', body))
        unknown = set(fields) - set(re.findall(r'name="([^"]+)"', body))
        assert not unknown, unknown
        content = urllib.parse.urlencode({**hidden, **fields})
        return self.send("POST", action, content, {
            "content-type": "application/x-www-form-urlencoded", "origin": self.server.endpoint, "sec-fetch-site": "same-origin",
        })

    def sign_in(self, user, password, account=ACCOUNT, **more):
        self.get()
        return self.submit(account=account, user=user, password=password, **more)

    def credentials(self):
        assert self.send("POST", "/.cairn/credentials", headers={"x-cairn-console": "1"}) == 200, self.page
        return json.loads(self.page)

    def session(self):
        given = self.credentials()
        return boto3.session.Session(given["accessKeyId"], given["secretAccessKey"], given["sessionToken"], region_name="us-east-1")
