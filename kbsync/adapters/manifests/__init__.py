"""Manifest readers: YAML, JSON, JSON Lines and CSV become desired items, and mistakes become problems."""

from kbsync.adapters.manifests.files import ManifestFile, find_files, is_manifest
from kbsync.adapters.manifests.reader import ManifestReader, ManifestStream, read_manifests
from kbsync.adapters.manifests.schema import manifest_schema, row_schema

__all__ = (
    "ManifestFile",
    "ManifestReader",
    "ManifestStream",
    "find_files",
    "is_manifest",
    "manifest_schema",
    "read_manifests",
    "row_schema",
)
