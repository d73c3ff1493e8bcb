"""Manifests in YAML, JSON, JSON Lines and CSV: read as desired items, with mistakes as problems, and written anew."""

from kbsync.adapters.manifests.declared import Declared, DeclaredReader, fingerprint
from kbsync.adapters.manifests.files import ManifestFile, UnreadableError, find_files, is_manifest
from kbsync.adapters.manifests.formatting import Formatter, comments_of
from kbsync.adapters.manifests.reader import ManifestReader, ManifestStream, read_manifests
from kbsync.adapters.manifests.schema import manifest_schema, row_schema

__all__ = (
    "Declared",
    "DeclaredReader",
    "Formatter",
    "ManifestFile",
    "ManifestReader",
    "ManifestStream",
    "UnreadableError",
    "comments_of",
    "find_files",
    "fingerprint",
    "is_manifest",
    "manifest_schema",
    "read_manifests",
    "row_schema",
)
