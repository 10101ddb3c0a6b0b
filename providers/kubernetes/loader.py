"""The loader: copies a project's data sets into its inputs and writes the content manifest.

It runs inside the TRE as the one user that may write inputs, and imports nothing but the standard library. It
is idempotent: a file that is there with the right digest is left alone; nothing is ever half-written.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

CHUNK = 1 << 20
MESSAGE_BYTES = 4096
"""What Kubernetes keeps of a container's termination message."""


def digest(file: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def copy(source: Path, target: Path) -> None:
    """Copy a file so that the target is whole or absent, and read-only."""
    partial = target.with_name(f".{target.name}.partial")
    with source.open("rb") as read, partial.open("wb") as write:
        while chunk := read.read(CHUNK):
            write.write(chunk)
        write.flush()
        os.fsync(write.fileno())
    partial.chmod(0o444)
    partial.replace(target)


def load(data_set: dict[str, str], inputs: Path) -> dict[str, object]:
    """Bring one data set in and return its manifest entry. Refuses content that differs from its pin."""
    source = Path(data_set["path"])
    found = digest(source)
    if data_set["sha256"] not in ("", found):
        sys.exit(f"data set {data_set['name']}: content differs from the sha256 in the project's file")
    folder = inputs / data_set["name"]
    folder.mkdir(mode=0o755, exist_ok=True)
    target = folder / source.name
    if not (target.exists() and digest(target) == found):
        copy(source, target)
    return {
        "data_set": data_set["name"],
        "file": f"{data_set['name']}/{source.name}",
        "sha256": found,
        "bytes": target.stat().st_size,
        "classification": data_set["classification"],
    }


def main() -> None:
    """Load every data set that the plan names; end with a message that holds digests and no data."""
    plan, inputs = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    entries = [load(data_set, inputs) for data_set in plan]
    text = json.dumps({"version": 1, "files": entries}, indent=2, sort_keys=True)
    manifest, partial = inputs / "manifest.json", inputs / ".manifest.partial"
    partial.write_text(text)
    partial.chmod(0o444)
    partial.replace(manifest)
    Path("/dev/termination-log").write_text(said(text, entries))


def said(manifest: str, entries: list[dict[str, object]]) -> str:
    """Return the loader's last words: the manifest's digest, and its entries where the message has room."""
    summary = {"manifest": hashlib.sha256(manifest.encode()).hexdigest(), "files": len(entries)}
    whole = json.dumps({**summary, "entries": entries})
    return whole if len(whole) <= MESSAGE_BYTES else json.dumps(summary)


if __name__ == "__main__":
    main()
