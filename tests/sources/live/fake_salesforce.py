"""Salesforce as its contract describes it: a login of its own, SOQL, locators, the recycle bin, closed columns."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from .serving import Fake

VERSION = "/services/data/v61.0"
TIMES = {"CreatedDate", "ClosedDate", "SystemModstamp", "LastModifiedDate", "MessageDate"}
IDS = {"Id", "ParentId", "CaseId", "OwnerId", "ContactId", "AccountId", "MasterRecordId"}
COLUMNS: dict[str, dict[str, str | None]] = {  # field: the name of its relation
    "Case": {
        **dict.fromkeys(
            "Id CaseNumber Subject Description Status Priority Origin Type Reason IsClosed ClosedDate CreatedDate "
            "LastModifiedDate SystemModstamp IsDeleted SuppliedEmail Rating__c Product__c".split()
        ),
        "MasterRecordId": "MasterRecord",
        "ContactId": "Contact",
        "AccountId": "Account",
        "OwnerId": "Owner",
        "RecordTypeId": "RecordType",
    },
    "CaseComment": {
        **dict.fromkeys("Id CommentBody IsPublished CreatedDate SystemModstamp IsDeleted".split()),
        "ParentId": "Parent",
        "CreatedById": "CreatedBy",
    },
    "EmailMessage": {
        **dict.fromkeys("Id Incoming TextBody MessageDate Status CreatedDate SystemModstamp IsDeleted".split()),
        "ParentId": "Parent",
    },
    "CaseHistory": {**dict.fromkeys("Id Field OldValue NewValue CreatedDate".split()), "CaseId": "Case"},
}
TOKENS = re.compile(
    r"\s*(?:(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)|(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<word>[A-Za-z_][\w.]*)|(?P<number>\d+)|(?P<sign>>=|<=|!=|[=<>(),]))"
)
QUERY = re.compile(
    r"SELECT (?P<fields>.+?) FROM (?P<kind>\w+)(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<order>.+?))?"
    r"(?: LIMIT (?P<limit>\d+))?"
)
Row = dict[str, Any]


class Wrong(Exception):
    """What Salesforce says of a request that it refuses."""

    def __init__(self, code: str, message: str = "no", status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def iso(moment: dt.datetime) -> str:
    """Return a time as Salesforce writes it: milliseconds, no colon in the offset."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}+0000"


class FakeSalesforce(Fake):
    type = "salesforce"
    environment: ClassVar[dict[str, str]] = {
        "CXNLP_SALESFORCE_CLIENT_ID": "3MVG9-consumer",
        "CXNLP_SALESFORCE_CLIENT_SECRET": "sf-secret-1",
    }
    options: ClassVar[dict[str, Any]] = {
        "my_domain": "acme.my.salesforce.com",
        "start": "2026-01-01",
        "overlap_minutes": 5,
    }
    channel = "ticket"

    def __init__(self) -> None:
        super().__init__()
        self.numbers = itertools.count()
        self.rows: dict[str, dict[str, Row]] = {kind: {} for kind in COLUMNS}
        self.closed: set[str] = set()  # "Case.Reason", or "EmailMessage": what a permission closes
        self.tokens: list[str] = []
        self.revoked: set[str] = set()
        self.locators: dict[str, tuple[list[Row], int]] = {}
        self.queries: list[str] = []
        self.batch = 10
        self.most_rows: int | None = None  # a query that finds more takes too long
        self.used, self.daily = 18, 5000
        self.over_quota = False
        self.parents_are_many = False
        self.shows_changes = False  # a later page has its rows as they are by then, in the order of the query

    @property
    def secrets(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("sf-secret-1", *self.tokens)

    @property
    def instance(self) -> str:
        """Another name than the login's, as is usual."""
        return self.url.replace("127.0.0.1", "localhost")

    # What tests do

    def add(self, text: str, **fields: Any) -> str:
        """Add a case; return its id."""
        number, now = next(self.numbers), self.tick()
        ident = f"5005e00000{number:05}AAA"
        self.rows["Case"][ident] = {
            "Id": ident,
            "CaseNumber": f"{1026 + number:08}",
            "Subject": "Help",
            "Description": text,
            "Status": "New",
            "Priority": "Medium",
            "Origin": "Web",
            "Type": "Refund",
            "Reason": "Late",
            "IsClosed": False,
            "ClosedDate": None,
            "CreatedDate": iso(now),
            "LastModifiedDate": iso(now),
            "SystemModstamp": iso(now),
            "IsDeleted": False,
            "MasterRecordId": None,
            "ContactId": "0035e00000XYZabAAA",
            "AccountId": None,
            "SuppliedEmail": "kim@example.org",
            "OwnerId": "00G5e000001AbcdAAA",
            "Owner": {"Name": "Billing Queue", "Type": "Queue"},
            "RecordTypeId": "0125e000000AbcdAAA",
            "RecordType": {"DeveloperName": "Retail"},
            "Rating__c": None,
            "Product__c": None,
        } | fields
        return ident

    def change(self, case: str, **fields: Any) -> None:
        """Change fields of a case."""
        now = iso(self.tick())
        self.rows["Case"][case] |= {**fields, "SystemModstamp": now, "LastModifiedDate": now}

    def edit(self, case: str, text: str) -> None:
        """Change what the customer wrote."""
        self.change(case, Description=text)

    def delete(self, case: str) -> None:
        """Put a case into the recycle bin; its comments stay as they are."""
        self.change(case, IsDeleted=True)

    def empty_bin(self) -> None:
        """Empty the recycle bin."""
        for rows in self.rows.values():
            for ident in [ident for ident, row in rows.items() if row.get("IsDeleted")]:
                del rows[ident]

    def spoil(self, case: str) -> None:
        """Make a case break the contract."""
        self.rows["Case"][case]["CreatedDate"] = {"date": "yesterday"}

    def comment(self, case: str, text: str, user: str = "CspLitePortal", published: bool = True) -> str:
        """Add a comment to a case, which stays as it is."""
        said = {"CommentBody": text, "IsPublished": published, "CreatedBy": {"UserType": user}}
        return self._part("CaseComment", "00a5e00000", {"ParentId": case, "CreatedById": "0055e000001AbcdAAA", **said})

    def mail(self, case: str, text: str, incoming: bool = True, status: str = "1") -> str:
        """Add an e-mail to a case, which stays as it is."""
        said = {"ParentId": case, "Incoming": incoming, "TextBody": text, "Status": status}
        return self._part(
            "EmailMessage", "02s5e00000", {**said, "MessageDate": iso(self.now + dt.timedelta(minutes=1))}
        )

    def move(self, case: str, old: str, new: str) -> None:
        """Change the status of a case, which its history notes."""
        self.change(case, Status=new)
        said = {"CaseId": case, "Field": "Status", "OldValue": old, "NewValue": new}
        self._part("CaseHistory", "0175e00000", said)

    def touch(self, kind: str, ident: str, **fields: Any) -> None:
        """Change a comment or an e-mail."""
        self.rows[kind][ident] |= {**fields, "SystemModstamp": iso(self.tick())}

    def _part(self, kind: str, start: str, said: Row) -> str:
        now = iso(self.tick())
        ident = f"{start}{next(self.numbers):05}AAA"
        self.rows[kind][ident] = {"Id": ident, "CreatedDate": now, "SystemModstamp": now, "IsDeleted": False, **said}
        return ident

    def expected(self) -> dict[str, str]:
        """Return the text of each record that a whole pull must give, by id."""
        return {
            f"{ident}:first": f"{case['Subject']}. {case['Description']}"
            for ident, case in self.rows["Case"].items()
            if not case["IsDeleted"]
        }

    # What the vendor does

    def authorised(self, request: Request) -> bool:
        if request.url.path == "/services/oauth2/token":
            return True
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        there = request.headers["host"] == self.instance.removeprefix("http://")
        return there and scheme == "Bearer" and token in self.tokens and token not in self.revoked

    def headers(self, request: Request) -> dict[str, str]:
        return {"Sforce-Limit-Info": f"api-usage={self.used}/{self.daily}"}

    def answer(self, request: Request, body: bytes) -> Any:
        if request.url.path == "/services/oauth2/token":
            return self._token(request, body)
        try:
            if self.over_quota:
                raise Wrong("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403)
            return self._resource(request)
        except Wrong as wrong:
            said = [{"message": wrong.message, "errorCode": wrong.code}]
            return Response(json.dumps(said), wrong.status, media_type="application/json")

    def _token(self, request: Request, body: bytes) -> Any:
        given = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        wanted = {
            "grant_type": "client_credentials",
            "client_id": self.environment["CXNLP_SALESFORCE_CLIENT_ID"],
            "client_secret": self.environment["CXNLP_SALESFORCE_CLIENT_SECRET"],
        }
        if request.method != "POST" or given != wanted:
            return Response('{"error":"invalid_client","error_description":"invalid client credentials"}', 400)
        self.tokens.append(f"00D5e-token-{len(self.tokens)}")
        return {"access_token": self.tokens[-1], "instance_url": self.instance, "token_type": "Bearer"}

    def _resource(self, request: Request) -> Any:
        path = request.url.path
        if not path.startswith(VERSION):
            raise Wrong("NOT_FOUND", "The requested resource does not exist", 404)
        if len(str(request.url)) > 16_384:
            raise Wrong("URI_TOO_LONG", status=414)
        if found := re.fullmatch(rf"{VERSION}/sobjects/(\w+)/describe", path):
            return self._described(found[1])
        if path in (f"{VERSION}/query", f"{VERSION}/queryAll"):
            return self._start(request.query_params["q"], request, all_rows=path.endswith("All"))
        if found := re.fullmatch(rf"{VERSION}/query(?:All)?/(\w+)-(\d+)", path):
            if found[1] not in self.locators:
                raise Wrong("INVALID_QUERY_LOCATOR", "invalid query locator")
            return self._page(found[1], int(found[2]), request)
        raise Wrong("NOT_FOUND", "The requested resource does not exist", 404)

    def _described(self, kind: str) -> Any:
        if kind not in COLUMNS or kind in self.closed:
            raise Wrong("NOT_FOUND", "The requested resource does not exist", 404)
        return {
            "name": kind,
            "fields": [
                {
                    "name": name,
                    "relationshipName": relation,
                    "referenceTo": self._referred(relation),
                    "type": "datetime" if name in TIMES else "reference" if relation else "string",
                }
                for name, relation in COLUMNS[kind].items()
                if f"{kind}.{name}" not in self.closed
            ],
        }

    def _referred(self, relation: str | None) -> list[str]:
        """Return what a relation leads to."""
        several = {"Owner": ["Group", "User"], "Parent": ["Case", "Lead"] if self.parents_are_many else ["Case"]}
        return several.get(relation, [relation]) if relation else []

    def _start(self, soql: str, request: Request, *, all_rows: bool) -> Any:
        self.queries.append(soql)
        asked = QUERY.fullmatch(soql)
        if not asked or asked["kind"] not in COLUMNS or asked["kind"] in self.closed:
            raise Wrong("MALFORMED_QUERY", f"unexpected: {soql}")
        kind = asked["kind"]
        fields = asked["fields"].split(", ")
        order = [part.split() for part in (asked["order"] or "Id").split(", ")]
        for field in [*fields, *(part[0] for part in order)]:
            self._known(kind, field)
        fits = (
            Where(asked["where"], lambda field: self._known(kind, field)).read() if asked["where"] else lambda row: True
        )
        rows = [
            row
            for row in map(self._joined, self.rows[kind].values())
            if (all_rows or not row.get("IsDeleted")) and fits(row)
        ]
        for field, *direction in reversed(order):
            rows.sort(key=lambda row: str(row.get(field)), reverse=direction == ["DESC"])
        rows = rows[: int(asked["limit"])] if asked["limit"] else rows
        if self.most_rows is not None and len(rows) > self.most_rows:
            raise Wrong("QUERY_TIMEOUT", "Your query request was running for too long.")
        locator = f"01g5e{len(self.queries):010}"
        self.locators[locator] = ([_shown(kind, row, fields) for row in rows], len(rows))
        return self._page(locator, 0, request)

    def _joined(self, row: Row) -> Row:
        parent = self.rows["Case"].get(row.get("ParentId", ""))
        return row | ({"Parent": parent} if parent else {})

    def _known(self, kind: str, field: str) -> None:
        relation, dot, _ = field.partition(".")
        many = len(self._referred(relation)) > 1 and field.partition(".")[2] not in ("Name", "Type", "Id")
        if dot and (relation not in COLUMNS[kind].values() or many):
            raise Wrong("INVALID_FIELD", f"Didn't understand relationship '{relation}' in field path.")
        if not dot and (field not in COLUMNS[kind] or f"{kind}.{field}" in self.closed):
            raise Wrong("INVALID_FIELD", f"No such column '{field}' on entity '{kind}'.")

    def _page(self, locator: str, at: int, request: Request) -> Any:
        rows, total = self.locators[locator]
        if self.shows_changes:
            rows = [row | {key: value for key, value in self._held(row).items() if key in row} for row in rows]
        wanted = int(request.headers.get("sforce-query-options", "batchSize=2000").partition("=")[2])
        if not 200 <= wanted <= 2000:
            raise Wrong("INVALID_BATCH_SIZE")
        size = min(self.batch, wanted)  # it may be smaller than asked for
        if self.stuck:
            self.locators["stuck"] = (rows, total)
            following = f"{VERSION}/query/stuck-0"
        else:
            following = f"{VERSION}/query/{locator}-{at + size}"  # it says query for queryAll, too
        done = at + size >= total and not self.stuck
        more = {} if done else {"nextRecordsUrl": following}
        return {"totalSize": total, "done": done, **more, "records": rows[at : at + size]}

    def _held(self, row: Row) -> Row:
        return self.rows[row["attributes"]["type"]][row["Id"]]


def _shown(kind: str, row: Row, fields: list[str]) -> Row:
    """Return what was selected, fields of relations below their names."""
    shown: Row = {"attributes": {"type": kind, "url": f"{VERSION}/sobjects/{kind}/{row['Id']}"}}
    for field in fields:
        relation, dot, name = field.partition(".")
        if not dot:
            shown[field] = row.get(field)
        elif row.get(relation) is None:
            shown[relation] = None
        else:
            below = shown.setdefault(relation, {"attributes": {"type": "Name"}})
            below[name] = row[relation].get(name)
    return shown


class Where:
    """Reads a WHERE: AND and OR only mix in parentheses, times have no quotes, words have them."""

    def __init__(self, said: str, known: Callable[[str], None]) -> None:
        self.parts: list[tuple[str, str]] = []
        self.known = known
        at = 0
        while at < len(said):
            found = TOKENS.match(said, at)
            if not found or not found.lastgroup:
                raise Wrong("MALFORMED_QUERY", f"unexpected token at {said[at:]!r}")
            self.parts.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()

    def read(self) -> Callable[[Row], bool]:
        fits = self._mixed()
        if self.parts:
            raise Wrong("MALFORMED_QUERY", f"unexpected token: {self.parts[0][1]}")
        return fits

    def _take(self, *wanted: str) -> str:
        kind, said = self.parts.pop(0) if self.parts else ("", "")
        if wanted and kind not in wanted and said not in wanted:
            raise Wrong("MALFORMED_QUERY", f"unexpected token: {said}")
        return said

    def _mixed(self) -> Callable[[Row], bool]:
        fits, word = [self._one()], ""
        while self.parts and self.parts[0][1] in ("AND", "OR"):
            said = self._take()
            if word and said != word:
                raise Wrong("MALFORMED_QUERY", "AND and OR without parentheses")
            word = said
            fits.append(self._one())
        join = any if word == "OR" else all
        return lambda row: join(fit(row) for fit in fits)

    def _one(self) -> Callable[[Row], bool]:
        if self.parts and self.parts[0][1] == "(":
            self._take()
            fits = self._mixed()
            self._take(")")
            return fits
        field = self._take("word")
        self.known(field)
        sign = self._take("sign", "IN")
        if sign == "IN":
            self._take("(")
            among = [self._value(field)]
            while self._take(",", ")") == ",":
                among.append(self._value(field))
            return lambda row: _of(row, field) in among
        value = self._value(field)
        signs: dict[str, Callable[[Any, Any], bool]] = {
            "=": lambda a, b: a == b,
            "!=": lambda a, b: a != b,
            ">": lambda a, b: a > b,
            ">=": lambda a, b: a >= b,
            "<": lambda a, b: a < b,
            "<=": lambda a, b: a <= b,
        }
        return lambda row: (found := _of(row, field)) is not None and signs[sign](found, value)

    def _value(self, field: str) -> str | None:
        kind, said = self.parts.pop(0) if self.parts else ("", "")
        last = field.rpartition(".")[2]
        if kind == "word" and said == "null":
            return None
        if (last in TIMES) != (kind == "time") or kind not in ("time", "text"):
            raise Wrong("INVALID_FIELD", f"value of filter criterion for field '{field}' must be of another type")
        if kind == "time":
            return iso(dt.datetime.fromisoformat(said))
        if last in IDS and not re.fullmatch(r"'(\w{15}|\w{18})'", said):
            raise Wrong("INVALID_QUERY_FILTER_OPERATOR", "invalid ID field")
        return said[1:-1]


def _of(row: Row, field: str) -> Any:
    found: Any = row
    for part in field.split("."):
        found = (found or {}).get(part)
    return found
