#!/usr/bin/env python3
"""Writes Tests/Fixtures/Signatures.json: requests to S3, and how botocore signs them (Signature Version 4).

    signatures_golden.py [OUT]

Each case has the request, the credentials and the time, and botocore's headers; the first cases cover what requests of
remote stores look like, the others are drawn. `stamps` are times as botocore spells them.
"""

import datetime
import importlib.metadata
import json
import pathlib
import random
import string
import sys
import unittest.mock
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

SEED = 20261127
ROOT = pathlib.Path(__file__).resolve().parents[2]


def signed(case):
    """The headers that botocore adds to a request."""
    query = urllib.parse.urlencode([tuple(pair) for pair in case["query"]], quote_via=urllib.parse.quote, safe="-_.~")
    url = f"https://{case['host']}{case['path']}" + (f"?{query}" if query else "")
    request = botocore.awsrequest.AWSRequest(
        method=case["method"], url=url, headers={**dict(case["headers"]), "X-Amz-Content-SHA256": case["body"]})
    credentials = botocore.credentials.Credentials(case["key"], case["secret"], case["token"])
    time = datetime.datetime.fromtimestamp(case["time"], datetime.timezone.utc)
    signer = botocore.auth.S3SigV4Auth(credentials, "s3", case["region"])
    with unittest.mock.patch("botocore.auth.get_current_datetime", return_value=time.replace(tzinfo=None)), \
            unittest.mock.patch.object(signer, "payload", return_value=case["body"]):
        signer.add_auth(request)
    names = ["X-Amz-Date", "X-Amz-Content-SHA256", "X-Amz-Security-Token", "Authorization"]
    return {name.lower(): request.headers[name] for name in names if request.headers.get(name)}


def main():
    randomly = random.Random(SEED)

    def word(letters, least, most):
        return "".join(randomly.choice(letters) for _ in range(randomly.randint(least, most)))

    def digest():
        return word("0123456789abcdef", 64, 64)

    def base(**members):
        case = {
            "method": "GET", "host": "bucket.s3.us-east-1.amazonaws.com", "path": f"/cas/{digest()}", "query": [],
            "headers": [], "body": digest(), "key": "AKIDEXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "token": None, "region": "us-east-1", "time": 1_440_938_160,
        }
        return {**case, **members}

    cases = [
        base(), base(method="HEAD"), base(method="PUT"), base(token="AQoDYXdzEPT//////////wEXAMPLE=="),
        base(host="127.0.0.1:5000", path=f"/bucket/a%20b/%C3%A9~x/ac/{digest()}"),
        base(method="POST", query=[["uploads", ""]]),
        base(method="PUT", query=[["partNumber", "10"], ["uploadId", "a+b/c=d &é~"]]),
        base(method="DELETE", query=[["uploadId", "x.y_z-~"]]),
        base(headers=[["Range", "bytes=0-9"], ["X-Amz-Meta-Note", "  two   spaces  "]]),
    ]
    path_letters = string.ascii_letters + string.digits + "-._~ é!$&'()*+,;=:@#?%[]日"
    for _ in range(191):
        parts = [urllib.parse.quote(word(path_letters, 1, 12), safe="-._~") for _ in range(randomly.randint(1, 4))]
        query = {word(path_letters, 1, 8): word(path_letters, 0, 10) for _ in range(randomly.choice([0, 0, 1, 2, 4]))}
        cases.append(base(
            method=randomly.choice(["GET", "HEAD", "PUT", "POST", "DELETE"]),
            host=randomly.choice(["bucket.s3.eu-central-1.amazonaws.com", "localhost:9000", "store.example.org"]),
            path="/" + "/".join(parts), query=sorted(map(list, query.items())),
            headers=randomly.choice([[], [["x-amz-meta-" + word(string.ascii_lowercase, 1, 6), word(path_letters[:66], 1, 9)]]]),
            key=word(string.ascii_uppercase + string.digits, 16, 20),
            secret=word(string.ascii_letters + string.digits + "/+", 40, 40),
            token=randomly.choice([None, word(string.ascii_letters + string.digits + "/+=", 40, 200)]),
            region=randomly.choice(["us-east-1", "eu-central-1", "ap-southeast-2", "cn-north-1"]),
            time=randomly.randint(0, 4_102_444_799)))
    # Days around the ends of months and years, and leap days.
    stamps = {}
    for year in (1970, 1972, 1999, 2000, 2024, 2026, 2099, 2100, 2400):
        for month, day in ((1, 1), (2, 28), (3, 1), (12, 31)):
            for second in (0, 86_399):
                time = datetime.datetime(year, month, day, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=second)
                stamps[time.strftime(botocore.auth.SIGV4_TIMESTAMP)] = int(time.timestamp())
    for case in cases:
        case["signed"] = signed(case)
    text = json.dumps({
        "script": "tools/oracles/signatures_golden.py", "seed": SEED,
        "tools": {"botocore": importlib.metadata.version("botocore")}, "cases": cases, "stamps": stamps,
    }, indent=1, ensure_ascii=False, sort_keys=True)
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "Tests/Fixtures/Signatures.json"
    out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
