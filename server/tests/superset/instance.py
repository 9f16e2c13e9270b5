"""A Superset of one's own, headless, and what is asked of it over its REST API."""

import http.cookiejar
import json
import os
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request

ADMIN = "admin"
# Nothing listens there: what would go out to the world fails at once, where it heeds a proxy.
NOWHERE = "http://127.0.0.1:9"
PATIENCE = 300


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Superset:
    """A server in a folder of its own, which holds its metadata and its logs."""

    def __init__(self, python, home):
        os.mkdir(home)
        self.home = home
        self.port = _free_port()
        self.password = secrets.token_urlsafe()
        self.server = None
        self.command = [os.path.join(os.path.dirname(python), "superset")]
        # A configuration of the machine's own would be taken instead of the defaults.
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SUPERSET_", "FLASK_", "PYTHON", "PG"))}
        self.environment = kept | {
            "FLASK_APP": "superset.app:create_app()",
            "SUPERSET_HOME": home,
            "SUPERSET_SECRET_KEY": secrets.token_urlsafe(48),
            "SCARF_ANALYTICS": "false",
            "DO_NOT_TRACK": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TZ": "UTC",
            "no_proxy": "127.0.0.1",
            "http_proxy": NOWHERE,
            "https_proxy": NOWHERE,
        }

    def _log(self):
        return open(os.path.join(self.home, "log"), "ab")  # noqa: SIM115 (a process takes it)

    def _run(self, *arguments):
        with self._log() as log:
            done = subprocess.run(
                [*self.command, *arguments], env=self.environment, cwd=self.home, stdout=log, stderr=log, check=False
            )
        if done.returncode != 0:
            raise SystemExit(f"superset {arguments[0]} ended with {done.returncode}: {self.told()}")

    def told(self):
        """The end of what it logged."""
        with open(os.path.join(self.home, "log"), encoding="utf-8", errors="replace") as log:
            return log.read()[-4000:]

    def start(self):
        """Makes its metadata and an administrator, and serves; answers with a login."""
        self._run("db", "upgrade")
        named = ["--username", ADMIN, "--firstname", "A", "--lastname", "D", "--email", "admin@example.com"]
        self._run("fab", "create-admin", *named, "--password", self.password)
        self._run("init")
        with self._log() as log:
            self.server = subprocess.Popen(
                [*self.command, "run", "-h", "127.0.0.1", "-p", str(self.port), "--with-threads"],
                env=self.environment,
                cwd=self.home,
                stdout=log,
                stderr=log,
            )
        self._await()
        return Api(f"http://127.0.0.1:{self.port}", self.password)

    def _await(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.server.poll() is None:
            try:
                _opener().open(f"http://127.0.0.1:{self.port}/health", timeout=5).close()
            except OSError:
                time.sleep(0.2)
            else:
                return
        raise SystemExit(f"superset run did not begin to serve: {self.told()}")

    def stop(self):
        """Ends it, if it was started."""
        if self.server:
            self.server.kill()
            self.server.wait()


def _opener():
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)


class Refused(Exception):
    """An answer other than a success."""

    def __init__(self, status, answer):
        text = json.dumps(answer) if not isinstance(answer, str) else answer
        super().__init__(f"{status} {text[:1500]}")
        self.status = status
        self.answer = answer

    def errors(self):
        """What Superset tells its user of it: pairs of a type and a message."""
        if not isinstance(self.answer, dict):
            return []
        return [(error["error_type"], error["message"]) for error in self.answer.get("errors", [])]


class Api:
    """The REST API, logged in as its pages do: with a token, and one against forged requests beside its cookie."""

    def __init__(self, base, password):
        self.base = base
        self.opener = _opener()
        self.headers = {"Content-Type": "application/json"}
        login = {"username": ADMIN, "password": password, "provider": "db", "refresh": True}
        token = self.post("/api/v1/security/login", login)["access_token"]
        self.headers["Authorization"] = f"Bearer {token}"
        self.headers["X-CSRFToken"] = self.get("/api/v1/security/csrf_token/")["result"]

    def text(self, method, path, body=None):
        """Asks; answers with the text of a success, and raises `Refused` for anything else."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, method=method, data=data, headers=self.headers)
        try:
            with self.opener.open(request, timeout=PATIENCE) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            told = error.read().decode(errors="replace")
            try:
                told = json.loads(told)
            except ValueError:
                pass
            raise Refused(error.code, told) from None

    def get(self, path):
        return json.loads(self.text("GET", path))

    def post(self, path, body):
        return json.loads(self.text("POST", path, body))

    def put(self, path, body=None):
        return json.loads(self.text("PUT", path, body))
