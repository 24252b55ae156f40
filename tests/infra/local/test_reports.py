"""The reports' web server, over real HTTP: it gives out reports and nothing else, to this machine only."""

import http.client
import threading

import pytest

from infra.local import components, reports
from infra.local.settings import Settings

PAGE = b"<!DOCTYPE html><p>fine"
REPORT = "artifacts/dem-report/abc/0123456789ab"


@pytest.fixture
def ask(file_store, tmp_path):
    """ask(path, method) -> (status, headers, body)."""
    for key in ("reports/index.html", f"{REPORT}/index.html", f"{REPORT}/docs/validations/x.html"):
        file_store.put(key, PAGE)
    file_store.put("artifacts/augmented-tiles/abc/0/contact.png", b"tiles")
    file_store.put(f"{REPORT}/terrain.png", b"\x89PNG" + bytes(3_000_000))
    for key in (
        "refs/models/m.json",
        "artifacts/dem/abc/0/dem.json",
        "artifacts/augmented-tiles/abc/0/index.html",
        "reports/page.py",
        "reports/.tmp-x.html",
    ):
        file_store.put(key, b"secret")
    (tmp_path / "store" / "outside.html").write_bytes(b"secret")
    served = reports.server(file_store, 0)
    thread = threading.Thread(target=served.serve_forever, args=(0.02,))
    thread.start()

    def go(path, method="GET", host=None):
        connection = http.client.HTTPConnection(*served.server_address, timeout=10)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{served.server_port}")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    go.server = served
    yield go
    served.shutdown()
    thread.join()
    served.server_close()


def test_it_listens_on_loopback_only(ask):
    assert ask.server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/", "/reports", "/reports/"])
def test_the_start_leads_to_the_index(ask, path):
    status, headers, _ = ask(path)
    assert (status, headers["Location"]) == (302, "/reports/index.html")


def test_reports_are_given_out_with_their_type(ask):
    status, headers, body = ask("/reports/index.html")
    assert (status, headers["Content-Type"], body) == (200, "text/html; charset=utf-8", PAGE)
    status, headers, body = ask(f"/{REPORT}/terrain.png")
    assert (status, headers["Content-Type"], len(body)) == (200, "image/png", 3_000_004)
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_contact_sheet_of_a_data_set_is_given_out(ask):
    assert ask("/artifacts/augmented-tiles/abc/0/contact.png")[2] == b"tiles"


def test_head_has_the_headers_of_get_and_no_body(ask):
    status, headers, body = ask(f"/{REPORT}/terrain.png", "HEAD")
    assert (status, headers["Content-Length"], body) == (200, "3000004", b"")


@pytest.mark.parametrize(
    "path",
    [
        "/refs/models/m.json",
        "/artifacts/dem/abc/0/dem.json",
        "/artifacts/augmented-tiles/abc/0/index.html",
        "/reports/../refs/models/m.json",
        "/reports/%2e%2e/refs/models/m.json",
        "/reports/..%2frefs/models/m.json",
        "/reports/%252e%252e/refs/models/m.json",
        "/reports/..\\refs\\models\\m.json",
        "/artifacts/dem-report/../dem/abc/0/dem.json",
        "/artifacts/x/../dem-report/../dem/abc/0/dem.json",
        "/artifacts/dem/-report/dem.json",
        "/reports//index.html",
        "/reports/./index.html",
        "/reports/index.html%00.png",
        "/reports/.tmp-x.html",
        "/reports/page.py",
        "/reports/index.html/x.html",
        "/outside.html",
        "/artifacts/dem-report/",
        "/artifacts/dem-report/abc",
        "/etc/passwd",
    ],
)
def test_nothing_else_is_given_out(ask, path):
    status, headers, body = ask(path)
    assert (status, headers["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert body.count(b"\n") == 1
    assert b"secret" not in body
    assert path.encode() not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_it_only_reads(ask, method, file_store):
    assert ask("/reports/index.html", method)[0] == 501
    assert file_store.get_tagged("reports/index.html")[0] == PAGE


def test_a_page_elsewhere_cannot_read_along_under_its_own_name(ask):
    """DNS rebinding: the browser connects to loopback, the Host header tells whose page asked."""
    assert ask("/reports/index.html", host="evil.example")[0] == 421
    assert ask("/reports/index.html", host="localhost:8095")[0] == 200


def test_our_pages_run_no_script_and_data_docs_have_an_origin_of_their_own(ask):
    ours = ask("/reports/index.html")[1]["Content-Security-Policy"]
    report = ask(f"/{REPORT}/index.html")[1]["Content-Security-Policy"]
    assert ours == report
    assert "default-src 'none'" in ours
    assert "script-src" not in ours
    docs = ask(f"/{REPORT}/docs/validations/x.html")[1]["Content-Security-Policy"]
    assert "sandbox allow-scripts" in docs
    assert "allow-same-origin" not in docs


def test_without_an_index_it_says_when_there_will_be_one(ask, file_store):
    file_store.delete("reports/index.html")
    status, _, body = ask("/reports/index.html")
    assert status == 404
    assert b"end of each run of ingest" in body


def test_it_reads_from_a_real_object_storage_and_says_when_that_is_gone(s3_store, monkeypatch):
    s3_store.put("reports/index.html", PAGE)
    copy = reports.server(s3_store, 0)
    thread = threading.Thread(target=copy.serve_forever, args=(0.02,))
    thread.start()
    try:
        for bucket, status in ((s3_store.bucket, 200), ("no-such-bucket", 503)):
            s3_store.bucket = bucket
            connection = http.client.HTTPConnection(*copy.server_address, timeout=20)
            connection.request("GET", "/reports/index.html")
            answer = connection.getresponse()
            assert answer.status == status
            assert (answer.read() == PAGE) == (status == 200)
    finally:
        copy.shutdown()
        thread.join()
        copy.server_close()


def test_the_stack_has_it_after_the_storage(tmp_path):
    settings = Settings.of({"PIPELINE_LOCAL": str(tmp_path), "PIPELINE_PORT_BASE": "15000"})
    part = next(part for part in components.components(settings) if part.name == "reports")
    assert part.after == ("s3",)
    assert part.address == "http://127.0.0.1:15014/"
    assert part.command[-2:] == ["--port", "15014"]
