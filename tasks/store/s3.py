"""A store in an S3 bucket. The plain S3 API only: any endpoint that honours conditional puts will do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tasks.contract.errors import ArtifactMissing, Conflict, InvalidConfig, SourceUnavailable

ABSENT = {"404", "NoSuchKey", "NotFound"}
LOST = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}
DENIED = {"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket"}
PARTS = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=32 << 20, max_concurrency=4)


def client() -> Any:
    """A client of the deployment's object storage: endpoint and credentials as boto3 finds them in the environment."""
    settings = Config(
        retries={"mode": "standard", "max_attempts": 5},
        connect_timeout=5,
        read_timeout=60,
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client("s3", config=settings)


class S3Store:
    """Objects below `prefix` in a bucket; endpoint and credentials as boto3 finds them in the environment."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self.bucket, self.prefix = bucket, prefix
        with self._plain_errors("opening"):
            self._client = client()

    def get_tagged(self, key: str) -> tuple[bytes, str] | None:
        """See `Store`."""
        try:
            with self._plain_errors(key):
                answer = self._client.get_object(Bucket=self.bucket, Key=self._key(key))
                return answer["Body"].read(), answer["ETag"]
        except ArtifactMissing:
            return None

    def put(self, key: str, data: bytes, *, if_absent: bool = False, if_tag: str | None = None) -> str:
        """See `Store`."""
        condition = {"IfNoneMatch": "*"} if if_absent else {"IfMatch": if_tag} if if_tag is not None else {}
        with self._plain_errors(key):
            answer = self._client.put_object(Bucket=self.bucket, Key=self._key(key), Body=data, **condition)
        return str(answer["ETag"])

    def upload(self, path: Path, key: str) -> None:
        """See `Store`."""
        with self._plain_errors(key):
            self._client.upload_file(str(path), self.bucket, self._key(key), Config=PARTS)

    def download(self, key: str, path: Path) -> str:
        """See `Store`."""
        digest = hashlib.sha256()
        with self._plain_errors(key), path.open("wb") as target:
            body = self._client.get_object(Bucket=self.bucket, Key=self._key(key))["Body"]
            for chunk in body.iter_chunks(1 << 20):
                digest.update(chunk)
                target.write(chunk)
        return digest.hexdigest()

    def names(self, prefix: str) -> Iterator[str]:
        """See `Store`."""
        pages = self._client.get_paginator("list_objects_v2")
        with self._plain_errors(prefix):
            for page in pages.paginate(Bucket=self.bucket, Prefix=self._key(prefix)):
                for entry in page.get("Contents", []):
                    yield entry["Key"].removeprefix(f"{self.prefix}/" if self.prefix else "")

    def delete(self, key: str) -> None:
        """See `Store`."""
        with self._plain_errors(key):
            self._client.delete_object(Bucket=self.bucket, Key=self._key(key))

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    @contextmanager
    def _plain_errors(self, key: str) -> Iterator[None]:
        where = f"s3://{self.bucket}/{self._key(key)}"
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in DENIED:
                raise InvalidConfig(
                    f"{where}: the store says {code}; check bucket and credentials"
                ) from error
            if code in ABSENT:
                raise ArtifactMissing(f"{where} does not exist") from error
            if code in LOST:
                raise Conflict(f"{where} was written by another") from error
            raise SourceUnavailable(f"{where}: the store says {code}") from error
        except (BotoCoreError, S3UploadFailedError) as error:
            raise SourceUnavailable(f"{where}: {error}") from error
