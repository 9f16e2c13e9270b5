"""Times the performance page as a browser would get it, without its style and scripts, which do not change."""

import re
import time
from http.client import HTTPConnection
from urllib.parse import urlencode


class Browser:
    """One connection and the cookies that it was told to keep."""

    def __init__(self, port):
        self.origin = f"http://127.0.0.1:{port}"
        self.connection = HTTPConnection("127.0.0.1", int(port), timeout=120)
        self.cookies = {}

    def ask(self, method, path, form=None):
        headers = {"Origin": self.origin, "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        begin = time.perf_counter()
        self.connection.request(method, path, body=form and urlencode(form), headers=headers)
        reply = self.connection.getresponse()
        body = reply.read().decode()
        took = time.perf_counter() - begin
        for cookie in reply.msg.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return took, reply.status, body

    def log_in(self, user, password):
        csrf = re.search(r'name="csrf" value="([^"]*)"', self.ask("GET", "/login")[2]).group(1)
        _, status, _ = self.ask("POST", "/login", {"csrf": csrf, "user": user, "password": password})
        if status != 303:
            raise RuntimeError(f"the login is answered with {status}")

    def view(self, path):
        took, status, _ = self.ask("GET", path)
        if status != 200:
            raise RuntimeError(f"{path} is answered with {status}")
        return took
