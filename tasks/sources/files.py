"""Files by address: a path below PIPELINE_DATA, http(s)://..., or s3://bucket/key in the deployment's own storage."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tasks.contract.config import Config
from tasks.contract.errors import BadData, InvalidConfig, InvalidParams, SourceUnavailable
from tasks.sources.http import checked_url, download, room_for, validators
from tasks.sources.resume import Shelf

SIBLINGS = {".shp": (".shp", ".shx", ".dbf", ".prj", ".cpg"), ".asc": (".asc", ".prj")}
State = Mapping[str, Any]


def state_of(address: str) -> dict[str, Any]:
    """What changes when the content does, as cheaply as the source allows."""
    scheme = scheme_of(address)
    if is_folder(address):
        if scheme == "s3":
            return {"objects": {key: [etag, size] for key, etag, size in _objects(address)}}
        return {"sha256": {path.name: sha256(path) for path in _folder_files(address)}}
    if scheme == "s3":
        return _s3_state(address)
    if scheme:
        return _http_state(address)
    return {"sha256": {part.name: sha256(part) for part in parts(data_file(address))}}


def fetch(address: str, state: State, folder: Path, *, scratch: Shelf | None = None) -> Path:
    """The file as a local one, downloaded into `folder` under its own name unless it is local already."""
    scheme = scheme_of(address)
    if is_folder(address):
        raise InvalidParams(f"{address!r} names a folder where one file is expected")
    path = data_file(address) if not scheme else folder / safe_name(address)
    digest = ""
    if scheme == "s3":
        _s3_download(address, path)
    elif scheme:
        digest = download(address, path, scratch=scratch)
    now = {"sha256": digest} if set(state) == {"sha256"} and digest else state_of(address)
    _unchanged(address, state, now)
    return path


def fetch_all(address: str, state: State, folder: Path) -> list[Path]:
    """All files of a folder of tiles, by name; one file is a folder of one."""
    if not is_folder(address):
        return [fetch(address, state, folder)]
    if scheme_of(address) != "s3":
        _unchanged(address, state, state_of(address))
        return _folder_files(address)
    bucket = urlsplit(address).netloc
    paths = []
    for number, key in enumerate(sorted(state["objects"])):
        path = folder / f"{number:05d}-{safe_name(key)}"
        _s3_download(f"s3://{bucket}/{key}", path)
        paths.append(path)
    _unchanged(address, state, state_of(address))
    return paths


def scheme_of(address: str) -> str:
    """http, https, s3, or nothing for a path; what GDAL alone would understand is refused."""
    if address.lstrip("/").lower().startswith("vsi") or re.match(r"(?i)[a-z0-9_]+:(?!//)", address):
        raise InvalidParams(
            f"{address!r} is an address for GDAL, which would go past the list of allowed hosts; "
            "write https://..., s3://bucket/key or a path below PIPELINE_DATA"
        )
    scheme, found, _ = address.partition("://")
    if not found:
        return ""
    if scheme not in ("http", "https", "s3"):
        raise InvalidParams(f"an address is http://, https://, s3:// or a path, found {address!r}")
    if scheme != "s3":
        checked_url(address)
    return scheme


def is_folder(address: str) -> bool:
    """Whether an address means many files: it ends in a slash or a pattern."""
    many = address.endswith("/") or "*" in address.rpartition("/")[2]
    if many and address.startswith("http"):
        raise InvalidParams(
            f"{address!r}: a web address names one file; folders are read from disk or s3:// only"
        )
    return many


def safe_name(address: str) -> str:
    """The last part of an address, without anything a file's name should not hold."""
    name = unquote(urlsplit(address).path).rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".-")[-100:] or "file"


def data_file(path: str) -> Path:
    """The file at `path` below PIPELINE_DATA; links are followed before the check."""
    found = _below(path)
    if not found.is_file():
        raise BadData(f"there is no file {path!r} below PIPELINE_DATA; put it there or change the path")
    return found


def parts(path: Path) -> list[Path]:
    """The files that make up a data set: a shapefile's siblings, a grid's projection, else the file itself."""
    suffixes = SIBLINGS.get(path.suffix.lower())
    if not suffixes:
        return [path]
    siblings = {sibling.suffix.lower(): sibling for sibling in path.parent.glob(f"{path.stem}.*")}
    return [siblings[suffix] for suffix in suffixes if suffix in siblings]


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _below(path: str) -> Path:
    root = os.environ.get("PIPELINE_DATA")
    if not root:
        raise InvalidConfig(
            f"PIPELINE_DATA is not set, so {path!r} cannot be found; set it to the data folder"
        )
    base = Path(root).resolve()
    found = (base / path).resolve()
    if not found.is_relative_to(base):
        raise InvalidParams(f"path {path!r} leads out of PIPELINE_DATA; name a file inside it")
    return found


def _folder_files(address: str) -> list[Path]:
    start, _, pattern = address.rpartition("/")
    folder = _below(start)
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    wanted = [name for name in names if fnmatchcase(name, pattern or "[!.]*") and (folder / name).is_file()]
    found = [data_file(f"{start}/{name}") for name in wanted]
    if not found:
        raise BadData(f"no file matches {address!r} below PIPELINE_DATA; put it there or change the path")
    return found


def _unchanged(address: str, expected: State, found: State) -> None:
    if dict(expected) != dict(found):
        raise SourceUnavailable(f"{address} changed while it was taken; try again when it is complete")


def _http_state(url: str) -> dict[str, Any]:
    found = validators(url)
    if "etag" in found or "modified" in found:
        return found
    with tempfile.TemporaryDirectory(dir=os.environ.get("PIPELINE_WORK")) as folder:
        return {"sha256": download(url, Path(folder) / "content")}


@contextmanager
def _s3(address: str) -> Iterator[tuple[Any, str, str]]:
    """A client, the bucket and the key of an address in a bucket that is allowed."""
    from botocore.exceptions import BotoCoreError, ClientError

    from tasks.store.s3 import client

    bucket, key = urlsplit(address).netloc, address.partition("://")[2].partition("/")[2]
    if bucket not in Config().hosts("buckets"):
        raise InvalidParams(
            f"bucket {bucket!r} is not among those that data may come from; add it to hosts.toml if it shall be"
        )
    try:
        yield client(), bucket, key
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in ("404", "NoSuchKey", "NotFound", "NoSuchBucket"):
            raise BadData(f"there is no object {address}; put it there or change the address") from error
        if code in ("401", "403", "AccessDenied"):
            raise BadData(f"{address} may not be read with the credentials that are set ({code})") from error
        raise SourceUnavailable(f"{address}: the object storage answers {code}; try again later") from error
    except BotoCoreError as error:
        raise SourceUnavailable(f"{address}: the object storage does not answer: {error}") from error


def _s3_state(address: str) -> dict[str, Any]:
    with _s3(address) as (client, bucket, key):
        answer = client.head_object(Bucket=bucket, Key=key)
    return {"etag": answer["ETag"], "size": answer["ContentLength"]}


def _s3_download(address: str, path: Path) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with _s3(address) as (client, bucket, key), room_for(address):
            client.download_file(bucket, key, str(part))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _objects(address: str) -> list[tuple[str, str, int]]:
    with _s3(address) as (client, bucket, key):
        start, _, pattern = key.rpartition("/")
        prefix = f"{start}/" if start else ""
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        listed = [entry for page in pages for entry in page.get("Contents", [])]
    found = [
        (entry["Key"], entry["ETag"], entry["Size"])
        for entry in listed
        if entry["Size"] and fnmatchcase(entry["Key"].removeprefix(prefix), pattern or "*")
    ]
    if not found:
        raise BadData(f"no object matches {address}; put it there or change the address")
    return sorted(found)
