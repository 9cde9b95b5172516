"""What schemathesis does beside its own checks: see .ci/fuzz.

The clock of `berth up` stands still while a request is answered, and everything that follows from one is done before the next
is taken. So whatever a refused request leaves in the tables, it has written.
"""

import atexit
import hashlib
import http.client
import json
import os
import threading

import schemathesis

API = os.environ["FUZZ_API"]
AWS = os.environ["FUZZ_AWS"]
COUNT = os.environ["FUZZ_COUNT"]
TABLES = ["berth-TenantsTable", "berth-ActivityTable", "berth-FleetTable"]

# Few tenants and rollouts, so that requests meet what others have left.
TENANTS = [f"tenant-{number}" for number in range(12)]
ROLLOUTS = [f"ro{number}" for number in range(1, 6)]

# After this many requests, this much virtual time passes: tenants start, fall asleep, crash, and are rolled out.
EVERY = 20
SECONDS = 45

# A request that waits for a tenant waits for the clock, so after this many real seconds time passes for it.
PATIENCE = 0.5


class State:
    api = http.client.HTTPConnection(API, timeout=120)
    aws = http.client.HTTPConnection(AWS, timeout=120)
    requests = 0
    moved = 0
    seen = None
    waiting = None
    before = (0, None)


state = State()


def post(connection, path, headers, body):
    connection.request("POST", path, json.dumps(body), headers)
    return connection.getresponse().read()


def advance(connection, seconds):
    post(connection, "/_local/clock", {}, {"advance_seconds": seconds})
    state.moved += 1


def written():
    """A digest of the tables, page by page as they are read: their order is the keys'."""
    digest = hashlib.sha256()
    for table in TABLES:
        request = {"TableName": table, "ConsistentRead": True}
        while request:
            page = post(state.aws, "/", {"X-Amz-Target": "DynamoDB_20120810.Scan"}, request)
            digest.update(page)
            # The last page has no such member, and a row that has one by this name costs a page more.
            last = json.loads(page).get("LastEvaluatedKey") if b"LastEvaluatedKey" in page else None
            request = last and {**request, "ExclusiveStartKey": last}
    return digest.hexdigest()


def pick(names, value):
    return names[int(hashlib.sha256(value.encode()).hexdigest(), 16) % len(names)]


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    value = (path_parameters or {}).get("id")
    path = context.operation.path
    if isinstance(value, str) and path.startswith("/tenants/") and value.isascii() and value.replace("-", "_").isidentifier():
        path_parameters["id"] = pick(TENANTS, value)
    if isinstance(value, str) and path.startswith("/rollouts/") and value.startswith("ro"):
        path_parameters["id"] = pick(ROLLOUTS, value)
    return path_parameters


@schemathesis.hook
def before_call(context, case, kwargs):
    if state.requests % EVERY == EVERY - 1:
        advance(state.api, SECONDS)
        state.seen = None
    if state.seen is None:
        state.seen = written()
    state.before = (state.moved, state.seen)
    # Dead letters are taken by a long poll.
    waits = "wait" in (case.query or {}) or case.path.startswith("/dead-letters")
    state.waiting = Waiting() if waits else None


@schemathesis.hook
def after_call(context, case, response):
    if state.waiting:
        state.waiting.end()
    state.requests += 1
    if response.status_code < 400 or state.moved != state.before[0]:
        state.seen = None


@schemathesis.check
def nothing_written_when_refused(ctx, response, case):
    if not 400 <= response.status_code < 500 or state.moved != state.before[0] or state.seen is None:
        return
    state.seen = written()
    if state.seen != state.before[1]:
        raise AssertionError(f"a request that was answered {response.status_code} has written")


class Waiting:
    """Lets time pass for a request that takes long."""

    def __init__(self):
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        connection = http.client.HTTPConnection(API, timeout=120)
        patience = PATIENCE
        while not self.over.wait(patience):
            advance(connection, 2)
            patience = 0.01

    def end(self):
        self.over.set()
        self.thread.join()


@atexit.register
def count():
    with open(COUNT, "a", encoding="utf-8") as file:
        file.write(f"{state.requests}\n")
