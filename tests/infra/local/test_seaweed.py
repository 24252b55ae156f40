"""Object storage: private to this machine and to its keys, and unhurt by a sudden end."""

from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local import seaweed


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = seaweed.start(tmp_path_factory.mktemp("seaweed"))
    yield running
    running.stop()


def client(server, credentials=None):
    credentials = credentials or server.credentials
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=seaweed.REGION,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
    )


def listening(ports):
    """Local addresses (kernel's notation) that listen on the ports."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            address, port = line.split()[1].split(":")
            if line.split()[3] == "0A" and int(port, 16) in ports:
                found.add(address)
    return found


def test_every_listener_is_on_loopback(server):
    assert listening(set(seaweed.port_block(server.port).values())) == {"0100007F"}


def test_the_first_of_two_conditional_puts_wins(server):
    s3 = client(server)
    s3.put_object(Bucket=server.bucket, Key="once", Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=server.bucket, Key="once", Body=b"second", IfNoneMatch="*")
    assert s3.get_object(Bucket=server.bucket, Key="once")["Body"].read() == b"first"


def test_other_keys_are_refused(server):
    stranger = seaweed.Credentials.random()
    with pytest.raises(ClientError):
        client(server, stranger).list_objects_v2(Bucket=server.bucket)
    wrong = seaweed.Credentials(server.credentials.access_key, stranger.secret_key)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(server, wrong).list_objects_v2(Bucket=server.bucket)
    assert not seaweed.is_ready(server.port, server.bucket, wrong)


def test_objects_survive_a_kill(tmp_path):
    first = seaweed.start(tmp_path)
    for number in range(20):
        client(first).put_object(Bucket=first.bucket, Key=f"{number}", Body=b"x" * number)
    first.kill()
    second = seaweed.start(tmp_path, first.port, credentials=first.credentials)
    try:
        sizes = {
            o["Key"]: o["Size"] for o in client(second).list_objects_v2(Bucket=second.bucket)["Contents"]
        }
    finally:
        second.stop()
    assert sizes == {f"{number}": number for number in range(20)}


def test_a_taken_port_is_an_error_that_names_the_log(server, tmp_path):
    with pytest.raises(seaweed.StorageFailed, match=r"seaweed\.log"):
        seaweed.start(tmp_path, server.port, timeout_s=5)
