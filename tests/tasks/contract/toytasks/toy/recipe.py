"""Write three files."""

from __future__ import annotations

from typing import Any

from tasks.job import Job


def run(job: Job) -> dict[str, Any]:
    """One small file, one of two megabytes, one in a folder."""
    (job.out / "a.txt").write_text(job.params.word)
    (job.out / "b.bin").write_bytes(job.params.word.encode() * (2_000_000 // len(job.params.word)))
    (job.out / "deep").mkdir()
    (job.out / "deep" / "c.txt").write_text("c")
    return {"word": job.params.word}
