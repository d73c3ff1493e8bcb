"""Manifests in YAML, JSON, JSON Lines and CSV: read as desired items, with mistakes as problems, and written anew."""

from kbsync.adapters.manifests.declared import Declared, DeclaredReader, fingerprint, keys_of
from kbsync.adapters.manifests.files import (
    MAX_DOCUMENT_BYTES,
    ManifestFile,
    UnreadableError,
    find_files,
    format_of,
    is_manifest,
)
from kbsync.adapters.manifests.formatting import Formatter, comments_of
from kbsync.adapters.manifests.quick import Select, Settled
from kbsync.adapters.manifests.reader import ManifestReader, ManifestStream, read_manifests
from kbsync.adapters.manifests.schema import manifest_schema, row_schema
from kbsync.adapters.manifests.spool import Spool, SpooledContainer
from kbsync.adapters.manifests.survey import Survey, survey_manifests
from kbsync.adapters.manifests.writing import Writer, left_behind

__all__ = (
    "MAX_DOCUMENT_BYTES",
    "Declared",
    "DeclaredReader",
    "Formatter",
    "ManifestFile",
    "ManifestReader",
    "ManifestStream",
    "Select",
    "Settled",
    "Spool",
    "SpooledContainer",
    "Survey",
    "UnreadableError",
    "Writer",
    "comments_of",
    "find_files",
    "fingerprint",
    "format_of",
    "is_manifest",
    "keys_of",
    "left_behind",
    "manifest_schema",
    "read_manifests",
    "row_schema",
    "survey_manifests",
)
